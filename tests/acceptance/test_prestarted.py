"""Functions whose runtime was started before them: what they see, what they may, and what becomes of runtimes that wait.

Every view is compared with that of the same function on a server that starts everything from nothing.
"""

import os
import signal
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from tests.acceptance import machine
from tests.acceptance.functions import Deployed, deploy, zipped
from tests.acceptance.machine import until
from tests.acceptance.ordinary import running_as_ordinary_user
from tests.acceptance.records import followed
from tests.acceptance.server import NeveServer, running

NODE, CLASSIC, PYTHON = "nodejs24.x", "nodejs20.x", "python3.11"

LOOK_NODE = """
const fs = require('fs');
const attempt = (action) => { try { return String(action()); } catch (error) { return error.code; } };
const tmp = fs.statfsSync('/tmp');
const status = fs.readFileSync('/proc/self/status', 'utf8');
const look = () => ({
  variables: { ...process.env },
  directory: process.cwd(),
  argv: process.argv,
  execArgv: process.execArgv,
  searched: require('module').globalPaths,
  loaded: Object.keys(require.cache),
  code: fs.readdirSync('/var/task'),
  layer: require('of-a-layer'),
  opt: fs.readdirSync('/opt'),
  write: attempt(() => fs.writeFileSync('/var/task/new', '')),
  append: attempt(() => fs.appendFileSync('/var/task/index.js', ' ')) !== 'undefined',
  writeLayer: attempt(() => fs.writeFileSync('/opt/new', '')),
  writeTmp: attempt(() => fs.writeFileSync('/tmp/new', '')),
  tmpMb: Math.round((tmp.blocks * tmp.bsize) / 1048576),
  handles: process._getActiveHandles().length,
  listeners: process.eventNames().map((name) => [String(name), process.listenerCount(name)]).sort(),
  zone: new Date(0).getHours(),
  user: [process.getuid(), require('os').userInfo().username],
  pid: process.pid > 1,
  status: status.split('\\n').filter((line) => /^(Cap|Seccomp:|NoNewPrivs|Uid|Gid|Sig)/.test(line)),
  heap: require('v8').getHeapStatistics().heap_size_limit,
  stack: new Error('here').stack.split('\\n').slice(1).map((line) => line.trim()),
});
const atInit = look();
exports.handler = async (event, context) => ({ atInit, later: look(), memory: context.memoryLimitInMB });
"""
LOOK_PYTHON = """
import os, sys, time
import of_a_layer
def attempt(action):
    try:
        return str(action())
    except OSError as error:
        return error.strerror
def look():
    tmp = os.statvfs("/tmp")
    status = open("/proc/self/status").read().splitlines()
    return {
        "variables": dict(os.environ),
        "directory": os.getcwd(),
        "argv": sys.argv,
        "path": sys.path,
        "loaded": sorted(sys.modules),
        "code": sorted(name for name in os.listdir("/var/task") if name != "__pycache__"),
        "layer": of_a_layer.LAYER,
        "opt": os.listdir("/opt"),
        "write": attempt(lambda: open("/var/task/new", "w").close()),
        "writeLayer": attempt(lambda: open("/opt/new", "w").close()),
        "writeTmp": attempt(lambda: open("/tmp/new", "w").close()),
        "tmpMb": round(tmp.f_blocks * tmp.f_frsize / 1048576),
        "zone": time.timezone,
        "user": os.getuid(),
        "status": [line for line in status if line.startswith(("Cap", "Seccomp:", "NoNewPrivs", "Uid", "Gid", "Sig"))],
    }
at_init = look()
def handler(event, context):
    return {"atInit": at_init, "later": look(), "memory": context.memory_limit_in_mb}
"""
COUNT = "let count = 0;\nexports.handler = async (event) => event.crash ? process.exit(1) : ++count;"


@pytest.fixture(scope="module", params=["root", "ordinary"] if os.geteuid() == 0 else ["ordinary"])
def houses(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[int, NeveServer]]:
    """Two servers with everything isolated, by how many runtimes wait."""
    with ExitStack() as stack:
        made = {}
        for size in (1, 0):
            flags = ("--sandbox", "bubblewrap", "--prestarted", str(size))
            if request.param == "root":
                start = running(tmp_path_factory.mktemp("house") / "data", *flags)
            else:
                start = running_as_ordinary_user(*flags)
            made[size] = stack.enter_context(start)
        assert made[1].own("health")["prestarted"]["refused"] is None
        yield made


@pytest.fixture
def house(houses: dict[int, NeveServer]) -> NeveServer:
    """The server with waiting runtimes."""
    return houses[1]


def waiting(server: NeveServer, runtime: str, memory_mb: int | None = None) -> list[int]:
    """The processes of waiting runtimes."""
    kinds = server.own("environments")["prestarted"]
    return [pid for kind in kinds if (kind["runtime"], kind["memory"]) == (runtime, memory_mb) for pid in kind["pids"]]


def wait_for_one(server: NeveServer, runtime: str, memory_mb: int | None = None) -> int:
    """The process of a waiting runtime, once there is one."""
    until(lambda: bool(waiting(server, runtime, memory_mb)), f"no {runtime} waits")
    return waiting(server, runtime, memory_mb)[0]


def cold(function: Deployed, event: object = None) -> tuple[Any, bool]:
    """The answer of a first invocation, and whether its runtime had waited."""
    with followed(function.server) as records:
        answer = function.invoke(event)
        assert answer.error is None, answer.payload
        began = records.wait("neve.environmentStarted", lambda record: record["function"] == function.name)
    return answer.value, began["record"]["prestarted"]


def with_layer(server: NeveServer, files: Mapping[str, str]) -> str:
    """The ARN of a new layer version."""
    content = {"ZipFile": zipped(files)}
    return str(server.client("lambda").publish_layer_version(LayerName="look", Content=content)["LayerVersionArn"])


def view(server: NeveServer, runtime: str, waits: bool = True) -> dict[str, Any]:
    """What a function sees on this server, where its runtime had waited or not."""
    memory_mb = None if runtime == PYTHON else 256
    if runtime == PYTHON:
        program, layer = {"index.py": LOOK_PYTHON}, {"python/of_a_layer.py": "LAYER = 'layer'"}
    else:
        program, layer = (
            {"index.js": LOOK_NODE},
            {"nodejs/node_modules/of-a-layer/index.js": "module.exports = 'layer'"},
        )
    function = deploy(
        server,
        program,
        runtime,
        MemorySize=256,
        EphemeralStorage={"Size": 700},
        Environment={"Variables": {"TZ": "Asia/Tokyo", "OWN": "two words", "NODE_ENV": "production", "HOME": "/tmp"}},
        Layers=[with_layer(server, layer)],
    )
    if waits:
        wait_for_one(server, runtime, memory_mb)
    value, waited = cold(function)
    assert waited == waits
    function.delete()
    assert isinstance(value, dict)
    return value


def comparable(seen: dict[str, Any]) -> dict[str, Any]:
    """Without what differs between any two environments."""
    own = (
        "AWS_LAMBDA_LOG_STREAM_NAME",
        "AWS_LAMBDA_LOG_GROUP_NAME",
        "AWS_LAMBDA_FUNCTION_NAME",
        "AWS_LAMBDA_RUNTIME_API",
    )
    variables = {name: value for name, value in seen["variables"].items() if name not in own}
    variables.pop("_X_AMZN_TRACE_ID", None)
    variables.pop("AWS_ENDPOINT_URL", None)
    return {**seen, "variables": variables}


@pytest.mark.parametrize("runtime", [NODE, CLASSIC, PYTHON])
def test_a_function_sees_the_same_whether_its_runtime_waited_or_not(
    houses: dict[int, NeveServer], runtime: str
) -> None:
    assigned, started = view(houses[1], runtime), view(houses[0], runtime, waits=False)
    assert assigned["memory"] == started["memory"]
    assert started["atInit"]["layer"] == "layer"
    assert started["atInit"]["tmpMb"] == 700
    for moment in ("atInit", "later"):
        expected = comparable(started[moment])
        for what, value in comparable(assigned[moment]).items():
            assert value == expected[what], what
    assert assigned["atInit"]["variables"]["AWS_LAMBDA_LOG_STREAM_NAME"].startswith("20")


@pytest.mark.parametrize(("runtime", "refusal"), [(NODE, "EROFS"), (PYTHON, "Read-only file system")])
def test_code_and_layers_that_came_late_cannot_be_written(house: NeveServer, runtime: str, refusal: str) -> None:
    seen = view(house, runtime)
    assert seen["atInit"]["write"] == seen["atInit"]["writeLayer"] == refusal
    assert seen["atInit"]["writeTmp"] in ("undefined", "None")


def test_an_es_module_runs_in_a_runtime_that_waited(house: NeveServer) -> None:
    program = {
        "index.mjs": "import { a } from './a.mjs'; export const handler = async () => a;",
        "a.mjs": "export const a = 5;",
    }
    function = deploy(house, program, NODE)
    wait_for_one(house, NODE, 128)
    assert cold(function) == (5, True)
    function.delete()


def test_the_report_has_the_init_of_the_function_alone(house: NeveServer) -> None:
    slow = "const end = Date.now() + 60; while (Date.now() < end);\nexports.handler = async () => null;"
    function = deploy(house, {"index.js": slow}, NODE)
    wait_for_one(house, NODE, 128)
    log = function.invoke(tail=True).log or ""
    init_ms = float(log.split("Init Duration: ")[1].split(" ms")[0])
    assert init_ms >= 60
    assert any("INIT_START" in line for line in function.log_lines())
    function.delete()


def test_a_crash_resets_an_environment_whose_runtime_had_waited(house: NeveServer) -> None:
    function = deploy(house, {"index.js": COUNT}, NODE)
    wait_for_one(house, NODE, 128)
    assert cold(function) == (1, True)
    before = function.wait_frozen()
    assert function.invoke({"crash": True}).error == "Unhandled"
    assert function.invoke().value == 1  # the module was loaded again, from nothing
    assert function.wait_frozen()["id"] == before["id"]
    function.delete()


def test_too_much_memory_ends_it_by_the_limit_of_the_function(house: NeveServer) -> None:
    hoard = "exports.handler = async () => { const held = []; while (true) held.push(Buffer.alloc(1 << 20, 1)); };"
    function = deploy(house, {"index.js": hoard}, NODE, MemorySize=160)
    wait_for_one(house, NODE, 160)
    with followed(house) as records:
        answer = function.invoke(tail=True)
        began = records.wait("neve.environmentStarted", lambda record: record["function"] == function.name)
    assert began["record"]["prestarted"]
    assert b"Runtime.OutOfMemory" in answer.payload
    assert "Max Memory Used: 160 MB" in (answer.log or "")
    function.delete()


@pytest.mark.parametrize(
    "variables",
    [{"NODE_OPTIONS": "--stack-trace-limit=3"}, {"LANG": "C"}, {"AWS_LAMBDA_EXEC_WRAPPER": "/var/task/wrapper"}],
)
def test_a_function_that_must_be_started_with_its_variables_is(house: NeveServer, variables: dict[str, str]) -> None:
    code = "exports.handler = async () => [Error.stackTraceLimit, process.env.LANG, process.env.WRAPPED];"
    files = {"index.js": code, "wrapper": '#!/bin/sh\nWRAPPED=yes exec "$@"\n'}
    function = deploy(house, files, NODE, executable=True, Environment={"Variables": variables})
    wait_for_one(house, NODE, 128)
    (limit, language, wrapped), waited = cold(function)
    assert not waited
    assert (limit == 3) == ("NODE_OPTIONS" in variables)
    assert (language == "C") == ("LANG" in variables)
    assert (wrapped == "yes") == ("AWS_LAMBDA_EXEC_WRAPPER" in variables)
    function.delete()


def test_a_waiting_runtime_does_not_run(house: NeveServer) -> None:
    function = deploy(house, {"index.js": COUNT}, NODE)
    pid = wait_for_one(house, NODE, 128)
    before = machine.turns(pid)
    function.invoke()
    function.invoke()
    if waiting(house, NODE, 128) == [pid]:  # nobody has taken it meanwhile
        assert machine.turns(pid) == before
    function.delete()


def test_one_that_dies_while_it_waits_is_replaced(house: NeveServer) -> None:
    function = deploy(house, {"index.js": COUNT}, NODE, MemorySize=192)
    pid = wait_for_one(house, NODE, 192)
    os.kill(pid, signal.SIGKILL)
    until(lambda: pid not in waiting(house, NODE, 192), "the dead one is still counted")
    assert function.invoke().value == 1
    assert wait_for_one(house, NODE, 192) != pid
    function.delete()


def test_nothing_of_a_kind_waits_when_no_function_has_it(house: NeveServer) -> None:
    function = deploy(house, {"index.js": COUNT}, NODE, MemorySize=224)
    pid = wait_for_one(house, NODE, 224)
    function.delete()
    until(lambda: not waiting(house, NODE, 224), "it still waits")
    until(lambda: machine.started(pid) is None, "its process is still there")


@pytest.mark.parametrize("end", ["stop", "kill"])
def test_nothing_of_what_waits_is_left_after_the_end(tmp_path: Path, end: str) -> None:
    with running(tmp_path / "data", "--prestarted", "2") as server:
        neve = server.process.pid
        deploy(server, {"index.js": COUNT}, NODE)
        until(lambda: len(waiting(server, NODE, 128)) == 2, "two do not wait")
        pids = waiting(server, NODE, 128)
        server.stop() if end == "stop" else server.kill()
    if end == "kill":
        with running(tmp_path / "data"):  # sweeps what the other left
            until(lambda: not machine.cgroups_of(neve), "cgroups are left")
    until(lambda: all(machine.started(pid) is None for pid in pids), "waiting runtimes are left")
    assert not machine.cgroups_of(neve)
    assert not list(Path("/tmp").glob(f"neve-{neve}-*"))


def test_where_nothing_is_isolated_runtimes_wait_too(tmp_path: Path) -> None:
    with running(tmp_path / "data", "--sandbox", "bare", "--prestarted", "1") as server:
        code = "exports.handler = async () => [process.cwd(), __dirname, require('of-a-layer'), process.env.LD_LIBRARY_PATH];"
        layer = with_layer(server, {"nodejs/node_modules/of-a-layer/index.js": "module.exports = 'layer'"})
        function = deploy(server, {"index.js": code}, NODE, Layers=[layer])
        wait_for_one(server, NODE, 128)
        (directory, code_directory, found, libraries), waited = cold(function)
        assert waited
        assert directory == code_directory
        assert found == "layer"
        assert libraries.startswith(f"{directory}:")
