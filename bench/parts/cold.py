"""Cold starts through the front door: the first call of a function that nobody has called."""

import time

from bench.figures import Collected
from bench.parts.effort import Effort, attempt, opened
from bench.peers import Ministack, Neve, NodeHttp, Peer, Rie, ServerlessOffline, Target
from bench.programs import LANGUAGES, NODE, Program, program

TITLE = "Cold starts"
NOTHING, STOCK = "Neve, from nothing", "Neve, pre-started runtime"
FIRST = ("first call", "ms")
_REFILL_S = 0.6  # so long a stock may take until its next runtime has booted, and a peer until it is quiet again


def measure(effort: Effort, collected: Collected) -> None:
    """Milliseconds from the call to its answer. Each round and peer has a function of its own; the code is the same."""
    rounds = effort.rounds * 3
    programs = {
        (language, number): program(
            "no-op" if language == "node" else "echo", language, name=f"cold-{language}-{number}"
        )
        for language in LANGUAGES
        if effort.wants(_workload(language))
        for number in range(rounds + 1)
    }
    if not programs:
        return
    peers: list[Peer] = [
        Neve(NOTHING, "--prestarted", "0"),
        Neve(STOCK),
        ServerlessOffline(),
        Ministack(),
    ]
    with opened(peers, list(programs.values())) as found:
        for (language, number), each in programs.items():
            if number == 0:
                effort.begins(_workload(language))
            for peer, targets in found.items():
                _first(collected, _workload(language), peer, targets[each.name], first=number == 0)
            if number:
                _rie(collected, language, each)
            if number and language == NODE:
                _bare_node(collected, each)


def _workload(language: str) -> str:
    return f"cold start, {language}"


def _first(collected: Collected, workload: str, peer: str, target: Target, first: bool) -> None:
    """The very first fills caches and stocks and does not count."""
    time.sleep(_REFILL_S)
    began = time.perf_counter()
    with attempt(collected, workload, peer, FIRST):
        target.call()
        if not first and not collected.failed(workload, peer, FIRST[0]):
            collected.add(workload, peer, *FIRST, (time.perf_counter() - began) * 1000)


def _rie(collected: Collected, language: str, each: Program) -> None:
    """The emulator is up before: it starts the runtime with the first call."""
    with attempt(collected, _workload(language), Rie.name, FIRST), Rie().open([each]) as targets:
        _first(collected, _workload(language), Rie.name, targets[each.name], first=False)


def _bare_node(collected: Collected, each: Program) -> None:
    """From nothing to the first answer of `node:http`."""
    began = time.perf_counter()
    with NodeHttp().open([each]) as targets:
        targets[each.name].call()
        collected.add(_workload(NODE), NodeHttp.name, *FIRST, (time.perf_counter() - began) * 1000)
