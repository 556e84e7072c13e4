"""The bench's own logic: what it reads, how it counts, what it draws. Nothing is measured here."""

import asyncio
import math
import xml.etree.ElementTree as ET
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from bench.bends import fit
from bench.charts import Dot
from bench.figures import Collected, Curve, Figure, Part, Results, Run
from bench.load import steady, wrk
from bench.parts.effort import Effort, attempt
from bench.peers.peer import Missing, Target

from bench import charts, figures, guard, machine, report

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
    with pytest.raises(Missing, match="refuses connections"):
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
    part = Part().with_run("2026-01-01 00:00:00 UTC", Run(1, 1.0, 7.5, [0.9]), failing, whole=True)
    growing = Collected()
    growing.curves.append(Curve("lines", "Lines", "lines", "/s", {"node": [(1, 2.0)]}))
    growth = Part().with_run("2026-01-01 00:00:00 UTC", Run(1, 1.0, 0.1, [0.0]), growing, whole=True)
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


def _one(workload: str, value: float) -> Collected:
    collected = Collected()
    collected.add(workload, "Neve", "rate", "requests/s", value)
    return collected


_FIRST, _SECOND = "2026-01-01 10:00:00 UTC", "2026-01-02 11:00:00 UTC"


def test_part_of_a_run_adds_to_what_there_was() -> None:
    busy, quiet = Run(1, 1.0, 5.0, [0.9]), Run(3, 1.0, 0.1, [0.02, 0.9, 0.01])
    both = _one("a, node, 1", 1.0)
    both.add("b, node, 1", "Neve", "rate", "requests/s", 2.0)
    part = (
        Part().with_run(_FIRST, busy, both, whole=True).with_run(_SECOND, quiet, _one("a, node, 1", 7.0), whole=False)
    )
    assert [(each.workload, each.values, each.run) for each in part.figures] == [
        ("a, node, 1", [7.0], _SECOND),
        ("b, node, 1", [2.0], _FIRST),
    ]
    assert part.settled == {"a, node, 1"}
    page = report.pages(Results(parts={"warm": part}))["benchmarks.md"]
    assert (
        f"<sup>1</sup> Measured {_FIRST}, 1 rounds of 1 s each; load 5 before; others used 90% of the processors"
        in page
    )
    assert "7.00/s · – · – <sup>2</sup>" in page


def test_whole_run_leaves_nothing_of_older_ones() -> None:
    part = Part().with_run(_FIRST, Run(1, 1.0, 5.0), _one("old", 1.0), whole=True)
    part = part.with_run(_SECOND, Run(1, 1.0, 5.0), _one("new", 1.0), whole=True)
    assert (list(part.runs), [each.workload for each in part.figures]) == ([_SECOND], ["new"])


def test_figures_of_two_runs_have_no_ratio() -> None:
    ours, theirs = Figure("w", "Neve", "rate", "/s", [6.0]), Figure("w", "AWS RIE", "rate", "/s", [2.0])
    part = Part(runs={_FIRST: Run(1, 1.0, 0.0, [0.0]), _SECOND: Run(1, 1.0, 0.0, [0.0])})
    ours.run = theirs.run = _FIRST
    assert report._multiple(part, ours, theirs) == "3.00 ×"
    theirs.run = _SECOND
    assert report._multiple(part, ours, theirs) == "–"


def test_only_and_settled_leave_workloads_out() -> None:
    begun: list[str] = []
    effort = Effort(only="node", settled=frozenset({"b, node"}), before=lambda: begun.append("quiet"))
    assert [effort.begins(each) for each in ("a, node", "b, node", "a, python")] == [True, False, False]
    assert begun == ["quiet"]
    assert not effort.whole


def test_failing_peer_is_told_and_others_go_on() -> None:
    collected = Collected()
    with attempt(collected, "w", "p", ("rate", "/s")):
        raise ConnectionResetError("it hung up")
    (figure,) = collected.figures
    assert (figure.values, figure.note) == ([], "it hung up")


def test_idle_time_is_read_from_the_kernel() -> None:
    text = "cpu  100 0 50 800 40 5 5 0 7 0\ncpu0 1 1 1 1 1 1 1 1 1 1\n"
    assert machine._ticks(text) == (1000, 840)


def test_busy_machine_is_waited_for_with_a_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    shares, told = iter([0.9, 0.5, 0.04, 0.9]), list[str]()
    monkeypatch.setattr(machine, "used_share", lambda seconds: next(shares))
    assert machine.wait_until_quiet(60, told.append) == 0.04
    assert told == ["waiting until less than 15% of the processors are in use (now 90%), at most 60 s"]
    assert machine.wait_until_quiet(0, told.append) == 0.9
    assert len(told) == 1


class _Slow(asyncio.Protocol):
    """Answers everybody at once, but stands still for a while before it does so for the first time."""

    def __init__(self, ready: float) -> None:
        self._ready = ready

    def connection_made(self, transport: Any) -> None:
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        loop = asyncio.get_running_loop()
        loop.call_at(
            max(self._ready, loop.time()), self._transport.write, b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
        )


async def test_who_stands_still_is_seen_by_all_who_were_due() -> None:
    """64 connections, 200 calls in 0.2 s, a server that answers after 0.4 s: the last one waits half as long as the first."""
    loop = asyncio.get_running_loop()
    ready = loop.time() + 0.4
    server = await loop.create_server(partial(_Slow, ready), "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        seen = await asyncio.wait_for(steady._run(Target(port, "/", b""), 1000, 0.2), 20)
    assert (seen.requests, seen.failed) == (200, 0)
    assert seen.ms[99] > seen.ms[50] > 195, "calls for which no connection was free waited, too"


async def test_who_is_never_answered_counts_as_slow() -> None:
    class Hangs(asyncio.Protocol):
        def connection_made(self, transport: Any) -> None:
            self._transport = transport

        def data_received(self, data: bytes) -> None:
            self._transport.close()

    server = await asyncio.get_running_loop().create_server(Hangs, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        seen = await asyncio.wait_for(steady._run(Target(port, "/", b""), 1000, 0.05), 9)
    assert (seen.failed, seen.ms[50]) == (50, 10_000), "and all have hung up: nobody waits for them"


def test_bends_are_found_where_the_slope_changes() -> None:
    assert report.bends([(1, 100), (10, 101), (100, 99), (1000, 100)]) == []
    assert report.bends([(1, 1), (10, 10), (100, 100)]) == []
    assert report.bends([(1, 100), (10, 100), (100, 10), (1000, 1)]) == [10]


def test_a_level_curve_that_trembles_has_no_bend() -> None:
    assert report.bends([(1, 5.5), (5, 3.6), (20, 4.7), (50, 5.0), (100, 3.4)]) == []


def test_sum_of_a_fixed_cost_and_one_for_each_is_found() -> None:
    fixed, each, off = fit([(x, 0.3 + 0.01 * x) for x in (1, 10, 100, 1000)])
    assert (round(fixed, 6), round(each, 6), round(off, 6)) == (0.3, 0.01, 0.0)


def test_bend_without_an_explanation_is_told() -> None:
    growing = Collected()
    level_then_steep = [(1.0, 1.0), (10.0, 1.0), (100.0, 50.0), (1000.0, 50.0)]
    known = [(float(x), 0.3 + 0.01 * x) for x in (1, 10, 100, 1000)]
    growing.curves += [
        Curve("functions", "A", "functions", "requests/s", {"Neve": level_then_steep}),
        Curve("lines-work", "B", "lines", "ms", {"node": known}),
        Curve("functions-work", "C", "functions", "ms", {"Neve": level_then_steep}),
    ]
    quiet, busy = Run(1, 1.0, 0.1, [0.0]), Run(1, 1.0, 9.0, [0.9])
    page = report.pages(Results(parts={"growth": Part().with_run("now", quiet, growing, whole=True)}))["benchmarks.md"]
    assert page.count("It bends (Neve at 10.0, Neve at 100), which is **not explained**.") == 2
    assert "node 0.300 ms and 10,000 ns for each of the lines, right within 0%" in page
    page = report.pages(Results(parts={"growth": Part().with_run("now", busy, growing, whole=True)}))["benchmarks.md"]
    assert "It bends" not in page, "of a busy machine a bend says nothing"
