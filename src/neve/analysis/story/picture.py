"""The picture of a run: which rows there are, in which order, and what is left out.

What is shown is the run that was asked for, in every attempt, and those that share leaked work with it; other invocations of
the environment are counted. Of many equal calls in a row one row is left.
"""

from collections.abc import Sequence

from neve.analysis.history import Life, Step
from neve.analysis.story.cast import Cast
from neve.analysis.story.draft import Draft
from neve.analysis.story.lives import tell_life
from neve.analysis.story.shown import runs_shown
from neve.analysis.story.steps import tell_step
from neve.analysis.story.subtitle import subtitle_of
from neve.analysis.story.timeline import lanes_of
from neve.analysis.story.words import brief
from neve.domain.picture import Picture
from neve.domain.price import Prices

_LONGEST_DESCRIPTION = 3_000
_SCALE = "Rows are in the order of time, not to scale; the bars below are."
_DASHES = "Dashed: work that nobody waited for. It stands still while its environment is frozen."


def picture_of(request_id: str, function: str, prices: Prices, lives: Sequence[Life], steps: Sequence[Step]) -> Picture:
    """The picture of one run: `lives` are the environments that it ran in, `steps` what the event queue tells of it."""
    draft, cast = Draft(), Cast(request_id, function, bool(steps))
    shown = [(life, runs_shown(life, request_id)) for life in lives]
    for step in steps:
        tell_step(draft, cast, step)
    for life, runs in sorted(shown, key=lambda each: each[0].runs[0].began_ms):
        tell_life(draft, cast, life, runs)
    rows, activities, threads = draft.finished()
    began_ms = draft.began_ms
    own = [run for life in lives for run in life.runs if run.request_id == request_id]
    subtitle = subtitle_of(own, began_ms, prices)
    told = "; ".join(f"{row.when}: {row.text}" for row in rows)
    return Picture(
        request_id=request_id,
        function=function,
        title=f"{function} · {brief(request_id)}",
        subtitle=subtitle,
        description=f"What happened when {function} ran ({subtitle}). {told[:_LONGEST_DESCRIPTION]}",
        began_ms=began_ms,
        participants=cast.participants(),
        rows=rows,
        activities=activities,
        threads=threads,
        lanes=lanes_of(shown, steps, began_ms),
        legend=[_SCALE, _DASHES] if threads else [_SCALE],
    )
