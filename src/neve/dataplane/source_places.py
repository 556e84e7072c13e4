"""Places in generated code as the places that a person wrote. Source maps are read by the Node.js that comes with Neve, in a
process of its own: that of a bundle takes longer than most invocations may.

Most files have no map, which is known after one look; what a map says of a place is remembered.
"""

import asyncio
import contextlib
import json
import posixpath
from collections import OrderedDict
from collections.abc import Collection, Iterable, Sequence
from pathlib import Path

import neve
from neve import log
from neve.dataplane.binaries import wheel_node
from neve.domain.stack import Frame, Stack

_SCRIPT = Path(neve.__file__).parent / "runtimes" / "nodejs" / "source-places.mjs"
_MARK = b"sourceMappingURL="
_LARGEST_SEARCHED = 4 * 1024 * 1024  # a larger file may have one: the script looks
_SECONDS = 20.0
_MOST_KNOWN = 20_000

Position = tuple[str, int, int]
"""File on this machine, line, column."""


class SourcePlaces:
    """What all environments of one Neve share."""

    def __init__(self) -> None:
        self._known: OrderedDict[Position, Position | None] = OrderedDict()
        self._plain: set[str] = set()  # files without a map
        self._one_at_a_time = asyncio.Lock()
        self._waiting = 0
        self._none_waits = asyncio.Event()
        self._none_waits.set()

    def begin(self) -> None:
        """Somebody has news that wait for places, until `end`."""
        self._waiting += 1
        self._none_waits.clear()

    def end(self) -> None:
        """They are told."""
        self._waiting -= 1
        if self._waiting == 0:
            self._none_waits.set()

    async def wait_told(self) -> None:
        """Until no news wait, or longer than it may take to read a map."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_SECONDS):
                await self._none_waits.wait()

    def unknown(self, positions: Iterable[Position]) -> set[Position]:
        """Those that have to be loaded before `place` knows them."""
        return {each for each in positions if each[0] not in self._plain and each not in self._known}

    def place(self, position: Position) -> Position | None:
        """Where a person wrote it; None when no map says."""
        return self._known.get(position)

    async def load(self, positions: Collection[Position]) -> None:
        """Have them known afterwards, whatever goes wrong."""
        async with self._one_at_a_time:
            left = self.unknown(positions)
            files = {each[0] for each in left}
            self._plain |= await asyncio.to_thread(_without_map, files)
            asked = sorted(self.unknown(left))
            for position, place in zip(asked, await _read(asked), strict=True) if asked else ():
                self._known[position] = place
            while len(self._known) > _MOST_KNOWN:
                self._known.popitem(last=False)


def _without_map(files: Iterable[str]) -> set[str]:
    return {file for file in files if not _may_have_map(Path(file))}


def _may_have_map(file: Path) -> bool:
    try:
        if not file.is_file():  # a pipe would be waited for
            return False
        return file.stat().st_size > _LARGEST_SEARCHED or _MARK in file.read_bytes()
    except OSError:
        return False  # code that was made by eval


async def _read(positions: Sequence[Position]) -> Sequence[Position | None]:
    argv = (str(wheel_node().path), "--max-old-space-size=1024", str(_SCRIPT))
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(
        *argv, stdin=pipe, stdout=pipe, stderr=asyncio.subprocess.DEVNULL, env={}
    )
    try:
        async with asyncio.timeout(_SECONDS):
            said, _ = await process.communicate(json.dumps(positions).encode())
        return [None if each is None else (each[0], each[1], each[2]) for each in json.loads(said)]
    except (TimeoutError, ValueError) as error:
        log.failure("sources.not_read", error, files=sorted({each[0] for each in positions}))
        return [None] * len(positions)
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


class TaskRoot:
    """The task root of one environment: as its function sees it, and as it is on this machine."""

    def __init__(self, seen: str, here: Path) -> None:
        self.seen = seen
        self._here = str(here)

    def positions(self, stacks: Sequence[Stack]) -> Sequence[Position]:
        """Where the frames below it are on this machine."""
        return [self._position(frame) for stack in stacks for frame in stack if _is_below(frame)]

    def resolved(self, stacks: Sequence[Stack], places: SourcePlaces) -> Sequence[Stack]:
        """The stacks, as far as maps are known."""
        return [[self._resolved(frame, places) for frame in stack] for stack in stacks]

    def _position(self, frame: Frame) -> Position:
        return self._here + frame.file[len(self.seen) :], frame.line, frame.column

    def _resolved(self, frame: Frame, places: SourcePlaces) -> Frame:
        place = places.place(self._position(frame)) if _is_below(frame) else None
        return frame if place is None else frame.moved((self._as_seen(place[0]), place[1], place[2]))

    def _as_seen(self, file: str) -> str:
        """Sources that were not deployed (`../src/app.ts`) are beside the task root; a bundler's own names stay."""
        if not file.startswith("/"):
            return file
        return posixpath.normpath(posixpath.join(self.seen, posixpath.relpath(file, self._here)))


def _is_below(frame: Frame) -> bool:
    """Whether it may be looked at: a function may say anything of its files."""
    return bool(frame.root) and "/../" not in frame.file and "\0" not in frame.file
