"""How cost grows: each a curve of Neve alone, from little to much of one thing."""

import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

from bench.figures import Collected, Curve
from bench.load import wrk
from bench.load.wrk import Load
from bench.machine import cpu_seconds, forget_the_most, resident_mb
from bench.parts.effort import FAILURES, Effort, say
from bench.parts.events import accepted_and_ran, drain
from bench.parts.frozen import fill, sleeper
from bench.parts.waiting import fill as fill_queue
from bench.peers import Missing
from bench.peers.neve import Server, serve
from bench.programs import LANGUAGES, NODE, PYTHON, Program, program, text_of

TITLE = "How cost grows"
FUNCTIONS = (1, 10, 100, 1_000, 10_000)
ENVIRONMENTS = (1, 5, 20, 50, 100, 200)
LINES = (1, 10, 100, 1_000)
QUEUE = (1_000, 10_000, 100_000, 1_000_000)
SIZES = (1_024, 10_240, 102_400, 1_048_576, 6_291_000)
_CALLERS = 16
_LARGE, _LARGE_S = 1_000_000, 4.0  # sixteen answers of this many bytes take seconds to come back, together
_RATE, _TAIL, _WORK = "requests/s", "p99, ms", "processor of Neve for a call, ms"


def measure(effort: Effort, collected: Collected) -> None:
    """Curves of the rate, of the 99th percentile and of Neve's own work, for each thing that grows."""
    failed = []
    for name, curves in CURVES.items():
        if effort.begins(name):
            began = time.monotonic()
            try:
                collected.curves += curves(effort)
            except FAILURES as broken:
                failed.append(f"{name}: {broken}")
            say(f"  {time.monotonic() - began:.0f} s")
    if failed:
        raise Missing(f"no curve of {'; '.join(failed)}")


def functions(effort: Effort) -> list[Curve]:
    """So many functions exist; ten of them are called by turns."""
    three = _three("functions", "Functions that exist (ten are called)", "functions")
    with TemporaryDirectory() as folder, serve(Path(folder, "data")) as server:
        there: list[Program] = []
        for count in effort.up_to(FUNCTIONS):
            new = [program("echo", PYTHON, {"a": 1}, f"one-of-{number}") for number in range(len(there), count)]
            for begin in range(0, len(new), 100):
                server.deploy(new[begin : begin + 100])
            there += new
            called = [there[index * len(there) // min(10, len(there))] for index in range(min(10, len(there)))]
            targets = [server.target(each) for each in called]
            for target in targets:
                target.call()
            wrk.run(targets, _CALLERS, 1)
            _point(three, count, "Neve", server, partial(wrk.run, targets, _CALLERS, effort.seconds), effort)
    return [*three]


def environments(effort: Effort) -> list[Curve]:
    """So many environments exist, frozen; one of another function is called."""
    three = _three("environments", "Frozen environments beside the one that is called", "environments")
    noop = program("no-op", NODE)
    with TemporaryDirectory() as folder, serve(Path(folder, "data")) as server:
        target = server.deploy([noop])[noop.name]
        many = sleeper(server, NODE)
        for count in effort.up_to(ENVIRONMENTS):
            fill(server, many, count)
            wrk.run([target], 1, 1)
            _point(three, count, "Neve", server, partial(wrk.run, [target], 1, effort.seconds), effort)
    return [*three]


def lines(effort: Effort) -> list[Curve]:
    """So many lines are printed by each call; all are kept."""
    three = _three("lines", "Log lines of each call", "lines of a call")
    kept = Curve("lines-kept", "Log lines of each call", "lines of a call", "lines/s kept")
    with TemporaryDirectory() as folder, serve(Path(folder, "data")) as server:
        for count in effort.up_to(LINES):
            for language in LANGUAGES:
                each = program("log lines", language, {"lines": count}, f"lines-{language}-{count}")
                target = server.deploy([each])[each.name]
                wrk.run([target], 4, 1)
                run = partial(wrk.run, [target], 4, effort.seconds, 30)
                rate = _point(three, count, language, server, run, effort)
                kept.series.setdefault(language, []).append((count, rate * count))
    return [kept, *three]


def payload(effort: Effort) -> list[Curve]:
    """Echo of so many bytes, by one caller and by sixteen; and the most memory that Neve took meanwhile."""
    three = _three("payload", "Payload, echoed", "bytes")
    moved = Curve("payload-moved", "Payload, echoed", "bytes", "MB/s, there and back")
    memory = Curve("payload-memory", "Payload, echoed", "bytes", "most resident memory of Neve, MB")
    with TemporaryDirectory() as folder, serve(Path(folder, "data")) as server:
        for size in effort.up_to(SIZES):
            each = program("echo", NODE, text_of(size), f"echo-{size}")
            target = server.deploy([each])[each.name]
            target.call()
            seconds = max(effort.seconds, _LARGE_S if size > _LARGE else 0)
            for callers in (1, _CALLERS):
                wrk.run([target], callers, 1, 30)
                forget_the_most(server.pid)
                name = "one caller" if callers == 1 else f"{callers} callers"
                run = partial(wrk.run, [target], callers, seconds, 30)
                rate = _point(three, size, name, server, run, effort)
                moved.series.setdefault(name, []).append((size, 2 * rate * size / 1e6))
                memory.series.setdefault(name, []).append((size, resident_mb(server.pid, most=True)))
    return [moved, *three, memory]


def queue(effort: Effort) -> list[Curve]:
    """So many events wait for another function, which may not run; those of ours are accepted and run."""
    rate = Curve("queue", "Events that wait for another function", "events that wait", "events/s")
    ready = Curve("queue-ready", "Events that wait", "events that wait", "s until Neve is ready after a kill")
    memory = Curve("queue-memory", "Events that wait", "events that wait", "resident memory, MB")
    noop, waits = program("no-op", PYTHON), program("echo", PYTHON, {"a": 1}, "waits")
    for count in effort.up_to(QUEUE):
        with TemporaryDirectory() as folder:
            data = Path(folder, "data")
            with serve(data) as server:
                server.deploy([noop, waits])
                server.target(waits, event=True).call()
                drain(server, waits.name)
                server.process.kill()
                server.process.wait(10)
            fill_queue(data, waits.name, count)
            with serve(data) as server:
                ready.series.setdefault("ready", []).append((count, server.ready_s))
                event = server.target(noop, event=True)
                seen = [
                    accepted_and_ran(server, event, noop.name, _CALLERS, effort.seconds) for _ in range(effort.rounds)
                ]
                accepted = _middle([each for each, _ in seen]).per_second
                rate.series.setdefault("accepted", []).append((count, accepted))
                rate.series.setdefault("run to their end", []).append((count, median(ran for _, ran in seen)))
                memory.series.setdefault("Neve", []).append((count, resident_mb(server.pid)))
    return [rate, ready, memory]


CURVES: dict[str, Callable[[Effort], list[Curve]]] = {
    each.__name__: each for each in (functions, environments, lines, payload, queue)
}
"""By the name of their first curve."""


def _three(name: str, title: str, x: str) -> tuple[Curve, Curve, Curve]:
    return Curve(name, title, x, _RATE), Curve(f"{name}-tail", title, x, _TAIL), Curve(f"{name}-work", title, x, _WORK)


def _point(
    three: tuple[Curve, Curve, Curve], x: int, series: str, server: Server, run: Callable[[], Load], effort: Effort
) -> float:
    """The median round by its rate, which it gives: what else the machine does is not to bend a curve."""
    seen: list[tuple[Load, float]] = []
    for _ in range(effort.rounds):
        before = cpu_seconds(server.pid)
        load = run().good()
        seen.append((load, (cpu_seconds(server.pid) - before) / load.requests))
    load = _middle([each for each, _ in seen])
    rate, tail, work = three
    rate.series.setdefault(series, []).append((x, load.per_second))
    if load.tells(99):
        tail.series.setdefault(series, []).append((x, load.ms[99]))
    work.series.setdefault(series, []).append((x, sorted(used for _, used in seen)[len(seen) // 2] * 1000))
    return load.per_second


def _middle(seen: Sequence[Load]) -> Load:
    return sorted(seen, key=lambda each: each.per_second)[len(seen) // 2]
