"""Leaks by the line that leaks: what a person reads first."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from neve.domain.leak import Fate, Leak, Source
from neve.domain.world import World


@dataclass(frozen=True, slots=True)
class LeakGroup:
    """Every known leak of one kind from one line of one function. `example` is the newest."""

    world: World
    function_name: str
    kind: str
    source: Source | None
    count: int
    fates: Mapping[Fate, int]
    example: Leak
    first_ms: float
    last_ms: float


def by_line(leaks: Iterable[Leak]) -> Sequence[LeakGroup]:
    """The group with the newest leak first."""
    found: dict[tuple[object, ...], list[Leak]] = {}
    for leak in leaks:
        place = (leak.source.file, leak.source.line) if leak.source is not None else None
        found.setdefault((leak.world, leak.function_name, leak.kind, place), []).append(leak)
    return sorted((_group(each) for each in found.values()), key=lambda group: group.last_ms, reverse=True)


def _group(leaks: Sequence[Leak]) -> LeakGroup:
    newest = max(leaks, key=lambda leak: leak.at_ms)
    fates: Counter[Fate] = Counter()
    for leak in leaks:
        fates[leak.fate] += leak.count
    return LeakGroup(
        world=newest.world,
        function_name=newest.function_name,
        kind=newest.kind,
        source=newest.source,
        count=sum(leak.count for leak in leaks),
        fates={fate: fates[fate] for fate in Fate if fates[fate]},
        example=newest,
        first_ms=min(leak.at_ms for leak in leaks),
        last_ms=newest.at_ms,
    )
