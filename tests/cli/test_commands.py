"""What the commands print, where, and how they end."""

import base64
import json
import re
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from tests.cli.conftest import Cli

from neve import settings

ID = "8f3c1a2e-0000-4000-8000-000000000001"
EVENTS = {
    "function": "orders", "account": "000000000000", "region": "us-east-1", "waiting": 4, "running": 2, "retrying": 3,
    "nextRetryAt": 1_700_000_090_000.0, "oldestAt": 1_699_999_870_000.0, "received": 357, "succeeded": 340,
    "dropped": {"RetriesExhausted": 2, "EventAgeExceeded": 1}, "delivering": 1, "delivered": 5, "deliveryFailed": 6,
}  # fmt: skip
IDLE: dict[str, Any] = {
    "waiting": 0, "running": 0, "retrying": 0, "nextRetryAt": None, "oldestAt": None, "dropped": {}, "delivering": 0,
    "delivered": 0, "deliveryFailed": 0,
}  # fmt: skip


def add_function(cli: Cli, name: str = "hello") -> None:
    cli.house.functions[name] = {"FunctionName": name, "State": "Active", "CodeSha256": ""}


def test_help_names_every_command_and_loads_none() -> None:
    code = "import sys; sys.argv = ['neve', '--help']\nfrom neve.cli.main import main\ntry: main()\nexcept SystemExit: pass\n"
    code += "print([name for name in ('botocore', 'rich', 'http.client', 'neve.app') if name in sys.modules])"
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert said.rstrip().endswith("[]")
    for name in ("serve", "dev", "deploy", "invoke", "logs", "ps", "queue", "delete", "runtimes", "clock", "doctor"):
        assert f"\n  {name} " in said


@pytest.mark.parametrize("command", ["serve", "dev"])
def test_every_setting_is_a_flag_with_its_help(cli: Cli, command: str) -> None:
    said = "".join(cli.run(command, "--help").stdout.split())  # lines are broken at spaces and hyphens
    for setting in settings.SETTINGS:
        assert "--" + setting.name.replace("_", "-") in said
        assert "".join(setting.help.split()) in said


def test_without_a_server_one_sentence_says_what_to_do(cli: Cli) -> None:
    result = cli.run("ps", "--endpoint", "http://127.0.0.1:9")
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr == (
        "error: No Neve answers on http://127.0.0.1:9; start one with `neve serve` or name it with --endpoint.\n"
    )


def test_an_endpoint_that_is_none_is_refused(cli: Cli) -> None:
    result = cli.run("ps", "--endpoint", "localhost:4566")
    assert (result.exit_code, "is no endpoint" in result.stderr) == (2, True)


# invoke


def test_a_result_goes_to_standard_output_to_the_byte(cli: Cli) -> None:
    add_function(cli)
    cli.house.answer = (200, {}, b'{"n":  1}')
    result = cli.run("invoke", "hello", "-p", '{"a": 1}')
    assert (result.exit_code, result.stdout_bytes, result.stderr) == (0, b'{"n":  1}', "")
    assert cli.house.invocations[0]["body"] == b'{"a": 1}'


def test_a_payload_comes_from_a_file_or_standard_input(cli: Cli, tmp_path: Path) -> None:
    add_function(cli)
    (tmp_path / "event.json").write_bytes(b"[1]")
    cli.run("invoke", "hello", "-p", f"@{tmp_path}/event.json")
    cli.run("invoke", "hello", "-p", "-", given=b"[2]")
    assert [one["body"] for one in cli.house.invocations] == [b"[1]", b"[2]"]
    missing = cli.run("invoke", "hello", "-p", "@/nowhere.json")
    assert (missing.exit_code, missing.stderr) == (
        2,
        "error: /nowhere.json cannot be read: No such file or directory.\n",
    )


def test_a_function_error_is_exit_1_with_its_trace_on_standard_error(cli: Cli) -> None:
    add_function(cli)
    body = json.dumps(
        {"errorType": "ValueError", "errorMessage": "no", "stackTrace": ["  File x\n    raise\n"]}
    ).encode()
    cli.house.answer = (200, {"X-Amz-Function-Error": "Unhandled"}, body)
    result = cli.run("invoke", "hello")
    assert (result.exit_code, result.stdout_bytes) == (1, body)
    assert result.stderr == "ValueError: no\n    File x\n      raise\n"


def test_the_message_that_begins_a_trace_of_nodejs_is_not_said_twice(cli: Cli) -> None:
    add_function(cli)
    message = "Cannot find module 'x'\nRequire stack:\n- /var/task/index.js"
    trace = [f"Error: {message.splitlines()[0]}", *message.splitlines()[1:], "    at f (index.js:1:2)"]
    body = json.dumps({"errorType": "Error", "errorMessage": message, "trace": trace}).encode()
    cli.house.answer = (200, {"X-Amz-Function-Error": "Unhandled"}, body)
    assert cli.run("invoke", "hello").stderr == f"Error: {message}\n      at f (index.js:1:2)\n"


def test_an_event_is_only_accepted(cli: Cli) -> None:
    add_function(cli)
    cli.house.answer = (202, {"x-amzn-RequestId": ID}, b"")
    result = cli.run("invoke", "hello", "--event", "--qualifier", "live")
    assert (result.exit_code, result.stdout, result.stderr) == (0, "", f"accepted as {ID}\n")
    sent = cli.house.invocations[0]
    assert (sent["headers"]["X-Amz-Invocation-Type"], sent["query"]) == ("Event", "Qualifier=live")


def test_the_tail_of_the_log_goes_to_standard_error(cli: Cli) -> None:
    add_function(cli)
    tail = base64.b64encode(b"START\nhello\n").decode()
    cli.house.answer = (200, {"X-Amz-Log-Result": tail}, b"1")
    result = cli.run("invoke", "hello", "--tail")
    assert (result.stdout, result.stderr) == ("1", "START\nhello\n")
    assert cli.house.invocations[0]["headers"]["X-Amz-Log-Type"] == "Tail"


def test_a_refusal_is_the_services_sentence(cli: Cli) -> None:
    result = cli.run("invoke", "gone")
    assert result.exit_code == 1
    assert result.stderr.startswith("error: Function not found: arn:aws:lambda:us-east-1:000000000000:function:gone")
    assert result.stderr.count("\n") == 1


def test_region_and_account_come_from_the_environment(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    cli.run("invoke", "x")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "123456789012")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")
    cli.run("invoke", "x")
    assert scopes(cli) == {"test/us-east-1/lambda", "123456789012/eu-west-1/lambda"}


def test_region_and_account_come_from_the_profile_that_aws_tools_use(
    cli: Cli, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "config").write_text("[default]\nregion = eu-west-3\n[profile work]\nregion = eu-central-1\n")
    (tmp_path / "credentials").write_text("[work]\naws_access_key_id = 123456789012\naws_secret_access_key = x\n")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    cli.run("invoke", "x")
    monkeypatch.setenv("AWS_PROFILE", "work")
    cli.run("invoke", "x")
    assert scopes(cli) == {"test/eu-west-3/lambda", "123456789012/eu-central-1/lambda"}


def scopes(cli: Cli) -> set[str]:
    """Key, region and service of all signatures; the day is that of the test."""
    parts = [scope.split("Credential=")[1].split("/") for scope in cli.house.scopes]
    return {"/".join((each[0], each[2], each[3])) for each in parts}


# deploy and delete


def make_function(tmp_path: Path) -> Path:
    folder = tmp_path / "hello"
    folder.mkdir()
    (folder / "app.py").write_text("def lambda_handler(event, context): return 1\n")
    return folder


def test_a_new_function_gets_guesses_that_are_printed(cli: Cli, tmp_path: Path) -> None:
    result = cli.run("deploy", str(make_function(tmp_path)))
    assert result.exit_code == 0, result.stderr
    made = cli.house.functions["hello"]
    python = f"python3.{sys.version_info[1]}"
    assert (made["Runtime"], made["Handler"], made["State"]) == (python, "app.lambda_handler", "Active")
    assert f"hello: new, runtime {python}, handler app.lambda_handler\n" in result.stderr
    assert re.search(r"hello: created in \d+ ms\n", result.stderr)


def test_an_unchanged_function_is_left_alone(cli: Cli, tmp_path: Path) -> None:
    folder = make_function(tmp_path)
    cli.run("deploy", str(folder))
    cli.house.calls.clear()
    assert "hello: unchanged" in cli.run("deploy", str(folder)).stderr
    assert all(call.startswith("GET") for call in cli.house.calls)


def test_only_what_is_given_changes(cli: Cli, tmp_path: Path) -> None:
    folder = make_function(tmp_path)
    cli.run("deploy", str(folder), "--memory", "256", "--env", "A=1=2")
    (folder / "app.py").write_text("def lambda_handler(event, context): return 2\n")
    result = cli.run("deploy", str(folder), "--timeout", "9", "--json")
    configuration = json.loads(result.stdout)
    assert (configuration["MemorySize"], configuration["Timeout"]) == (256, 9)
    assert configuration["Environment"] == {"Variables": {"A": "1=2"}}
    assert "hello: updated" in result.stderr


def test_what_cannot_be_guessed_is_asked_for(cli: Cli, tmp_path: Path) -> None:
    result = cli.run("deploy", str(tmp_path), "--name", "empty")
    assert (result.exit_code, "give --runtime and --handler" in result.stderr) == (2, True)


def test_a_variable_without_a_value_is_refused(cli: Cli, tmp_path: Path) -> None:
    result = cli.run("deploy", str(make_function(tmp_path)), "--env", "A")
    assert (result.exit_code, result.stderr) == (2, "error: --env takes KEY=VALUE, not 'A'.\n")


def test_a_refused_deployment_is_one_sentence_and_exit_1(cli: Cli, tmp_path: Path) -> None:
    result = cli.run("deploy", str(make_function(tmp_path)), "--runtime", "nodejs4.3")
    assert result.exit_code == 1
    assert "error: The runtime parameter of nodejs4.3 is no longer supported. (InvalidParameterValue" in result.stderr


def test_what_is_to_be_known_of_the_runtime_is_said_after_the_deployment(cli: Cli, tmp_path: Path) -> None:
    function = str(make_function(tmp_path))
    good, borrowing, never = (
        cli.run("deploy", function, "--name", runtime[:8], "--runtime", runtime).stderr.splitlines()[3:]
        for runtime in ("nodejs24.x", "nodejs20.x", "java21")
    )
    assert good == []
    assert borrowing == ["nodejs20.x runs on Node.js 24.19.0.", "nodejs20.x is deprecated since 2026-04-30."]
    assert never == ["Neve does not run java21: every invocation will fail. `neve runtimes list` shows what it runs."]


def test_a_function_is_deleted(cli: Cli) -> None:
    add_function(cli)
    assert cli.run("delete", "hello").stderr == "deleted hello\n"
    assert cli.house.functions == {}


# ps, clock, doctor, logs


def test_environments_are_a_table_or_json(cli: Cli) -> None:
    one = {
        "id": "e", "function": "hello", "version": "$LATEST", "account": "0", "region": "r", "state": "frozen", "pid": 7,
        "startedAt": time.time() * 1000 - 65_000, "invocations": 3, "memoryBytes": 61_000_000, "logStream": "s",
        "provisioned": False,
    }  # fmt: skip
    cli.house.environments = [one, {**one, "function": "other", "pid": None, "memoryBytes": 0, "provisioned": True}]
    first, second, third = cli.run("ps").stdout.splitlines()
    assert first.split() == ["FUNCTION", "VERSION", "TYPE", "STATE", "PID", "AGE", "INVOCATIONS", "MEMORY"]
    assert second.split() == ["hello", "$LATEST", "on-demand", "frozen", "7", "1m5s", "3", "61", "MB"]
    assert third.split()[2:5] == ["provisioned", "frozen", "-"]
    assert [entry["function"] for entry in json.loads(cli.run("ps", "other", "--json").stdout)] == ["other"]


def test_the_queue_is_a_table_or_json(cli: Cli) -> None:
    cli.house.queue = [EVENTS, {**EVENTS, **IDLE, "function": "other"}]
    first, second, third = cli.run("queue").stdout.splitlines()
    assert first.split() == [
        "FUNCTION",
        "WAITING",
        "RUNNING",
        "RETRYING",
        "OLDEST",
        "SUCCEEDED",
        "DROPPED",
        "DELIVERED",
    ]
    assert re.split(r"  +", second) == [
        "orders", "4", "2", "3, in 1m30s", "2m10s", "340", "1 EventAgeExceeded, 2 RetriesExhausted",
        "5, 1 on their way, 6 failed",
    ]  # fmt: skip
    assert re.split(r"  +", third) == ["other", "0", "0", "0", "-", "340", "0", "0"]
    assert json.loads(cli.run("queue", "--json").stdout) == cli.house.queue


def test_the_queue_of_several_worlds_says_which(cli: Cli) -> None:
    cli.house.queue = [EVENTS, {**EVENTS, "region": "eu-west-1"}]
    head, first, second = cli.run("queue").stdout.splitlines()
    assert head.split()[:2] == ["ACCOUNT", "REGION"]
    assert (first.split()[:3], second.split()[1]) == (["000000000000", "us-east-1", "orders"], "eu-west-1")


def test_the_events_of_one_function_are_told_in_detail(cli: Cli) -> None:
    cli.house.queue = [EVENTS, {**EVENTS, "function": "other"}]
    cli.house.dropped = [
        {
            "requestId": ID, "qualifier": None, "condition": "RetriesExhausted", "attempts": 3,
            "error": "boom\n" + "x" * 80, "acceptedAt": 0, "endedAt": (cli.house.now - 61) * 1000,
        }
    ]  # fmt: skip
    assert cli.run("queue", "orders").stdout.splitlines() == [
        "orders  000000000000 us-east-1",
        "  waiting    4",
        "  running    2",
        "  retrying   3, in 1m30s",
        "  oldest     2m10s",
        "  succeeded  340 of 357",
        "  dropped    1 EventAgeExceeded, 2 RetriesExhausted",
        "  delivered  5, 1 on their way, 6 failed",
        "",
        "The last that were dropped",
        "ENDED     REQUEST                               CONDITION         ATTEMPTS  ERROR",
        f"1m1s ago  {ID}  RetriesExhausted  3         boom {'x' * 54}…",
    ]
    answer = json.loads(cli.run("queue", "orders", "--json").stdout)
    assert (len(answer["functions"]), len(answer["lastDropped"])) == (1, 1)


def test_no_events_are_said_on_standard_error(cli: Cli) -> None:
    for arguments, said in ((("queue",), "No events yet"), (("queue", "gone"), "gone has had no events")):
        result = cli.run(*arguments)
        assert (result.exit_code, result.stdout) == (0, "")
        assert result.stderr.startswith(said)


@pytest.mark.parametrize("which", [["orders"], []])
def test_events_are_tried_again_now(cli: Cli, which: list[str]) -> None:
    cli.house.queue = [EVENTS] if which else [EVENTS, {**EVENTS, "function": "other", "region": "eu-west-1"}]
    assert cli.run("queue", "retry", *which).stderr == f"{3 * len(cli.house.queue)} events run now\n"
    assert cli.house.asked == [
        {name: each[name] for name in ("function", "account", "region")} for each in cli.house.queue
    ]
    cli.house.queue = []
    assert cli.run("queue", "retry", *which).stderr == "Nothing waits for a later time.\n"


def test_events_are_forgotten(cli: Cli) -> None:
    cli.house.queue = [{**EVENTS, "waiting": 0, "retrying": 1}]
    assert cli.run("queue", "purge", "orders").stderr == "forgot 1 event\n"
    assert cli.run("queue", "purge", "gone").stderr == "Nothing waits.\n"
    unsure = cli.run("queue", "purge")
    assert (unsure.exit_code, unsure.stderr) == (
        2,
        "error: Name a FUNCTION, or say --yes to forget the events of all.\n",
    )
    assert cli.run("queue", "purge", "--yes").stderr == "forgot 1 event\n"
    assert len(cli.house.asked) == 2


def test_runtimes_that_wait_for_a_function_are_a_line_of_their_own(cli: Cli) -> None:
    cli.house.prestarted = [
        {"runtime": "nodejs24.x", "memory": 256, "pids": [7, 8]},
        {"runtime": "nodejs24.x", "memory": 128, "pids": []},
        {"runtime": "python3.12", "memory": None, "pids": [9]},
    ]
    said = cli.run("ps").stderr.splitlines()[-1]
    assert said == "Pre-started, waiting for a function: 2 nodejs24.x (256 MB), 1 python3.12."
    assert cli.run("ps", "hello").stderr.startswith("No environments")


def test_no_environments_is_said_on_standard_error(cli: Cli) -> None:
    result = cli.run("ps")
    assert (result.exit_code, result.stdout) == (0, "")


def test_the_clock_is_shown_and_moved(cli: Cli) -> None:
    assert cli.run("clock").stdout == "2023-11-14 22:13:20.000+00:00 (virtual)\n"
    assert json.loads(cli.run("clock", "advance", "1m30s", "--json").stdout)["now"] == 1_700_000_090
    assert json.loads(cli.run("clock", "--json", "advance", "10").stdout)["now"] == 1_700_000_100


def test_a_real_clock_refuses_with_advice(cli: Cli) -> None:
    cli.house.virtual = False
    result = cli.run("clock", "advance", "2m")
    assert (result.exit_code, "--virtual-clock" in result.stderr) == (1, True)


@pytest.mark.parametrize("text", ["soon", "5x", "1m 2s", ""])
def test_what_is_no_time_span_is_a_usage_error(cli: Cli, text: str) -> None:
    assert cli.run("clock", "advance", text).exit_code == 2


def test_doctor_marks_what_is_missing_and_advises(cli: Cli) -> None:
    assert cli.run("doctor").stdout.splitlines() == [
        "✓ bubblewrap  0.10",
        "✗ cgroups     none",
        "              mount cgroup2",
    ]
    assert len(json.loads(cli.run("doctor", "--json").stdout)) == 2


def test_runtimes_are_listed_with_what_serves_them(cli: Cli) -> None:
    result = cli.run("runtimes", "list")
    assert [line.split("  ") for line in re.sub("  +", "  ", result.stdout).splitlines()] == [
        ["RUNTIME", "RUNS ON", "FROM", "DEPRECATED", "PATH"],
        ["nodejs20.x", "Node.js 24.19.0 *", "with Neve", "2026-04-30 !", "/wheel/node"],
        ["nodejs24.x", "Node.js 24.19.0", "with Neve", "2028-04-30", "/wheel/node"],
        ["provided.al2023", "its own bootstrap", "the function", "-", "-"],
    ]
    assert "* Another version than the function asked for" in result.stderr
    assert "`neve runtimes install nodejs20.x` fetches one" in result.stderr
    assert "! Deprecated" in result.stderr
    assert "AWS SDK for JavaScript: not here; `neve runtimes install aws-sdk-js` fetches it." in result.stderr
    assert len(json.loads(cli.run("runtimes", "list", "--json").stdout)["runtimes"]) == 3


def test_runtimes_are_listed_without_a_server(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    result = cli.run("runtimes", "list")
    assert "nodejs24.x" in result.stdout
    assert "No Neve answers on http://127.0.0.1:9; this is what one would find here." in result.stderr
    assert cli.run("runtimes", "list", "--endpoint", "http://127.0.0.1:9").exit_code == 2


def test_what_is_here_need_not_be_installed(cli: Cli) -> None:
    result = cli.run("runtimes", "install", "nodejs24.x")
    assert (result.exit_code, result.stderr[:40]) == (0, "nodejs24.x: here already: Node.js 24.19.")
    assert cli.house.calls == []


def test_an_installation_is_told_to_the_running_neve(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    for path, said in (
        ("/wheel/node", "uses it from now on"),
        ("/home/me/node", "does not use it. Is it another user's"),
    ):
        made = {"path": path, "what": "Node.js 20.18.0", "new": True}
        monkeypatch.setattr("neve.app.machine.install_runtime", lambda runtime, on_fetch, made=made: on_fetch() or made)
        result = cli.run("runtimes", "install", "nodejs20.x")
        assert result.exit_code == 0
        fetching, installed, told = result.stderr.splitlines()
        assert fetching == "nodejs20.x: fetching…"
        assert installed == f"nodejs20.x: installed Node.js 20.18.0 ({path})"
        assert said in told
    assert cli.house.calls == ["POST /_neve/runtimes/look"] * 2


def test_what_cannot_be_installed_is_one_sentence_and_exit_2(cli: Cli) -> None:
    result = cli.run("runtimes", "install", "python3.99")
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.startswith("error: python3.99 cannot be installed by Neve: ")
    assert result.stderr.endswith(" shows it.\n")


def test_a_log_is_printed_page_by_page(cli: Cli) -> None:
    cli.house.events = [
        {"timestamp": 1_700_000_000_123 + n, "message": f"line {n}\n", "eventId": str(n)} for n in range(5)
    ]
    assert cli.run("logs", "hello").stdout.splitlines() == [
        f"2023-11-14T22:13:20.{123 + n}Z line {n}" for n in range(5)
    ]
    assert json.loads(cli.run("logs", "hello", "--json").stdout.splitlines()[4])["message"] == "line 4\n"


def test_a_log_of_no_function_is_said(cli: Cli) -> None:
    result = cli.run("logs", "gone")
    assert (result.exit_code, result.stderr) == (1, "There is no function gone, and no log of one.\n")


def test_a_setting_that_does_not_exist_is_named(cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "neve.toml").write_text("[neve]\nprot = 1\n")
    monkeypatch.chdir(tmp_path)
    result = cli.run("serve")
    assert (result.exit_code, "there is no setting prot" in result.stderr) == (2, True)


def test_a_bad_value_is_one_sentence(cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("NEVE_PORT", "many")
    result = cli.run("serve")
    assert (result.exit_code, result.stderr.count("\n")) == (2, 1)
