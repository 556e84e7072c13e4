"""Code archives: what a zip must be before anything of it is written, and how to read it without trusting it.

* Sizes are counted while reading; what headers claim is never believed.
* Only stored and deflated entries: the other methods of the format can take unbounded memory to read.
* Nothing leaves the root: no `..`, absolute, drive or backslash names, nothing below a link, and a link is followed
  through the archive's other links before it is taken.
* Files, folders and links only.
"""

import io
import stat
import struct
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from enum import Enum

from neve.domain.errors import InvalidParameterValue, RequestTooLarge
from neve.domain.limits import THE_SERVICES, Quotas

ENTRIES = 200_000
"""More files than any deployment has; each would cost an inode."""

_NAME_BYTES = 255
_PATH_BYTES = 3_072  # PATH_MAX is 4,096, and the path of the root comes before it
_DEPTH = 200
_LINK_HOPS = 40  # as the kernel
_LINK_STEPS = 1_000_000  # over all links of an archive: tangled ones would take hours to follow
_CHUNK = 1024 * 1024
_BAD_ZIP = "Could not unzip uploaded file. Please check your file, then try to upload again."
_METHODS = frozenset({zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED})
_ENCRYPTED = 0x1

# What zipfile lets out for bytes that are not a zip: it is written for friendly ones.
_FOREIGN = (
    zipfile.BadZipFile,
    zlib.error,
    struct.error,
    EOFError,
    OSError,
    ValueError,
    LookupError,
    OverflowError,
    RuntimeError,
)


class Kind(Enum):
    """What an entry becomes."""

    FILE = "file"
    FOLDER = "folder"
    LINK = "link"


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry. `path` is relative, with `/`; `target` is that of a link."""

    path: str
    kind: Kind
    executable: bool
    target: str
    info: zipfile.ZipInfo


class Archive:
    """A zip whose entries were checked. Reading them still may fail (InvalidParameterValue): use all of them or none."""

    def __init__(self, content: bytes, most: int | None = None) -> None:
        """Check names and kinds. InvalidParameterValue with the service's sentence, and why when it is not plain damage.

        `most` is how many bytes its files may have; None when they were counted before.
        """
        self._most = most
        with _translated():
            self._zip = zipfile.ZipFile(io.BytesIO(content))
            self.entries: Sequence[Entry] = self._checked_entries()
        self.read = 0
        """Bytes of files that were read."""

    def chunks(self, entry: Entry) -> Iterator[bytes]:
        """The content of a file, in pieces. InvalidParameterValue when all that was read is too much."""
        with _translated(), self._zip.open(entry.info) as source:
            while chunk := source.read(_CHUNK):
                self._count(len(chunk))
                yield chunk

    def _count(self, size: int) -> None:
        self.read += size
        if self._most is not None and self.read > self._most:
            raise InvalidParameterValue(f"Unzipped size must be smaller than {self._most} bytes")

    def _checked_entries(self) -> Sequence[Entry]:
        infos = self._zip.infolist()
        if not infos:
            raise InvalidParameterValue("Uploaded file must be a non-empty zip")
        if len(infos) > ENTRIES:
            raise _refused(f"It has more than {ENTRIES} entries.")
        entries = [self._entry(info) for info in infos]
        present = [entry for entry in entries if entry.path]  # `./` names the root itself
        _check_places(present)
        _Links({entry.path: entry.target for entry in present if entry.kind is Kind.LINK}).check()
        return present

    def _entry(self, info: zipfile.ZipInfo) -> Entry:
        path = _checked_path(info.filename)
        if info.flag_bits & _ENCRYPTED:
            raise _refused(f"Entry '{path}' is encrypted.")
        if info.compress_type not in _METHODS:
            raise _refused(f"Entry '{path}' is neither stored nor deflated.")
        mode = info.external_attr >> 16
        kind = _kind(info, mode, path)
        target = self._target(info, path) if kind is Kind.LINK else ""
        return Entry(path, kind, bool(mode & 0o111), target, info)

    def _target(self, info: zipfile.ZipInfo, path: str) -> str:
        with self._zip.open(info) as source:
            raw = source.read(_PATH_BYTES + 1)
        if not raw or len(raw) > _PATH_BYTES or b"\0" in raw:
            raise _refused(f"Link '{path}' has no usable target.")
        return raw.decode()


def check(content: bytes, quotas: Quotas = THE_SERVICES, direct: bool = True) -> int:
    """Read a code archive to its end, keep nothing, and say how many bytes its files have.

    Takes as long as unzipping: call it on a thread.

    RequestTooLarge when it came in the request (`direct`) and is too large for that, InvalidParameterValue when it is
    not a zip that may be unpacked.
    """
    if direct and len(content) > quotas.code_zipped:
        raise RequestTooLarge(f"Zipped size must be smaller than {quotas.code_zipped} bytes")
    archive = Archive(content, quotas.code_unzipped)
    for entry in archive.entries:
        if entry.kind is Kind.FILE:
            for _ in archive.chunks(entry):
                pass
    return archive.read


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except _FOREIGN as error:
        raise InvalidParameterValue(_BAD_ZIP) from error


def _refused(reason: str) -> InvalidParameterValue:
    return InvalidParameterValue(f"{_BAD_ZIP} {reason}")


def _kind(info: zipfile.ZipInfo, mode: int, path: str) -> Kind:
    """By the name's slash, as unzip does, then by the Unix mode; archives from elsewhere have none."""
    if info.is_dir():
        return Kind.FOLDER
    kind = stat.S_IFMT(mode)
    if kind == stat.S_IFLNK:
        return Kind.LINK
    if kind not in {0, stat.S_IFREG}:
        raise _refused(f"Entry '{path}' is neither a file, a folder nor a link.")
    return Kind.FILE


def _checked_path(name: str) -> str:
    """The name without `.` and empty parts; '' for the root itself."""
    if "\\" in name or "\0" in name:
        raise _refused(f"Entry '{name}' has a backslash or a zero byte in its name.")
    if name.startswith("/") or (len(name) > 1 and name[1] == ":" and name[0].isalpha()):
        raise _refused(f"Entry '{name}' has an absolute name.")
    parts = [part for part in name.split("/") if part not in {"", "."}]
    if ".." in parts:
        raise _refused(f"Entry '{name}' would leave the folder of the code.")
    path = "/".join(parts)
    if (
        len(path.encode()) > _PATH_BYTES
        or len(parts) > _DEPTH
        or any(len(part.encode()) > _NAME_BYTES for part in parts)
    ):
        raise _refused(f"Entry '{name[:100]}…' has too long a name.")
    if not path and not name.endswith("/"):
        raise _refused("An entry has no name.")
    return path


def _check_places(entries: Sequence[Entry]) -> None:
    """Each path once (folders may repeat), and nothing below what is no folder."""
    places: dict[str, Kind] = {}
    for entry in entries:
        known = places.get(entry.path)
        if known is not None and not (known is entry.kind is Kind.FOLDER):
            raise _refused(f"Entry '{entry.path}' is there twice.")
        places[entry.path] = entry.kind
    _check_folders(places)


def _check_folders(places: dict[str, Kind]) -> None:
    """With the slash as the lowest character, whatever is below a path sorts directly behind it.

    Compared without case: on a file system that ignores it, `A/x` is below the link `a`.
    """
    solid: str | None = None
    for key, path in sorted((path.casefold().replace("/", "\0"), path) for path in places):
        if solid is not None and key.startswith(solid):
            raise _refused(f"Entry '{path}' is below one that is no folder.")
        if places[path] is not Kind.FOLDER:
            solid = key + "\0"


class _Links:
    """The links of one archive, followed as the kernel would: `a -> b/..` is elsewhere when `b` is a link."""

    def __init__(self, targets: dict[str, str]) -> None:
        self._targets = targets
        self._steps = _LINK_STEPS

    def check(self) -> None:
        for path in self._targets:
            if not self._stays_inside(path):
                raise _refused(f"Link '{path}' would leave the folder of the code.")

    def _stays_inside(self, link: str) -> bool:
        place: list[str] = []
        ahead = link.split("/")[::-1]
        hops = 0
        while ahead:
            self._steps -= 1
            part = ahead.pop()
            if part == "..":
                if not place:
                    return False
                place.pop()
            elif part not in {"", "."}:
                place.append(part)
                target = self._targets.get("/".join(place))
                if target is not None:
                    hops += 1
                    place.pop()
                    ahead.extend(target.split("/")[::-1])
                    if target.startswith("/") or hops > _LINK_HOPS:
                        return False
            if self._steps < 0 or len(place) > _DEPTH:
                return False
        return True
