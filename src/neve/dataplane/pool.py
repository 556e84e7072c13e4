"""The environments of one function version: gives each invocation one of its own, and takes it back.

Provisioned environments are initialized before anybody asks, kept at their number, replaced when they end, and given
away first, so that those that were started on demand are the ones that idle out.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Iterator

from neve import log
from neve.dataplane.environment import Environment
from neve.dataplane.run import Run
from neve.domain.concurrency import SCALING_LIMIT, Allocation
from neve.domain.environment import State
from neve.domain.errors import SandboxFailed, TooManyRequests
from neve.domain.function import Function
from neve.domain.placement import Placement, place

# How long an invocation waits for an environment that has answered before it starts another. A small function that has used
# up its share of the processor needs some of its periods of 20 ms until it asks for the next event.
_MOMENT_S = 0.1

# Nobody waits for provisioned environments: so many of a version initialize at once, or none would in its time.
_INITIALIZING_AHEAD = 8

_INITIALIZING = frozenset({State.STARTING, State.INITIALIZING})
_WITHOUT_RUNTIME = _INITIALIZING | {State.RESETTING, State.DOWN}
_ENDING = frozenset({State.STOPPING, State.REMOVING, State.DEAD})

Create = Callable[["Pool", bool], Environment]
"""Makes an environment of a pool; the second argument is whether it is a provisioned one."""

Grow = Callable[[int], int]
"""How many of so many environments may be started now."""


class Pool:
    """Environments of one configuration. A retired pool takes no new invocations and empties itself."""

    def __init__(self, function: Function, create: Create, grow: Grow = lambda wanted: wanted) -> None:
        self.function = function
        self.retired = False
        self._create = create
        self._grow = grow
        self._environments: dict[str, Environment] = {}
        # The right end was used last and is used next.
        self._idle_provisioned: deque[Environment] = deque()
        self._idle: deque[Environment] = deque()
        self._waiting: deque[Run] = deque()
        self._moment: asyncio.TimerHandle | None = None
        self._target = 0
        self._init_failed = False

    def __iter__(self) -> Iterator[Environment]:
        return iter(list(self._environments.values()))

    @property
    def empty(self) -> bool:
        """Whether nothing is left."""
        return not self._environments and not self._waiting

    def submit(self, run: Run) -> None:
        """Run it in the environment that was used last, or in a new one; refused when none may be started."""
        idle = self._idle_provisioned or self._idle
        if idle:
            idle.pop().assign(run)
            return
        self._waiting.append(run)
        self._place()

    # What environments tell

    def settled(self, environment: Environment) -> None:
        """An environment can take an invocation: the first that waits, without a freeze; else it rests."""
        self._look_at_init(environment)
        if self._waiting:
            environment.assign(self._waiting.popleft())
        elif self.retired or self._is_needless(environment):
            environment.stop()
        else:
            self._keep(environment)
        self._top_up()

    def cleared(self, environment: Environment) -> None:
        """It was idle and lost its runtime: one on demand costs the next invocation an init, a provisioned one must not."""
        self._forget_idle(environment)
        if environment.provisioned:
            environment.stop()

    def released(self, environment: Environment) -> None:
        """It is gone."""
        self._environments.pop(environment.id, None)
        self._forget_idle(environment)
        if self._waiting:
            self._place()
        self._top_up()

    # Provisioned environments

    def provision(self, target: int) -> None:
        """Keep so many environments initialized from now on, also beside those that are there on demand."""
        self._target = target
        self._init_failed = False
        while self._idle_provisioned and self._surplus() > 0:
            self._idle_provisioned.popleft().stop()
        self._top_up()

    @property
    def allocation(self) -> Allocation:
        """What there is of the target."""
        available = sum(each.state not in _WITHOUT_RUNTIME for each in self._provisioned())
        return Allocation(len(self._provisioned()), available, self._init_failed)

    def _provisioned(self) -> list[Environment]:
        return [each for each in self._environments.values() if each.provisioned and each.state not in _ENDING]

    def _surplus(self) -> int:
        return len(self._provisioned()) - self._target

    def _look_at_init(self, environment: Environment) -> None:
        """One that failed before anybody used it would fail again: no more are started ahead until an invocation succeeds."""
        if environment.invocations:
            self._init_failed = self._init_failed and environment.state is State.DOWN
        elif environment.provisioned and environment.state is State.DOWN:
            self._init_failed = True

    def _is_needless(self, environment: Environment) -> bool:
        """A provisioned one that is beyond the target or has no runtime, which a new one would have."""
        return environment.provisioned and (environment.state is State.DOWN or self._surplus() > 0)

    def _top_up(self) -> None:
        if not self._target or self.retired or self._init_failed:
            return
        coming = sum(each.state in _INITIALIZING for each in self._provisioned())
        for _ in range(min(-self._surplus(), _INITIALIZING_AHEAD - coming)):
            try:
                self._begin(provisioned=True)
            except SandboxFailed as error:
                log.failure("pool.provision", error, function=self.function.qualified_arn)
                self._init_failed = True
                return

    # Ending

    def retire(self) -> None:
        """Stop what is idle now and the rest when its invocation is over; waiting invocations still get theirs."""
        self.retired = True
        for idle in (self._idle_provisioned, self._idle):
            while idle:
                idle.pop().stop()
        for environment in self._provisioned():
            if environment.state in _INITIALIZING and not self._waiting:
                environment.stop()

    def stop_idle_since(self, moment: float) -> float | None:
        """Shut down what has been idle since `moment` or longer, but no provisioned ones; when the next one was last
        used, None without any."""
        for environment in [each for each in self._idle if each.idle_since <= moment]:
            self._idle.remove(environment)
            environment.stop()
        return min((each.idle_since for each in self._idle), default=None)

    def stop_idle(self) -> list[Environment]:
        """Shut down what is idle, provisioned ones too, which are replaced: what is stopped."""
        stopped = [*self._idle_provisioned, *self._idle]
        self._idle_provisioned.clear()
        self._idle.clear()
        for environment in stopped:
            environment.stop()
        return stopped

    def abandon(self, refuse: Callable[[Run], None]) -> None:
        """End everything now; who waits is refused."""
        self._target = 0
        while self._waiting:
            refuse(self._waiting.popleft())
        self._idle_provisioned.clear()
        self._idle.clear()
        for environment in self:
            environment.abandon()

    # Within

    def _keep(self, environment: Environment) -> None:
        if environment.provisioned:
            self._idle_provisioned.append(environment)
        elif environment.state is State.DOWN:
            self._idle.appendleft(environment)  # it costs an init: the last to be chosen
        else:
            self._idle.append(environment)
        environment.rest()

    def _forget_idle(self, environment: Environment) -> None:
        for idle in (self._idle_provisioned, self._idle):
            if environment in idle:
                idle.remove(environment)

    def _place(self) -> None:
        draining = sum(each.state is State.DRAINING for each in self._environments.values())
        decision = place(len(self._waiting), self._starting(), draining)
        if decision is Placement.START:
            self._start_missing()
        elif decision is Placement.WAIT_A_MOMENT and self._moment is None:
            self._moment = asyncio.get_running_loop().call_later(_MOMENT_S, self._start_missing)

    def _starting(self) -> int:
        """Environments that will offer themselves without an invocation before; a reset one does as soon as it is down."""
        return sum(each.coming for each in self._environments.values())

    def _start_missing(self) -> None:
        """An environment for each invocation that has none on its way; who came last is refused when too many are started."""
        self._moment = None
        missing = len(self._waiting) - self._starting()
        if missing <= 0:
            return
        granted = self._grow(missing)
        for _ in range(granted):
            try:
                self._begin(provisioned=False)
            except Exception as error:  # noqa: BLE001 - no room, or a fault: who waits must not wait, nor run later unseen
                _refuse(self._waiting.pop(), error)
        for _ in range(missing - granted):
            _refuse(self._waiting.pop(), TooManyRequests(SCALING_LIMIT))

    def _begin(self, provisioned: bool) -> None:
        environment = self._create(self, provisioned)
        environment.begin()
        self._environments[environment.id] = environment  # one that cannot begin is not waited for


def _refuse(run: Run, error: Exception) -> None:
    run.refuse(error)
    run.on_finish()
