"""What functions run on: what is said when it is another version, and what happens when the right one comes."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError
from tests.acceptance.functions import deploy
from tests.acceptance.records import followed
from tests.acceptance.server import NeveServer, clean_environment, running

from neve.dataplane.binaries import wheel_node

VERSION = {"index.js": "exports.handler = async () => process.execPath + ' ' + process.version;"}


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    return tmp_path / "cache"


@pytest.fixture
def server(tmp_path: Path, cache: Path) -> Iterator[NeveServer]:
    """A Neve whose cache of runtimes is empty."""
    started = NeveServer.start(tmp_path / "data", environ=clean_environment() | {"XDG_CACHE_HOME": str(cache)})
    yield started
    if started.process.poll() is None:
        started.stop()


def row(server: NeveServer, runtime: str) -> dict[str, Any]:
    (found,) = server.own(f"runtimes?runtime={runtime}")["runtimes"]
    return dict(found)


def file_of(pid: int) -> int:
    """The file that a process runs, whatever its path is called inside."""
    return Path(f"/proc/{pid}/exe").stat().st_ino


def test_a_running_neve_uses_what_was_installed(server: NeveServer, cache: Path) -> None:
    function = deploy(server, VERSION, runtime="nodejs22.x")
    assert function.invoke().status == 200
    assert row(server, "nodejs22.x")["mismatch"] is not None
    first = function.environments()[0]
    assert file_of(first["pid"]) == wheel_node().path.stat().st_ino

    installed = cache / "neve" / "runtimes" / "nodejs-22.99.0" / "bin" / "node"
    installed.parent.mkdir(parents=True)
    shutil.copy(wheel_node().path, installed)
    (told,) = server.own("runtimes/look", {"runtime": "nodejs22.x"})["runtimes"]
    assert (told["path"], told["version"], told["mismatch"]) == (str(installed), "22.99.0", None)
    assert function.invoke().status == 200
    second = next(each for each in function.environments() if each["id"] != first["id"])
    assert file_of(second["pid"]) == installed.stat().st_ino


SDK = {
    "nodejs24.x": ("index.mjs", "import { who } from '@aws-sdk/client-s3'; export const handler = async () => who;"),
    "nodejs22.x": ("index.js", "exports.handler = async () => require('@aws-sdk/client-s3').who;"),
}


@pytest.mark.parametrize("sandbox", ["auto", "bare"])
def test_functions_get_the_sdk_for_javascript_once_it_is_installed(tmp_path: Path, cache: Path, sandbox: str) -> None:
    environ = clean_environment() | {"XDG_CACHE_HOME": str(cache)}
    server = NeveServer.start(tmp_path / "data", "--sandbox", sandbox, environ=environ)
    functions = [deploy(server, {file: text}, runtime) for runtime, (file, text) in SDK.items()]
    for function in functions:
        assert "@aws-sdk/client-s3" in function.invoke().value["errorMessage"]
    own = {"node_modules/@aws-sdk/client-s3/index.js": "exports.who = 'the function';"}
    brings = [deploy(server, {file: text, **own}, runtime) for runtime, (file, text) in SDK.items()]
    package = cache / "neve" / "runtimes" / "node-packages-1" / "node_modules" / "@aws-sdk" / "client-s3"
    package.mkdir(parents=True)
    (package / "package.json").write_text('{"name": "@aws-sdk/client-s3", "version": "3.1.0", "main": "index.js"}')
    (package / "index.js").write_text("exports.who = 'Neve';")
    (package.parents[2] / "package.json").write_text('{"dependencies": {"@aws-sdk/client-s3": "*"}}')
    told = server.own("runtimes/look", {"runtime": "aws-sdk-js"})["sdkForJavaScript"]
    assert told == {"path": str(package.parents[2]), "packages": {"@aws-sdk/client-s3": "3.1.0"}}
    assert [function.invoke().value for function in functions] == ["Neve", "Neve"]
    assert [function.invoke().value for function in brings] == ["the function", "the function"]
    server.stop()


def test_an_environment_on_its_own_version_outlives_an_installation(server: NeveServer) -> None:
    function = deploy(server, VERSION, runtime="nodejs24.x")
    function.invoke()
    before = function.wait_frozen()
    server.own("runtimes/look", {"runtime": "nodejs22.x"})
    function.invoke()
    assert function.wait_frozen()["id"] == before["id"]


def test_another_version_and_a_deprecated_runtime_are_said_once_for_a_function(server: NeveServer) -> None:
    with followed(server) as records:
        function = deploy(server, VERSION, runtime="nodejs14.x")
        function.invoke()
        function.renew()
        function.invoke()
        records.wait("platform.report", count=2)
        texts = [record["record"]["text"] for record in records.seen if record["type"] == "neve.notice"]
    assert [text.split(":")[0] for text in texts] == [
        f"nodejs14.x runs on Node.js {wheel_node().version_text}",
        "nodejs14.x is deprecated since 2023-12-04",
    ]
    lines = (server.data_dir.parent / "data.stderr").read_text().splitlines()
    said = [line for line in map(json.loads, lines) if line["action"] == "notice"]
    assert [line["text"] for line in said] == texts
    assert said[0]["function"].endswith(f":function:{function.name}")


def test_deprecated_runtimes_are_refused_when_that_is_set(tmp_path: Path) -> None:
    with running(tmp_path / "data", "--refuse-deprecated") as server:
        with pytest.raises(ClientError, match=r"The runtime parameter of python3\.7 is no longer supported"):
            deploy(server, VERSION, runtime="python3.7")
        assert deploy(server, VERSION, runtime="nodejs24.x").invoke().status == 200
