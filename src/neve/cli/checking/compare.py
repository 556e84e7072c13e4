"""Three fates of a function: what differs between them, and what goes wrong in any. Pure."""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from neve.cli.checking.fates import FATES, Fate
from neve.cli.checking.observed import Effect, Left, Observed, Place, error_of
from neve.cli.timeouts import explained

LEAK, TIMEOUT, ERROR, DIFFERENCE, HINT = "leak", "timeout", "error", "difference", "hint"
SEEN_KINDS = (LEAK, TIMEOUT, ERROR, DIFFERENCE)
KINDS = (*SEEN_KINDS, HINT)
"""Of findings; all but hints, which are read in the code, were seen to happen."""


DONE, LATE, LOST, LUCK, ENDLESS, ABSENT = "done", "late", "lost", "luck", "endless", "absent"
"""What became of something in one fate. `luck`: it was over before the environment froze, which nothing guarantees."""

_Bag = Counter[str]
_OTHERS = re.compile(r"/var/runtime/|\(node:")


@dataclass(frozen=True)
class Outcome:
    """What became of it in one fate: a word of the above, and a sentence."""

    word: str
    text: str


@dataclass(frozen=True)
class Finding:
    """One thing to mend. `subject` is what is left, or what failed; `work` its kind in the words of the leak watch; of a hint its
    rule.

    `answered`: of a timeout, whether the callback was called. `in_init`: of an error, whether no handler had the event yet.
    `details` are sentences to be shown below.
    """

    kind: str
    subject: str
    work: str = ""
    place: Place | None = None
    stack: Sequence[str] = ()
    fates: Mapping[Fate, Outcome] = field(default_factory=dict)
    details: Sequence[str] = ()
    effects: Sequence[Effect] = ()
    answered: bool = False
    blocked: bool = False
    in_init: bool = False

    @property
    def title(self) -> str:
        """One line: what, and how bad."""
        return _leak_title(self) if self.kind == LEAK else self.subject


def findings(observed: Sequence[Observed]) -> list[Finding]:
    """Of the three fates of one function."""
    leaks = list(_leaks(observed))
    calls = list(_lost_calls(observed, leaks))
    if calls and len(leaks) == 1:  # then there is nobody else who could have made them
        leaks, calls = list(_leaks(observed, [each.subject for each in calls])), []
    rest = calls or list(_strays(observed, leaks))
    return [*_errors(observed), *_timeouts(observed), *leaks, *rest, *_differences(observed, bool(leaks or rest))]


# Leaks


def _leaks(observed: Sequence[Observed], calls: Sequence[str] = ()) -> Iterator[Finding]:
    """`calls` are those of services that the only leak made, besides the requests that it was seen to make."""
    keys = dict.fromkeys(_key(leak) for each in observed for leak in each.leaks)
    alone = len(keys) == 1
    for key in keys:
        of_fate = {each.fate: [leak for leak in each.leaks if _key(leak) == key] for each in observed}
        shown = next(leak for leaks in of_fate.values() for leak in leaks)
        effects = _effects(of_fate)
        lines = [*calls, *(f'log "{line}"' for line in _lines(observed))] if alone else []
        yield Finding(
            LEAK,
            _many(shown),
            shown.kind,
            shown.place,
            shown.stack,
            {each.fate: _outcome(each, of_fate[each.fate], effects, lines) for each in observed},
            effects=[*effects, *(Effect(line) for line in lines)],
        )


def _key(leak: Left) -> tuple[object, ...]:
    return (leak.kind, leak.place or leak.description)


def _many(leak: Left) -> str:
    return f"{leak.description} ×{leak.count}" if leak.count > 1 else leak.description


def _effects(of_fate: Mapping[Fate, Sequence[Left]]) -> list[Effect]:
    """What it does when it has the time; what it did elsewhere, where that was never seen."""
    for fate in (Fate.IN_TIME, Fate.THAWED, Fate.RECLAIMED):
        found = next((leak.effects for leak in of_fate.get(fate, ()) if leak.effects), None)
        if found:
            return list(found)
    return []


def _lines(observed: Sequence[Observed]) -> list[str]:
    for fate in (Fate.IN_TIME, Fate.THAWED):
        for each in observed:
            if each.fate is fate and each.stray_lines:
                return list(dict.fromkeys(each.stray_lines))[:3]
    return []


def _outcome(each: Observed, left: Sequence[Left], effects: Sequence[Effect], lines: Sequence[str]) -> Outcome:
    """Of the leak of the first invocation; of the second where only that left it."""
    if each.seen.unforced is not None and not left:
        return Outcome(ABSENT, f"not tried: {each.seen.unforced}")
    if not left:
        return Outcome(ABSENT, "was not left this time")
    leak = next((one for one in left if not one.of_second), left[0])
    word = _word(each, leak)
    if word == LOST:
        did = _shown([*(effect.what for effect in effects), *lines])
    else:
        did = _shown([*map(str, leak.effects), *(lines if word != LUCK else ())])
    if leak.error is not None:
        where = "ends the next invocation" if leak.finished_inside else "ends the environment"
        return Outcome(word, f"its error {where}: {leak.error}")
    return Outcome(word, _SENTENCES[word] + (f": {did}" if did else ""))


def _word(each: Observed, leak: Left) -> str:
    if each.fate is Fate.IN_TIME and not each.seen.settled and not leak.finished:
        return ENDLESS
    if leak.resumed_inside or leak.finished_inside:
        return LATE
    if leak.finished:
        return DONE if each.fate is Fate.IN_TIME else LUCK
    if each.fate is Fate.IN_TIME or (each.fate is Fate.THAWED and leak.of_second):
        return ENDLESS
    return LOST


_SENTENCES = {
    DONE: "comes to its end",
    LATE: "goes on inside the next invocation",
    LOST: "lost",
    LUCK: "was over before the freeze, by luck",
    ENDLESS: "is not over when the patience ends",
}


def _shown(effects: Sequence[str]) -> str:
    counted = Counter(effects)
    texts = [f"{text} ×{count}" if count > 1 else text for text, count in counted.items()]
    return ", ".join(texts[:4]) + (" …" if len(texts) > 4 else "")


def _leak_title(finding: Finding) -> str:
    count = Counter(outcome.word for outcome in finding.fates.values())
    first, *others = [word for word in _VERDICTS if count[word]] or [""]
    if not first:
        return f"{finding.subject} is left unfinished"
    rest = "".join(f", {_VERDICTS[word]} in {count[word]}" for word in others)
    return f"{finding.subject} is {_VERDICTS[first]} in {count[first]} of {len(FATES)} fates{rest}"


_VERDICTS = {LOST: "lost", LATE: "late", ENDLESS: "endless"}


# What nobody can be told to have left: runtimes without a leak watch, work that it cannot see


def _lost_calls(observed: Sequence[Observed], leaks: Sequence[Finding]) -> Iterator[Finding]:
    """Calls of services that are made when there is time, and not when the environment is reclaimed."""
    by_fate = {each.fate: each for each in observed}
    there, gone = by_fate.get(Fate.IN_TIME), by_fate.get(Fate.RECLAIMED)
    if there is None or gone is None or there.seen.unforced or gone.seen.unforced:
        return
    known = {effect.what for leak in leaks for effect in leak.effects} | {leak.subject for leak in leaks}
    made = _bag(effect.what for before, effect in there.calls if before)
    lost = made - _bag(effect.what for before, effect in gone.calls if before)
    # A name that is seen once, before the answer, was made up by the function: it says nothing of the other fates.
    comparable = {*there.late_calls, *(effect.what for _, effect in by_fate[Fate.THAWED].calls)}
    for what, count in lost.items():
        if what in comparable and what not in known:
            yield Finding(LEAK, what, "call", fates=_fates_of_call(what, count, made[what], by_fate))


def _fates_of_call(what: str, lost: int, made: int, by_fate: Mapping[Fate, Observed]) -> dict[Fate, Outcome]:
    thawed = by_fate[Fate.THAWED]
    before = sum(effect.what == what for early, effect in thawed.calls if early)
    inside = sum(effect.what == what for early, effect in thawed.calls if not early)
    times = f" ×{lost}" if lost > 1 else ""
    late = before < made and inside > before
    return {
        Fate.THAWED: Outcome(LATE, f"made inside the next invocation{times}")
        if late
        else Outcome(LOST, f"lost{times}"),
        Fate.RECLAIMED: Outcome(LOST, f"lost{times}"),
        Fate.IN_TIME: Outcome(DONE, "made after the answer"),
    }


def _bag(items: Iterable[str]) -> _Bag:
    return Counter(items)


def _strays(observed: Sequence[Observed], leaks: Sequence[Finding]) -> Iterator[Finding]:
    """Lines of left-over work, where no leak was seen that could have printed them."""
    lines = _lines(observed)
    if leaks or not lines:
        return
    texts = {
        Fate.THAWED: Outcome(LATE, "printed into the log of the next invocation, or after it"),
        Fate.RECLAIMED: Outcome(LOST, "lost"),
        Fate.IN_TIME: Outcome(DONE, "printed after the answer"),
    }
    yield Finding(LEAK, f'log "{lines[0]}"', "line", fates=texts, effects=[Effect(f'log "{each}"') for each in lines])


# Timeouts


def _timeouts(observed: Sequence[Observed]) -> Iterator[Finding]:
    for told in _worst([each for each in observed if each.timeouts]):
        report = told.timeouts[0]
        first = report["requestId"] == told.ids[0]
        diagnosis = told.diagnosis(report["requestId"]) or {}
        waiting = diagnosis.get("waiting", ())
        source = next((each["source"] for each in waiting if each["source"]), None)
        seconds = diagnosis.get("timeoutSeconds", report["record"]["metrics"]["durationMs"] / 1000.0)
        when = "" if first else " when left-over work goes on in it"
        yield Finding(
            TIMEOUT,
            f"{'it' if first else 'the next invocation'} runs out of its {seconds:g} s{when}",
            next((each["kind"] for each in waiting if each["source"]), ""),
            None if source is None else (source["file"], source["line"], source["column"]),
            next((each["stack"] for each in waiting if each["source"]), diagnosis.get("stack", ())),
            details=[told.plain(line) for line in explained(diagnosis)] if diagnosis else (),
            answered=diagnosis.get("answeredMs") is not None,
            blocked=diagnosis.get("blocked", False),
        )


def _worst(observed: Sequence[Observed]) -> Sequence[Observed]:
    """One is enough: that in which the first invocation is concerned, if there is one."""
    first = [each for each in observed if each.timeouts[0]["requestId"] == each.ids[0]]
    return (first or list(observed))[:1]


# Errors


def _errors(observed: Sequence[Observed]) -> Iterator[Finding]:
    """Of the first invocation, in any fate; timeouts and what leaks did are told as themselves."""
    for each in observed:
        error = error_of(each.seen.first)
        timed_out = any(report["requestId"] == each.ids[0] for report in each.timeouts)
        if error is None or timed_out:
            continue
        message = each.plain(str(error.get("errorMessage") or "no message").strip().split("\n")[0])
        yield Finding(
            ERROR,
            f"{error.get('errorType') or 'Error'}: {message}",
            place=_place_in(error),
            stack=_own_frames(error.get("trace") or ()),
            in_init=each.init_failed,
        )
        return


def _own_frames(trace: Sequence[object]) -> list[str]:
    """Of Node.js: the innermost functions, without those of its and our runtime, and texts that are no frame."""
    frames = (str(line).strip() for line in trace)
    own = [each for each in frames if each.startswith("at ") and each.endswith(")") and not _OTHERS.search(each)]
    return [each.removeprefix("at ") for each in own[:3]]


def _place_in(error: Mapping[str, Any]) -> Place | None:
    """The first line of a trace that is the user's."""
    from neve.cli.checking.traces import place_in_trace

    return place_in_trace(error.get("trace") or error.get("stackTrace") or ())


# Differences


def _differences(observed: Sequence[Observed], has_left: bool) -> Iterator[Finding]:
    """Second invocations that answer otherwise because left-over work ran in one of them."""
    by_fate = {each.fate: each for each in observed}
    thawed, in_time = by_fate.get(Fate.THAWED), by_fate.get(Fate.IN_TIME)
    if thawed is None or in_time is None or not has_left or thawed.seen.second is None or in_time.seen.second is None:
        return
    firsts = {each.plain(each.seen.first.body.decode(errors="replace")) for each in observed}
    one = thawed.plain(thawed.seen.second.body.decode(errors="replace"))
    other = in_time.plain(in_time.seen.second.body.decode(errors="replace"))
    if len(firsts) == 1 and one != other and not thawed.timeouts:
        yield Finding(
            DIFFERENCE,
            "the next invocation answers otherwise when left-over work goes on in it",
            fates={
                Fate.THAWED: Outcome(LATE, f"answers {_cut(one)}"),
                Fate.IN_TIME: Outcome(DONE, f"answers {_cut(other)}"),
            },
        )


def _cut(text: str) -> str:
    return text if len(text) <= 80 else text[:79] + "…"
