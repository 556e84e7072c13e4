"""How cost grows: each a curve of Neve alone, from little to much of one thing."""

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

from bench.figures import Collected, Curve
from bench.load import wrk
from bench.load.wrk import Load
from bench.machine import forget_the_most, resident_mb
from bench.parts.effort import Effort, say
from bench.parts.events import drain
from bench.parts.frozen import fill
from bench.parts.waiting import fill as fill_queue
from bench.peers.neve import serve
from bench.programs import NODE, PYTHON, Program, program, text_of

TITLE = "How cost grows"
FUNCTIONS = (1, 10, 100, 1_000, 10_000)
ENVIRONMENTS = (1, 5, 20, 50, 100, 200)
LINES = (1, 10, 100, 1_000)
QUEUE = (1_000, 10_000, 100_000, 1_000_000)
SIZES = (1_024, 10_240, 102_400, 1_048_576, 6_291_000)
_CALLERS = 16
_RATE, _TAIL = "requests/s", "p99, ms"


def measure(effort: Effort) -> Collected:
    """One curve of the rate, and one of the 99th percentile, for each thing that grows."""
    collected = Collected()
    for curves in (functions, environments, lines, payloads, queue):
        say(f"growth: {curves.__name__}")
        collected.curves += curves(effort)
    return collected


def functions(effort: Effort) -> list[Curve]:
    """So many functions exist; ten of them are called by turns."""
    rate, tail = _pair("functions", "Functions that exist (ten are called)", "functions")
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
            _point(rate, tail, count, "Neve", partial(wrk.run, targets, _CALLERS, effort.seconds), effort)
    return [rate, tail]


def environments(effort: Effort) -> list[Curve]:
    """So many environments exist, frozen; one of another function is called."""
    rate, tail = _pair("environments", "Frozen environments beside the one that is called", "environments")
    for count in effort.up_to(ENVIRONMENTS):
        with TemporaryDirectory() as folder, serve(Path(folder, "data")) as server:
            noop = program("no-op", NODE)
            target = server.deploy([noop])[noop.name]
            fill(server, NODE, count)
            target.call()
            _point(rate, tail, count, "Neve", partial(wrk.run, [target], 1, effort.seconds), effort)
    return [rate, tail]


def lines(effort: Effort) -> list[Curve]:
    """So many lines are printed by each call; all are kept."""
    rate = Curve("lines", "Log lines of each call", "lines of a call", "lines/s kept")
    calls = Curve("lines-calls", "Log lines of each call", "lines of a call", _RATE)
    tail = Curve("lines-tail", "Log lines of each call", "lines of a call", _TAIL)
    with TemporaryDirectory() as folder, serve(Path(folder, "data")) as server:
        for count in effort.up_to(LINES):
            for language in (NODE, PYTHON):
                each = program("log lines", language, {"lines": count}, f"lines-{language}-{count}")
                target = server.deploy([each])[each.name]
                wrk.run([target], 4, 1)
                best = _best(partial(wrk.run, [target], 4, effort.seconds, 30), effort.rounds)
                rate.series.setdefault(language, []).append((count, best.per_second * count))
                calls.series.setdefault(language, []).append((count, best.per_second))
                tail.series.setdefault(language, []).append((count, best.ms[99]))
    return [rate, calls, tail]


def payloads(effort: Effort) -> list[Curve]:
    """Echo of so many bytes, by one caller and by sixteen; and the most memory that Neve took meanwhile."""
    rate = Curve("payload", "Payload, echoed", "bytes", "MB/s, there and back")
    tail = Curve("payload-tail", "Payload, echoed", "bytes", _TAIL)
    memory = Curve("payload-memory", "Payload, echoed", "bytes", "most resident memory of Neve, MB")
    with TemporaryDirectory() as folder, serve(Path(folder, "data")) as server:
        for size in effort.up_to(SIZES):
            each = program("echo", NODE, text_of(size), f"echo-{size}")
            target = server.deploy([each])[each.name]
            target.call()
            for callers in (1, _CALLERS):
                wrk.run([target], callers, 1, 30)
                forget_the_most(server.pid)
                best = _best(partial(wrk.run, [target], callers, effort.seconds, 30), effort.rounds)
                name = "one caller" if callers == 1 else f"{callers} callers"
                rate.series.setdefault(name, []).append((size, 2 * best.per_second * size / 1e6))
                tail.series.setdefault(name, []).append((size, best.ms[99]))
                memory.series.setdefault(name, []).append((size, resident_mb(server.pid, most=True)))
    return [rate, tail, memory]


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
            fill_queue(data, waits.name, count)
            with serve(data) as server:
                ready.series.setdefault("ready", []).append((count, server.ready_s))
                event = server.target(noop, event=True)
                accepted = _best(partial(wrk.run, [event], _CALLERS, effort.seconds), effort.rounds)
                rate.series.setdefault("accepted", []).append((count, accepted.per_second))
                rate.series.setdefault("run to their end", []).append((count, drain(server, noop.name)))
                memory.series.setdefault("Neve", []).append((count, resident_mb(server.pid)))
    return [rate, ready, memory]


def _pair(name: str, title: str, x: str) -> tuple[Curve, Curve]:
    return Curve(name, title, x, _RATE), Curve(f"{name}-tail", title, x, _TAIL)


def _point(rate: Curve, tail: Curve, x: int, series: str, run: Callable[[], Load], effort: Effort) -> None:
    run()
    best = _best(run, effort.rounds)
    rate.series.setdefault(series, []).append((x, best.per_second))
    tail.series.setdefault(series, []).append((x, best.ms[99]))


def _best(run: Callable[[], Load], rounds: int) -> Load:
    """The median round by its rate: what else the machine does is not to bend a curve."""
    seen: Sequence[Load] = sorted((run() for _ in range(rounds)), key=lambda each: each.per_second)
    return seen[len(seen) // 2]
