"""The environments of a version: who gets which, how many there are, and those kept initialized."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from tests.dataplane.scripted import Process, ScriptedSandbox, Stage

from neve.dataplane import channel as frames
from neve.dataplane.sandbox.sandbox import Exit
from neve.domain import record as kinds
from neve.domain.concurrency import SCALING_LIMIT, Allocation
from neve.domain.environment import State
from neve.domain.errors import SandboxFailed, TooManyRequests

CROWD = 200


@pytest.fixture
async def stage() -> AsyncIterator[Stage]:
    made = Stage()
    yield made
    await made.close()


async def serve(process: Process) -> None:
    """Answer every event until the process is ended, as a runtime does."""
    process.next()
    while True:
        header, _ = await process.event()
        process.respond(header["id"])
        process.next()


async def play(stage: Stage, until: int) -> list["asyncio.Task[None]"]:
    """Serve in every environment up to that number."""
    return [asyncio.create_task(serve(await stage.process(index))) for index in range(until)]


async def end(tasks: list["asyncio.Task[None]"]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def use(stage: Stage, process: Process, request_id: str) -> None:
    """One invocation in an environment that is idle."""
    result = stage.submit(request_id)
    assert (await process.event())[0]["id"] == request_id
    process.respond(request_id)
    process.next()
    await result
    await stage.wait_published(kinds.FREEZE, stage.kinds().count(kinds.REPORT) + 1)


async def test_a_crowd_starts_no_more_environments_than_it_has_members_and_leaks_none(stage: Stage) -> None:
    results = [stage.submit(f"r{number}") for number in range(CROWD)]
    async with asyncio.timeout(20):
        await asyncio.sleep(0)
        serving = await play(stage, len(stage.sandboxes))
        await asyncio.gather(*results)
        await stage.wait_published(kinds.REPORT, CROWD)
    assert len(stage.sandboxes) <= CROWD
    assert sorted(stage.finished) == sorted(f"r{number}" for number in range(CROWD))
    environments = list(stage.pool)
    assert len(environments) == len(stage.sandboxes)
    await end(serving)
    stage.pool.retire()
    for environment in environments:
        await environment.wait_stopped()
    assert stage.pool.empty
    assert all(each.asked[-1] == "remove" for each in stage.sandboxes)


async def test_who_may_not_start_an_environment_is_throttled_and_the_others_run(stage: Stage) -> None:
    stage.may_start = 1
    first, second = stage.submit("one"), stage.submit("two")
    with pytest.raises(TooManyRequests) as caught:
        await second
    assert caught.value.reason == SCALING_LIMIT
    assert stage.finished == ["two"]
    serving = await play(stage, 1)
    await first
    await stage.submit("three")  # an idle environment needs no start
    await end(serving)
    assert len(stage.sandboxes) == 1


async def test_an_environment_that_cannot_be_made_refuses_its_invocation_for_good(stage: Stage) -> None:
    stage.no_room = True
    with pytest.raises(SandboxFailed, match="no room"):
        await stage.submit("refused")
    assert stage.finished == ["refused"]
    stage.no_room = False
    stage.submit("next")
    process = await stage.process()
    process.next()
    assert (await process.event())[0]["id"] == "next"
    assert len(stage.sandboxes) == 1


async def test_provisioned_environments_that_cannot_be_made_are_a_failed_allocation(stage: Stage) -> None:
    stage.no_room = True
    stage.pool.provision(2)
    assert stage.pool.allocation == Allocation(0, 0, True)


async def test_the_environment_used_last_is_used_next(stage: Stage) -> None:
    first, second = stage.submit("one"), stage.submit("two")
    processes = [await stage.process(index) for index in (0, 1)]
    for process in processes:
        process.next()
        await process.event()
    for count, (process, request_id) in enumerate(zip(processes, ("one", "two"), strict=True), 1):
        process.respond(request_id)
        process.next()
        await stage.wait_published(kinds.FREEZE, count)
    await asyncio.gather(first, second)
    for number in range(3):
        result = stage.submit(f"again {number}")
        await processes[1].event()
        processes[1].respond(f"again {number}")
        processes[1].next()
        await result
        await stage.wait_published(kinds.FREEZE, 3 + number)
    assert [each.invocations for each in stage.pool] == [1, 4]


# Provisioned


async def ahead(stage: Stage, count: int) -> list[Process]:
    """So many provisioned environments, initialized and frozen."""
    stage.pool.provision(count)
    processes = [await stage.process(index) for index in range(count)]
    for process in processes:
        process.next()
    await stage.wait_published(kinds.FREEZE, count)
    return processes


async def test_provisioned_environments_are_initialized_before_anybody_asks(stage: Stage) -> None:
    stage.pool.provision(2)
    assert stage.pool.allocation == Allocation(2, 0)
    for index in (0, 1):
        (await stage.process(index)).next()
        await stage.wait_published(kinds.FREEZE, index + 1)
        assert stage.pool.allocation == Allocation(2, index + 1)
    command = stage.sandboxes[0].command
    assert command is not None
    assert command.environment["AWS_LAMBDA_INITIALIZATION_TYPE"] == "provisioned-concurrency"
    inits = [each.record for each in stage.records if each.type.startswith("platform.init")]
    assert {each["initializationType"] for each in inits} == {"provisioned-concurrency"}
    assert sum(line.startswith("INIT_REPORT") and "\tStatus: success" in line for line in stage.lines()) == 2


async def test_the_first_report_tells_the_init_that_was_ahead(stage: Stage) -> None:
    (process,) = await ahead(stage, 1)
    await use(stage, process, "one")
    assert "Init Duration" in stage.lines()[-1]


async def test_overflow_goes_on_demand_and_only_that_idles_out(stage: Stage) -> None:
    (process,) = await ahead(stage, 1)
    first = stage.submit("one")
    await process.event()
    second = stage.submit("two")
    other = await stage.process(1)
    other.next()
    await other.event()
    command = stage.sandboxes[1].command
    assert command is not None
    assert command.environment["AWS_LAMBDA_INITIALIZATION_TYPE"] == "on-demand"
    for each, request_id in ((process, "one"), (other, "two")):
        each.respond(request_id)
        each.next()
    await asyncio.gather(first, second)
    await stage.wait_published(kinds.FREEZE, 3)
    result = stage.submit("three")  # the one on demand was used last, and yet
    assert (await process.event())[0]["id"] == "three"
    process.respond("three")
    process.next()
    await result
    await stage.wait_published(kinds.FREEZE, 4)
    assert stage.pool.stop_idle_since(stage.clock.now() + 1) is None
    await stage.wait_published(kinds.ENVIRONMENT_STOPPED)
    assert [(each.provisioned, each.state) for each in stage.pool] == [(True, State.FROZEN)]


@pytest.mark.parametrize("how", ["idle", "invoked"])
async def test_a_provisioned_environment_that_ends_is_replaced(stage: Stage, how: str) -> None:
    (process,) = await ahead(stage, 1)
    result = stage.submit("one") if how == "invoked" else None
    if result is not None:
        await process.event()
    process.end(Exit(1, None))
    if result is not None:
        await result
    await stage.wait_published(kinds.ENVIRONMENT_STOPPED)
    (await stage.process(1)).next()
    await stage.wait_published(kinds.FREEZE, 2)
    assert stage.pool.allocation == Allocation(1, 1)
    assert stage.sandboxes[0].asked[-1] == "remove"


async def test_less_or_none_stops_what_is_too_many_also_what_is_busy(stage: Stage) -> None:
    processes = await ahead(stage, 3)
    busy = stage.submit("one")
    await processes[2].event()
    stage.pool.provision(1)
    await stage.wait_published(kinds.ENVIRONMENT_STOPPED, 2)
    stage.pool.provision(0)
    processes[2].respond("one")
    processes[2].next()
    await busy
    await stage.wait_published(kinds.ENVIRONMENT_STOPPED, 3)
    assert stage.pool.empty


async def test_a_failing_init_ends_the_allocation_until_an_invocation_succeeds(stage: Stage) -> None:
    stage.next_sandbox = ScriptedSandbox(refuses="no such file")
    stage.pool.provision(1)
    await stage.wait_published(kinds.ENVIRONMENT_STOPPED)
    assert stage.pool.allocation == Allocation(0, 0, failed=True)
    result = stage.submit("one")
    process = await stage.process(1)
    process.next()
    await process.event()
    assert len(stage.sandboxes) == 2
    process.respond("one")
    process.next()
    await result
    (await stage.process(2)).next()
    await stage.wait_published(kinds.FREEZE, 2)
    assert stage.pool.allocation == Allocation(1, 1)


async def test_an_init_error_of_the_function_counts_as_failed(stage: Stage) -> None:
    stage.pool.provision(1)
    process = await stage.process()
    process.say(frames.INIT_ERROR, {"type": "Error"}, b"{}")
    process.end(Exit(1, None))
    await stage.wait_published(kinds.ENVIRONMENT_STOPPED)
    assert stage.pool.allocation == Allocation(0, 0, failed=True)


async def test_many_are_initialized_a_few_at_a_time(stage: Stage) -> None:
    stage.pool.provision(20)
    assert stage.pool.allocation.allocated == 8
    for index in range(20):
        (await stage.process(index)).next()
        await stage.wait_published(kinds.FREEZE, index + 1)
    assert stage.pool.allocation == Allocation(20, 20)


async def test_a_retired_pool_keeps_none(stage: Stage) -> None:
    await ahead(stage, 1)
    stage.pool.provision(2)
    stage.pool.retire()
    await stage.wait_published(kinds.ENVIRONMENT_STOPPED, 2)
    assert stage.pool.empty
