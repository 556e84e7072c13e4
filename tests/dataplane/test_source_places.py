"""Places in generated code as those that a person wrote, read from source maps by a Node.js process."""

import asyncio
import base64
import json
import os
from collections.abc import Sequence
from pathlib import Path

import pytest

from neve.dataplane import source_places
from neve.dataplane.source_places import Position, SourcePlaces, TaskRoot
from neve.domain.stack import Frame

CODE = "first\nsetTimeout(() => {}, 60000)\nthird\n"
SEEN = "/var/task"


def source_map(source: str) -> str:
    """The 2nd line from column 1 on came from line 42, column 7; nothing is said of the others."""
    return json.dumps({"version": 3, "sources": [source], "names": [], "mappings": ";AAyCM;;"})


def inline(text: str) -> str:
    return f"//# sourceMappingURL=data:application/json;base64,{base64.b64encode(text.encode()).decode()}"


async def place(folder: Path, *positions: tuple[str, int, int]) -> list[Position | None]:
    places = SourcePlaces()
    asked = [(str(folder / file), line, column) for file, line, column in positions]
    await places.load(asked)
    assert not places.unknown(asked)
    return [places.place(each) for each in asked]


@pytest.mark.parametrize(
    ("source", "file"),
    [
        ("src/app.ts", "{}/task/src/app.ts"),
        ("../src/app.ts", "{}/src/app.ts"),
        ("webpack://orders/./src/app.ts", "webpack:///src/app.ts"),
        ("webpack:///./src/../lib/app.ts", "webpack:///lib/app.ts"),
        ("file:///elsewhere/app.ts", "/elsewhere/app.ts"),
    ],
)
async def test_map_beside_the_file(tmp_path: Path, source: str, file: str) -> None:
    task = tmp_path / "task"
    task.mkdir()
    (task / "app.js").write_text(CODE + "//# sourceMappingURL=app.js.map\n")
    (task / "app.js.map").write_text(source_map(source))
    assert await place(task, ("app.js", 2, 3)) == [(file.format(tmp_path), 42, 7)]


async def test_inline_map_and_what_it_does_not_say(tmp_path: Path) -> None:
    (tmp_path / "app.js").write_text(CODE + inline(source_map("app.ts")))
    found = await place(tmp_path, ("app.js", 2, 1), ("app.js", 3, 1), ("app.js", 1, 1))
    assert found == [(str(tmp_path / "app.ts"), 42, 7), None, None]


@pytest.mark.parametrize(
    "comment",
    [
        "",
        "//# sourceMappingURL=nowhere.map",
        "//# sourceMappingURL=data:application/json,{broken",
        "//# sourceMappingURL=data:application/json,{}",
    ],
)
async def test_file_whose_map_is_none(tmp_path: Path, comment: str) -> None:
    (tmp_path / "app.js").write_text(CODE + comment)
    assert await place(tmp_path, ("app.js", 2, 1)) == [None]


async def test_file_that_is_none(tmp_path: Path) -> None:
    assert await place(tmp_path, ("nowhere.js", 2, 1)) == [None]


async def test_nothing_is_read_twice_and_no_process_started_for_plain_code(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    reads: list[Sequence[Position]] = []
    read = source_places._read

    async def counted(positions: Sequence[Position]) -> Sequence[Position | None]:
        reads.append(positions)
        return await read(positions)

    monkeypatch.setattr(source_places, "_read", counted)
    (tmp_path / "plain.js").write_text(CODE)
    (tmp_path / "app.js").write_text(CODE + inline(source_map("app.ts")))
    places = SourcePlaces()
    plain, mapped = (str(tmp_path / "plain.js"), 2, 1), (str(tmp_path / "app.js"), 2, 1)
    for _ in range(2):
        await places.load([plain])
    assert reads == []
    for _ in range(2):
        await places.load([plain, mapped])
    assert reads == [[mapped]]


async def test_process_that_fails_leaves_the_generated_places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(source_places, "_SCRIPT", tmp_path / "nowhere.mjs")
    (tmp_path / "app.js").write_text(CODE + inline(source_map("app.ts")))
    assert await place(tmp_path, ("app.js", 2, 1)) == [None]


async def test_frames_are_resolved_as_the_function_sees_its_files(tmp_path: Path) -> None:
    task = tmp_path / "task"
    task.mkdir()
    (task / "app.js").write_text(CODE + inline(source_map("../src/app.ts")))
    root, places = TaskRoot(SEEN, task), SourcePlaces()
    stacks = [[Frame("f", f"{SEEN}/app.js", 2, 1, SEEN), Frame("g", "/opt/nodejs/layer.js", 2, 1, "")]]
    await places.load(root.positions(stacks))
    (resolved,) = root.resolved(stacks, places)
    assert [str(frame) for frame in resolved] == ["f (../src/app.ts:42:7)", "g (/opt/nodejs/layer.js:2:1)"]


def test_only_files_below_the_task_root_are_looked_at(tmp_path: Path) -> None:
    outside = [Frame("f", f"{SEEN}/../secret.js", 2, 1, SEEN), Frame("g", "/opt/layer.js", 2, 1, "")]
    assert TaskRoot(SEEN, tmp_path).positions([outside]) == []


async def test_what_is_no_file_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "app.js")
    async with asyncio.timeout(5):
        assert await place(tmp_path, ("app.js", 2, 1)) == [None]


async def test_who_asks_waits_until_the_news_are_told() -> None:
    places = SourcePlaces()
    await places.wait_told()
    places.begin()
    waiting = asyncio.create_task(places.wait_told())
    await asyncio.sleep(0)
    assert not waiting.done()
    places.end()
    async with asyncio.timeout(5):
        await waiting
