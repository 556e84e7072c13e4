"""Which statements of a file wait in a row without need: the code is parsed, not run, by the Node.js that comes with Neve."""

import asyncio
import json
from collections import OrderedDict
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

import neve
from neve import log
from neve.dataplane.binaries import wheel_node
from neve.dataplane.task_root import TaskRoots
from neve.domain.errors import NeveError

_SCRIPT = Path(neve.__file__).parent / "runtimes" / "nodejs" / "side-by-side.cjs"
_SECONDS = 10.0
_MOST_KNOWN = 1_000
_MOST_FILES = 20
_PARSED = (".js", ".mjs", ".cjs")

Pair = tuple[tuple[int, int], tuple[int, int]]


class SideBySide:
    """Remembers what it found: code never changes under its path."""

    def __init__(self, task_roots: TaskRoots) -> None:
        self._task_roots = task_roots
        self._known: OrderedDict[Path, Sequence[Pair]] = OrderedDict()
        self._one_at_a_time = asyncio.Lock()

    async def pairs(self, code_sha256: str, files: Collection[str]) -> Mapping[str, Sequence[Pair]]:
        """First and last lines of two statements, by file of this code archive; what is none of its files is left out."""
        try:
            root = await self._task_roots.unpacked(code_sha256)
        except NeveError:
            return {}  # the code is gone
        wanted = {name: root / name for name in sorted(files) if name.endswith(_PARSED) and _is_below(name)}
        async with self._one_at_a_time:
            unknown = [path for path in wanted.values() if path not in self._known][:_MOST_FILES]
            if unknown:
                self._known.update(zip(unknown, await _read(unknown), strict=True))
            found = {name: self._known.get(path, ()) for name, path in wanted.items()}
            while len(self._known) > _MOST_KNOWN:
                self._known.popitem(last=False)
        return found


def _is_below(name: str) -> bool:
    """A function may say anything of its files."""
    return not name.startswith("/") and ".." not in name.split("/") and "\0" not in name


async def _read(paths: Sequence[Path]) -> Sequence[Sequence[Pair]]:
    argv = (str(wheel_node().path), "--expose-internals", "--max-old-space-size=512", str(_SCRIPT))
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(
        *argv, stdin=pipe, stdout=pipe, stderr=asyncio.subprocess.DEVNULL, env={}
    )
    try:
        async with asyncio.timeout(_SECONDS):
            asked = [str(path) if path.is_file() and not path.is_symlink() else "" for path in paths]
            said, _ = await process.communicate(json.dumps(asked).encode())
        return [[((a, b), (c, d)) for (a, b), (c, d) in its] for its in json.loads(said)]
    except (TimeoutError, ValueError) as error:
        log.failure("code.not_read", error, files=[str(path) for path in paths])
        return [()] * len(paths)
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
