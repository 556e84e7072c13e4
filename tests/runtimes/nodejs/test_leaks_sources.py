"""Where a leak is said to be: source maps, packages, layers, other people's Error.prepareStackTrace."""

import base64
import json
from collections.abc import Mapping
from pathlib import Path

import pytest
from tests.runtimes.nodejs.conftest import Start, starter
from tests.runtimes.nodejs.test_leaks import TARGETS, opened
from tests.runtimes.scripted import invoke


@pytest.fixture(params=TARGETS[:1], ids=str)
def start(request: pytest.FixtureRequest, tmp_path: Path) -> Start:
    """Start a function on the newest runtime's own binary."""
    return starter(request.param, tmp_path)


# One line of generated code, whose 3rd line (column 1) came from line 42, column 7 of the source.
GENERATED = """const later = () => {
setTimeout(() => {}, 60000)
}
exports.handler = async () => later()
"""


def source_map(source: str, root: str | None = None) -> str:
    # ";AAyCM" : nothing for the 1st line; the 2nd from column 0 is source 0, line 41, column 6 (counted from 0).
    mapping = {"version": 3, "sources": [source], "names": [], "mappings": ";AAyCM;;"}
    return json.dumps(mapping if root is None else {**mapping, "sourceRoot": root})


def inline(text: str) -> str:
    return f"//# sourceMappingURL=data:application/json;base64,{base64.b64encode(text.encode()).decode()}"


async def place(start: Start, files: Mapping[str, str], **variables: str) -> tuple[str, int, int]:
    """File, line and column of the one leak of a function."""
    async with start(files, _NEVE_LEAKS="detect", **variables) as client:
        await invoke(client)
        await client.wait_next()
        (leak,) = opened(client)
        return leak["file"], leak["line"], leak["column"]


@pytest.mark.parametrize(
    ("source", "shown"),
    [
        ("src/app.ts", "src/app.ts"),
        ("../src/app.ts", "../src/app.ts"),
        ("webpack://orders/./src/app.ts", "src/app.ts"),
    ],
)
async def test_source_map_beside_the_file(start: Start, source: str, shown: str) -> None:
    files = {"app.js": GENERATED + "//# sourceMappingURL=app.js.map\n", "app.js.map": source_map(source)}
    assert await place(start, files) == (shown, 42, 7)


async def test_inline_source_map(start: Start) -> None:
    assert await place(start, {"app.js": GENERATED + inline(source_map("app.ts"))}) == ("app.ts", 42, 7)


async def test_source_maps_that_node_reads_itself(start: Start) -> None:
    files = {"app.js": GENERATED + inline(source_map("app.ts"))}
    assert await place(start, files, NODE_OPTIONS="--enable-source-maps") == ("app.ts", 42, 7)


@pytest.mark.parametrize(
    "comment", ["//# sourceMappingURL=nowhere.map", "//# sourceMappingURL=data:application/json,{broken", "//# source"]
)
async def test_source_map_that_is_none_leaves_the_generated_place(start: Start, comment: str) -> None:
    assert await place(start, {"app.js": GENERATED + comment}) == ("app.js", 2, 1)


async def test_bundled_package_is_no_code_of_the_users(start: Start) -> None:
    """One file with everything, whose map says that a line came from a package."""
    bundle = """const library = () => {
setTimeout(() => {}, 60000)
}
exports.handler = async () => { library() }
"""
    files = {"app.js": bundle + inline(source_map("node_modules/lib/index.js"))}
    assert await place(start, files) == ("app.js", 4, 33)


async def test_line_of_the_user_that_called_a_package(start: Start) -> None:
    files = {
        "app.js": "const lib = require('lib')\nexports.handler = async () => {\n  lib.later()\n}",
        "node_modules/lib/index.js": "exports.later = () => setTimeout(() => {}, 60000)",
    }
    assert await place(start, files) == ("app.js", 3, 7)


async def test_es_module_in_a_folder(start: Start) -> None:
    files = {
        "app.mjs": "import { later } from './lib/later.mjs'\nexport const handler = async () => { later() }",
        "lib/later.mjs": "export const later = () => {\n  setTimeout(() => {}, 60000)\n}",
    }
    assert await place(start, files) == ("lib/later.mjs", 2, 3)


async def test_code_that_formats_stacks_its_own_way(start: Start) -> None:
    code = """Error.prepareStackTrace = () => 'no stack for you'
    Error.stackTraceLimit = 0
    exports.handler = async () => {
      setTimeout(() => {}, 60000)
      return [new Error('x').stack ?? null, Error.stackTraceLimit]
    }"""
    assert await place(start, {"app.js": code}) == ("app.js", 4, 7)
    async with start(code, _NEVE_LEAKS="explain") as client:
        assert (await invoke(client)).value in ([None, 0], ["no stack for you", 0])


async def test_code_that_is_no_file(start: Start) -> None:
    code = "exports.handler = async () => { new Function('setTimeout(() => {}, 60000)')() }"
    file, line, _ = await place(start, {"app.js": code})
    assert (file, line) == ("app.js", 1)
