"""An environment's part of a picture: the runs that are shown, what lies between them, and what they left behind."""

from collections.abc import Sequence

from neve.analysis.history import Frozen, Life, Run
from neve.analysis.story.cast import Cast
from neve.analysis.story.draft import Draft
from neve.analysis.story.left import tell_left
from neve.analysis.story.running import Running
from neve.domain.picture import span

_MOST_LEAKS = 4


def tell_life(draft: Draft, cast: Cast, life: Life, shown: Sequence[Run]) -> None:
    """`shown` are the runs of this life that have rows of their own."""
    key = cast.environment(life.environment_id)
    ids = {run.request_id for run in shown}
    for run, following in zip(shown, [*shown[1:], None], strict=True):
        Running(draft, cast, life, key, run, is_alone=len(ids) == 1).tell()
        _between(draft, life, key, run, following)
    leaks = [each for each in life.leaks.values() if each.origin in ids]
    for leak in leaks[: _MOST_LEAKS * len(shown)]:
        tell_left(draft, cast, life, key, leak, ids)


def _between(draft: Draft, life: Life, key: str, run: Run, following: Run | None) -> None:
    """What lies between two runs that are shown, or behind the last one."""
    until = following.arrived_ms if following is not None else float("inf")
    unseen = [each for each in life.runs if run.began_ms < each.began_ms < until and each is not run]
    frozen = [each for each in life.frozen if run.began_ms <= each.from_ms < until]
    if following is None:
        for each in frozen[:1]:
            _frozen(draft, key, each, "then other invocations" if unseen else "")
        _ended(draft, life, key)
    elif unseen:
        count = len(unseen)
        at_ms = frozen[0].from_ms if frozen else run.last_ms
        draft.row("frozen", at_ms, key, f"{count} other invocation{'s' if count > 1 else ''} and freezes")
    else:
        for each in frozen:
            _frozen(draft, key, each)


def _frozen(draft: Draft, key: str, frozen: Frozen, after: str = "") -> None:
    if frozen.to_ms is None:
        draft.row("frozen", frozen.from_ms, key, "frozen", detail="until somebody invokes it")
    else:
        draft.row("frozen", frozen.from_ms, key, f"frozen {span(frozen.to_ms - frozen.from_ms)}", detail=after)


def _ended(draft: Draft, life: Life, key: str) -> None:
    lost = any(each.lost_ms is not None and not each.resumed for each in life.leaks.values())
    if life.ended_ms is not None and lost:
        draft.row("end", life.ended_ms, key, "the environment is gone")
