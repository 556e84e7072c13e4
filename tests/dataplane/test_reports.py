"""REPORT and INIT_REPORT of environments: what is billed in each era, of how much memory, after which end."""

import re
from collections.abc import AsyncIterator, Callable

import pytest
from tests.dataplane.scripted import Process, Stage, make_function

from neve.dataplane.sandbox.sandbox import Exit
from neve.domain import record as kinds

MakeStage = Callable[..., Stage]
REPORT = re.compile(
    r"REPORT RequestId: (\w+)\tDuration: ([\d.]+) ms\tBilled Duration: (\d+) ms\tMemory Size: 128 MB\t"
    r"Max Memory Used: (\d+) MB\t(?:Init Duration: ([\d.]+) ms\t)?(.*)"
)


@pytest.fixture
async def make_stage() -> AsyncIterator[MakeStage]:
    stages: list[Stage] = []

    def make(timeout_s: int = 3, **flags: object) -> Stage:
        stages.append(Stage(make_function(timeout_s), **flags))
        return stages[-1]

    yield make
    for each in stages:
        await each.close()


async def begun(stage: Stage, request_id: str = "one") -> Process:
    """A process that has this cold invocation."""
    stage.submit(request_id)
    process = await stage.process()
    process.next()
    await process.event()
    return process


async def reported(stage: Stage) -> re.Match[str]:
    await stage.wait_published(kinds.REPORT)
    match = REPORT.fullmatch(stage.lines()[-1])
    assert match is not None, stage.lines()[-1]
    return match


@pytest.mark.parametrize(
    ("era", "init_is_billed", "step_ms"),
    [
        ({"bill_init": False, "billing_step_ms": 100}, False, 100),  # until November 2020
        ({"bill_init": False}, False, 1),  # until July 2025
        ({}, True, 1),
    ],
    ids=["2020", "2021", "2025"],
)
async def test_each_era_bills_its_way(
    make_stage: MakeStage, era: dict[str, object], init_is_billed: bool, step_ms: int
) -> None:
    stage = make_stage(**era)
    process = await begun(stage)
    process.respond("one")
    process.next()
    report = await reported(stage)
    billable = float(report[2]) + (float(report[5]) if init_is_billed else 0.0)
    assert int(report[3]) % step_ms == 0
    assert billable <= int(report[3]) < billable + step_ms + 0.01
    assert report[6] == ""


async def test_a_timeout_took_exactly_the_timeout(make_stage: MakeStage) -> None:
    stage = make_stage(timeout_s=1, bill_init=False)
    await begun(stage)
    report = await reported(stage)
    assert (report[2], report[3], report[6]) == ("1000.00", "1000", "Status: timeout")


async def test_a_cold_timeout_is_billed_with_its_init(make_stage: MakeStage) -> None:
    stage = make_stage(timeout_s=1)
    await begun(stage)
    report = await reported(stage)
    assert 1000 + float(report[5]) <= int(report[3]) < 1001.01 + float(report[5])


async def test_who_ran_out_of_memory_used_all_of_it(make_stage: MakeStage) -> None:
    stage = make_stage()
    (await begun(stage)).end(Exit(None, 9, out_of_memory=True))
    report = await reported(stage)
    assert (report[4], report[6]) == ("128", "Status: error\tError Type: Runtime.OutOfMemory")


async def test_an_init_ahead_is_reported_and_told_again_by_the_first_report(make_stage: MakeStage) -> None:
    stage = make_stage()
    stage.pool.provision(1)
    process = await stage.process()
    process.next()
    await stage.wait_published(kinds.INIT_REPORT)
    line = re.sub(r"\d+\.\d\d ms", "N ms", stage.lines()[-1])
    assert line == "INIT_REPORT Init Duration: N ms\tPhase: init\tStatus: success"
    stage.submit("one")
    await process.event()
    process.respond("one")
    process.next()
    assert (await reported(stage))[5] is not None
