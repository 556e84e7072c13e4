"""A pre-started client that was assigned: what user code can see is what it sees in a client that was started for it."""

import json
from pathlib import Path
from typing import Any

from tests.runtimes.python.scripted import INIT_ERROR, Start

LOOK = """
import locale, os, subprocess, sys, threading, time
OF_THE_SHELL = ("PWD", "OLDPWD", "SHLVL", "_")
def look():
    return {
        "variables": {name: os.environ[name] for name in os.environ if name not in OF_THE_SHELL},
        "directory": os.getcwd(),
        "argv": sys.argv,
        "path": sys.path,
        "flags": str(sys.flags),
        "loaded": sorted(name for name in sys.modules if not name.startswith("neve_runtime")),
        "finders": [type(finder).__name__ for finder in sys.meta_path],
        "streams": [sys.stdout.encoding, sys.stderr.encoding, type(sys.stdout).__name__, sys.getfilesystemencoding()],
        "zone": [time.tzname, time.timezone],
        "locale": locale.setlocale(locale.LC_CTYPE),
        "home": os.path.expanduser("~"),
        "threads": threading.active_count(),
        "descriptors": [fd for fd in os.listdir("/proc/self/fd") if int(fd) < 4],
        "child": sorted(
            line for line in subprocess.run(["/usr/bin/env"], stdout=-1).stdout.decode().splitlines()
            if line.split("=")[0] not in OF_THE_SHELL
        ),
    }
at_init = look()
def handler(event, context):
    return {"at_init": at_init, "later": look()}
"""


def seen(python: str, start: Start, task_root: Path, prestarted: bool) -> dict[str, Any]:
    """What the function sees."""
    at_start = {"LANG": "en_US.UTF-8", "LC_CTYPE": "C.UTF-8"}  # these have to be known
    variables = {"LAMBDA_TASK_ROOT": str(task_root), "TZ": "Asia/Tokyo", "OWN": "two words", **at_start}
    if prestarted:
        runtime = start(python, LOOK, _NEVE_PRESTARTED="1", TZ=":UTC", ONLY_WHILE_WAITING="1", **at_start)
        runtime.assign({"_HANDLER": "app.handler", **variables}, task_root)
    else:
        runtime = start(python, LOOK, **variables)
    runtime.wait_next()
    value: dict[str, Any] = runtime.result()
    runtime.end()
    return value


def test_an_assigned_function_sees_what_one_sees_that_was_started(python: str, start: Start, tmp_path: Path) -> None:
    started, assigned = (seen(python, start, tmp_path, prestarted) for prestarted in (False, True))
    assert started["at_init"]["variables"]["OWN"] == "two words"
    assert started["at_init"]["zone"][1] == -9 * 3600
    for moment in ("at_init", "later"):
        for what, value in started[moment].items():
            assert assigned[moment][what] == value, what


def test_an_assigned_function_without_a_module_fails_as_one_that_was_started(
    python: str, start: Start, tmp_path: Path
) -> None:
    runtime = start(python, _NEVE_PRESTARTED="1")
    runtime.assign({"_HANDLER": "missing.handler", "LAMBDA_TASK_ROOT": str(tmp_path)}, tmp_path)
    kind, header, body = runtime.receive()
    assert (kind, header["type"]) == (INIT_ERROR, "Runtime.ImportModuleError")
    assert "No module named 'missing'" in json.loads(body)["errorMessage"]
    assert runtime.process.wait(10) == 1


def test_a_waiting_client_ends_when_neve_does(python: str, start: Start) -> None:
    runtime = start(python, _NEVE_PRESTARTED="1")
    assert runtime.end() == 0


def test_marks_of_the_sandbox_stay(python: str, start: Start, tmp_path: Path) -> None:
    source = "import os\ndef handler(event, context): return os.environ.get('_NEVE_ENVIRONMENT')\n"
    runtime = start(python, source, _NEVE_PRESTARTED="1", _NEVE_ENVIRONMENT="mark")
    runtime.assign({"_HANDLER": "app.handler", "LAMBDA_TASK_ROOT": str(tmp_path)}, tmp_path)
    runtime.wait_next()
    assert runtime.result() == "mark"
