"""Where work was started: stacks that are taken cheaply (some microseconds) and read only when a leak is told of."""

from __future__ import annotations

import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from types import CodeType, FrameType

    Captured = Sequence["tuple[CodeType, int]"]
    """Code and position, the innermost first."""
    Told = list["tuple[str, str, int, int]"]
    """Function, file, line, column: as LEAK frames have them. A column of 0 is not known."""

USER, LIBRARY, PYTHON, OWN = "user", "library", "python", "own"

_SHALLOW, _DEEP = 32, 64
_TOLD = 12
_STANDARD = os.path.dirname(os.path.abspath(os.__file__)) + os.sep
_OWN_FOLDER = os.path.dirname(os.path.abspath(__file__)) + os.sep
_BOOTSTRAP = os.path.join(os.path.dirname(_OWN_FOLDER[:-1]), "bootstrap.py")
_INSTALLED = (os.sep + "site-packages" + os.sep, os.sep + "dist-packages" + os.sep)
_EXACT = sys.version_info >= (3, 11)  # the instruction tells line and column; before, the line is taken at once


class Places:
    """Whose code a file is."""

    def __init__(self, task_root: str, deep: bool) -> None:
        self._roots = tuple({os.path.join(root, "") for root in (task_root, os.path.realpath(task_root))})
        self._depth = _DEEP if deep else _SHALLOW
        self._known: dict[str, str] = {}
        self._packages: frozenset[str] | None = None

    def capture(self, frame: FrameType | None) -> Captured:
        """The stack from this frame on, unread."""
        found: list[tuple[CodeType, int]] = []
        left = self._depth
        while frame is not None and left:
            found.append((frame.f_code, frame.f_lasti if _EXACT else frame.f_lineno))
            frame = frame.f_back
            left -= 1
        return found

    def positions(self, frames: Iterable[FrameType]) -> Captured:
        """As `capture`, of frames that somebody has."""
        return [(frame.f_code, frame.f_lasti if _EXACT else frame.f_lineno) for frame in frames]

    def of(self, file: str) -> str:
        """`user`, `library`, `python` (its standard library) or `own`."""
        place = self._known.get(file)
        if place is None:
            place = self._known[file] = self._find(file)
        return place

    def asker(self, stack: Captured) -> str:
        """Whose code asked Python for it: the nearest that is not Python's own. `python` when nobody did."""
        for code, _ in stack:
            place = self.of(code.co_filename)
            if place in (USER, LIBRARY):
                return place
        return PYTHON

    def read(self, stack: Captured) -> Told:
        """What people are told of a stack: from the user's innermost frame on, without Python's own; else all of it."""
        kept = [(code, at) for code, at in stack if self.of(code.co_filename) in (USER, LIBRARY)]
        for index, (code, _) in enumerate(kept):
            if self.of(code.co_filename) == USER:
                kept = kept[index:]
                break
        return [_told(code, at) for code, at in kept[:_TOLD]]

    def _find(self, file: str) -> str:
        if file.startswith(_OWN_FOLDER) or file == _BOOTSTRAP:
            return OWN
        if file.startswith("<"):
            return PYTHON
        if any(folder in file for folder in _INSTALLED):
            return LIBRARY
        if file.startswith(_STANDARD):
            return PYTHON
        for root in self._roots:
            if file.startswith(root):
                first = file[len(root) :].split(os.sep, 1)[0]
                return LIBRARY if first in self._installed() else USER
        return LIBRARY

    def _installed(self) -> frozenset[str]:
        """What lies in the task root because `pip install -t` put it there."""
        if self._packages is None:
            self._packages = frozenset(name for root in self._roots for name in _packages_in(root))
        return self._packages


def _packages_in(root: str) -> Iterable[str]:
    """The top-level files and folders of every distribution in a folder."""
    try:
        described = [name for name in os.listdir(root) if name.endswith((".dist-info", ".egg-info"))]
    except OSError:
        return
    for name in described:
        try:
            with open(os.path.join(root, name, "RECORD"), encoding="utf-8", errors="replace") as record:
                yield from {line.split("/", 1)[0].split(",", 1)[0] for line in record}
        except OSError:
            continue


def _told(code: CodeType, at: int) -> tuple[str, str, int, int]:
    name = getattr(code, "co_qualname", code.co_name).rpartition("<locals>.")[2]
    if not _EXACT:
        return name, code.co_filename, at, 0
    for index, (line, _, column, _) in enumerate(code.co_positions()):
        if index == max(at, 0) // 2:
            return name, code.co_filename, line or code.co_firstlineno, 0 if column is None else column + 1
    return name, code.co_filename, code.co_firstlineno, 0
