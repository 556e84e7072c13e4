"""The same as a timeline: a lane for the event queue and for each environment, and below it the calls of a run."""

from collections.abc import Sequence

from neve.analysis.history import Life, Run, Step
from neve.analysis.story.calls import grouped
from neve.analysis.story.words import brief
from neve.domain import record as kinds
from neve.domain.picture import Lane, Segment, span

_OPEN = {False: "open", True: "no answer"}

_LEAST_MS = 1.0
_MOST_CALLS = 12


def lanes_of(shown: Sequence[tuple[Life, Sequence[Run]]], steps: Sequence[Step], began_ms: float) -> list[Lane]:
    """The lanes of a picture; times count from `began_ms`."""
    lanes = [Lane("event queue", waits)] if (waits := _waits(steps, began_ms)) else []
    for life, runs in shown:
        lanes.append(Lane(f"environment {brief(life.environment_id)}", _life(life, runs, began_ms)))
        lanes += _calls(life, runs, began_ms)
    return lanes


def _waits(steps: Sequence[Step], began_ms: float) -> list[Segment]:
    segments = []
    since: float | None = None
    for step in steps:
        at_ms = step.at_ms
        if step.type in (kinds.QUEUED, kinds.RETRY_AT):
            since = at_ms
        elif step.type == kinds.LEASED and since is not None:
            if at_ms - since >= _LEAST_MS:
                segments.append(Segment("wait", since - began_ms, at_ms - began_ms, f"waits {span(at_ms - since)}"))
            since = None
    return segments


def _life(life: Life, runs: Sequence[Run], began_ms: float) -> list[Segment]:
    segments = []
    for run in runs:
        for init in run.inits:
            took = init.ended_ms - init.began_ms
            segments.append(
                Segment(
                    "init",
                    init.began_ms - began_ms,
                    init.ended_ms - began_ms,
                    f"init {span(took)}",
                    init.status != "success",
                )
            )
        end = run.done_ms if run.done_ms is not None else run.last_ms
        failed = run.status not in (None, "success")
        segments.append(
            Segment("invoke", run.began_ms - began_ms, end - began_ms, f"invoke {span(end - run.began_ms)}", failed)
        )
        if run.extensions_ms >= _LEAST_MS and run.ended_ms is not None:
            told = f"extensions {span(run.extensions_ms)}"
            segments.append(Segment("extensions", end - began_ms, run.ended_ms - began_ms, told))
    for frozen in life.frozen:
        following = next((run for run in life.runs if run.began_ms >= frozen.from_ms), None)
        belongs = following is None or following in runs
        if frozen.to_ms is not None and belongs and frozen.from_ms >= runs[0].began_ms:
            told = f"frozen {span(frozen.to_ms - frozen.from_ms)}"
            segments.append(Segment("frozen", frozen.from_ms - began_ms, frozen.to_ms - began_ms, told))
    return sorted(segments, key=lambda segment: segment.from_ms)


def _calls(life: Life, runs: Sequence[Run], began_ms: float) -> list[Lane]:
    lanes = []
    several = len({call.to for call in life.calls.values()}) > 1
    last_ms = max((run.last_ms for run in runs), default=0.0)
    for run in runs:
        over_ms = run.last_ms if run.was_cut_off else last_ms
        for group in grouped(life.calls_of(run)):
            call, ended = group.calls[0], group.ended_ms
            told = (
                span(ended - group.began_ms)
                if ended is not None
                else _OPEN[run.was_cut_off or life.ended_ms is not None]
            )
            segment = Segment(
                "leak" if group.left(run) else "call",
                group.began_ms - began_ms,
                (ended if ended is not None else over_ms) - began_ms,
                told,
                group.failed or ended is None,
            )
            lanes.append(Lane(f"{call.to} {group.what}" if several else group.what, [segment], thin=True))
    if len(lanes) > _MOST_CALLS:
        more = len(lanes) - _MOST_CALLS
        return [*lanes[:_MOST_CALLS], Lane(f"and {more} more", [], thin=True)]
    return lanes
