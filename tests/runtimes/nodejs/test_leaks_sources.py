"""Where a leak is said to be: packages, folders, other people's Error.prepareStackTrace. Source maps are Neve's to read."""

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


async def place(start: Start, files: Mapping[str, str], **variables: str) -> tuple[str, int, int]:
    """File, line and column of the one leak of a function."""
    async with start(files, _NEVE_LEAKS="detect", **variables) as client:
        await invoke(client)
        await client.wait_next()
        (leak,) = opened(client)
        return leak["file"], leak["line"], leak["column"]


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
