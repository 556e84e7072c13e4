"""External extensions from layers: what they see of an environment's life, in order, and what their failures do."""

import re
import time
from pathlib import Path

import pytest
from tests.acceptance import extensions
from tests.acceptance.conftest import Deploy
from tests.acceptance.extensions import words
from tests.acceptance.functions import Deployed, deploy, zipped
from tests.acceptance.lines import report_of, start_of
from tests.acceptance.machine import until
from tests.acceptance.server import NeveServer, running
from tests.dataplane.runtime_api import python_client

NODE = "exports.handler = async (event) => { console.log('handler'); return event; };"
KEEPS = """
const fs = require('node:fs');
let count = 0;
exports.handler = async (event) => {
  if (event.exit) process.exit(3);
  if (event.sleep) await new Promise((done) => setTimeout(done, event.sleep));
  const kept = `/tmp/${process.env.AWS_LAMBDA_FUNCTION_NAME}`;
  const before = fs.existsSync(kept) ? fs.readFileSync(kept, 'utf8') : '';
  fs.writeFileSync(kept, before + 'x');
  return { count: ++count, kept: before };
};
"""
SIGTERM_NODE = "process.on('SIGTERM', () => { console.log('asked to go'); process.exit(0); });" + NODE
SIGTERM_PYTHON = """
import signal, sys
def go(*_):
    print("asked to go", flush=True)
    sys.exit(0)
signal.signal(signal.SIGTERM, go)
def handler(event, context):
    return event
"""
STUBBORN_NODE = "process.on('SIGTERM', () => console.log('asked to go')); setInterval(() => {}, 5);" + NODE
INTERNAL_NODE = """
import http from 'node:http';
const [host, port] = process.env.AWS_LAMBDA_RUNTIME_API.split(':');
const call = (method, path, headers, body) => new Promise((done, failed) => {
  const request = http.request({ host, port, method, path: `/2020-01-01/extension/${path}`, headers }, (answer) => {
    answer.resume().on('end', () => done(answer));
  });
  request.on('error', failed);
  request.end(body);
});
const registered = await call('POST', 'register', { 'Lambda-Extension-Name': 'inside' }, '{"events":["INVOKE"]}');
const me = { 'Lambda-Extension-Identifier': registered.headers['lambda-extension-identifier'] };
(async () => { for (;;) await call('GET', 'event/next', me); })().catch(() => {});
process.on('SIGTERM', () => console.log('asked to go'));
export const handler = async (event) => event;
"""


def failure(request_id: str, error_type: str, text: str) -> dict[str, str]:
    return {"errorType": error_type, "errorMessage": f"RequestId: {request_id} Error: {text}"}


def init_reports(lines: list[str]) -> list[str]:
    """What follows the duration of each INIT_REPORT."""
    return [re.sub(r"^INIT_REPORT Init Duration: [0-9.]+ ms\t", "", line) for line in lines if "INIT_REPORT" in line]


def wait_down(function: Deployed) -> None:
    """Until the one environment has been reset."""
    until(lambda: [each["state"] for each in function.environments()] == ["down"], f"{function.name} is not reset")


# In order


def test_an_extension_in_python_hears_of_the_whole_life_in_order(neve: NeveServer, deployed: Deploy) -> None:
    function = deployed({"index.js": NODE}, Layers=[extensions.layer(neve, {"watcher": extensions.python()})])
    first = function.invoke({"n": 1})
    function.wait_frozen()
    second = function.invoke({"n": 2})
    assert (first.value, second.value) == ({"n": 1}, {"n": 2})
    function.renew()
    lines = function.log_lines()
    *heard, last = words(lines, "watcher")
    assert heard == [
        f"REGISTER {function.name} $LATEST index.handler",
        f"INVOKE {first.request_id}",
        f"INVOKE {second.request_id}",
    ]
    assert re.fullmatch(r"SHUTDOWN spindown (1\.\d|2\.0)", last)
    registered = next(line for line in lines if "REGISTER" in line)
    assert lines.index(registered) < lines.index(start_of(first.request_id))


def test_an_extension_of_shell_and_curl_hears_the_same(neve: NeveServer, deployed: Deploy) -> None:
    function = deployed({"index.js": NODE}, Layers=[extensions.layer(neve, {"watcher.sh": extensions.SHELL})])
    for _ in range(2):
        function.invoke()
        function.wait_frozen()
    function.renew()
    assert words(function.log_lines(), "watcher.sh") == ["REGISTER", "INVOKE", "INVOKE", "SHUTDOWN"]


def test_two_extensions_hear_what_each_registered_for(neve: NeveServer, deployed: Deploy) -> None:
    files = {"busy": extensions.python(), "late": extensions.python('["SHUTDOWN"]'), "idle": extensions.python("[]")}
    function = deployed({"index.js": NODE}, Layers=[extensions.layer(neve, files)])
    for _ in range(2):
        function.invoke()
        function.wait_frozen()
    function.renew()
    lines = function.log_lines()
    heard = {name: [line.split()[0] for line in words(lines, name)] for name in files}
    assert heard == {
        "busy": ["REGISTER", "INVOKE", "INVOKE", "SHUTDOWN"],
        "late": ["REGISTER", "SHUTDOWN"],
        "idle": ["REGISTER"],
    }


NODE_EXTENSION = """#!/usr/bin/env node
const http = require('node:http');
const [host, port] = process.env.AWS_LAMBDA_RUNTIME_API.split(':');
const call = (method, path, headers, body) => new Promise((done, failed) => {
  http.request({ host, port, method, path: `/2020-01-01/extension/${path}`, headers }, (answer) => {
    answer.resume().on('end', () => done(answer.headers));
  }).on('error', failed).end(body);
});
(async () => {
  const told = await call('POST', 'register', { 'Lambda-Extension-Name': 'script' }, '{"events":[]}');
  console.log(`script: ${process.execPath}`);
  await call('GET', 'event/next', { 'Lambda-Extension-Identifier': told['lambda-extension-identifier'] });
})();
"""


def test_an_extension_in_the_functions_language_is_run_by_its_interpreter(neve: NeveServer, deployed: Deploy) -> None:
    program = {"index.js": "exports.handler = async () => process.execPath;"}
    function = deployed(program, Layers=[extensions.layer(neve, {"script": NODE_EXTENSION})])
    binary = function.invoke().value
    assert words(function.log_lines(), "script") == [binary]


def test_the_extension_of_a_later_layer_takes_the_place_of_one_before(neve: NeveServer, deployed: Deploy) -> None:
    below = extensions.layer(neve, {"a": extensions.python(), "b": "#!/bin/sh\nexit 9\n"}, "below")
    above = extensions.layer(neve, {"b": extensions.python(after="say('from above')")}, "above")
    function = deployed({"index.js": NODE}, Layers=[below, above])
    assert function.invoke({"n": 1}).value == {"n": 1}
    assert "from above" in words(function.log_lines(), "b")


def test_an_extension_has_its_own_view_of_the_variables(neve: NeveServer, deployed: Deploy) -> None:
    names = (
        "AWS_LAMBDA_FUNCTION_NAME AWS_REGION MINE _HANDLER LAMBDA_TASK_ROOT AWS_LAMBDA_LOG_GROUP_NAME AWS_EXECUTION_ENV"
    )
    look = f"say([name for name in '{names}'.split() if name in os.environ], os.environ['MINE'])"
    function = deployed(
        {"index.js": NODE},
        Layers=[extensions.layer(neve, {"looks": extensions.python(before=look)})],
        Environment={"Variables": {"MINE": "a 'b' $c"}},
    )
    function.invoke()
    assert words(function.log_lines(), "looks")[0] == "['AWS_LAMBDA_FUNCTION_NAME', 'AWS_REGION', 'MINE'] a 'b' $c"


def test_an_extension_stands_still_between_invocations(neve: NeveServer, deployed: Deploy) -> None:
    ticking = "import threading; threading.Thread(target=tick, daemon=True).start()"
    program = extensions.python(before=ticking).replace("def on_invoke", TICK + "\ndef on_invoke", 1)
    reads = "exports.handler = async () => Number(require('node:fs').readFileSync('/tmp/ticks', 'utf8'));"
    function = deployed({"index.js": reads}, Layers=[extensions.layer(neve, {"ticks": program})])
    function.invoke()
    function.wait_overdue(0)
    before = function.invoke().value
    function.wait_overdue(0.5)
    assert function.invoke().value - before < 50  # of 100, had it gone on


TICK = """
def tick():
    count = 0
    while True:
        with open("/tmp/ticks.new", "w") as file:
            file.write(str(count))
        os.rename("/tmp/ticks.new", "/tmp/ticks")
        count += 1
        time.sleep(0.005)
"""


# Beside other runtimes

BOOTSTRAP = """#!/bin/sh
api="http://$AWS_LAMBDA_RUNTIME_API/2018-06-01/runtime"
while :; do
  event=$(curl -sS -D /tmp/head "$api/invocation/next") || exit 1
  id=$(tr -d '\\r' < /tmp/head | sed -n 's/^Lambda-Runtime-Aws-Request-Id: //Ip')
  curl -sS -o /dev/null -d "{\\"echo\\":$event}" "$api/invocation/$id/response"
done
"""


WRAPPER = '#!/bin/sh\nexport FROM_WRAPPER=1\nexec "$@"\n'


def test_a_bootstrap_of_shell_and_curl_has_an_extension_beside_it(neve: NeveServer, deployed: Deploy) -> None:
    layer = extensions.layer(neve, {"watcher": extensions.python()})
    function = deployed({"bootstrap": BOOTSTRAP}, "provided.al2023", "none", executable=True, Layers=[layer])
    for n in (1, 2):
        assert function.invoke({"n": n}).value == {"echo": {"n": n}}
        function.wait_frozen()
    function.renew()
    assert [line.split()[0] for line in words(function.log_lines(), "watcher")] == [
        *("REGISTER", "INVOKE", "INVOKE", "SHUTDOWN")
    ]


def test_a_wrapper_starts_the_runtime_beside_an_extension(neve: NeveServer, deployed: Deploy) -> None:
    root = "/var/task" if neve.own("health")["sandbox"] != "bare" else "."
    function = deployed(
        {"wrapper.sh": WRAPPER, "index.js": "exports.handler = async () => process.env.FROM_WRAPPER;"},
        executable=True,
        Layers=[extensions.layer(neve, {"watcher": extensions.python()})],
        Environment={"Variables": {"AWS_LAMBDA_EXEC_WRAPPER": f"{root}/wrapper.sh"}},
    )
    assert function.invoke().value == "1"
    function.wait_frozen()
    assert len(words(function.log_lines(), "watcher")) == 2


CLIENT_BOOTSTRAP = '#!/bin/sh\nexec /usr/bin/python3 -m awslambdaric "$_HANDLER"\n'
CLIENT_HANDLER = (
    "def handler(event, context):\n    print('handler')\n    return {'arn': context.invoked_function_arn, **event}\n"
)


def test_awss_own_python_client_is_a_custom_runtime_with_an_extension_beside_it(
    neve: NeveServer, deployed: Deploy
) -> None:
    packages = python_client.packages("/usr/bin/python3")
    client = {str(path.relative_to(packages)): path.read_bytes() for path in packages.rglob("*") if path.is_file()}
    function = deployed(
        {"bootstrap": CLIENT_BOOTSTRAP, "app.py": CLIENT_HANDLER, **client},
        "provided.al2023",
        "app.handler",
        executable=True,
        Layers=[extensions.layer(neve, {"watcher": extensions.python()})],
    )
    for n in (1, 2):
        answer = function.invoke({"n": n})
        assert answer.value == {"arn": f"arn:aws:lambda:us-east-1:000000000000:function:{function.name}", "n": n}
        function.wait_frozen()
    function.renew()
    lines = function.log_lines()
    assert lines.count("handler") == 2
    assert [line.split()[0] for line in words(lines, "watcher")] == ["REGISTER", "INVOKE", "INVOKE", "SHUTDOWN"]


# Failing

CRASHES = {
    "before it registers": ("#!/bin/sh\nexit 7\n", "Extension.Crash", "exit code 7"),
    "without an error": ("#!/bin/sh\nexit 0\n", "Extension.Crash", "exit code 0"),
    "by a signal": ("#!/bin/sh\nkill -9 $$\n", "Extension.Crash", "signal: killed"),
    "after it registered": (extensions.python(after="sys.exit(4)"), "Extension.Crash", "exit code 4"),
    "and says so": (
        extensions.python(after="fail('init/error'); sys.exit(1)"),
        "Extension.InitError",
        "exit code 1",
    ),
}


@pytest.mark.parametrize("case", CRASHES)
def test_an_extension_that_ends_in_the_init_phase_fails_it_twice(neve: NeveServer, deployed: Deploy, case: str) -> None:
    program, error_type, text = CRASHES[case]
    function = deployed({"index.js": NODE}, Layers=[extensions.layer(neve, {"broken": program})])
    answer = function.invoke()
    assert answer.error == "Unhandled"
    assert answer.value == failure(answer.request_id, error_type, text)
    function.wait_line("REPORT RequestId")
    lines = function.log_lines()
    assert init_reports(lines) == [
        f"Phase: init\tStatus: error\tError Type: {error_type}",
        f"Phase: invoke\tStatus: error\tError Type: {error_type}",
    ]
    report = report_of(lines, answer.request_id)
    assert (report.status, report.error_type) == ("error", error_type)
    assert "handler" not in lines


def test_an_extension_without_the_right_to_execute_is_a_launch_error(neve: NeveServer, deployed: Deploy) -> None:
    content = {"ZipFile": zipped({"extensions/forgotten": extensions.SHELL}, executable=False)}
    layer = neve.client("lambda").publish_layer_version(LayerName="forgotten", Content=content)["LayerVersionArn"]
    function = deployed({"index.js": NODE}, Layers=[layer])
    answer = function.invoke()
    assert answer.value["errorType"] == "Extension.LaunchError"
    assert re.fullmatch(
        rf"RequestId: {answer.request_id} Error: fork/exec /.*/extensions/forgotten: permission denied",
        answer.value["errorMessage"],
    )
    function.wait_line("REPORT RequestId")
    assert init_reports(function.log_lines())[0] == "Phase: init\tStatus: error\tError Type: Extension.LaunchError"


@pytest.mark.parametrize(
    ("on_invoke", "error_type"),
    [
        ("sys.exit(2)", "Extension.Crash"),
        ("fail('exit/error'), sys.exit(2)", "Extension.ExitError"),
    ],
)
def test_an_extension_that_ends_later_fails_the_invocation_and_resets(
    neve: NeveServer, deployed: Deploy, on_invoke: str, error_type: str
) -> None:
    program = extensions.python(
        on_invoke=f"os.path.exists('/tmp/well') or ({on_invoke})".replace("; ", " and None or ")
    )
    function = deployed({"index.js": KEEPS}, Layers=[extensions.layer(neve, {"frail": program})])
    answer = function.invoke({"sleep": 20_000})
    assert answer.value == failure(answer.request_id, error_type, "exit code 2")
    wait_down(function)


def test_an_extension_that_takes_too_much_memory_is_told_as_such(neve: NeveServer, deployed: Deploy) -> None:
    program = extensions.python(on_invoke="held = bytearray(b'x') * 400_000_000")
    function = deployed({"index.js": KEEPS}, Layers=[extensions.layer(neve, {"greedy": program})])
    answer = function.invoke({"sleep": 20_000})
    assert answer.value == failure(
        answer.request_id, "Runtime.OutOfMemory", "Runtime exited with error: signal: killed"
    )


def test_a_reset_keeps_tmp_and_starts_everything_again(neve: NeveServer, deployed: Deploy) -> None:
    function = deployed({"index.js": KEEPS}, Layers=[extensions.layer(neve, {"watcher": extensions.python()})])
    assert function.invoke().value == {"count": 1, "kept": ""}
    function.wait_frozen()
    crashed = function.invoke({"exit": True})
    assert crashed.value == failure(crashed.request_id, "Runtime.ExitError", "Runtime exited with error: exit status 3")
    wait_down(function)
    assert function.invoke().value == {"count": 1, "kept": "x"}
    heard = words(function.log_lines(), "watcher")
    assert [" ".join(line.split()[:2]) for line in heard if not line.startswith("INVOKE")] == [
        f"REGISTER {function.name}",
        "SHUTDOWN failure",
        f"REGISTER {function.name}",
    ]


def test_a_timeout_is_answered_at_once_while_extensions_have_their_time(neve: NeveServer, deployed: Deploy) -> None:
    program = extensions.python(on_shutdown="time.sleep(1); say('done')")
    function = deployed({"index.js": KEEPS}, timeout_s=1, Layers=[extensions.layer(neve, {"slow": program})])
    function.invoke()
    function.wait_frozen()
    answer = function.invoke({"sleep": 20_000})
    assert [each["state"] for each in function.environments()] == ["resetting"]
    assert answer.value == failure(answer.request_id, "Sandbox.Timedout", "Task timed out after 1.00 seconds")
    wait_down(function)
    heard = words(function.log_lines(), "slow")
    assert [line.split()[0] for line in heard] == ["REGISTER", "INVOKE", "INVOKE", "SHUTDOWN", "done"]
    assert heard[-2].startswith("SHUTDOWN timeout ")
    assert function.invoke().value == {"count": 1, "kept": "x"}


def test_the_time_of_an_invocation_covers_its_extensions(neve: NeveServer, deployed: Deploy) -> None:
    """The caller has its answer; the invocation ends with a timeout."""
    program = extensions.python(on_invoke="time.sleep(20)")
    function = deployed({"index.js": NODE}, timeout_s=1, Layers=[extensions.layer(neve, {"stuck": program})])
    answer = function.invoke({"n": 1})
    assert [each["state"] for each in function.environments()] == ["draining"]
    assert (answer.error, answer.value) == (None, {"n": 1})
    function.wait_line("REPORT RequestId")
    report = report_of(function.log_lines(), answer.request_id)
    assert (report.status, report.duration_ms) == ("timeout", 1000.0)


def test_the_duration_covers_extensions_and_the_answer_does_not_wait(neve: NeveServer, deployed: Deploy) -> None:
    program = extensions.python(before="calls = []", on_invoke="calls.append(1); time.sleep(len(calls) - 1)")
    function = deployed({"index.js": NODE}, Layers=[extensions.layer(neve, {"slow": program})])
    function.invoke()
    function.wait_frozen()
    answer = function.invoke()
    assert [each["state"] for each in function.environments()] == ["draining"]
    function.wait_frozen()
    assert report_of(function.log_lines(), answer.request_id).duration_ms >= 1000.0


SILENT = {
    "never registers": extensions.python(before="time.sleep(60)"),
    "never asks": extensions.python(after="time.sleep(60)"),
}


@pytest.mark.parametrize("case", SILENT)
def test_an_extension_that_is_silent_uses_up_the_init_phase_and_the_invocation(tmp_path: Path, case: str) -> None:
    with running(tmp_path / "data", "--init-seconds", "1") as neve:
        layer = extensions.layer(neve, {"silent": SILENT[case]})
        function = deploy(neve, {"index.js": NODE}, timeout_s=1, Layers=[layer])
        answer = function.invoke()
        assert answer.value == failure(answer.request_id, "Sandbox.Timedout", "Task timed out after 1.00 seconds")
        function.wait_line("REPORT RequestId")
        reports = init_reports(function.log_lines())
        assert reports == ["Phase: init\tStatus: timeout", "Phase: invoke\tStatus: timeout"]


# Shutting down


@pytest.mark.parametrize(
    ("file", "program", "runtime"),
    [("index.js", SIGTERM_NODE, "nodejs22.x"), ("index.py", SIGTERM_PYTHON, "python3.13")],
    ids=["node", "python"],
)
@pytest.mark.parametrize("extended", [True, False], ids=["with", "without"])
def test_a_function_is_asked_to_go_only_where_there_is_an_extension(
    neve: NeveServer, deployed: Deploy, file: str, program: str, runtime: str, extended: bool
) -> None:
    layers = [extensions.layer(neve, {"watcher": extensions.python()})] if extended else []
    function = deployed({file: program}, runtime, Layers=layers)
    function.invoke()
    function.renew()
    assert ("asked to go" in "\n".join(function.log_lines())) == extended


def test_a_function_that_does_not_go_leaves_the_rest_of_the_time_to_its_extensions(
    neve: NeveServer, deployed: Deploy
) -> None:
    function = deployed({"index.js": STUBBORN_NODE}, Layers=[extensions.layer(neve, {"watcher": extensions.python()})])
    function.invoke()
    function.renew()
    lines = function.log_lines()
    assert "asked to go" in "\n".join(lines)
    left_s = float(words(lines, "watcher")[-1].split()[-1])
    assert 1.0 < left_s <= 1.7


def test_an_extension_that_does_not_go_is_killed_after_two_seconds(neve: NeveServer, deployed: Deploy) -> None:
    program = extensions.python(on_shutdown="time.sleep(60); say('too late')")
    function = deployed({"index.js": NODE}, Layers=[extensions.layer(neve, {"slow": program})])
    function.invoke()
    function.wait_frozen()
    began = time.monotonic()
    function.renew()
    assert 1.9 < time.monotonic() - began < 20.0
    assert "too late" not in words(function.log_lines(), "slow")


def test_an_internal_extension_gives_the_function_half_a_second(neve: NeveServer, deployed: Deploy) -> None:
    function = deployed({"index.mjs": INTERNAL_NODE})
    assert function.invoke({"n": 1}).value == {"n": 1}
    function.wait_frozen()
    began = time.monotonic()
    function.renew()
    assert 0.4 < time.monotonic() - began < 10.0
    assert "asked to go" in "\n".join(function.log_lines())


def test_a_server_that_stops_gives_all_environments_their_time_at_once(tmp_path: Path) -> None:
    with running(tmp_path / "data") as neve:
        program = extensions.python(on_shutdown="time.sleep(60)")
        layer = extensions.layer(neve, {"slow": program})
        function = deploy(neve, {"index.js": KEEPS}, Layers=[layer])
        begun = [function.begin({"sleep": 1000}) for _ in range(6)]
        assert [each.result().error for each in begun] == [None] * 6
        assert len(function.environments()) == 6
        began = time.monotonic()
        assert neve.stop() == 0
        assert time.monotonic() - began < 10.0  # one after the other they would take 12 s
