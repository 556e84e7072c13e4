"""Stacks as runtime clients send them, and the line among them that a person looks for: their own.

A place is the user's when its file lies below the task root and not in a package (`node_modules`), where source maps, once
read, have the last word.
"""

import posixpath
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Self

_MOST_STACKS = 8
_MOST_FRAMES = 12
_LONGEST = 500
_PACKAGES = "node_modules/"
_BUNDLED = "webpack:///"


@dataclass(frozen=True, slots=True)
class Frame:
    """One frame: `file` is a path as the function sees it. Lines and columns count from 1; a column of 0 is not known."""

    call: str
    file: str
    line: int
    column: int
    root: str
    """The task root, where the file lies below it; else empty. A source map does not change that."""

    @property
    def library(self) -> str | None:
        """The package that it belongs to."""
        below = self.file.rpartition(_PACKAGES)[2] if _PACKAGES in self.file else ""
        parts = below.split("/")
        return "/".join(parts[:2]) if below.startswith("@") else parts[0] or None

    @property
    def is_users(self) -> bool:
        """Whether the user wrote it."""
        return bool(self.root) and self.library is None

    @property
    def shown(self) -> str:
        """The file as people know it: relative to the task root where it was below it."""
        if self.file.startswith(_BUNDLED):
            return self.file.removeprefix(_BUNDLED)
        return posixpath.relpath(self.file, self.root) if self.root else self.file

    def moved(self, place: tuple[str, int, int] | None) -> Self:
        """At the place that a source map names."""
        return self if place is None else replace(self, file=place[0], line=place[1], column=place[2])

    def __str__(self) -> str:
        column = f":{self.column}" if self.column else ""
        return f"{self.call} ({self.shown}:{self.line}{column})"


Stack = Sequence[Frame]


def read_stacks(item: Mapping[str, Any], root: str) -> Sequence[Stack]:
    """The stacks of an item of news, the nearest first; what is none is left out. `root` is the task root."""
    given = item.get("stacks")
    stacks = [_read_stack(each, root) for each in given[:_MOST_STACKS]] if isinstance(given, list) else []
    return [stack for stack in stacks if stack]


def _read_stack(given: object, root: str) -> Stack:
    frames = [_read_frame(each, root) for each in given[:_MOST_FRAMES]] if isinstance(given, list) else []
    return [frame for frame in frames if frame is not None]


def _read_frame(given: object, root: str) -> Frame | None:
    match given:
        case [str() as call, str() as file, int() as line, int() as column] if file:
            below = root if file.startswith(f"{root}/") else ""
            return Frame(call[:_LONGEST], file[:_LONGEST], _number(line), _number(column), below)
    return None


def _number(value: int) -> int:
    return value if 0 <= value < 2**31 else 0


def chosen(stacks: Sequence[Stack]) -> tuple[Frame | None, Stack]:
    """The frame nearest to the work that is the user's, else the nearest of all, and the stack that it is in."""
    for stack in stacks:
        for frame in stack:
            if frame.is_users:
                return frame, stack
    return (stacks[0][0], stacks[0]) if stacks else (None, ())
