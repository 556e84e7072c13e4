"""Files of code archives: what a crash leaves, what a full disk does."""

import base64
import hashlib
import os
from pathlib import Path

import pytest

from neve.domain.errors import OperatorError, StorageUnavailable
from neve.storage.blobs import FileBlobStore


async def test_file_is_named_by_the_hex_hash(tmp_path: Path) -> None:
    store = FileBlobStore.open(tmp_path / "blobs")
    await store.put(b"code")
    assert [path.name for path in (tmp_path / "blobs").iterdir()] == [hashlib.sha256(b"code").hexdigest()]


async def test_what_a_crash_left_half_written_is_removed_at_start(tmp_path: Path) -> None:
    store = FileBlobStore.open(tmp_path / "blobs")
    name = await store.put(b"whole")
    (tmp_path / "blobs" / "partial-abc").write_bytes(b"ha")
    again = FileBlobStore.open(tmp_path / "blobs")
    assert len(list((tmp_path / "blobs").iterdir())) == 1
    assert await again.get(name) == b"whole"


async def test_file_of_the_wrong_length_is_written_again(tmp_path: Path) -> None:
    store = FileBlobStore.open(tmp_path / "blobs")
    (tmp_path / "blobs" / hashlib.sha256(b"code").hexdigest()).write_bytes(b"co")
    assert await store.get(await store.put(b"code")) == b"code"


async def test_content_is_synced_before_it_has_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = FileBlobStore.open(tmp_path / "blobs")
    steps: list[str] = []
    sync, rename = os.fsync, Path.rename

    def note_sync(descriptor: int) -> None:
        steps.append("sync")
        sync(descriptor)

    def note_rename(path: Path, target: Path) -> Path:
        steps.append("rename")
        return rename(path, target)

    monkeypatch.setattr(os, "fsync", note_sync)
    monkeypatch.setattr(Path, "rename", note_rename)
    await store.put(b"code")
    assert steps == ["sync", "rename", "sync"]


async def test_full_disk_is_storage_unavailable_and_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = FileBlobStore.open(tmp_path / "blobs")

    def refuse(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", refuse)
    with pytest.raises(StorageUnavailable) as raised:
        await store.put(b"code")
    assert isinstance(raised.value.__cause__, OSError)
    assert list((tmp_path / "blobs").iterdir()) == []


async def test_what_is_no_directory_is_refused(tmp_path: Path) -> None:
    (tmp_path / "blobs").write_text("a file")
    with pytest.raises(OperatorError, match="--data-dir"):
        FileBlobStore.open(tmp_path / "blobs")


async def test_unreadable_archive_is_storage_unavailable(tmp_path: Path) -> None:
    store = FileBlobStore.open(tmp_path / "blobs")
    (tmp_path / "blobs" / hashlib.sha256(b"x").hexdigest()).mkdir()
    with pytest.raises(StorageUnavailable):
        await store.get(base64.b64encode(hashlib.sha256(b"x").digest()).decode())
