"""Scenarios S1 to S5 and S7: the `aws` command as people type it, and what it prints."""

import base64
import json
import math
import re
from pathlib import Path
from typing import Any

import pytest
from tests.acceptance.conftest import Deploy
from tests.acceptance.functions import Deployed
from tests.acceptance.server import NeveServer

RUNTIMES = pytest.mark.parametrize("runtime", ["nodejs22.x", "nodejs24.x", "python3.11"])

SUCCESS = '{\n    "StatusCode": 200,\n    "ExecutedVersion": "$LATEST"\n}\n'
FAILURE = '{\n    "StatusCode": 200,\n    "FunctionError": "Unhandled",\n    "ExecutedVersion": "$LATEST"\n}\n'

START = r"START RequestId: (?P<id>[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}) Version: \$LATEST\n"
END = r"END RequestId: (?P=id)\n"
REPORT = (
    r"REPORT RequestId: (?P=id)\tDuration: (?P<duration>\d+\.\d\d) ms\tBilled Duration: (?P<billed>\d+) ms\t"
    r"Memory Size: 128 MB\tMax Memory Used: (?P<memory>\d+) MB\t(?:Init Duration: (?P<init>\d+\.\d\d) ms\t)?\n"
)
TAIL = re.compile(START + "(?P<output>.*)" + END + REPORT, re.DOTALL)


class Printed:
    """What one `aws lambda invoke` left: its status, both outputs, and the file that it was told to write."""

    def __init__(self, neve: NeveServer, function: Deployed, folder: Path, *arguments: str) -> None:
        ended = neve.aws("lambda", "invoke", "--function-name", function.name, *arguments, "response.json", cwd=folder)
        self.status, self.out, self.err = ended.returncode, ended.stdout, ended.stderr
        file = folder / "response.json"
        self.file = file.read_bytes() if file.exists() else None

    @property
    def log(self) -> str:
        """As `base64 --decode` gives it; only for `--query LogResult --output text`."""
        assert (self.status, self.err) == (0, "")
        return base64.b64decode(self.out, validate=False).decode(errors="replace")


def tail_of(neve: NeveServer, function: Deployed, folder: Path) -> str:
    return Printed(
        neve, function, folder, "--log-type", "Tail", "--query", "LogResult", "--output", "text"
    ).log  # fmt: skip


@RUNTIMES
def test_s1_invoke_prints_status_and_version_and_writes_the_result(
    neve: NeveServer, deployed: Deploy, tmp_path: Path, runtime: str
) -> None:
    printed = Printed(neve, deployed("s-echo", runtime), tmp_path, "--payload", '{"key":"value"}')
    assert (printed.status, printed.out, printed.err) == (0, SUCCESS, "")
    assert printed.file is not None
    assert json.loads(printed.file) == {"received": {"key": "value"}}


def test_s1_the_file_holds_the_bytes_of_the_function(neve: NeveServer, deployed: Deploy, tmp_path: Path) -> None:
    printed = Printed(neve, deployed("s-echo"), tmp_path, "--payload", '{ "key" : "häß\\u0041" }')
    assert printed.file == '{"received":{"key":"häßA"}}'.encode()


def test_s2_a_failing_function_is_still_a_200(neve: NeveServer, deployed: Deploy, tmp_path: Path) -> None:
    printed = Printed(neve, deployed("s-failing"), tmp_path, "--payload", '{"how":"error"}')
    assert (printed.status, printed.out, printed.err) == (0, FAILURE, "")
    error = json.loads(printed.file or b"")
    assert list(error) == ["errorType", "errorMessage", "trace"]
    assert (error["errorType"], error["errorMessage"]) == ("RangeError", "out of range")
    assert error["trace"][0] == "RangeError: out of range"
    assert re.fullmatch(r"    at .*/index\.mjs:3:\d+\)", error["trace"][1])


def test_s2_in_python_the_file_has_what_its_runtime_says(neve: NeveServer, deployed: Deploy, tmp_path: Path) -> None:
    printed = Printed(neve, deployed("s-failing", "python3.11"), tmp_path, "--payload", '{"how":"error"}')
    assert (printed.status, printed.out, printed.err) == (0, FAILURE, "")
    error = json.loads(printed.file or b"")
    assert list(error) == ["errorMessage", "errorType", "requestId", "stackTrace"]
    assert (error["errorType"], error["errorMessage"]) == ("LookupError", "out of range")
    (frame,) = error["stackTrace"]
    where = r'  File ".*/index\.py", line 9, in handler\n    raise LookupError\("out of range"\)\n'
    assert re.fullmatch(where, frame)


@RUNTIMES
def test_s3_nothing_returned_is_null(neve: NeveServer, deployed: Deploy, tmp_path: Path, runtime: str) -> None:
    printed = Printed(neve, deployed("s-echo", runtime), tmp_path, "--payload", '{"nothing":true}')
    assert (printed.status, printed.out, printed.file) == (0, SUCCESS, b"null")


def test_s4_raw_bytes_are_refused_in_the_words_of_the_service(
    neve: NeveServer, deployed: Deploy, tmp_path: Path
) -> None:
    function = deployed("s-echo")
    printed = Printed(neve, function, tmp_path, "--payload", "value")
    assert printed.err == (
        "\nAn error occurred (InvalidRequestContentException) when calling the Invoke operation: "
        "Could not parse request body into json: Could not parse payload into json: "
        "Unrecognized token 'value': was expecting "
        "(JSON String, Number, Array, Object or token 'null', 'true' or 'false')\n"
        " at [Source: REDACTED (`StreamReadFeature.INCLUDE_SOURCE_IN_LOCATION` disabled); line: 1, column: 6]\n"
    )
    assert (printed.status, printed.out, printed.file) == (255, "", None)
    assert function.environments() == []


@RUNTIMES
def test_s5_the_tail_has_start_output_end_and_report(
    neve: NeveServer, deployed: Deploy, tmp_path: Path, runtime: str
) -> None:
    function = deployed("s-environment", runtime, Environment={"Variables": {"COLOUR": "blau"}})
    log = tail_of(neve, function, tmp_path)
    cold = TAIL.fullmatch(log)
    assert cold, log
    variables = printed_variables(cold["output"])
    assert variables["COLOUR"] == "blau"
    assert variables["AWS_LAMBDA_FUNCTION_NAME"] == function.name
    assert variables["AWS_LAMBDA_FUNCTION_VERSION"] == "$LATEST"
    assert variables["AWS_EXECUTION_ENV"] == f"AWS_Lambda_{runtime}"
    assert variables["_HANDLER"] == "index.handler"
    (environment,) = function.environments()
    assert variables["AWS_LAMBDA_LOG_STREAM_NAME"] == environment["logStream"]


@RUNTIMES
def test_s5_only_the_first_report_has_an_init_duration_and_all_add_up(
    neve: NeveServer, deployed: Deploy, tmp_path: Path, runtime: str
) -> None:
    function = deployed("s-environment", runtime)
    cold, warm = (TAIL.fullmatch(tail_of(neve, function, tmp_path)) for _ in range(2))
    assert cold
    assert warm
    assert cold["init"] is not None
    assert warm["init"] is None
    assert int(cold["billed"]) == math.ceil(float(cold["duration"]) + float(cold["init"]))
    assert int(warm["billed"]) == math.ceil(float(warm["duration"]))
    assert cold["id"] != warm["id"]
    assert 1 <= int(cold["memory"]) <= int(warm["memory"]) <= 256


@RUNTIMES
def test_s5_the_tail_is_the_last_four_kilobytes(
    neve: NeveServer, deployed: Deploy, tmp_path: Path, runtime: str
) -> None:
    function = deployed("s-talkative", runtime)
    answer = neve.client("lambda").invoke(FunctionName=function.name, LogType="Tail")
    answer["Payload"].read()
    tail = base64.b64decode(answer["LogResult"])
    assert len(tail) == 4096
    log = tail.decode(errors="replace")
    assert "  199:žžžž" in log
    assert "    0:" not in log
    ending = re.compile(r"END RequestId: (?P<id>\S+)\n" + REPORT)
    assert ending.search(log, log.index("END RequestId"))
    whole = "".join(f"{line}\n" for line in function.log_lines()).encode()
    assert whole.endswith(tail)
    assert len(whole) > 20_000


@RUNTIMES
@pytest.mark.parametrize("how", ["error", "exit", "timeout"])
def test_s7_the_platform_does_not_retry(neve: NeveServer, deployed: Deploy, runtime: str, how: str) -> None:
    function = deployed("s-failing", runtime, timeout_s=1)
    answer = function.invoke({"how": how})
    assert (answer.status, answer.error) == (200, "Unhandled")
    # A second one would have begun when the next caller has its answer.
    assert function.invoke({"how": "error"}).error == "Unhandled"
    starts = [line for line in function.log_lines() if line.startswith("START ")]
    assert len(starts) == 2
    assert starts[0] == f"START RequestId: {answer.request_id} Version: $LATEST"


def printed_variables(output: str) -> dict[str, Any]:
    """The JSON object in what the function printed."""
    found: dict[str, Any] = json.loads(output[output.index("{") : output.rindex("}") + 1])
    return found
