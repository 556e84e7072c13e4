"""`neve trace`: rows and bars on a terminal, a picture in a file."""

import json
import re
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
from tests.analysis.telling import FIRST, SECOND, Told
from tests.analysis.test_story import picture
from tests.cli.conftest import Cli


def shown() -> dict[str, Any]:
    told = Told()
    told.init(0, 40)
    told.start(42)
    told.call(43, 10)
    told.leak(60)
    told.end(61, 19)
    told.freeze(62)
    told.start(1000, SECOND)
    told.resume(1001, SECOND)
    told.end(1010, 10, SECOND)
    members: dict[str, Any] = json.loads(json.dumps(asdict(picture(told))))
    return members


def test_run_is_told_row_by_row(cli: Cli) -> None:
    cli.house.picture = shown()
    lines = cli.run("trace", FIRST).stdout.splitlines()
    assert lines[0] == "photos · 10000000"
    assert [re.sub(r"^ *[\d.]+ m?s  ", "", line) for line in lines[3:8]] == [
        "Caller → photos          invoke 10000000",
        "photos                   init: 40 ms",
        "photos ⇄ photos.example  GET /1 → 200  10 ms",
        "photos → Caller          answer  billed 20 ms",
        "photos                   left behind: timer (120 ms)  index.mjs:3",
    ]
    assert lines[-2].startswith("environment e1a2b3c4   ▒")
    assert lines[-1].lstrip().startswith("GET /1")
    assert lines[-1].endswith("━ 10 ms")


@pytest.mark.parametrize(
    ("arguments", "asked"),
    [
        ((), {"path": "/traces/last"}),
        (("--last",), {"path": "/traces/last"}),
        (("orders",), {"path": "/traces/last", "function": "orders"}),
        (("8f3c1a2e",), {"path": "/traces/8f3c1a2e"}),
        (("8f3c", "--last"), {"path": "/traces/last", "function": "8f3c"}),
    ],
)
def test_run_is_named_by_its_id_or_its_function(cli: Cli, arguments: tuple[str, ...], asked: dict[str, str]) -> None:
    cli.house.picture = shown()
    assert cli.run("trace", *arguments).exit_code == 0
    assert cli.house.asked == [asked]


def test_picture_is_written_to_a_file(cli: Cli, tmp_path: Path) -> None:
    file = tmp_path / "run.svg"
    answer = cli.run("trace", "orders", "--svg", str(file))
    assert (file.read_text(), answer.stdout, answer.stderr) == ("<svg/>", "", f"{file}: written\n")
    assert cli.house.asked == [{"path": "/traces/last.svg", "function": "orders"}]


def test_runs_are_listed(cli: Cli) -> None:
    cli.house.traces = [
        {
            "requestId": FIRST,
            "function": "photos",
            "environment": "e",
            "at": 0,
            "status": "success",
            "durationMs": 3.2,
            "billedDurationMs": 4,
            "initDurationMs": None,
        }
    ]
    assert cli.run("trace", "--list").stdout.splitlines()[1].split()[1:] == [
        "10000000",
        "photos",
        "success",
        "3.2",
        "ms",
        "4",
        "ms",
    ]


def test_json_is_what_the_server_says(cli: Cli) -> None:
    cli.house.picture = shown()
    assert json.loads(cli.run("trace", "--json").stdout) == cli.house.picture
