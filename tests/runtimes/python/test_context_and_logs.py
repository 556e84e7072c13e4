"""The context, what is printed and what is logged (facts §4, §5, §6)."""

import json
import re
import time
from pathlib import Path

from tests.runtimes.python.scripted import ARN, Event, Start

NAMES = [
    "aws_request_id",
    "log_group_name",
    "log_stream_name",
    "function_name",
    "memory_limit_in_mb",
    "function_version",
    "invoked_function_arn",
    "tenant_id",
]


def test_the_context_tells_the_invocation(python: str, start: Start) -> None:
    runtime = start(
        python,
        f"def handler(event, context): return [getattr(context, name) for name in {NAMES}]\n",
        AWS_LAMBDA_LOG_GROUP_NAME="/aws/lambda/probe",
        AWS_LAMBDA_LOG_STREAM_NAME="stream",
        AWS_LAMBDA_FUNCTION_NAME="probe",
        AWS_LAMBDA_FUNCTION_MEMORY_SIZE="256",
        AWS_LAMBDA_FUNCTION_VERSION="$LATEST",
    )
    runtime.wait_next()
    values = runtime.result(request_id="r-9", tenant="blue")
    assert values == ["r-9", "/aws/lambda/probe", "stream", "probe", "256", "$LATEST", ARN, "blue"]


def test_the_remaining_time_counts_down_to_zero(python: str, start: Start) -> None:
    runtime = start(python, "def handler(event, context): return context.get_remaining_time_in_millis()\n")
    runtime.wait_next()
    assert 0 < runtime.result(deadline=int(time.time() * 1000) + 60_000) <= 60_000
    assert runtime.result(deadline=int(time.time() * 1000) - 5) == 0


def test_client_context_and_identity_are_objects(python: str, start: Start) -> None:
    source = (
        "def handler(event, context):\n"
        "    c, i = context.client_context, context.identity\n"
        "    return [c.custom, c.env, c.client.app_title, c.client.installation_id, i.cognito_identity_id,"
        " i.cognito_identity_pool_id]\n"
    )
    runtime = start(python, source)
    runtime.wait_next()
    client = json.dumps({"custom": {"a": 1}, "env": {"b": "2"}, "client": {"app_title": "shop"}})
    identity = json.dumps({"cognitoIdentityId": "me", "cognitoIdentityPoolId": "pool"})
    assert runtime.result(clientContext=client, identity=identity) == [
        {"a": 1}, {"b": "2"}, "shop", None, "me", "pool"
    ]  # fmt: skip


def test_without_them_there_is_none_and_no_attribute(python: str, start: Start) -> None:
    source = (
        "def handler(event, context):\n"
        "    return [context.client_context, hasattr(context.identity, 'cognito_identity_id')]\n"
    )
    runtime = start(python, source)
    runtime.wait_next()
    assert runtime.result() == [None, False]


def test_a_client_context_that_is_no_json_fails_the_invocation(python: str, start: Start) -> None:
    runtime = start(python, "def handler(event, context): return 1\n")
    runtime.wait_next()
    error = runtime.error(clientContext="{")
    assert error["errorType"] == "Runtime.LambdaContextUnmarshalError"
    assert error["errorMessage"].startswith("Unable to parse Client Context JSON: ")


def test_the_trace_header_is_set_and_taken_away(python: str, start: Start) -> None:
    runtime = start(python, "import os\ndef handler(event, context): return os.environ.get('_X_AMZN_TRACE_ID')\n")
    runtime.wait_next()
    assert runtime.result(trace="Root=1-2-3") == "Root=1-2-3"
    assert runtime.result() is None


def test_print_is_raw_and_there_before_the_answer(python: str, start: Start) -> None:
    source = (
        "import sys\nprint('init')\n"
        "def handler(event, context):\n"
        "    print('né', 1)\n    sys.stderr.write('err')\n    sys.stderr.write('or\\n')\n"
        "    sys.stdout.writelines(['a\\n', 'b\\n'])\n"
    )
    runtime = start(python, source)
    runtime.wait_next()
    assert runtime.events() == [Event("init")]
    runtime.result()
    assert [event.text for event in runtime.events()] == ["né 1", "error", "a", "b"]


def test_the_context_logs_an_event_of_its_own(python: str, start: Start) -> None:
    runtime = start(python, "def handler(event, context):\n    context.log('as it is')\n    context.log('é\\n')\n")
    runtime.wait_next()
    runtime.result()
    assert runtime.events() == [Event("as it is", 3), Event("é\n", 3)]


def test_the_w3c_trace_context_is_taken_out_of_the_client_context(python: str, start: Start) -> None:
    source = "def handler(event, context): return [context.w3c(), context.client_context and context.client_context.custom]\n"
    runtime = start(python, source)
    runtime.wait_next()
    given = {"custom": {"a": 1}, "w3c": {"traceparent": "00-1", "tracestate": 7, "other": "x", "baggage": "b=1"}}
    assert runtime.result(clientContext=json.dumps(given)) == [{"traceparent": "00-1", "baggage": "b=1"}, {"a": 1}]
    assert runtime.result(clientContext=json.dumps({"w3c": "none"})) == [{}, None]
    assert runtime.result() == [{}, None]


def test_log_lines_carry_level_time_and_request_id(python: str, start: Start) -> None:
    source = (
        "import logging\nlog = logging.getLogger()\nlogging.basicConfig(format='other')\nlog.warning('at init')\n"
        "def handler(event, context):\n"
        "    log.info('unseen')\n    log.setLevel('DEBUG')\n    log.debug('two\\nlines')\n    log.critical('%s', 5)\n"
    )
    runtime = start(python, source)
    runtime.wait_next()
    runtime.result(request_id="r-3")
    first, second, third = runtime.events()
    stamp = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z"
    assert re.fullmatch(rf"\[WARNING\]\t{stamp}\t\tat init\n", first.text)
    assert re.fullmatch(rf"\[DEBUG\]\t{stamp}\tr-3\ttwo\nlines\n", second.text)
    assert re.fullmatch(rf"\[CRITICAL\]\t{stamp}\tr-3\t5\n", third.text)
    assert [first.kind, second.kind, third.kind] == [0x13, 0x0B, 0x1B]


def test_the_level_of_the_function_sets_the_root_logger(python: str, start: Start) -> None:
    source = "import logging\ndef handler(event, context): return logging.getLogger().level\n"
    runtime = start(python, source, AWS_LAMBDA_LOG_LEVEL="TRACE")
    runtime.wait_next()
    assert runtime.result() == 10


def test_logging_that_is_imported_late_gets_its_handler(python: str, start: Start) -> None:
    source = (
        "import sys\nearly = 'logging' in sys.modules\n"
        "def handler(event, context):\n    import logging\n    logging.error('late')\n    return early\n"
    )
    runtime = start(python, source)
    runtime.wait_next()
    assert runtime.result() is False
    (event,) = runtime.events()
    assert event.text.endswith("\tr-1\tlate\n")


def test_json_lines_have_the_members_of_the_service(python: str, start: Start, tmp_path: Path) -> None:
    source = (
        "import logging\nlog = logging.getLogger('shop')\n"
        "def handler(event, context):\n"
        "    log.error('plain', extra={'order': 5})\n"
        "    try:\n        1 / 0\n    except ZeroDivisionError:\n        log.exception('broken')\n"
    )
    runtime = start(python, source, AWS_LAMBDA_LOG_FORMAT="JSON")
    runtime.wait_next()
    runtime.result(request_id="r-4", tenant="blue")
    plain, broken = runtime.events()
    assert (plain.kind, broken.kind) == (0x16, 0x16)
    members = json.loads(plain.text)
    assert list(members) == ["timestamp", "level", "message", "logger", "requestId", "tenantId", "order"]
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", members["timestamp"])
    assert [members[name] for name in list(members)[1:]] == ["ERROR", "plain", "shop", "r-4", "blue", 5]
    members = json.loads(broken.text)
    assert (members["errorType"], members["errorMessage"]) == ("ZeroDivisionError", "division by zero")
    assert members["location"] == f"{tmp_path}/app.py:handler:8"
    assert len(members["stackTrace"]) == 1


def test_an_error_is_logged_as_one_event_with_hard_spaces(python: str, start: Start, tmp_path: Path) -> None:
    runtime = start(python, "def handler(event, context):\n    raise ValueError('x')\n")
    runtime.wait_next()
    runtime.error()
    (event,) = runtime.events()
    assert event.kind == 0x17
    assert event.text.split("\n") == [
        "[ERROR] ValueError: x",
        "Traceback (most recent call last):",
        f'\u00a0\u00a0File "{tmp_path}/app.py", line 2, in handler',
        "\u00a0\u00a0\u00a0\u00a0raise ValueError('x')",
    ]


def test_an_error_without_a_text_is_its_type_alone(python: str, start: Start) -> None:
    runtime = start(python, "def handler(event, context): raise ValueError\n")
    runtime.wait_next()
    runtime.error()
    assert runtime.events()[0].text.startswith("[ERROR] ValueError\n")


def test_an_error_in_json_format_is_one_object(python: str, start: Start) -> None:
    runtime = start(
        python, "def handler(event, context):\n    raise ValueError('x')\n", AWS_LAMBDA_LOG_FORMAT="JSON"
    )  # fmt: skip
    runtime.wait_next()
    runtime.error(request_id="r-5")
    (event,) = runtime.events()
    members = json.loads(event.text)
    assert list(members) == ["timestamp", "level", "errorMessage", "errorType", "requestId", "stackTrace"]
    assert (event.kind, members["level"], members["requestId"]) == (0x16, "ERROR", "r-5")


def test_a_leftover_thread_logs_with_the_later_request_id(python: str, start: Start) -> None:
    source = (
        "import logging, threading\ngo, done = threading.Event(), threading.Event()\n"
        "def later():\n    go.wait()\n    logging.error('left over')\n    done.set()\n"
        "def handler(event, context):\n"
        "    if event == 1:\n        threading.Thread(target=later, daemon=True).start()\n"
        "    else:\n        go.set()\n        done.wait()\n"
    )
    runtime = start(python, source)
    runtime.wait_next()
    runtime.result(1, request_id="r-1")
    runtime.result(2, request_id="r-2")
    (event,) = runtime.events()
    assert "\tr-2\tleft over" in event.text
