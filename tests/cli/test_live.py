"""The rows of the live log."""

import io
import re
from typing import Any

import click
import pytest

from neve.cli.live import Layout, LiveLog
from neve.cli.timeouts import explained

ID = "8f3c1a2e-0000-4000-8000-000000000001"
OTHER = "1b2c3d4e-0000-4000-8000-000000000002"
STAMP = "2026-01-02T03:04:05.678Z"
METRICS = {"durationMs": 2.306, "billedDurationMs": 43, "memorySizeMB": 128, "maxMemoryUsedMB": 61}


def rows(*records: dict[str, Any], width: int | None = None, colour: bool = False) -> list[str]:
    """The rows of some records, without their time."""
    stream = io.StringIO()
    live = LiveLog(stream, Layout(width, colour, 5))
    for record in records:
        live.show({"time": 1_700_000_000_000.5, "function": "hello", "requestId": ID, **record})
    return [re.sub(r"\d\d:\d\d:\d\d", "TIME", line) for line in stream.getvalue().splitlines()]


def said(text: str, **members: Any) -> dict[str, Any]:
    return {"type": "function", "record": {"text": text, "level": None}, **members}


def report(**members: Any) -> dict[str, Any]:
    return {"type": "platform.report", "record": {"status": "success", "metrics": METRICS, **members}}


def test_an_invocation_reads_from_start_to_report() -> None:
    assert rows(
        {"type": "platform.start", "record": {"requestId": ID, "version": "$LATEST"}},
        said("hello"),
        {"type": "platform.runtimeDone", "record": {"status": "success"}},
        report(),
        {"type": "neve.freeze", "record": {}},
    ) == [
        "TIME hello 8f3c1a2e START",
        "TIME hello 8f3c1a2e hello",
        "TIME hello 8f3c1a2e REPORT 2.31 ms, billed 43 ms, 61 MB",
        "TIME hello          · frozen",
    ]


def test_an_init_is_set_off() -> None:
    (row,) = rows(report(metrics={**METRICS, "initDurationMs": 40.21}), colour=True)
    assert click.style("init 40 ms", fg="cyan", bold=True) in row
    assert click.unstyle(row).endswith("61 MB, init 40 ms")


def test_what_did_not_end_well_is_red() -> None:
    end, last = rows(
        {"type": "platform.runtimeDone", "record": {"status": "error", "errorType": "Runtime.ExitError"}},
        report(status="error"),
        colour=True,
    )
    assert click.style("END error Runtime.ExitError", fg="red", bold=True) in end
    assert click.style("error", fg="red", bold=True) in last


def test_extensions_are_seen() -> None:
    ready = {"name": "agent", "state": "Ready", "events": ["INVOKE"]}
    failed = {"name": "agent", "state": "InitError", "events": [], "errorType": "Extension.NoKey"}
    shown = rows(
        {"type": "platform.extension", "record": ready},
        {"type": "extension", "record": {"text": "agent: hello", "level": None}},
        {"type": "platform.extension", "record": failed},
        {"type": "platform.logsDropped", "record": {"droppedRecords": 2, "droppedBytes": 20, "reason": "x"}},
    )
    assert [row.partition("8f3c1a2e ")[2] for row in shown] == [
        "· extension agent ready",
        "agent: hello",
        "extension agent: Extension.NoKey (InitError)",
        "2 telemetry records dropped: an extension does not take them",
    ]


@pytest.mark.parametrize(
    ("text", "row"),
    [
        (f"{STAMP}\t{ID}\tINFO\tplain", "8f3c1a2e plain"),
        (f"{STAMP}\t{ID}\tERROR\tbad", "8f3c1a2e ERROR bad"),
        (f"{STAMP}\tundefined\tWARN\tearly", "8f3c1a2e WARN early"),
        (f"[WARNING]\t{STAMP}\t{ID}\tpython\n", "8f3c1a2e WARNING python"),
        ("[ERROR] ValueError: x", "8f3c1a2e ERROR ValueError: x"),
        (f'{{"timestamp":"{STAMP}","level":"INFO","requestId":"{ID}","message":"json"}}', "8f3c1a2e json"),
        ('{"level":"INFO","message":"m","order":5}', '8f3c1a2e {"level":"INFO","message":"m","order":5}'),
        (f"I belong to {OTHER}", "8f3c1a2e I belong to 1b2c3d4e"),
    ],
)
def test_lines_lose_what_the_columns_say(text: str, row: str) -> None:
    assert rows(said(text)) == [f"TIME hello {row}"]


def test_a_line_of_another_request_is_shown_as_left_over() -> None:
    assert rows(said(f"{STAMP}\t{OTHER}\tINFO\tlate")) == ["TIME hello 8f3c1a2e left over from 1b2c3d4e late"]


def test_long_lines_wrap_under_their_column() -> None:
    wrapped = rows(said("word " * 20), width=60)
    assert len(wrapped) == 3
    assert all(line.startswith(" " * 24) for line in wrapped[1:])


def test_lines_of_a_message_stay_together() -> None:
    assert rows(said("first\n  second")) == ["TIME hello 8f3c1a2e first", " " * 24 + "  second"]


def test_without_colour_there_is_no_escape() -> None:
    assert "\x1b" not in "".join(rows(said("[ERROR] x"), report(status="timeout")))


def test_records_that_say_nothing_to_people_are_left_out() -> None:
    assert rows({"type": "platform.initRuntimeDone", "record": {}}, {"type": "something.new", "record": {}}) == []


def test_a_log_group_reads_like_the_stream_on_a_terminal() -> None:
    stream = io.StringIO()
    live = LiveLog(stream, Layout(80, False, None))
    report_line = f"REPORT RequestId: {ID}\tDuration: 2.31 ms\tBilled Duration: 43 ms\tMax Memory Used: 61 MB\t"
    for text in (
        f"START RequestId: {ID} Version: $LATEST",
        f"{STAMP}\t{ID}\tINFO\thello",
        f"END RequestId: {ID}",
        report_line,
    ):
        live.show_line(1_700_000_000_000, text)
    assert [line[9:] for line in stream.getvalue().splitlines()] == [
        "8f3c1a2e START",
        "8f3c1a2e hello",
        "8f3c1a2e REPORT 2.31 ms, billed 43 ms, 61 MB",
    ]


def test_traces_name_the_source_and_not_where_it_was_unpacked() -> None:
    stream = io.StringIO()
    live = LiveLog(stream, Layout(None, False, 5))
    live.sources["hello"] = "src/hello/"
    place = "/tmp/neve/tasks/" + "0a" * 32
    for text in (f'File "{place}/app.py"', f"at file://{place}/index.mjs:3:5", "at handler (/var/task/index.js:1)"):
        live.show({"time": 0, "function": "hello", "requestId": ID, **said(text)})
    assert [line.split(ID[:8])[1] for line in stream.getvalue().splitlines()] == [
        ' File "src/hello/app.py"',
        " at src/hello/index.mjs:3:5",
        " at handler (src/hello/index.js:1)",
    ]


@pytest.mark.parametrize("length", [15, 36, 37, 80])
def test_no_row_is_wider_than_the_terminal(length: int) -> None:
    text = f"{'a' * length} b {'c' * length} d " * 3
    wrapped = rows(said(text), width=60)
    assert max(map(len, wrapped)) <= 60
    assert all(line.strip() for line in wrapped)


# Execution leaks


def leak(
    leak_id: str = "e.1", origin: str | None = ID, count: int = 1, line: int = 7, **members: Any
) -> dict[str, Any]:
    source = {"file": "index.mjs", "line": line, "column": 3}
    told = {"leakId": leak_id, "kind": "timer", "description": "timer (20 ms)", "count": count, "origin": origin}
    return {
        "type": "neve.leak",
        "environment": "e",
        "record": {**told, "source": source, "stack": ["handler (x)"]},
        **members,
    }


def went_on(leak_id: str = "e.1", kind: str = "neve.leakResumed") -> dict[str, Any]:
    record = {"leakId": leak_id, "requestId": OTHER, "error": "Error: boom", "fatal": True}
    return {"type": kind, "environment": "e", "requestId": OTHER, "record": record}


STOPPED: dict[str, Any] = {"type": "neve.environmentStopped", "environment": "e", "requestId": None, "record": {}}


def test_a_line_that_leaks_is_told_once_with_its_place() -> None:
    assert rows(leak(), leak("e.2"), leak("e.3", line=9, count=4)) == [
        "TIME hello 8f3c1a2e LEAK timer (20 ms) is left unfinished",
        "TIME hello 8f3c1a2e      index.mjs:7:3 in handler",
        "TIME hello 8f3c1a2e LEAK timer (20 ms) ×4 is left unfinished",
        "TIME hello 8f3c1a2e      index.mjs:9:3 in handler",
    ]


def test_a_line_that_leaks_again_and_again_is_counted_now_and_then() -> None:
    shown = rows(*(leak(f"e.{number}") for number in range(120)))[2:]
    assert shown == [
        "TIME hello 8f3c1a2e LEAK 10 times now, from index.mjs:7:3",
        "TIME hello 8f3c1a2e LEAK 100 times now, from index.mjs:7:3",
    ]


def test_place_of_a_leak_is_the_path_in_the_repository() -> None:
    stream = io.StringIO()
    live = LiveLog(stream, Layout(None, False, 5))
    live.sources["hello"] = "functions/hello/dist/"
    record = leak()
    record["record"]["source"]["file"] = "../src/index.ts"
    live.show({"time": 1_700_000_000_000.5, "function": "hello", "requestId": ID, **record})
    assert "functions/hello/src/index.ts:7:3 in handler" in stream.getvalue()


def test_leak_that_goes_on_is_told_the_first_time() -> None:
    assert rows(leak(), leak("e.2"), went_on(), went_on("e.2"), went_on(kind="neve.leakFinished"))[2:] == [
        "TIME hello 1b2c3d4e LEAK timer (20 ms) of 8f3c1a2e goes on here, index.mjs:7:3"
    ]


def test_leak_that_only_finishes_elsewhere_went_on_there() -> None:
    assert rows(leak(), went_on(kind="neve.leakFinished"))[2:] == [
        "TIME hello 1b2c3d4e LEAK timer (20 ms) of 8f3c1a2e goes on here, index.mjs:7:3"
    ]


def test_leak_that_never_goes_on_is_told_when_its_environment_ends() -> None:
    assert rows(leak(), leak("e.2"), leak("e.3", environment="other"), STOPPED)[2:] == [
        "TIME hello          · environment stopped",
        "TIME hello          LEAK timer (20 ms) of 8f3c1a2e never went on, index.mjs:7:3",
    ]
    assert rows(leak(), went_on(), STOPPED)[3:] == ["TIME hello          · environment stopped"]


def test_error_of_left_over_work_that_ends_an_invocation_names_both() -> None:
    assert rows(leak(), went_on(kind="neve.leakFailed"))[2:] == [
        "TIME hello 1b2c3d4e LEAK an error of work that 8f3c1a2e left behind ends this invocation: Error: boom"
    ]


def test_what_the_init_phase_keeps_is_not_shown() -> None:
    assert rows(leak(origin=None)) == []


def test_line_of_left_over_work_is_marked_beside_its_text() -> None:
    (row,) = rows(
        said(f"{STAMP}\t{ID}\tINFO\tlate", record={"text": f"{STAMP}\t{ID}\tINFO\tlate", "leftOverFrom": OTHER})
    )
    assert row == "TIME hello 8f3c1a2e left over from 1b2c3d4e late"


def test_blocked_loop_is_told_by_files_of_the_folder() -> None:
    stack = ["spin (index.js:3:5)", "handler (../lib/a.ts:7:1)", "run (/opt/nodejs/node_modules/b/index.js:1:1)"]
    told = {"requestId": ID, "family": "nodejs", "answeredMs": None, "blocked": True, "stack": stack, "waiting": []}
    assert explained(told, "orders/")[1:] == [
        "  spin (orders/index.js:3:5)",
        "  handler (lib/a.ts:7:1)",
        "  run (/opt/nodejs/node_modules/b/index.js:1:1)",
    ]


def test_timeout_says_what_it_waited_for() -> None:
    source = {"file": "index.js", "line": 3, "column": 5}
    waiting = {"description": "interval (every 50 ms)", "count": 1, "source": source, "stack": [], "origin": ID}
    told = {
        "requestId": ID,
        "answeredMs": 120.0,
        "blocked": False,
        "stack": [],
        "waiting": [waiting],
        "family": "nodejs",
    }
    assert rows({"type": "neve.diagnosis", "record": told}) == [
        "TIME hello 8f3c1a2e TIMEOUT its callback was called after 120 ms, but then it waited",
        "TIME hello 8f3c1a2e           for interval (every 50 ms), index.js:3:5",
    ]
