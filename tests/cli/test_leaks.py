"""`neve leaks`, and what `neve logs` says of lines that left-over work wrote."""

import hashlib
import json
from typing import Any

from tests.cli.conftest import Cli

FIRST, SECOND = "8f3c1a2e-0000-4000-8000-000000000001", "1b2c3d4e-0000-4000-8000-000000000002"
EXAMPLE: dict[str, Any] = {
    "description": "POST http://orders.example/items",
    "stack": ["save (lib/table.js:12:5)", "handler (index.mjs:3:9)"],
    "origin": FIRST,
    "seenIn": [SECOND],
    "fate": "continued",
    "failed": None,
    "fatal": True,
    "error": None,
    "at": 1_700_000_000_000,
}
GROUP: dict[str, Any] = {
    "function": "orders",
    "kind": "http",
    "source": {"file": "lib/table.js", "line": 12, "column": 5},
    "count": 3,
    "fates": {"continued": 2, "never": 1},
    "example": EXAMPLE,
}
TIMEOUT: dict[str, Any] = {
    "function": "orders",
    "requestId": FIRST,
    "timeoutSeconds": 3.0,
    "answeredMs": 120.4,
    "blocked": False,
    "family": "nodejs",
    "stack": [],
    "waiting": [
        {
            "description": "interval (every 50 ms)",
            "count": 1,
            "source": {"file": "index.js", "line": 3, "column": 3},
            "stack": ["exports.handler (index.js:3:3)"],
            "origin": FIRST,
        },
        {"description": "timer (5 ms)", "count": 2, "source": None, "stack": [], "origin": SECOND},
        {"description": "interval (every 9 ms)", "count": 1, "source": None, "stack": [], "origin": None},
    ],
}


def test_no_leaks_are_good_news(cli: Cli) -> None:
    assert cli.run("leaks").stderr == "No execution leaks so far.\n"
    assert cli.run("leaks", "orders").stderr == "No execution leaks of orders so far.\n"
    assert cli.house.asked == [{}, {"function": "orders"}]


def test_leaks_are_told_by_line(cli: Cli) -> None:
    cli.house.leaks["groups"] = [GROUP]
    lines = cli.run("leaks").stdout.splitlines()
    assert lines[:4] == [
        "orders  lib/table.js:12:5 in save ← handler",
        "  POST http://orders.example/items",
        "      2 × went on inside a later invocation",
        "      1 × never went on: the environment ended first",
    ]
    assert lines[4].endswith(", left by 8f3c1a2e, went on in 1b2c3d4e")
    assert lines[5:] == ["    handler (index.mjs:3:9)"]


def test_leak_that_ended_another_invocation_is_told(cli: Cli) -> None:
    cli.house.leaks["groups"] = [{**GROUP, "example": {**EXAMPLE, "failed": SECOND, "error": "Error: boom"}}]
    assert "  its error ended 1b2c3d4e: Error: boom" in cli.run("leaks").stdout


def test_error_that_another_invocation_survived_is_told(cli: Cli) -> None:
    example = {**EXAMPLE, "failed": SECOND, "error": "ValueError: boom", "fatal": False}
    cli.house.leaks["groups"] = [{**GROUP, "example": example}]
    assert "  its error was raised, and not caught, in 1b2c3d4e: ValueError: boom" in cli.run("leaks").stdout


def test_leak_of_a_line_that_is_not_known_and_one_of_a_library(cli: Cli) -> None:
    cli.house.leaks["groups"] = [{**GROUP, "source": None, "example": {**EXAMPLE, "stack": []}}]
    assert cli.run("leaks").stdout.startswith("orders  a line that is not known yet\n")


def test_timeouts_are_explained(cli: Cli) -> None:
    blocked = {**TIMEOUT, "answeredMs": None, "waiting": [], "blocked": True, "stack": ["a (b:1:2)"]}
    nothing = {**TIMEOUT, "answeredMs": None, "waiting": []}
    cli.house.leaks["timeouts"] = [TIMEOUT, blocked, {**blocked, "stack": []}, nothing]
    assert cli.run("leaks").stdout.splitlines() == [
        "orders  timed out after 3 s (8f3c1a2e)",
        "  its callback was called after 120 ms, but then it waited",
        "    for interval (every 50 ms), index.js:3:3 in exports.handler",
        "    for timer (5 ms) ×2 that 1b2c3d4e left behind",
        "    for interval (every 9 ms) of the init phase",
        "",
        "orders  timed out after 3 s (8f3c1a2e)",
        "  its event loop was blocked, here:",
        "    a (b:1:2)",
        "",
        "orders  timed out after 3 s (8f3c1a2e)",
        "  its event loop was blocked: code ran without a pause, or waited in a call that cannot be interrupted",
        "  (the next timeout of this function will tell the line, if there is one)",
        "",
        "orders  timed out after 3 s (8f3c1a2e)",
        "  it waited for something that is not known",
    ]


def test_timeouts_of_python_say_where_it_was_and_what_else_ran(cli: Cli) -> None:
    python = {**TIMEOUT, "family": "python", "answeredMs": None, "stack": ["ask (app.py:7:5)", "handler (app.py:9)"]}
    request = {**TIMEOUT["waiting"][0], "kind": "http", "description": "GET http://a/b"}
    cli.house.leaks["timeouts"] = [
        {**python, "waiting": [request, *TIMEOUT["waiting"]]},
        {**python, "waiting": [], "stack": []},
    ]
    assert cli.run("leaks").stdout.splitlines() == [
        "orders  timed out after 3 s (8f3c1a2e)",
        "  it was in GET http://a/b, here:",
        "    ask (app.py:7:5)",
        "    handler (app.py:9)",
        "  under way besides:",
        "    interval (every 50 ms), index.js:3:3 in exports.handler",
        "    timer (5 ms) ×2 that 1b2c3d4e left behind",
        "    interval (every 9 ms) of the init phase",
        "",
        "orders  timed out after 3 s (8f3c1a2e)",
        "  nobody could look where it was: native code that does not let go of the interpreter, or no CPU time left",
    ]


def test_what_the_init_phase_keeps_is_told_apart_and_once(cli: Cli) -> None:
    kept = {"function": "orders", "source": GROUP["source"], "description": "interval (every 9 ms)"}
    cli.house.leaks["init"] = [kept, kept]
    assert cli.run("leaks").stdout.splitlines() == [
        "Kept since the init phase; it belongs to no invocation and is no leak:",
        "  orders  lib/table.js:12:5  interval (every 9 ms)",
    ]


def test_leaks_as_json_are_what_the_server_says(cli: Cli) -> None:
    cli.house.leaks["groups"] = [GROUP]
    assert json.loads(cli.run("leaks", "--json").stdout) == cli.house.leaks


def test_line_of_left_over_work_is_marked_in_the_json_of_a_log(cli: Cli) -> None:
    message = "2026-01-02T03:04:05.678Z\tid\tINFO\tläte"
    cli.house.events = [
        {"eventId": str(n), "timestamp": n, "message": message, "ingestionTime": n, "logStreamName": "s"}
        for n in (1, 2)
    ]
    digest = hashlib.sha256(message.encode()).hexdigest()
    cli.house.left_over_lines = [{"time": 2, "sha256": digest, "leftOverFrom": FIRST, "requestId": SECOND}]
    events = [json.loads(line) for line in cli.run("logs", "hello", "--json").stdout.splitlines()]
    assert [event.get("leftOverFrom") for event in events] == [None, FIRST]
    assert {event["message"] for event in events} == {message}
