"""Functions in memory for the hot path, never older than the last write that returned.

While a write of a function is under way that function is not cached at all, and what a reader fetched during a write is
not kept: it may be from before. All calls come from the event loop, so no lock is needed.
"""

from collections import OrderedDict
from collections.abc import Callable

from neve.domain.function import Function
from neve.domain.world import World

FUNCTIONS = 4096
VERSIONS = 64
"""Of one function; a function with more of them in use at once starts again with an empty list."""

_Key = tuple[World, str]


class FunctionCache:
    """The most recently used versions of the most recently used functions. Absence is never cached."""

    def __init__(self, functions: int = FUNCTIONS) -> None:
        self._limit = functions
        self._kept: OrderedDict[_Key, dict[str, Function]] = OrderedDict()
        self._being_written: dict[_Key, int] = {}
        self._writes_settled = 0

    def get(self, world: World, name: str, version: str) -> Function | None:
        """That version, if it is in memory."""
        versions = self._kept.get((world, name))
        if versions is None:
            return None
        self._kept.move_to_end((world, name))
        return versions.get(version)

    def read_begins(self) -> int:
        """A mark for `keep_if_unwritten`: take it before the read."""
        return self._writes_settled

    def keep_if_unwritten(self, mark: int, function: Function) -> None:
        """Keep what a read found, unless a write came between."""
        key = (function.world, function.name)
        if mark == self._writes_settled and key not in self._being_written:
            self._keep(key, function)

    def write_begins(self, world: World, name: str, written: Function | None = None) -> Callable[[bool], None]:
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
                    self._keep(key, written)

        return settled

    def _keep(self, key: _Key, function: Function) -> None:
        versions = self._kept.setdefault(key, {})
        if len(versions) >= VERSIONS:
            versions.clear()
        versions[function.version] = function
        self._kept.move_to_end(key)
        if len(self._kept) > self._limit:
            self._kept.popitem(last=False)
