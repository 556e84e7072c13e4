"""Another function: the record as an event of its own, accepted by our own queue. Source: async-invocation facts §3."""

from collections.abc import Awaitable, Callable

from neve.domain.destination import Delivery
from neve.domain.errors import CallerError, PlatformError, TooManyRequests
from neve.domain.limits import EVENT_REQUEST_BYTES
from neve.domain.world import World
from neve.queue.target import TargetRejected, TargetUnreachable

InvokeEvent = Callable[[World, str, bytes, str], Awaitable[None]]
"""World of the caller, ARN of the function (qualified or not), payload, trace header: returns once the event is on disk."""


async def send(invoke: InvokeEvent, delivery: Delivery) -> None:
    """TargetRejected when the function is not there or the record too large, TargetUnreachable when it cannot be kept now."""
    if len(delivery.body) > EVENT_REQUEST_BYTES:
        raise TargetRejected(
            f"The record has {len(delivery.body)} bytes, and an event {EVENT_REQUEST_BYTES} at most; a bucket takes any."
        )
    try:
        await invoke(delivery.world, delivery.target_arn, delivery.body, delivery.trace_header)
    except (TooManyRequests, PlatformError) as error:
        raise TargetUnreachable(error.message) from error
    except CallerError as error:
        raise TargetRejected(error.message) from error
