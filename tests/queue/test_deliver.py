"""The outbox: at least once, in its own time, however targets behave."""

import asyncio
import json
from functools import partial

import pytest
from tests.queue.house import House, failed, succeeded

from neve.domain.destination import DeadLetterAttributes, DeliveryKind
from neve.domain.event import Policy, QueuedEvent
from neve.domain.invocation import InvocationResult
from neve.queue.target import TargetRejected, TargetUnreachable

HOUR = 3600.0
TOLD = Policy(retries=0, on_success="arn:good", on_failure="arn:bad", dead_letter_arn="arn:dead")


def tried(house: House, times: int) -> bool:
    return house.targets.tries["arn:good"] == times


async def fail(event: QueuedEvent) -> InvocationResult:
    return failed("no")


async def settled(house: House) -> None:
    """Until no message is in the outbox."""

    async def look() -> bool:
        return all(not each.delivering for each in await house.queue.overview())

    async with asyncio.timeout(20):
        while not await look():  # noqa: ASYNC110 - the disk alone knows
            await asyncio.sleep(0.001)


async def test_success_is_told_with_its_answer(house: House) -> None:
    house.functions.policies["f"] = TOLD
    (id_,) = await house.send(payload=b'{"a":1.0}')
    record = await house.wait_record("neve.delivered")
    assert (record.record["target"], record.record["kind"], record.record["tries"]) == ("arn:good", "onSuccess", 1)
    (body,) = house.targets.bodies("arn:good")
    assert (body["requestContext"]["requestId"], body["responsePayload"]) == (id_, 1)
    assert b'"requestPayload":{"a":1.0}' in house.targets.taken[0].body
    assert len(house.targets.taken) == 1


async def test_failure_is_told_to_the_destination_and_the_dead_letter_queue(house: House) -> None:
    house.functions.policies["f"] = TOLD
    house.functions.scripts["f"] = fail
    (id_,) = await house.send(payload=b"[1.10]")
    await house.wait_record("neve.delivered", 2)
    (body,) = house.targets.bodies("arn:bad")
    assert body["requestContext"]["condition"] == "RetriesExhausted"
    (letter,) = [each for each in house.targets.taken if each.target_arn == "arn:dead"]
    assert (letter.kind, letter.body) == (DeliveryKind.DEAD_LETTER, b"[1.10]")
    assert letter.attributes == DeadLetterAttributes(id_, 200, "no")


async def test_nobody_is_told_before_the_end(house: House) -> None:
    house.functions.policies["f"] = Policy(retries=1, on_failure="arn:bad")
    house.functions.scripts["f"] = fail
    await house.send()
    await house.wait_record("neve.retryAt")
    await asyncio.sleep(0.01)
    assert house.targets.taken == []
    house.clock.advance(61.0)
    await house.wait_record("neve.delivered")


async def test_target_that_cannot_be_reached_is_tried_again_later_and_later(house: House) -> None:
    house.functions.policies["f"] = TOLD
    house.targets.raising["arn:good"] = TargetUnreachable("no connection")
    await house.send()
    for tries, wait_s in ((1, 1.0), (2, 2.0), (3, 4.0)):
        await house.wait(partial(tried, house, tries))
        await asyncio.sleep(0.01)
        house.clock.advance(wait_s * 0.9)
        await asyncio.sleep(0.01)
        assert house.targets.tries["arn:good"] == tries, "too early"
        house.clock.advance(wait_s * 0.2)
    del house.targets.raising["arn:good"]
    await house.wait(lambda: house.targets.tries["arn:good"] == 4)
    house.clock.advance(9.0)
    record = await house.wait_record("neve.delivered")
    assert record.record["tries"] >= 4
    assert len({each.id for each in house.targets.taken}) == 1


async def test_target_that_refuses_is_told_of_and_not_tried_again(house: House) -> None:
    house.functions.policies["f"] = TOLD
    house.targets.raising["arn:good"] = TargetRejected("no such queue")
    await house.send()
    record = await house.wait_record("neve.deliveryFailed")
    assert (record.record["target"], record.record["reason"]) == ("arn:good", "no such queue")
    await settled(house)
    (overview,) = await house.queue.overview()
    assert (overview.delivered, overview.delivery_failed) == (0, 1)


async def test_target_that_is_never_there_is_given_up_after_six_hours(house: House) -> None:
    house.functions.policies["f"] = TOLD
    house.targets.raising["arn:good"] = TargetUnreachable("no connection")
    await house.send()
    await house.wait(lambda: house.targets.tries["arn:good"] == 1)
    while not house.of("neve.deliveryFailed"):
        house.clock.advance(HOUR / 2)
        await asyncio.sleep(0.02)
    assert 6 <= house.targets.tries["arn:good"] < 20


async def test_fault_of_ours_in_a_target_loses_nothing(house: House, caplog: pytest.LogCaptureFixture) -> None:
    house.functions.policies["f"] = TOLD
    house.targets.raising["arn:good"] = ZeroDivisionError("a bug")
    await house.send()
    await house.wait(lambda: house.targets.tries["arn:good"] == 1)
    del house.targets.raising["arn:good"]
    await asyncio.sleep(0.02)
    house.clock.advance(3.0)
    await house.wait_record("neve.delivered")
    assert "a bug" in caplog.text


async def test_slow_target_delays_neither_events_nor_other_targets(house: House) -> None:
    hold = house.targets.holding["arn:slow"] = asyncio.Event()
    house.functions.policies["slow"] = Policy(on_success="arn:slow")
    house.functions.policies["f"] = Policy(on_success="arn:good")
    await house.send("slow", count=200)
    await house.wait(lambda: house.targets.tries["arn:slow"])
    await house.send("f", count=50)
    await house.wait(lambda: len(house.functions.runs["slow"]) == 200)
    await house.wait(lambda: len(house.targets.bodies("arn:good")) == 50)
    hold.set()
    await house.wait(lambda: len(house.targets.bodies("arn:slow")) == 200)


async def test_settings_of_the_last_attempt_say_who_is_told(house: House) -> None:
    house.functions.policies["f"] = Policy(retries=1, on_failure="arn:old")
    house.functions.scripts["f"] = fail
    await house.send()
    await house.wait_record("neve.retryAt")
    house.functions.policies["f"] = Policy(retries=1, on_failure="arn:new")
    house.clock.advance(61.0)
    record = await house.wait_record("neve.delivered")
    assert record.record["target"] == "arn:new"


async def test_large_answer_is_told_whole(house: House) -> None:
    answer = json.dumps("x" * 6_000_000).encode()

    async def run(event: QueuedEvent) -> InvocationResult:
        return succeeded(answer)

    house.functions.policies["f"] = TOLD
    house.functions.scripts["f"] = run
    await house.send(payload=b'"' + b"y" * 1_000_000 + b'"')
    await house.wait_record("neve.delivered")
    assert house.targets.taken[0].body.endswith(b'"responsePayload":' + answer + b"}")
