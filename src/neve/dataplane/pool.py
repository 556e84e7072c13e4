"""The environments of one function version: gives each invocation one of its own, and takes it back."""

import asyncio
from collections import deque
from collections.abc import Callable, Iterator

from neve.dataplane.environment import Environment
from neve.dataplane.run import Run
from neve.domain.environment import State
from neve.domain.function import Function
from neve.domain.placement import Placement, place

# How long an invocation waits for an environment that has answered before it starts another: less than starting costs.
_MOMENT_S = 0.02

_COMING = frozenset({State.STARTING, State.INITIALIZING, State.DOWN})

Create = Callable[["Pool"], Environment]


class Pool:
    """Environments of one configuration. A retired pool takes no new invocations and empties itself."""

    def __init__(self, function: Function, create: Create) -> None:
        self.function = function
        self.retired = False
        self._create = create
        self._environments: dict[str, Environment] = {}
        self._idle: deque[Environment] = deque()  # the right end was used last and is used next
        self._waiting: deque[Run] = deque()
        self._moment: asyncio.TimerHandle | None = None

    def __iter__(self) -> Iterator[Environment]:
        return iter(list(self._environments.values()))

    @property
    def empty(self) -> bool:
        """Whether nothing is left."""
        return not self._environments and not self._waiting

    def submit(self, run: Run) -> None:
        """Run it in the environment that was used last, or in a new one."""
        if self._idle:
            self._idle.pop().assign(run)
            return
        self._waiting.append(run)
        self._place()

    def settled(self, environment: Environment) -> None:
        """An environment can take an invocation: the first that waits, without a freeze; else it rests."""
        if self._waiting:
            environment.assign(self._waiting.popleft())
        elif self.retired:
            environment.stop()
        else:
            self._keep(environment)

    def released(self, environment: Environment) -> None:
        """It is gone."""
        self._environments.pop(environment.id, None)
        if environment in self._idle:
            self._idle.remove(environment)
        if self._waiting:
            self._place()

    def retire(self) -> None:
        """Stop what is idle now and the rest when its invocation is over; waiting invocations still get theirs."""
        self.retired = True
        while self._idle:
            self._idle.pop().stop()

    def stop_idle_since(self, moment: float) -> float | None:
        """Shut down what has been idle since `moment` or longer; when the next one was last used, None without any."""
        for environment in [each for each in self._idle if each.idle_since <= moment]:
            self._idle.remove(environment)
            environment.stop()
        return min((each.idle_since for each in self._idle), default=None)

    def abandon(self, refuse: Callable[[Run], None]) -> None:
        """End everything now; who waits is refused."""
        while self._waiting:
            refuse(self._waiting.popleft())
        self._idle.clear()
        for environment in self:
            environment.abandon()

    def _keep(self, environment: Environment) -> None:
        if environment.state is State.DOWN:
            self._idle.appendleft(environment)  # it costs an init: the last to be chosen
        else:
            self._idle.append(environment)
        environment.rest()

    def _place(self) -> None:
        draining = sum(each.state is State.DRAINING for each in self._environments.values())
        decision = place(len(self._waiting), self._starting(), draining)
        if decision is Placement.START:
            self._start_missing()
        elif decision is Placement.WAIT_A_MOMENT and self._moment is None:
            self._moment = asyncio.get_running_loop().call_later(_MOMENT_S, self._start_missing)

    def _starting(self) -> int:
        """Environments that will offer themselves without an invocation before; a reset one does as soon as it is down."""
        return sum(each.state in _COMING for each in self._environments.values())

    def _start_missing(self) -> None:
        """An environment for each invocation that has none on its way."""
        self._moment = None
        for _ in range(len(self._waiting) - self._starting()):
            environment = self._create(self)
            self._environments[environment.id] = environment
            environment.begin()
