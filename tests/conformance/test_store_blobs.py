"""What every BlobStore promises (storage/store.py)."""

import asyncio
import base64
import hashlib
from pathlib import Path

import pytest

from neve.storage.blobs import FileBlobStore
from neve.storage.store import BlobStore


@pytest.fixture(params=["files"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> BlobStore:
    return FileBlobStore.open(tmp_path / "blobs")


def name_of(content: bytes) -> str:
    return base64.b64encode(hashlib.sha256(content).digest()).decode()


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04", bytes(range(256)) * 5000])
async def test_content_is_kept_under_its_hash(store: BlobStore, content: bytes) -> None:
    assert await store.put(content) == name_of(content)
    assert await store.get(name_of(content)) == content


async def test_unknown_content_is_none(store: BlobStore) -> None:
    assert await store.get(name_of(b"never")) is None


@pytest.mark.parametrize("name", ["../lock", "", "not base64!", base64.b64encode(b"short").decode(), "ü"])
async def test_what_is_no_hash_names_nothing(store: BlobStore, name: str) -> None:
    assert await store.get(name) is None
    await store.delete(name)


async def test_deleted_content_is_gone_and_deleting_again_is_harmless(store: BlobStore) -> None:
    name = await store.put(b"code")
    await store.delete(name)
    await store.delete(name)
    assert await store.get(name) is None


async def test_same_content_may_be_put_many_times_at_once(store: BlobStore) -> None:
    names = await asyncio.gather(*(store.put(b"code" * 10_000) for _ in range(8)))
    assert set(names) == {name_of(b"code" * 10_000)}
    assert await store.get(names[0]) == b"code" * 10_000
