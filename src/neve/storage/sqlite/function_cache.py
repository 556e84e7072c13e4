"""Functions and what belongs to them in memory for the hot path, never older than the last write that returned.

While a write of a function is under way that function is not cached at all, and what a reader fetched during a write is
not kept: it may be from before. All calls come from the event loop, so no lock is needed.
"""

from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Generic, TypeVar

from neve.domain.alias import Alias
from neve.domain.event_invoke import EventInvokeConfig
from neve.domain.function import Function
from neve.domain.function_url import FunctionUrl
from neve.domain.world import World

FUNCTIONS = 4096
VERSIONS = 64
"""Of one function; a function with more of them in use at once starts again with an empty list."""

T = TypeVar("T")

_Key = tuple[World, str]
_Place = tuple[_Key, str]


class PartCache(Generic[T]):
    """The most recently used parts (versions, aliases) of the most recently used functions. Absence is never cached."""

    def __init__(self, functions: int = FUNCTIONS) -> None:
        self._limit = functions
        self._kept: OrderedDict[_Key, dict[str, T]] = OrderedDict()
        self._being_written: dict[_Key, int] = {}
        self._writes_settled = 0

    def get(self, world: World, name: str, part: str) -> T | None:
        """That part of that function, if it is in memory."""
        parts = self._kept.get((world, name))
        if parts is None:
            return None
        self._kept.move_to_end((world, name))
        return parts.get(part)

    def read_begins(self) -> int:
        """A mark for `keep_if_unwritten`: take it before the read."""
        return self._writes_settled

    def keep_if_unwritten(self, mark: int, found: T) -> None:
        """Keep what a read found, unless a write came between."""
        key, part = self._place(found)
        if mark == self._writes_settled and key not in self._being_written:
            self._keep(key, part, found)

    def write_begins(self, world: World, name: str, written: T | None = None) -> Callable[[bool], None]:
        """Forget the function until the returned callback hears whether the write was committed; then keep `written`."""
        key = (world, name)
        self._being_written[key] = self._being_written.get(key, 0) + 1
        self._kept.pop(key, None)

        def settled(committed: bool) -> None:
            self._writes_settled += 1
            self._being_written[key] -= 1
            if self._being_written[key] == 0:
                del self._being_written[key]
                if committed and written is not None:
                    self._keep(key, self._place(written)[1], written)

        return settled

    def _place(self, value: T) -> _Place:
        raise NotImplementedError

    def _keep(self, key: _Key, part: str, value: T) -> None:
        parts = self._kept.setdefault(key, {})
        if len(parts) >= VERSIONS:
            parts.clear()
        parts[part] = value
        self._kept.move_to_end(key)
        if len(self._kept) > self._limit:
            self._kept.popitem(last=False)


class FunctionCache(PartCache[Function]):
    """Versions of functions."""

    def _place(self, value: Function) -> _Place:
        return (value.world, value.name), value.version


class AliasCache(PartCache[Alias]):
    """Aliases of functions."""

    def _place(self, value: Alias) -> _Place:
        return (value.world, value.function_name), value.name


@dataclass(frozen=True, slots=True)
class EventInvokeConfigs:
    """All of one function's, also when it has none."""

    world: World
    function_name: str
    by_qualifier: Mapping[str, EventInvokeConfig]


class EventInvokeCache(PartCache[EventInvokeConfigs]):
    """Event invoke configs of functions: one part, the name of which is empty, has all of them."""

    def _place(self, value: EventInvokeConfigs) -> _Place:
        return (value.world, value.function_name), ""


class FunctionUrlCache(PartCache[FunctionUrl]):
    """Function URLs, which are asked for by their ids."""

    def __init__(self, functions: int = FUNCTIONS) -> None:
        super().__init__(functions)
        self._places: dict[str, _Place] = {}  # may lead to what is not there any more

    def by_id(self, url_id: str) -> FunctionUrl | None:
        """The one with that id, if it is in memory."""
        if url_id not in self._places:
            return None
        (world, name), part = self._places[url_id]
        url = self.get(world, name, part)
        return url if url is not None and url.id == url_id else None

    def _place(self, value: FunctionUrl) -> _Place:
        return (value.world, value.function_name), value.alias or ""

    def _keep(self, key: _Key, part: str, value: FunctionUrl) -> None:
        if len(self._places) >= self._limit:
            self._places.clear()
        self._places[value.id] = key, part
        super()._keep(key, part, value)


def together(*settled: Callable[[bool], None]) -> Callable[[bool], None]:
    """One callback for a write that concerns several caches."""

    def all_settled(committed: bool) -> None:
        for each in settled:
            each(committed)

    return all_settled
