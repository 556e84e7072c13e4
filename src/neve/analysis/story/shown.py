"""Which runs of an environment a picture shows."""

from collections.abc import Sequence

from neve.analysis.history import Life, Run

_MOST_RUNS = 5


def runs_shown(life: Life, request_id: str) -> list[Run]:
    """Those of this id, and the nearest that share leaked work with them; in their order."""
    own = {index for index, run in enumerate(life.runs) if run.request_id == request_id}
    related: set[int] = set()
    for leak in life.leaks.values():
        if request_id == leak.origin or request_id in leak.resumed:
            ids = {leak.origin, *leak.resumed}
            related |= {index for index, run in enumerate(life.runs) if run.request_id in ids}
    related |= {index + 1 for index in own if _is_cleared_away(life.runs[index + 1 : index + 2])}
    nearest = sorted(related - own, key=lambda index: min((abs(index - each) for each in own), default=0))
    return [life.runs[index] for index in sorted(own | set(nearest[: max(0, _MOST_RUNS - len(own))]))]


def _is_cleared_away(following: Sequence[Run]) -> bool:
    """Whether the next run had to initialize again, because this one cost the processes."""
    return any(init.inside for run in following for init in run.inits)
