"""Applies what was decided about an event: its outcome and the next step are one change on disk."""

import uuid
from collections.abc import Callable

from neve.clock import Clock
from neve.domain.destination import delivery
from neve.domain.event import Action, Condition, Signal, State, transition
from neve.domain.retry import Decision, Deliver, End, RetryAt
from neve.queue.persist import Persist
from neve.queue.tell import Teller
from neve.storage.store import EventStore, LeasedEvent


def _new_id() -> str:
    return str(uuid.uuid4())


class Settlement:
    """Ends the leases of events that ran, or were not to run. `to_deliver` hears of each target with a new message."""

    def __init__(
        self,
        store: EventStore,
        clock: Clock,
        tell: Teller,
        persist: Persist,
        to_deliver: Callable[[str], None],
        new_id: Callable[[], str] = _new_id,
    ) -> None:
        self._store = store
        self._clock = clock
        self._tell = tell
        self._persist = persist
        self._to_deliver = to_deliver
        self._new_id = new_id

    async def settle(self, leased: LeasedEvent, decision: Decision) -> None:
        """Returns once it is on disk; as long as the disk refuses, it is tried again."""
        _, action = transition(State.RUNNING, _signal(decision))
        if isinstance(decision, RetryAt):
            assert action is Action.RESCHEDULE
            await self._retry(leased, decision)
        else:
            assert action in {Action.REMOVE, Action.REMOVE_AND_TELL}
            await self._end(leased, decision)

    async def _retry(self, leased: LeasedEvent, decision: RetryAt) -> None:
        await self._persist(
            lambda: self._store.retry(leased, decision.at_ms, decision.progress), leased.event.request_id
        )
        self._tell.retry_at(leased.event, decision)

    async def _end(self, leased: LeasedEvent, decision: End) -> None:
        now_ms = self._clock.now_ms()
        to = decision.to if isinstance(decision, Deliver) else ()
        messages = [
            delivery(leased.event, decision.condition, decision.progress, kind, arn, self._new_id(), now_ms)
            for kind, arn in to
        ]
        await self._persist(
            lambda: self._store.end(leased, decision.condition, decision.progress, messages, now_ms),
            leased.event.request_id,
        )
        if decision.condition is not Condition.SUCCESS:
            self._tell.dropped(leased.event, decision)
        for message in messages:
            self._to_deliver(message.target_arn)


def _signal(decision: Decision) -> Signal:
    if isinstance(decision, RetryAt):
        return Signal.RETRY
    return Signal.END_AND_TELL if isinstance(decision, Deliver) else Signal.END
