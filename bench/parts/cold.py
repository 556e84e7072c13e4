"""Cold starts through the front door: the first call of a function that nobody has called."""

import time
from tempfile import TemporaryDirectory

from bench.figures import Collected
from bench.parts.effort import Effort, opened, say
from bench.peers import Ministack, Missing, Neve, NodeHttp, Peer, Rie, ServerlessOffline, Target
from bench.programs import LANGUAGES, Program, program

TITLE = "Cold starts"
NOTHING, STOCK = "Neve, from nothing", "Neve, pre-started runtime"
FIRST = ("first call", "ms")
_REFILL_S = 0.6  # so long a stock may take until its next runtime has booted, and a peer until it is quiet again


def measure(effort: Effort) -> Collected:
    """Milliseconds from the call to its answer. Each round and peer has a function of its own; the code is the same."""
    collected = Collected()
    rounds = effort.rounds * 3
    programs = {
        (language, number): program(
            "no-op" if language == "node" else "echo", language, name=f"cold-{language}-{number}"
        )
        for language in LANGUAGES
        for number in range(rounds + 1)
    }
    peers: list[Peer] = [
        Neve(NOTHING, "--prestarted", "0"),
        Neve(STOCK),
        ServerlessOffline(),
        Ministack(),
    ]
    say("cold starts")
    with opened(peers, list(programs.values())) as found:
        for (language, number), each in programs.items():
            for peer, targets in found.items():
                _first(collected, f"cold start, {language}", peer, targets[each.name], first=number == 0)
            if number:
                _rie(collected, language, each)
    _bare_node(collected, rounds)
    return collected


def _first(collected: Collected, workload: str, peer: str, target: Target, first: bool) -> None:
    """The very first fills caches and stocks and does not count."""
    time.sleep(_REFILL_S)
    began = time.perf_counter()
    try:
        target.call()
    except Missing as broken:
        collected.fail(workload, peer, *FIRST, str(broken)[:120])
        return
    if not first and not collected.failed(workload, peer, FIRST[0]):
        collected.add(workload, peer, *FIRST, (time.perf_counter() - began) * 1000)


def _rie(collected: Collected, language: str, each: Program) -> None:
    """The emulator is up before: it starts the runtime with the first call."""
    try:
        with Rie().open([each]) as targets:
            _first(collected, f"cold start, {language}", Rie.name, targets[each.name], first=False)
    except Missing as missing:
        collected.fail(f"cold start, {language}", Rie.name, *FIRST, str(missing)[:120])


def _bare_node(collected: Collected, rounds: int) -> None:
    """From nothing to the first answer of `node:http`."""
    for number in range(rounds):
        with TemporaryDirectory():
            began = time.perf_counter()
            each = program("no-op", "node", name=f"bare-{number}")
            with NodeHttp().open([each]) as targets:
                targets[each.name].call()
                collected.add("cold start, node", NodeHttp.name, *FIRST, (time.perf_counter() - began) * 1000)
