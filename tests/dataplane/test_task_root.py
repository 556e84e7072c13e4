"""Unpacked code: whole or not there, readable by others, shared, and removed only when nobody needs it."""

import asyncio
import base64
import io
import os
import stat
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from neve.dataplane import task_root
from neve.dataplane.task_root import TaskRoots, unpack
from neve.domain.errors import InvalidParameterValue, OperatorError, SandboxFailed
from neve.domain.function import Code, Function, LoggingConfig
from neve.domain.world import World
from neve.storage.blobs import FileBlobStore

LINK = stat.S_IFLNK | 0o777


def zipped(*entries: tuple[str, str, int]) -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as target:
        for name, text, mode in entries:
            info = zipfile.ZipInfo(name)
            info.external_attr = mode << 16
            target.writestr(info, text)
    return content.getvalue()


CODE = zipped(
    ("index.js", "exports.handler = 1", 0o600),
    ("bin/tool", "#!/bin/sh\n", stat.S_IFREG | 0o700),
    ("empty/", "", 0),
    ("node_modules/a", "../packages/a", LINK),
    ("packages/a/index.js", "2", 0),
)


def function(sha256: str) -> Function:
    return Function(
        World(),
        "f",
        "nodejs24.x",
        "index.handler",
        "role",
        Code(sha256, 1),
        LoggingConfig("/aws/lambda/f"),
        0,
        "revision",
    )


@pytest.fixture
def blobs(tmp_path: Path) -> FileBlobStore:
    return FileBlobStore.open(tmp_path / "code")


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    return tmp_path / "task"


@pytest.fixture
def narrow_umask() -> Iterator[None]:
    before = os.umask(0o077)
    yield
    os.umask(before)


def folders(directory: Path) -> list[str]:
    return [path.name for path in directory.iterdir() if path.is_dir()]


def mode(path: Path) -> int:
    return stat.S_IMODE(path.lstat().st_mode)


@pytest.mark.usefixtures("narrow_umask")
def test_code_is_readable_by_another_user_whatever_the_umask(tmp_path: Path) -> None:
    root = tmp_path / "root"
    unpack(CODE, root)
    assert (mode(root), mode(root / "bin"), mode(root / "packages" / "a"), mode(root / "empty")) == (0o755,) * 4
    assert (mode(root / "index.js"), mode(root / "bin" / "tool")) == (0o644, 0o755)
    assert (root / "node_modules" / "a" / "index.js").read_text() == "2"
    assert [path.name for path in tmp_path.iterdir()] == ["root"]


def test_refused_archive_leaves_nothing(tmp_path: Path) -> None:
    damaged = bytearray(zipped(("a", "x", 0), ("b", "y" * 100, 0)))
    damaged[damaged.index(b"b", 20) + 3] ^= 0xFF
    for content in (bytes(damaged), zipped(("a", "x", 0), ("../b", "y", 0))):
        with pytest.raises(InvalidParameterValue):
            unpack(content, tmp_path / "root")
    assert list(tmp_path.iterdir()) == []


async def test_same_content_is_unpacked_once(
    directory: Path, blobs: FileBlobStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    unpacked: list[Path] = []
    real = unpack

    def counted(content: bytes, folder: Path) -> None:
        unpacked.append(folder)
        real(content, folder)

    monkeypatch.setattr(task_root, "unpack", counted)
    roots = TaskRoots.open(directory, blobs)
    wanted = function(await blobs.put(CODE))
    paths = await asyncio.gather(*(roots.path(wanted) for _ in range(8)))
    assert set(paths) == set(unpacked)
    assert len(unpacked) == 1
    assert (paths[0] / "index.js").read_text() == "exports.handler = 1"


@pytest.mark.parametrize("sha256", ["A" * 43 + "=", "../../etc", "", "AAAA"])
async def test_code_that_is_not_there(directory: Path, blobs: FileBlobStore, sha256: str) -> None:
    roots = TaskRoots.open(directory, blobs)
    with pytest.raises(SandboxFailed, match=r"^The code of the function is not there.$"):
        await roots.path(function(sha256))


async def test_disk_that_refuses_is_told(
    directory: Path, blobs: FileBlobStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(content: bytes, folder: Path) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(task_root, "unpack", refuse)
    roots = TaskRoots.open(directory, blobs)
    with pytest.raises(SandboxFailed, match=r"^The code of the function could not be unpacked.$"):
        await roots.path(function(await blobs.put(CODE)))


KILLED = """
import os, pathlib, sys
from neve.dataplane import task_root
written = 0
def write(archive, entry, path):
    global written
    path.write_text("half")
    written += 1
    if written == 2:
        os.kill(os.getpid(), 9)
task_root._write = write
task_root.unpack(pathlib.Path(sys.argv[1]).read_bytes(), pathlib.Path(sys.argv[2]))
"""


async def test_kill_in_the_middle_leaves_no_half_folder(directory: Path, blobs: FileBlobStore, tmp_path: Path) -> None:
    roots = TaskRoots.open(directory, blobs)
    wanted = function(await blobs.put(CODE))
    archive = tmp_path / "f.zip"
    archive.write_bytes(CODE)
    folder = directory / base64.b64decode(wanted.code.sha256).hex()
    died = await asyncio.to_thread(
        subprocess.run, [sys.executable, "-c", KILLED, str(archive), str(folder)], check=False, timeout=60
    )
    assert died.returncode == -9
    assert [name[:9] for name in folders(directory)] == [".partial-"]
    roots = TaskRoots.open(directory, blobs)
    assert folders(directory) == []
    assert (await roots.path(wanted) / "index.js").read_text() == "exports.handler = 1"


@pytest.mark.parametrize(("boots", "kept"), [(("one", "one"), True), (("one", "two"), False)])
async def test_folders_live_until_the_machine_restarts(
    directory: Path, blobs: FileBlobStore, monkeypatch: pytest.MonkeyPatch, boots: tuple[str, str], kept: bool
) -> None:
    monkeypatch.setattr(task_root, "_boot_id", lambda: boots[0])
    path = await TaskRoots.open(directory, blobs).path(function(await blobs.put(CODE)))
    monkeypatch.setattr(task_root, "_boot_id", lambda: boots[1])
    TaskRoots.open(directory, blobs)
    assert path.exists() is kept


async def test_only_what_nobody_needs_is_removed(directory: Path, blobs: FileBlobStore) -> None:
    roots = TaskRoots.open(directory, blobs)
    named, held, unused = [function(await blobs.put(zipped(("a", text, 0)))) for text in "123"]
    paths = [await roots.path(each) for each in (named, held, unused)]

    async def in_use(sha256: str) -> bool:
        return sha256 == named.code.sha256

    assert await roots.remove_unused(in_use, held=[held]) == 1
    assert [path.exists() for path in paths] == [True, True, False]
    assert (await roots.path(unused) / "a").read_text() == "3"


def test_directory_that_cannot_be_used_is_the_operators(tmp_path: Path, blobs: FileBlobStore) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(OperatorError, match="--data-dir"):
        TaskRoots.open(tmp_path / "file" / "task", blobs)
