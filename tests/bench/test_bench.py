"""The bench's own logic: what it reads, how it counts, what it draws. Nothing is measured here."""

import math
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest
from bench.charts import Dot
from bench.figures import Collected, Curve, Part, Results
from bench.load import steady, wrk
from bench.peers.peer import Missing, Target

from bench import charts, figures, guard, report

_SAID = (
    "Running 1s test @ http://127.0.0.1:1\n  1 threads and 1 connections\n"
    'neve-bench {"requests": 200, "duration_us": 2000000, "bytes": 1, "failed": %d, "max_us": 9000, '
    '"50": 250, "90": 300, "99": 1500, "99.9": 8000}\n'
)


def test_wrk_is_understood() -> None:
    load = wrk.parse(_SAID % 0)
    assert (load.per_second, load.ms[50], load.ms[99.9], load.ms[100.0]) == (100.0, 0.25, 8.0, 9.0)
    assert not load.broken


def test_failures_do_not_count_as_speed() -> None:
    load = wrk.parse(_SAID % 50)
    assert (load.per_second, load.failed, load.broken) == (75.0, 50, True)


def test_wrk_that_could_not_connect_is_told() -> None:
    with pytest.raises(Missing, match="unable to connect"):
        wrk.parse("", "unable to connect to 127.0.0.1:1 Connection refused\n")


def test_wrk_takes_targets_by_turns(tmp_path: Path) -> None:
    targets = [Target(1, f"/{name}", b"{}", {"X-A": "b"}) for name in "ab"]
    script = wrk.script_of(targets, str(tmp_path)).decode()
    assert script.index('"/a"') < script.index('"/b"')
    assert '["X-A"] = "b"' in script
    assert (tmp_path / "body-1").read_bytes() == b"{}"


@pytest.mark.parametrize(
    ("answer", "whole"),
    [
        (b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nnull", True),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nnul", False),
        (b"HTTP/1.1 200 OK\r\nContent-Le", False),
        (b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n4\r\nnull\r\n0\r\n\r\n", True),
        (b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n4\r\nnull\r\n", False),
    ],
)
def test_end_of_an_answer(answer: bytes, whole: bool) -> None:
    assert steady.is_whole(answer) is whole


def test_percentiles_are_of_the_times_that_there_were() -> None:
    found = figures.percentiles([each / 1000 for each in range(1, 101)], (50, 99, 99.9))
    assert found == {50: 51.0, 99: 100.0, 99.9: 100.0}
    assert figures.percentiles([]) == {}


def test_median_and_spread_of_rounds() -> None:
    collected = Collected()
    for value in (3.0, 1.0, 2.0):
        collected.add("w", "Neve", "rate", "/s", value)
    (figure,) = collected.figures
    assert (figure.median, figure.spread) == (2.0, 1.0)


def test_what_fails_once_has_no_figure() -> None:
    collected = Collected()
    collected.add("w", "p", "rate", "/s", 3.0)
    collected.fail("w", "p", "rate", "/s", "it crashed")
    assert collected.failed("w", "p", "rate")
    assert math.isnan(collected.figures[0].median)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "0"),
        (5678.9, "5,679"),
        (123.4, "123"),
        (12.34, "12.3"),
        (0.2513, "0.251"),
        (0.00123, "0.0012"),
        (100, "100"),
    ],
)
def test_numbers_have_three_digits(value: float, text: str) -> None:
    assert charts.number(value) == text


def test_charts_are_well_formed_and_say_what_they_show() -> None:
    dots = charts.dots("A & B", "requests/s", {"no-op <1>": {"Neve": Dot(5, 4, 6), "AWS RIE": Dot(1, 1, 1)}})
    curves = charts.curves("A", "x", "y", {"Neve": [(1, 10.0), (10, 0.0)], "other": [(1, 3.0)]})
    for picture in (dots, curves):
        root = ET.fromstring(picture)
        assert root.get("role") == "img"
        assert "prefers-color-scheme: dark" in picture
        described = root.find("{http://www.w3.org/2000/svg}desc")
        assert described is not None
        assert "Neve" in (described.text or "")


def test_page_is_made_of_what_there_is() -> None:
    failing = Collected()
    failing.fail("no-op, node, 1", "AWS RIE", "rate", "requests/s", "it crashed")
    part = Part("2026-01-01 00:00 UTC", 7.5, 8.0, 1, 1.0, figures=failing.figures)
    growth = Part(
        "2026-01-01 00:00 UTC", 0.1, 0.1, 1, 1.0, curves=[Curve("lines", "Lines", "lines", "/s", {"node": [(1, 2.0)]})]
    )
    pages = report.pages(Results({"kernel": "Linux"}, {"Neve": "1"}, {"warm": part, "growth": growth}))
    assert "it crashed" in pages["benchmarks.md"]
    assert "Provisional" in pages["benchmarks.md"]
    assert "benchmarks/growth-lines.svg" in pages
    assert "not measured" in pages["benchmarks.md"]


def test_committed_page_is_of_the_committed_figures() -> None:
    for name, text in report.pages(figures.read()).items():
        assert (report.FOLDER / name).read_text() == text, f"docs/{name} is old: python -m bench report"


def test_guard_tells_faster_from_slower() -> None:
    assert guard.judged("no-op: rate", 0.3) == "faster"
    assert guard.judged("no-op: rate", -0.3) == "SLOWER"
    assert guard.judged("no-op: processor", 0.3) == "SLOWER"
    assert guard.judged("no-op: processor", 0.1) == ""
    before = {"a: processor": 1.0, "a: rate": 1.0}
    assert guard.show({"a: processor": 1.1, "a: rate": 0.2}, before) == 0, "a rate may be that of a busy machine"
    assert guard.show({"a: processor": 1.5}, before) == 1
