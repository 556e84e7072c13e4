"""News of leaks on their way to the stream: located, in order, none lost."""

import asyncio
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from neve.dataplane.leak_desk import LeakDesk
from neve.dataplane.sandbox.sandbox import Command, Folders
from neve.dataplane.source_places import SourcePlaces
from neve.dataplane.tasks import Tasks
from neve.domain import record as kinds

PLAIN, MAPPED, PACKED = "plain.js", "mapped.js", "packed.js"


def mapped_to(source: str) -> str:
    text = json.dumps({"version": 3, "sources": [source], "names": [], "mappings": ";AAyCM;;"})
    return f"first\nsecond\n//# sourceMappingURL=data:application/json,{text.replace(' ', '')}"


class Scene:
    """A desk, and what it has told."""

    def __init__(self, task: Path) -> None:
        for name, text in (
            (PLAIN, "first\nsecond"),
            (MAPPED, mapped_to("app.ts")),
            (PACKED, mapped_to("node_modules/lib/index.js")),
        ):
            (task / name).write_text(text)
        self.told: list[tuple[str, Mapping[str, Any], str | None, float]] = []
        self.enough = asyncio.Event()
        self._awaited = 0
        self.desk = LeakDesk("0123456789", SourcePlaces(), Tasks("e"), self._tell)
        self.desk.belongs_to(
            Command(["node"], {"LAMBDA_TASK_ROOT": "/var/task"}, Path("/var/task"), Folders(task, task))
        )

    def _tell(self, kind: str, members: Mapping[str, Any], request_id: str | None, time_ms: float) -> None:
        self.told.append((kind, members, request_id, time_ms))
        if len(self.told) >= self._awaited:
            self.enough.set()

    def hear(self, *items: dict[str, Any], time_ms: float = 1.0) -> None:
        self.desk.hear({"news": list(items)}, "first", time_ms)

    async def wait(self, count: int) -> None:
        """Until so much was told."""
        self._awaited = count
        if len(self.told) < count:
            self.enough.clear()
            async with asyncio.timeout(20):
                await self.enough.wait()


@pytest.fixture
async def scene(tmp_path: Path) -> Scene:
    return Scene(tmp_path)


def left(leak: str, file: str, kind: str = "timer", detached: bool = False) -> dict[str, Any]:
    stacks = [[["f", f"/var/task/{file}", 2, 1], ["handler", f"/var/task/{PLAIN}", 1, 1]]]
    return {"is": "open", "leak": leak, "kind": kind, "origin": "first", "detached": detached, "stacks": stacks}


def sources(scene: Scene) -> list[str]:
    return [f"{m['source']['file']}:{m['source']['line']}" for kind, m, _, _ in scene.told if kind == kinds.LEAK]


async def test_plain_code_is_told_as_it_is_after_one_look(scene: Scene) -> None:
    scene.hear(left("1", PLAIN))
    await scene.wait(1)
    scene.hear(left("2", PLAIN))  # the file is known: nothing is waited for
    assert sources(scene) == ["plain.js:2", "plain.js:2"]
    assert [members["leakId"] for _, members, _, _ in scene.told] == ["01234567.1", "01234567.2"]


async def test_order_is_kept_while_a_map_is_read(scene: Scene) -> None:
    scene.hear(left("1", MAPPED), time_ms=1.0)
    scene.hear({"is": "resumed", "leak": "1", "in": "second"}, time_ms=2.0)
    scene.hear(left("2", PLAIN), time_ms=3.0)
    assert scene.told == []
    await scene.wait(3)
    assert [(kind, time_ms) for kind, _, _, time_ms in scene.told] == [
        (kinds.LEAK, 1.0),
        (kinds.LEAK_RESUMED, 2.0),
        (kinds.LEAK, 3.0),
    ]
    assert sources(scene) == ["app.ts:42", "plain.js:2"]


async def test_housekeeping_of_a_bundled_package_is_no_leak_and_no_more_is_heard_of_it(scene: Scene) -> None:
    scene.hear(left("1", PACKED, detached=True), {"is": "finished", "leak": "1", "in": None}, left("2", PACKED))
    await scene.wait(1)
    ((kind, members, _, _),) = scene.told
    assert (kind, members["leakId"], members["source"]["file"]) == (kinds.LEAK, "01234567.2", PLAIN)


async def test_what_waits_when_the_environment_ends_is_told_with_the_places_it_has(scene: Scene) -> None:
    scene.hear(left("1", MAPPED))
    scene.desk.close()
    assert sources(scene) == ["mapped.js:2"]


async def test_timeout_is_located_with_all_its_parts(scene: Scene) -> None:
    waiting = {"kind": "timer", "description": "timer", "stacks": [[["f", f"/var/task/{MAPPED}", 2, 1]]]}
    header = {"waiting": [waiting], "blocked": True, "stacks": [[["g", f"/var/task/{MAPPED}", 2, 1]]]}
    scene.desk.explain(header, "first", 3.0, 1.0)
    await scene.wait(1)
    ((kind, members, request_id, _),) = scene.told
    assert (kind, request_id) == (kinds.DIAGNOSIS, "first")
    assert members["waiting"][0]["source"] == {"file": "app.ts", "line": 42, "column": 7}
    assert members["stack"] == ["g (app.ts:42:7)"]


async def test_what_is_said_before_the_time_is_over_is_told_at_once_when_it_is(scene: Scene) -> None:
    header = {"blocked": True, "stacks": [[["g", f"/var/task/{MAPPED}", 2, 1]]]}
    scene.desk.foresee(header)
    looking = asyncio.all_tasks() - {asyncio.current_task()}
    assert looking
    await asyncio.wait(looking, timeout=20)
    scene.desk.explain(header, "first", 3.0, 1.0)
    ((_, members, _, _),) = scene.told
    assert members["stack"] == ["g (app.ts:42:7)"]
