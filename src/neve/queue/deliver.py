"""The outbox: carries messages to destinations and dead-letter queues until they are taken, at least once each.

Each target is a lane of its own, beside the lanes of events: a slow target delays nothing but its own messages.
"""

import asyncio
import time

from neve import log
from neve.clock import Clock
from neve.domain.limits import EVENT_MAXIMUM_AGE_S
from neve.domain.retry import setback_s
from neve.queue.lane import Answered, Pace
from neve.queue.persist import Persist
from neve.queue.target import TargetRejected, Targets, TargetUnreachable
from neve.queue.tell import Teller
from neve.storage.store import DeliveryStore, LeasedDelivery, Leases

SEND_SECONDS = 60.0
"""How long one try may take."""
DELIVERY_SECONDS = EVENT_MAXIMUM_AGE_S
"""How long an unreachable target is tried: as long as an event may wait. The service does not tell."""


class Courier:
    """The work of the lanes of messages (`lane.Work`)."""

    def __init__(self, store: DeliveryStore, clock: Clock, targets: Targets, tell: Teller, persist: Persist) -> None:
        self._store = store
        self._clock = clock
        self._targets = targets
        self._tell = tell
        self._persist = persist

    async def lease(self, key: str, limit: int, limit_bytes: int) -> Leases[LeasedDelivery]:
        """To one target."""
        return await self._store.lease(key, self._clock.now_ms(), limit, limit_bytes)

    def give_back(self, item: LeasedDelivery) -> None:
        """It was not sent, or nobody knows."""
        self._store.give_back(item)

    async def do(self, item: LeasedDelivery, answered: Answered) -> float | None:
        """Send one message, and remember what became of it."""
        began_s = time.monotonic()
        try:
            async with asyncio.timeout(SEND_SECONDS):
                await self._targets.send(item.delivery)
        except TargetRejected as rejected:
            await self._give_up(item, rejected.reason)
            return None
        except TargetUnreachable as unreachable:
            reason = unreachable.reason
        except TimeoutError:
            reason = f"The target did not answer within {SEND_SECONDS:.0f} seconds."
        except Exception as error:  # noqa: BLE001 - the edge of the loop: what a target raises must not lose the message
            log.failure("queue.deliver", error, target=item.delivery.target_arn, request_id=item.delivery.request_id)
            reason = f"Neve failed to send it: {error!r}."
        else:
            answered(Pace.ANSWERED, time.monotonic() - began_s)
            await self._end(item, taken=True)
            self._tell.delivered(item)
            return None
        answered(Pace.THROTTLED, 0.0)
        return await self._later(item, reason)

    async def _later(self, item: LeasedDelivery, reason: str) -> float | None:
        at_ms = self._clock.now_ms() + setback_s(item.tries + 1) * 1000.0
        if at_ms - item.delivery.made_ms > DELIVERY_SECONDS * 1000.0:
            await self._give_up(item, reason)
            return None
        if item.tries == 0:
            log.warn(
                "queue.deliver", target=item.delivery.target_arn, reason=reason, request_id=item.delivery.request_id
            )
        await self._persist(lambda: self._store.retry(item, at_ms), item.delivery.request_id)
        return at_ms

    async def _give_up(self, item: LeasedDelivery, reason: str) -> None:
        await self._end(item, taken=False)
        log.warn(
            "queue.undelivered", target=item.delivery.target_arn, reason=reason, request_id=item.delivery.request_id
        )
        self._tell.delivery_failed(item, reason)

    async def _end(self, item: LeasedDelivery, taken: bool) -> None:
        await self._persist(lambda: self._store.end(item, taken), item.delivery.request_id)
