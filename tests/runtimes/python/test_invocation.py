"""What comes of an invocation: results, errors, the end of the process (facts §2, §3)."""

import json
import os
import signal
import time
from pathlib import Path

import pytest
from tests.runtimes.python.scripted import ERROR, RESPONSE, Start

ECHO = "def handler(event, context): return event\n"


def evaluate(expression: str, imports: str = "") -> str:
    """The source of a handler that returns the value of an expression."""
    return f"{imports}\ndef handler(event, context): return {expression}\n"


def test_events_are_answered_one_after_the_other(python: str, start: Start) -> None:
    runtime = start(python, ECHO)
    runtime.wait_next()
    for number in range(5):
        kind, header, body = runtime.invoke({"n": number}, f"r-{number}")
        assert (kind, header, json.loads(body)) == (RESPONSE, {"id": f"r-{number}"}, {"n": number})


def test_six_megabytes_go_in_and_out(python: str, start: Start) -> None:
    runtime = start(python, ECHO)
    runtime.wait_next()
    text = "x" * 6_000_000
    assert runtime.result(text) == text


@pytest.mark.parametrize(
    ("expression", "imports", "body"),
    [
        ("None", "", b"null"),
        ("b'\\xff\\x00raw'", "", b"\xff\x00raw"),
        ("{'a': (1, 2.5, None)}", "", b'{"a": [1, 2.5, null]}'),
        ("[float('nan'), float('inf')]", "", b"[NaN, Infinity]"),
        ("[D('1.10'), D('NaN'), D('1E+3'), D('12345678901234567890.1')]", "from decimal import Decimal as D",
         b"[1.10, NaN, 1E+3, 12345678901234567890.1]"),
        ("{D('1.10'): 1, b'k': b'v', 5: True, None: 0}", "from decimal import Decimal as D",
         b'{"1.10": 1, "k": "v", "5": true, "null": 0}'),
        ("[P(1, P(2, 3))]", "from collections import namedtuple\nP = namedtuple('P', 'x y')",
         b'[{"x": 1, "y": {"x": 2, "y": 3}}]'),
    ],
)  # fmt: skip
def test_results_are_written_as_simplejson_would(
    python: str, start: Start, expression: str, imports: str, body: bytes
) -> None:
    runtime = start(python, evaluate(expression, imports))
    runtime.wait_next()
    kind, _, answer = runtime.invoke()
    assert (kind, answer) == (RESPONSE, body)


def test_other_scripts_are_raw_from_python_3_12_on(python: str, start: Start) -> None:
    runtime = start(python, "import sys\ndef handler(event, context): return [sys.version_info[1], 'né']\n")
    runtime.wait_next()
    _, _, body = runtime.invoke()
    minor = json.loads(body)[0]
    assert body == (f'[{minor}, "né"]'.encode() if minor >= 12 else f'[{minor}, "n\\u00e9"]'.encode())


@pytest.mark.parametrize(
    ("expression", "reason"),
    [
        ("{1, 2}", "Object of type set is not JSON serializable"),
        ("(lambda: (yield))()", "Object of type generator is not JSON serializable"),
        ("circle()", "Circular reference detected"),
    ],
)
def test_what_is_no_json_is_a_marshal_error(python: str, start: Start, expression: str, reason: str) -> None:
    runtime = start(python, evaluate(expression, "def circle():\n    a = []\n    a.append(a)\n    return a"))
    runtime.wait_next()
    error = runtime.error()
    assert error["errorType"] == "Runtime.MarshalError"
    assert error["errorMessage"] == f"Unable to marshal response: {reason}"
    assert error["stackTrace"] == []


def test_an_async_handler_is_not_awaited(python: str, start: Start) -> None:
    runtime = start(python, "async def handler(event, context): return 1\n")
    runtime.wait_next()
    assert runtime.error()["errorMessage"].endswith("Object of type coroutine is not JSON serializable")


def test_an_event_that_is_no_json_is_an_unmarshal_error(python: str, start: Start) -> None:
    runtime = start(python, ECHO)
    runtime.wait_next()
    runtime.send(b"{")
    kind, header, body = runtime.receive()
    assert (kind, header["type"]) == (ERROR, "Runtime.UnmarshalError")
    assert json.loads(body)["errorMessage"].startswith("Unable to unmarshal input: ")


def test_an_exception_is_reported_with_the_users_frames_only(python: str, start: Start, tmp_path: Path) -> None:
    source = (
        "class Odd(Exception): pass\ndef handler(event, context):\n    deeper()\ndef deeper():\n    raise Odd('x')\n"
    )
    runtime = start(python, source)
    runtime.wait_next()
    kind, header, body = runtime.invoke(request_id="r-7")
    assert (kind, header["id"], header["type"]) == (ERROR, "r-7", "Odd")
    assert json.loads(body) == {
        "errorMessage": "x",
        "errorType": "Odd",
        "requestId": "r-7",
        "stackTrace": [
            f'  File "{tmp_path}/app.py", line 3, in handler\n    deeper()\n',
            f"  File \"{tmp_path}/app.py\", line 5, in deeper\n    raise Odd('x')\n",
        ],
    }
    cause = json.loads(header["cause"])
    assert list(cause) == ["working_directory", "exceptions", "paths"]
    assert cause["exceptions"][0]["stack"][1] == {"label": "deeper", "path": f"{tmp_path}/app.py", "line": 5}


def test_the_loop_goes_on_after_an_exception_and_keeps_its_state(python: str, start: Start) -> None:
    source = "n = 0\ndef handler(event, context):\n    global n\n    n += 1\n    assert n != 2, 'two'\n    return n\n"
    runtime = start(python, source)
    runtime.wait_next()
    assert runtime.result() == 1
    assert runtime.error()["errorMessage"] == "two"
    assert runtime.result() == 3


@pytest.mark.parametrize(("statement", "status"), [("sys.exit()", 0), ("sys.exit(3)", 3), ("os._exit(7)", 7)])
def test_an_exit_ends_the_process_without_an_answer(python: str, start: Start, statement: str, status: int) -> None:
    runtime = start(python, f"import os, sys\ndef handler(event, context): {statement}\n")
    runtime.wait_next()
    runtime.send(b"{}")
    with pytest.raises(EOFError):
        runtime.receive()
    assert runtime.process.wait(10) == status


def test_the_process_ends_with_its_channel_even_if_a_thread_runs(python: str, start: Start) -> None:
    source = (
        "import threading\ngo = threading.Event()\nthreading.Thread(target=go.wait).start()\n"
        "def handler(event, context): return 1\n"
    )
    runtime = start(python, source)
    runtime.wait_next()
    assert runtime.end() == 0


def test_a_child_process_does_not_keep_the_channel(python: str, start: Start) -> None:
    source = "import os\ndef handler(event, context): return os.get_inheritable(3)\n"
    runtime = start(python, source)
    runtime.wait_next()
    assert runtime.result() is False


def test_a_signal_handler_runs_while_waiting_only_from_3_12_on(python: str, start: Start) -> None:
    source = (
        "import signal, sys\n"
        "def stop(number, frame): print('stopping')\n"
        "signal.signal(signal.SIGTERM, stop)\n"
        "def handler(event, context):\n    print('invoked')\n    return sys.version_info[1]\n"
    )
    runtime = start(python, source)
    runtime.wait_next()
    minor = runtime.result()
    runtime.drain()
    os.kill(runtime.process.pid, signal.SIGTERM)
    assert runtime.result() == minor
    assert [event.text for event in runtime.events()] == ["stopping", "invoked"]


def test_without_a_signal_handler_sigterm_ends_the_waiting_process(python: str, start: Start) -> None:
    runtime = start(python, ECHO)
    runtime.wait_next()
    runtime.process.terminate()
    assert runtime.process.wait(10) == -signal.SIGTERM


def test_a_process_pool_of_the_function_can_start_children(python: str, start: Start) -> None:
    source = (
        "import multiprocessing\n"
        "def work(end):\n    end.send('from the child')\n"
        "def handler(event, context):\n"
        "    spawn = multiprocessing.get_context('spawn')\n"
        "    here, there = spawn.Pipe()\n"
        "    child = spawn.Process(target=work, args=(there,))\n    child.start()\n"
        "    text = here.recv()\n    child.join()\n    return text\n"
    )
    runtime = start(python, source)
    runtime.wait_next()
    assert runtime.result() == "from the child"


LEAVES = """
import signal, sys
signal.signal(signal.SIGTERM, lambda *_: sys.exit(7))
def handler(event, context):
    return True
"""


def test_a_function_made_for_3_13_hears_signals_while_waiting_whatever_executes_it(python: str, start: Start) -> None:
    runtime = start(python, LEAVES, AWS_EXECUTION_ENV="AWS_Lambda_python3.13")
    runtime.wait_next()
    runtime.process.terminate()
    assert runtime.process.wait(10) == 7


def test_a_function_made_for_3_11_hears_signals_with_its_next_event_whatever_executes_it(
    python: str, start: Start
) -> None:
    runtime = start(python, LEAVES, AWS_EXECUTION_ENV="AWS_Lambda_python3.11")
    runtime.wait_next()
    runtime.result()  # it waits with handlers blocked from now on
    status = Path(f"/proc/{runtime.process.pid}/status")
    deadline = time.monotonic() + 10
    while not int(status.read_text().partition("SigBlk:")[2].split()[0], 16) >> (signal.SIGTERM - 1) & 1:
        assert time.monotonic() < deadline
