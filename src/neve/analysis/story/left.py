"""Work that a run left behind, as a thread: from where it was left to what became of it."""

from collections.abc import Set

from neve.analysis.history import LeakFacts, Life
from neve.analysis.story.cast import Cast
from neve.analysis.story.draft import Draft, Entry
from neve.analysis.story.words import brief, cut, short


def tell_left(draft: Draft, cast: Cast, life: Life, key: str, leak: LeakFacts, shown: Set[str]) -> None:
    """Its thread. `key` is the environment, `shown` are the ids of the runs that have rows of their own."""
    first = _left(draft, life, key, leak)
    told = short(leak.description)
    seen = [(at_ms, request_id) for request_id, at_ms in leak.resumed.items() if request_id in shown]
    if seen:
        at_ms, request_id = min(seen)
        _continued(draft, cast, life, key, leak, first, at_ms, request_id)
    elif leak.resumed:
        draft.thread(leak.id, key, first, None, "open")
    elif leak.finished_ms is not None and leak.finished_in is None:
        row = draft.note(
            leak.finished_ms, key, "done before the freeze", detail=f"luck: {told}", tone="leak", leak=leak.id
        )
        draft.thread(leak.id, key, first, row, "finished")
    elif leak.lost_ms is not None:
        row = draft.note(leak.lost_ms, key, "never went on", detail=told, tone="error", leak=leak.id)
        draft.thread(leak.id, key, first, row, "never")
    else:
        draft.thread(leak.id, key, first, None, "open")


def _left(draft: Draft, life: Life, key: str, leak: LeakFacts) -> Entry:
    where = f"{leak.source.file}:{leak.source.line}" if leak.source is not None else ""
    many = f" ×{leak.count}" if leak.count > 1 else ""
    at_ms = leak.opened_ms
    origin = life.run(leak.origin)
    if origin is not None:
        at_ms = max(at_ms, origin.answered_ms or at_ms)
    text = f"left behind: {short(leak.description)}{many}"
    return draft.note(at_ms, key, text, detail=where, tone="leak", leak=leak.id)


def _continued(
    draft: Draft, cast: Cast, life: Life, key: str, leak: LeakFacts, first: Entry, at_ms: float, request_id: str
) -> None:
    """It went on inside the run with this id, at this time."""
    origin = brief(leak.origin)
    whose = f"of {origin}" if leak.origin == cast.request_id else f"left by {origin}"
    detail = f"{short(leak.description)}, {whose}"
    run = life.run(request_id)
    if run is not None:
        at_ms = draft.first_of(leak.id, run.began_ms, at_ms)
    row = draft.note(at_ms, key, "goes on in this invocation", detail=detail, tone="leak", leak=leak.id)
    draft.thread(leak.id, key, first, row, "continued")
    if run is not None:
        draft.activity(key, "leak", row, draft.last_of(leak.id, key, row, run.last_ms))
    if leak.error is not None and leak.failed_in == request_id and leak.finished_ms is not None:
        ends = "its error ends this invocation" if leak.fatal else "nobody catches its error"
        draft.note(leak.finished_ms, key, cut(leak.error), detail=ends, tone="error")
