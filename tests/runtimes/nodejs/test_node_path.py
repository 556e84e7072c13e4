"""ES modules find packages in NODE_PATH from nodejs18.x on, as layers are found: after Node's own search."""

import json
from pathlib import Path

import pytest
from tests.runtimes.nodejs.conftest import RUNTIME, Start, Target, starter
from tests.runtimes.nodejs.majors import WHEEL_NODE, binaries, major
from tests.runtimes.scripted import FramesClient, invoke

HANDLER = "import { how } from 'greeting'; export const handler = async () => how;"


def package(folder: Path, how: str, more: str = "") -> None:
    """A package with an entry for each kind of module."""
    here = folder / "node_modules" / "greeting"
    here.mkdir(parents=True)
    entries = {".": {"import": "./import.mjs", "require": "./require.cjs"}}
    (here / "package.json").write_text(json.dumps({"name": "greeting", "exports": entries}))
    (here / "import.mjs").write_text(f"{more}export const how = 'imported from {how}';")
    (here / "require.cjs").write_text(f"exports.how = 'required from {how}';")


async def result(client: FramesClient) -> object:
    return (await invoke(client)).value


@pytest.fixture
def layer(tmp_path: Path) -> Path:
    """Where NODE_PATH leads."""
    return tmp_path / "layer"


async def test_an_import_finds_the_package_of_a_layer(both: Start, layer: Path) -> None:
    package(layer, "the layer")
    async with both({"app.mjs": HANDLER}) as client:
        assert await result(client) == "imported from the layer"


async def test_an_import_at_a_later_time_finds_it_too(both: Start, layer: Path) -> None:
    package(layer, "the layer")
    text = "export const handler = async () => (await import('greeting')).how;"
    async with both({"app.mjs": text}) as client:
        assert await result(client) == "imported from the layer"


async def test_a_runtime_that_had_waited_finds_it(both: Start, layer: Path) -> None:
    package(layer, "the layer")
    async with both({"app.mjs": HANDLER}, prestarted=True) as client:
        assert await result(client) == "imported from the layer"


async def test_require_gets_what_is_for_require(both: Start, layer: Path) -> None:
    package(layer, "the layer")
    async with both({"app.cjs": "exports.handler = async () => require('greeting').how;"}) as client:
        assert await result(client) == "required from the layer"


async def test_the_functions_own_goes_before(both: Start, layer: Path, tmp_path: Path) -> None:
    package(layer, "the layer")
    package(tmp_path / "task", "the function")
    async with both({"app.mjs": HANDLER}) as client:
        assert await result(client) == "imported from the function"


async def test_folders_are_searched_in_their_order(both: Start, layer: Path, tmp_path: Path) -> None:
    package(layer, "the layer")
    package(tmp_path / "second", "the second")
    order = f"/nowhere/node_modules:{tmp_path / 'second' / 'node_modules'}:{layer / 'node_modules'}"
    async with both({"app.mjs": HANDLER}, NODE_PATH=order) as client:
        assert await result(client) == "imported from the second"


async def test_a_package_of_a_layer_finds_its_own(both: Start, layer: Path) -> None:
    package(layer, "the layer", "import 'beside'; ")
    beside = layer / "node_modules" / "beside"
    beside.mkdir()
    (beside / "package.json").write_text('{"name": "beside", "main": "index.js"}')
    (beside / "index.js").write_text("")
    async with both({"app.mjs": HANDLER}) as client:
        assert await result(client) == "imported from the layer"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("import 'nobody'; export const handler = async () => 1;", "Cannot find package 'nobody' imported from "),
        ("import './nothing.mjs'; export const handler = async () => 1;", "Cannot find module "),
    ],
)
async def test_what_is_nowhere_is_told_of_the_function(both: Start, layer: Path, text: str, message: str) -> None:
    package(layer, "the layer")
    async with both({"app.mjs": text}) as client:
        error = (await client.wait_init_error()).value
    assert error["errorType"] == "Error"
    assert error["errorMessage"].startswith(message)
    assert "/task/app.mjs" in error["errorMessage"]


async def test_a_package_that_breaks_is_told_as_it_is(both: Start, layer: Path) -> None:
    package(layer, "the layer", "throw new RangeError('broken'); ")
    async with both({"app.mjs": HANDLER}) as client:
        assert (await client.wait_init_error()).value["errorMessage"] == "broken"


async def test_nodejs16_finds_it_by_require_only(layer: Path, tmp_path: Path) -> None:
    package(layer, "the layer")
    start = starter(Target(WHEEL_NODE, "nodejs16.x"), tmp_path)
    async with start({"app.mjs": HANDLER}) as client:
        assert (await client.wait_init_error()).value["errorMessage"].startswith("Cannot find package 'greeting'")


def test_both_ways_of_hooking_are_tried() -> None:
    assert {major(node) for node in binaries()} >= {20, 24}, "Node.js 20 is needed: `neve runtimes install nodejs20.x`"
    assert (RUNTIME / "node-path-hooks.mjs").exists()
