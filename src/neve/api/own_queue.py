"""The event queue under `/_neve/queue`: what waits, what became of it, and the two things that a person may do about it."""

from collections.abc import Mapping
from typing import Any

from neve.api.own_body import members_of
from neve.domain.errors import InvalidParameterValue
from neve.domain.world import DEFAULT_ACCOUNT, DEFAULT_REGION, World
from neve.queue.event_queue import EventQueue
from neve.storage.store import DroppedEvent, EventOverview

_DROPPED = 20
_ASK = 'Send {"function": NAME}, and "requestId" for one event of it alone.'


async def look(queue: EventQueue, query: Mapping[str, str]) -> dict[str, Any]:
    """`?function=NAME&account=…&region=…`, each of which may be left out. With a function: the last events that it lost."""
    name = query.get("function")
    found = [_overview(each) for each in await queue.overview(None, name) if _is_meant(each.world, query)]
    if name is None:
        return {"functions": found}
    dropped = await queue.dropped(_world(query), name, _DROPPED)
    return {"functions": found, "lastDropped": [_dropped(each) for each in dropped]}


async def retry(queue: EventQueue, body: bytes) -> dict[str, Any]:
    """`{"function": NAME, "requestId": …}`: run what waits for a later time now; one event, or all without an id."""
    name, members = _asked(body)
    return {"moved": await queue.retry_now(_world(members), name, members.get("requestId"))}


async def purge(queue: EventQueue, body: bytes) -> dict[str, Any]:
    """`{"function": NAME, "requestId": …}`: forget what waits without running it; one event, or all without an id."""
    name, members = _asked(body)
    return {"purged": await queue.purge(_world(members), name, members.get("requestId"))}


def _asked(body: bytes) -> tuple[str, Mapping[str, str]]:
    members = members_of(body, _ASK, "function")
    if not all(isinstance(value, str) for value in members.values()):
        raise InvalidParameterValue(_ASK)
    return members["function"], members


def _world(members: Mapping[str, str]) -> World:
    return World(members.get("account", DEFAULT_ACCOUNT), members.get("region", DEFAULT_REGION))


def _is_meant(world: World, query: Mapping[str, str]) -> bool:
    return query.get("account") in (None, world.account) and query.get("region") in (None, world.region)


def _overview(overview: EventOverview) -> dict[str, Any]:
    return {
        "function": overview.function_name,
        "account": overview.world.account,
        "region": overview.world.region,
        "waiting": overview.waiting,
        "running": overview.running,
        "retrying": overview.retrying,
        "nextRetryAt": overview.next_retry_ms,
        "oldestAt": overview.oldest_ms,
        "received": overview.received,
        "succeeded": overview.succeeded,
        "dropped": dict(overview.dropped),
        "delivering": overview.delivering,
        "delivered": overview.delivered,
        "deliveryFailed": overview.delivery_failed,
    }


def _dropped(event: DroppedEvent) -> dict[str, Any]:
    return {
        "requestId": event.request_id,
        "qualifier": event.qualifier,
        "condition": event.condition,
        "attempts": event.attempts,
        "error": event.error,
        "acceptedAt": event.accepted_ms,
        "endedAt": event.ended_ms,
    }
