"""What every EventStore and DeliveryStore promises (storage/store.py)."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import msgspec
import pytest

from neve.domain.destination import DeadLetterAttributes, Delivery, DeliveryKind
from neve.domain.event import NEW, Cause, Condition, NotRun, Progress, QueuedEvent, Ran
from neve.domain.world import World
from neve.storage.sqlite import events as sqlite_events
from neve.storage.sqlite.events import SqliteEventStore
from neve.storage.store import EventOverview, LeasedEvent

WORLD = World()
ELSEWHERE = World("111111111111", "eu-west-1")
NOW = 1_000_000.5
EVENT = QueuedEvent("r1", WORLD, "f", "live", b'{"a":1}', "Root=1;Lineage=1:a:0", NOW)
FAILED = Ran(True, b'{"errorMessage":"no"}', "7")
THROTTLED = NotRun(Cause.THROTTLED, 429, "Rate Exceeded.")
DELIVERY = Delivery(
    "d1", DeliveryKind.ON_FAILURE, "arn:q", b'{"v":1.0}', WORLD, EVENT.function_arn, "r1", "Root=1;Lineage=1:a:0", NOW
)
LETTER = replace(
    DELIVERY, id="d2", kind=DeliveryKind.DEAD_LETTER, body=b"[]", attributes=DeadLetterAttributes("r1", 200, "no")
)
MANY = 1_000_000


@pytest.fixture(params=["sqlite"])
async def store(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[SqliteEventStore]:
    opened = await SqliteEventStore.open(tmp_path / "events.sqlite")
    yield opened
    await opened.close()


async def accept(store: SqliteEventStore, *ids: str, name: str = "f") -> None:
    for id_ in ids:
        await store.accept(msgspec.structs.replace(EVENT, request_id=id_, function_name=name))


async def lease(
    store: SqliteEventStore, now: float = NOW, limit: int = 100, name: str = "f", limit_bytes: int = MANY
) -> list[LeasedEvent]:
    return list((await store.lease(WORLD, name, now, limit, limit_bytes)).items)


async def leased_ids(store: SqliteEventStore, now: float = NOW, limit: int = 100, name: str = "f") -> list[str]:
    return [each.event.request_id for each in await lease(store, now, limit, name)]


async def overview(store: SqliteEventStore, now: float = NOW) -> EventOverview:
    (found,) = await store.overviews(now, WORLD, "f")
    return found


async def test_event_is_leased_as_it_was_accepted(store: SqliteEventStore) -> None:
    await store.accept(EVENT)
    (leased,) = await lease(store)
    assert (leased.event, leased.progress) == (EVENT, NEW)


async def test_event_without_a_qualifier_has_none(store: SqliteEventStore) -> None:
    await store.accept(msgspec.structs.replace(EVENT, qualifier=None))
    assert (await lease(store))[0].event.qualifier is None


async def test_events_are_leased_in_the_order_of_their_acceptance(store: SqliteEventStore) -> None:
    await accept(store, *"abcde")
    assert await leased_ids(store, limit=3) == ["a", "b", "c"]
    assert await leased_ids(store) == ["d", "e"]


async def test_event_is_leased_by_one_alone(store: SqliteEventStore) -> None:
    await accept(store, *"abcdefgh")
    leased = await asyncio.gather(*(leased_ids(store, limit=1) for _ in range(10)))
    assert sorted(id_ for ids in leased for id_ in ids) == list("abcdefgh")


async def test_lease_that_is_given_back_can_be_taken_again(store: SqliteEventStore) -> None:
    await store.accept(EVENT)
    (leased,) = await lease(store)
    assert await lease(store) == []
    store.give_back(leased)
    assert await lease(store) == [leased]


async def test_function_without_events_has_nothing_to_lease(store: SqliteEventStore) -> None:
    leases = await store.lease(WORLD, "unknown", NOW, 1, 1)
    assert (leases.items, leases.next_due_ms) == ((), None)


async def test_functions_and_worlds_are_lanes_of_their_own(store: SqliteEventStore) -> None:
    await accept(store, "a", name="f")
    await accept(store, "b", name="g")
    await store.accept(msgspec.structs.replace(EVENT, world=ELSEWHERE, request_id="c"))
    assert await store.busy_lanes() == [(WORLD, "f"), (WORLD, "g"), (ELSEWHERE, "f")]
    assert await leased_ids(store, name="g") == ["b"]
    assert await leased_ids(store, name="f") == ["a"]


async def test_lease_takes_no_more_than_so_many_bytes_but_one_always(store: SqliteEventStore) -> None:
    for id_ in "abc":
        await store.accept(msgspec.structs.replace(EVENT, request_id=id_, payload=b"1" * 1000))
    assert [len(await lease(store, limit_bytes=limit)) for limit in (1, 1001)] == [1, 2]


async def test_lease_tells_when_the_next_event_is_due(store: SqliteEventStore) -> None:
    await accept(store, "a", "b")
    leases = await store.lease(WORLD, "f", NOW, 1, MANY)
    assert leases.next_due_ms == 1_000_000.0
    await store.retry(leases.items[0], NOW + 5_000.0, NEW)
    leases = await store.lease(WORLD, "f", NOW, 10, MANY)
    assert [each.event.request_id for each in leases.items] == ["b"]
    assert leases.next_due_ms == 1_005_000.0
    assert (await store.lease(WORLD, "f", NOW + 5_000.0, 10, MANY)).next_due_ms is None


@pytest.mark.parametrize(
    "progress",
    [Progress(1, 0, FAILED), Progress(0, 3, None, THROTTLED), Progress(2, 1, FAILED, THROTTLED)],
)
async def test_event_comes_back_at_its_time_with_what_became_of_it(store: SqliteEventStore, progress: Progress) -> None:
    await store.accept(EVENT)
    (leased,) = await lease(store)
    await store.retry(leased, NOW + 60_000.0, progress)
    assert await lease(store, NOW + 59_998.0) == []
    (again,) = await lease(store, NOW + 60_000.0)
    assert (again.event, again.progress) == (EVENT, progress)


async def test_last_run_is_the_last(store: SqliteEventStore) -> None:
    await store.accept(EVENT)
    (leased,) = await lease(store)
    await store.retry(leased, NOW, Progress(1, 0, FAILED))
    (leased,) = await lease(store)
    second = replace(FAILED, payload=b"second")
    await store.retry(leased, NOW, Progress(2, 0, second))
    assert (await lease(store))[0].progress.last_run == second


async def test_event_that_ended_is_gone(store: SqliteEventStore) -> None:
    await store.accept(EVENT)
    (leased,) = await lease(store)
    await store.end(leased, Condition.SUCCESS, Progress(1, 0, Ran(False, b"", "1")), (), NOW)
    assert await lease(store, NOW * 2) == []
    assert await store.busy_lanes() == []


async def test_end_of_an_event_and_its_messages_are_one_change(
    store: SqliteEventStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    await store.accept(EVENT)
    (leased,) = await lease(store)

    def fail(*_: object) -> int:
        raise RuntimeError("in the middle")

    with monkeypatch.context() as patched:
        patched.setattr("neve.storage.sqlite.deliveries._made_target", fail)
        with pytest.raises(RuntimeError, match="in the middle"):
            await store.end(leased, Condition.RETRIES_EXHAUSTED, Progress(1, 0, FAILED), (DELIVERY,), NOW)
    assert await store.deliveries.busy_targets() == []
    assert await lease(store) == [], "the lease goes on"
    store.give_back(leased)
    assert await lease(store) == [leased]
    await store.end(leased, Condition.RETRIES_EXHAUSTED, Progress(1, 0, FAILED), (DELIVERY,), NOW)
    assert await store.deliveries.busy_targets() == ["arn:q"]


async def test_messages_are_leased_as_they_were_made(store: SqliteEventStore) -> None:
    await store.accept(EVENT)
    (leased,) = await lease(store)
    await store.end(leased, Condition.RETRIES_EXHAUSTED, Progress(1, 0, FAILED), (DELIVERY, LETTER), NOW)
    leases = await store.deliveries.lease("arn:q", NOW, 10, MANY)
    assert [each.delivery for each in leases.items] == [DELIVERY, LETTER]
    assert (await store.deliveries.lease("arn:q", NOW, 10, MANY)).items == []
    assert (await store.deliveries.lease("arn:other", NOW, 10, MANY)).items == ()


async def test_message_that_was_not_taken_comes_back_and_counts_its_tries(store: SqliteEventStore) -> None:
    await store.accept(EVENT)
    (leased,) = await lease(store)
    await store.end(leased, Condition.RETRIES_EXHAUSTED, Progress(1, 0, FAILED), (DELIVERY,), NOW)
    (sent,) = (await store.deliveries.lease("arn:q", NOW, 10, MANY)).items
    await store.deliveries.retry(sent, NOW + 1_000.0)
    leases = await store.deliveries.lease("arn:q", NOW, 10, MANY)
    assert (leases.items, leases.next_due_ms) == ([], 1_001_000.0)
    (again,) = (await store.deliveries.lease("arn:q", NOW + 1_000.0, 10, MANY)).items
    assert (again.delivery, again.tries) == (DELIVERY, 1)
    store.deliveries.give_back(again)
    assert (await store.deliveries.lease("arn:q", NOW + 1_000.0, 10, MANY)).items == [again]


async def test_overview_counts_what_waits_and_what_became_of_it(store: SqliteEventStore) -> None:
    await accept(store, *"abcdef")
    first, second, third = await lease(store, limit=3)
    await store.end(first, Condition.SUCCESS, Progress(1), (), NOW)
    await store.end(second, Condition.RETRIES_EXHAUSTED, Progress(1, 0, FAILED), (DELIVERY, LETTER), NOW)
    await store.retry(third, NOW + 60_000.0, Progress(1, 0, FAILED))
    await lease(store, limit=1)
    sent = (await store.deliveries.lease("arn:q", NOW, 10, MANY)).items
    await store.deliveries.end(sent[0], taken=True)
    await store.deliveries.end(sent[1], taken=False)
    assert await overview(store) == EventOverview(
        world=WORLD,
        function_name="f",
        waiting=2,
        retrying=1,
        running=1,
        next_retry_ms=1_060_000.0,
        oldest_ms=NOW,
        received=6,
        succeeded=1,
        dropped={"RetriesExhausted": 1},
        delivering=0,
        delivered=1,
        delivery_failed=1,
    )


async def test_overviews_are_of_a_world_or_of_all_by_name(store: SqliteEventStore) -> None:
    for world, name in ((WORLD, "g"), (WORLD, "f"), (ELSEWHERE, "f")):
        await store.accept(msgspec.structs.replace(EVENT, world=world, function_name=name))
    found = await store.overviews(NOW, None, None)
    assert [(each.world, each.function_name) for each in found] == [(WORLD, "f"), (WORLD, "g"), (ELSEWHERE, "f")]
    assert len(await store.overviews(NOW, WORLD, None)) == 2
    assert await store.overviews(NOW, WORLD, "h") == []


async def test_retry_now_moves_what_waits_for_later_and_not_what_runs(
    store: SqliteEventStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlite_events, "SLICE", 2)
    await accept(store, *"abcdefg")
    for leased in await lease(store):
        await store.retry(leased, NOW + 60_000.0, NEW)
    (running,) = await lease(store, NOW + 60_000.0, limit=1)
    assert await store.retry_now(WORLD, "f", NOW, None) == 6
    assert await leased_ids(store) == list("bcdefg")
    await store.retry(running, NOW + 99_000.0, NEW)
    assert (await overview(store)).retrying == 1


async def test_retry_now_of_one_event_leaves_the_others(store: SqliteEventStore) -> None:
    await accept(store, *"abc")
    for leased in await lease(store):
        await store.retry(leased, NOW + 60_000.0, NEW)
    assert await store.retry_now(WORLD, "f", NOW, "b") == 1
    assert await store.retry_now(WORLD, "f", NOW, "unknown") == 0
    assert await store.retry_now(WORLD, "unknown", NOW, None) == 0
    assert await leased_ids(store) == ["b"]


async def test_purge_forgets_what_waits_and_not_what_runs(
    store: SqliteEventStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlite_events, "SLICE", 2)
    await accept(store, *"abcdefg")
    (running,) = await lease(store, limit=1)
    assert await store.purge(WORLD, "f", "b") == 1
    assert await store.purge(WORLD, "f", None) == 5
    assert await lease(store) == []
    store.give_back(running)
    assert await leased_ids(store) == ["a"]


async def test_dropped_events_are_told_the_newest_first_and_forgotten_in_time(
    store: SqliteEventStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlite_events, "SLICE", 2)
    await accept(store, *"abcde")
    for number, leased in enumerate(await lease(store)):
        await store.end(leased, Condition.RETRIES_EXHAUSTED, Progress(3, 0, FAILED), (), NOW + number)
    newest = await store.dropped(WORLD, "f", 2)
    assert [each.request_id for each in newest] == ["e", "d"]
    assert (newest[0].condition, newest[0].attempts, newest[0].error) == ("RetriesExhausted", 3, "no")
    assert await store.forget_dropped(NOW + 3) == 3
    assert [each.request_id for each in await store.dropped(WORLD, "f", 9)] == ["e", "d"]
    assert await store.dropped(WORLD, "unknown", 9) == []


async def test_what_was_accepted_and_what_became_of_it_is_there_after_a_restart(tmp_path: Path) -> None:
    path = tmp_path / "events.sqlite"
    store = await SqliteEventStore.open(path)
    await accept(store, *"abcd")
    first, second, third, _ = await lease(store)
    await store.end(first, Condition.RETRIES_EXHAUSTED, Progress(1, 0, FAILED), (DELIVERY,), NOW)
    await store.retry(second, NOW + 60_000.0, Progress(1, 0, FAILED))
    await store.deliveries.lease("arn:q", NOW, 10, MANY)
    await store.close()
    store = await SqliteEventStore.open(path)
    try:
        assert await store.busy_lanes() == [(WORLD, "f")]
        assert await leased_ids(store) == ["c", "d"], "leases have ended"
        assert [each.progress for each in await lease(store, NOW + 60_000.0)] == [Progress(1, 0, FAILED)]
        assert await store.deliveries.busy_targets() == ["arn:q"]
        assert len((await store.deliveries.lease("arn:q", NOW, 10, MANY)).items) == 1
        await accept(store, "e")
        assert await leased_ids(store) == ["e"]
    finally:
        await store.close()
    assert third.event.request_id == "c"
