"""What waiting in a row cost a run, where it is sure that side by side would have done (docs/cost.md).

Sure is what both say: the code (`runtimes/nodejs/side-by-side.cjs`), that the second statement needs nothing of the first, and
the run, that each of the two asked for something only, by GET or HEAD, the second once the first was answered.
"""

import re
from collections.abc import Iterator, Mapping, Sequence

from neve.analysis.history import Life, Run
from neve.domain.outgoing import OutgoingCall
from neve.domain.picture import span
from neve.domain.price import Prices, cost_of, money, usage_of

Lines = tuple[int, int]
Pair = tuple[Lines, Lines]
"""The first and the last line of two statements that follow each other and need nothing of each other."""

_FRAME = re.compile(r"\((?P<file>[^()]+):(?P<line>\d+):\d+\)$")
_SAFE = frozenset({"GET", "HEAD"})
_LEAST_SAVED_MS = 1.0
_MOST = 5


def files_of(life: Life, run: Run) -> set[str]:
    """The files whose code may have waited in a row; none for a run with fewer than two calls."""
    calls = life.calls_of(run)
    return {file for call in calls for file, _ in _places(call)} if len(calls) > 1 else set()


def hints_of(life: Life, run: Run, pairs: Mapping[str, Sequence[Pair]], prices: Prices) -> list[str]:
    """A sentence for each pair of statements of these files that a run lost time with."""
    found = [
        _sentence(file, pair, saved_ms, run, prices)
        for file, its in pairs.items()
        for pair in its
        for saved_ms in _saved(life.calls_of(run), file, pair)
    ]
    return found[:_MOST]


def _saved(calls: Sequence[OutgoingCall], file: str, pair: Pair) -> Iterator[float]:
    first, second = ([call for call in calls if _is_in(call, file, lines)] for lines in pair)
    ends = [call.ended_ms for call in (*first, *second)]
    if not first or not second or None in ends or any(call.method not in _SAFE for call in (*first, *second)):
        return
    answered = max(end for end in ends[: len(first)] if end is not None)
    begun = min(call.began_ms for call in second)
    if begun < answered:
        return  # in a loop, or side by side already
    took = (answered - min(call.began_ms for call in first), max(end for end in ends if end is not None) - begun)
    if min(took) >= _LEAST_SAVED_MS:
        yield min(took)


def _sentence(file: str, pair: Pair, saved_ms: float, run: Run, prices: Prices) -> str:
    (first, _), (second, _) = pair
    told = f"{file}:{first} and :{second} wait one after the other; side by side (Promise.all) would take {span(saved_ms)} less"
    memory_mb = run.metrics.get("memorySizeMB")
    if memory_mb is None:
        return f"{told}."
    saved = cost_of(usage_of(saved_ms, 0.0, memory_mb, run.storage_mb), run.architecture, prices)
    return f"{told}, ${money((saved.duration + saved.storage) * 1e6)} for a million."


def _is_in(call: OutgoingCall, file: str, lines: Lines) -> bool:
    return any(place == file and lines[0] <= line <= lines[1] for place, line in _places(call))


def _places(call: OutgoingCall) -> Iterator[tuple[str, int]]:
    for frame in call.stack:
        found = _FRAME.search(frame)
        if found is not None:
            yield found["file"], int(found["line"])
