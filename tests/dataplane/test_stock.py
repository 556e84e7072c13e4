"""The stock of pre-started runtimes, over scripted sandboxes."""

import asyncio
import socket
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace

import pytest
from tests.dataplane.scripted import BOUND_S, Process, ScriptedSandbox

from neve.clock import Clock
from neve.dataplane import channel as frames
from neve.dataplane import stock as stocks
from neve.dataplane.fitting import RuntimeKind
from neve.dataplane.prestarted import Prestarted
from neve.dataplane.runtimes import Runtimes
from neve.dataplane.sandbox.sandbox import Command, Exit, Folders, Limits
from neve.dataplane.stock import Stock

NODE = RuntimeKind("nodejs24.x", 256)
PYTHON = RuntimeKind("python3.11", None)
FUNCTION = Command(["program"], {}, Path("/"), Folders(Path("/code"), Path("/runtime")))
LIMITS = Limits(256, 1024, 0.5)


class Booting(ScriptedSandbox):
    """Says that it waits as soon as it is started, if it `boots`."""

    boots = True
    assigned: tuple[Folders, Limits] | None = None

    async def start(
        self, command: Command, channel: socket.socket, output: int, extension_output: int | None = None
    ) -> None:
        self.command = command
        self._ask("start")
        process = Process(channel, output)
        self.processes.append(process)
        if self.boots:
            process.say(frames.WAITING)
        else:
            process.end(Exit(1, None))

    def assign(self, folders: Folders, limits: Limits) -> None:
        super().assign(folders, limits)
        self.assigned = (folders, limits)

    async def remove(self) -> None:
        for process in self.processes:
            process.end(Exit(None, 9))
        await super().remove()


@dataclass
class Kind:
    """Makes such sandboxes, and keeps them."""

    boots: bool = True
    name: str = "scripted"
    freezer: str = "scripted"
    missing: Sequence[str] = ()
    cannot_assign: str = ""
    made: list[Booting] = field(default_factory=list)

    def seen(self, folders: Folders) -> Folders:
        return folders

    def create(self, environment_id: str, limits: Limits) -> Booting:
        sandbox = Booting()
        sandbox.boots = self.boots
        self.made.append(sandbox)
        return sandbox

    async def sweep(self) -> int:
        return 0

    async def close(self) -> None:
        """Nothing is held."""

    @property
    def living(self) -> list[Booting]:
        return [each for each in self.made if "remove" not in each.asked]


class Stage:
    """A stock of `size`, what functions use, and whether an invocation runs."""

    def __init__(self, size: int = 1, kinds: Sequence[RuntimeKind] = (NODE,)) -> None:
        self.kind = Kind()
        self.clock = Clock(virtual=True)
        self.kinds = list(kinds)
        self.busy = False
        self.stock = Stock(self.kind, Runtimes(), self.clock, size, lambda: self.busy)

    async def in_use(self) -> Sequence[RuntimeKind]:
        return list(self.kinds)

    def keep(self) -> None:
        self.stock.keep(self.in_use)

    def waiting(self) -> dict[RuntimeKind, int]:
        return {kind: len(found) for kind, found in self.stock.waiting()}

    async def until(self, met: Callable[[], object]) -> None:
        async with asyncio.timeout(BOUND_S):
            while not met():  # noqa: ASYNC110
                await asyncio.sleep(0.001)

    async def settle(self) -> None:
        """Some turns of the loop in which something could happen that must not."""
        for _ in range(50):
            await asyncio.sleep(0.001)

    def take(self, kind: RuntimeKind = NODE) -> Prestarted | None:
        return self.stock.take(kind, FUNCTION, LIMITS)


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """No pause before the stock is filled."""
    monkeypatch.setattr(stocks, "_PAUSE_S", 0.001)


@pytest.fixture
async def stages() -> AsyncIterator[list[Stage]]:
    made: list[Stage] = []
    yield made
    for stage in made:
        await stage.stock.close()


async def test_so_many_of_each_kind_wait_frozen(stages: list[Stage]) -> None:
    stages.append(stage := Stage(2, [NODE, PYTHON]))
    stage.keep()
    await stage.until(lambda: stage.waiting() == {NODE: 2, PYTHON: 2})
    assert all(each.asked == ["start", "freeze"] for each in stage.kind.made)
    assert all(each.command is not None and each.command.late for each in stage.kind.made)


async def test_one_that_is_taken_has_the_code_and_is_replaced(stages: list[Stage]) -> None:
    stages.append(stage := Stage())
    stage.keep()
    await stage.until(lambda: stage.waiting() == {NODE: 1})
    taken = stage.take()
    assert taken is not None
    first = stage.kind.made[0]
    assert taken.sandbox is first
    assert first.asked == ["start", "freeze", "assign", "thaw"]
    assert first.assigned == (FUNCTION.folders, LIMITS)
    await stage.until(lambda: stage.waiting() == {NODE: 1})
    assert len(stage.kind.made) == 2
    await taken.end()


async def test_an_empty_stock_gives_nothing(stages: list[Stage]) -> None:
    stages.append(stage := Stage())
    assert stage.take() is None
    stage.keep()
    await stage.until(lambda: stage.waiting() == {NODE: 1})
    assert stage.take(PYTHON) is None


async def test_no_stock_is_kept_of_size_0_nor_where_code_cannot_come_late(stages: list[Stage]) -> None:
    stages.append(stage := Stage(0))
    stage.keep()
    refusing = Kind(cannot_assign="the kernel refuses")
    refused = Stock(refusing, Runtimes(), stage.clock, 1, lambda: False)
    refused.keep(stage.in_use)
    await stage.settle()
    assert stage.kind.made == refusing.made == []
    assert refused.refused == "the kernel refuses"
    await refused.close()


async def test_nothing_is_started_beside_an_invocation(stages: list[Stage]) -> None:
    stages.append(stage := Stage())
    stage.busy = True
    stage.keep()
    await stage.settle()
    assert stage.kind.made == []
    stage.busy = False
    await stage.until(lambda: stage.waiting() == {NODE: 1})


async def test_a_machine_that_is_never_quiet_gets_its_stock_all_the_same(
    stages: list[Stage], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stocks, "_LONGEST_WAIT_FOR_QUIET_S", 0.01)
    stages.append(stage := Stage(2))
    stage.busy = True
    stage.keep()
    await stage.until(lambda: stage.waiting() == {NODE: 2})


async def test_what_dies_while_it_waits_is_replaced_after_a_pause(stages: list[Stage]) -> None:
    stages.append(stage := Stage())
    stage.keep()
    await stage.until(lambda: stage.waiting() == {NODE: 1})
    stage.kind.made[0].processes[0].end(Exit(None, 9))
    await stage.until(lambda: "remove" in stage.kind.made[0].asked)
    stage.stock.look()
    await stage.settle()
    assert stage.waiting() == {NODE: 0}
    stage.clock.advance(1.0)
    await stage.until(lambda: stage.waiting() == {NODE: 1})


async def test_what_cannot_boot_is_tried_more_and_more_seldom(
    stages: list[Stage], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("neve.clock.time", SimpleNamespace(time=lambda: 0.0))  # a busy machine's goes on meanwhile
    stages.append(stage := Stage())
    stage.kind.boots = False
    stage.keep()
    for tries, pause_s in enumerate((1.0, 2.0, 4.0), start=1):
        await stage.until(lambda: caplog.text.count("again_in_s") == tries)  # noqa: B023
        assert not stage.kind.living
        stage.clock.advance(pause_s * 0.5)
        stage.stock.look()
        await stage.settle()
        assert len(stage.kind.made) == tries
        stage.clock.advance(pause_s * 0.5)
    await stage.until(lambda: len(stage.kind.made) == 4)
    assert stage.take() is None


async def test_one_that_cannot_have_the_code_is_ended_and_the_next_is_taken(stages: list[Stage]) -> None:
    stages.append(stage := Stage(2))
    stage.keep()
    await stage.until(lambda: stage.waiting() == {NODE: 2})
    stage.kind.made[0].refuses = "the code did not arrive"
    taken = stage.take()
    assert taken is not None
    assert taken.sandbox is stage.kind.made[1]
    await stage.until(lambda: "remove" in stage.kind.made[0].asked)
    await taken.end()


async def test_a_kind_that_no_function_has_is_let_go(stages: list[Stage]) -> None:
    stages.append(stage := Stage(1, [NODE, PYTHON]))
    stage.keep()
    await stage.until(lambda: stage.waiting() == {NODE: 1, PYTHON: 1})
    stage.kinds = [PYTHON]
    stage.stock.look()
    await stage.until(lambda: stage.waiting() == {PYTHON: 1} and len(stage.kind.living) == 1)


async def test_of_many_kinds_those_used_last_wait(stages: list[Stage]) -> None:
    kinds = [RuntimeKind("nodejs24.x", 128 + number) for number in range(10)]
    stages.append(stage := Stage(1, kinds))
    stage.take(kinds[9])
    stage.keep()
    await stage.until(lambda: stage.waiting() == dict.fromkeys([kinds[9], *kinds[:7]], 1))


async def test_a_renewed_stock_is_another(stages: list[Stage]) -> None:
    stages.append(stage := Stage())
    stage.keep()
    await stage.until(lambda: stage.waiting() == {NODE: 1})
    stage.stock.renew()
    await stage.until(lambda: stage.waiting() == {NODE: 1} and "remove" in stage.kind.made[0].asked)
    assert len(stage.kind.made) == 2


async def boots(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> asyncio.Event:
    """Until a runtime is all but kept: it freezes when the event is set."""
    held = asyncio.Event()
    monkeypatch.setattr(Booting, "holds_freeze", held)
    stage.keep()
    await stage.until(lambda: stage.kind.made and "freeze" in stage.kind.made[0].asked)
    return held


async def test_what_boots_while_the_stock_is_renewed_is_not_kept(
    stages: list[Stage], monkeypatch: pytest.MonkeyPatch
) -> None:
    stages.append(stage := Stage())
    held = await boots(stage, monkeypatch)
    stage.stock.renew()
    held.set()
    await stage.until(lambda: stage.waiting() == {NODE: 1})
    assert len(stage.kind.living) == 1
    assert "remove" in stage.kind.made[0].asked


async def test_a_failure_of_ours_does_not_end_the_keeping(stages: list[Stage], monkeypatch: pytest.MonkeyPatch) -> None:
    stages.append(stage := Stage())
    asked = 0

    async def in_use() -> Sequence[RuntimeKind]:
        nonlocal asked
        asked += 1
        if asked == 1:
            raise RuntimeError("a fault")
        return [NODE]

    stage.stock.keep(in_use)
    await stage.until(lambda: asked == 1)
    stage.stock.look()
    await stage.until(lambda: stage.waiting() == {NODE: 1})


async def test_nothing_is_left_of_a_closed_stock(stages: list[Stage]) -> None:
    stages.append(stage := Stage(2, [NODE, PYTHON]))
    stage.keep()
    await stage.until(lambda: stage.waiting() == {NODE: 2, PYTHON: 2})
    await stage.stock.close()
    assert stage.kind.living == []
    assert stage.take() is None


async def test_nothing_is_left_of_what_booted_when_the_stock_was_closed(
    stages: list[Stage], monkeypatch: pytest.MonkeyPatch
) -> None:
    stages.append(stage := Stage())
    await boots(stage, monkeypatch)
    await stage.stock.close()
    assert stage.kind.living == []
