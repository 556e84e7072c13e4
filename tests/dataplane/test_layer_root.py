"""Layers on the disk: one over the other, modes kept, whole or not there, removed when nobody needs them."""

import asyncio
import os
import stat
from dataclasses import replace
from pathlib import Path

import pytest
from tests.dataplane.test_task_root import LINK, function, mode, zipped

from neve.dataplane import layer_root
from neve.dataplane.layer_root import LayerRoots
from neve.domain.errors import SandboxFailed
from neve.domain.function import Code, Function, UsedLayer
from neve.storage.blobs import FileBlobStore

FIRST = zipped(
    ("nodejs/node_modules/a/index.js", "first", 0),
    ("nodejs/only-first.js", "1", 0),
    ("extensions/watch", "#!/bin/sh\n", stat.S_IFREG | 0o755),
    ("lib/real.so", "so", 0),
    ("lib/link.so", "real.so", LINK),
    ("turns/into-file/x", "", 0),
    ("turns/into-folder", "file", 0),
    ("turns/link-into-folder", "../lib", LINK),
)
SECOND = zipped(
    ("nodejs/node_modules/a/index.js", "second", 0),
    ("bin/tool", "#!/bin/sh\n", stat.S_IFREG | 0o700),
    ("lib/real.so", "newer", 0),
    ("turns/into-file", "file", 0),
    ("turns/into-folder/x", "y", 0),
    ("turns/link-into-folder/z", "not in lib", 0),
)


@pytest.fixture
def blobs(tmp_path: Path) -> FileBlobStore:
    return FileBlobStore.open(tmp_path / "code")


@pytest.fixture
def roots(tmp_path: Path, blobs: FileBlobStore) -> LayerRoots:
    return LayerRoots.open(tmp_path / "layers", blobs)


async def with_layers(blobs: FileBlobStore, *contents: bytes) -> Function:
    layers = tuple([UsedLayer(f"arn:{n}", Code(await blobs.put(each), 1)) for n, each in enumerate(contents)])
    return replace(function("A" * 43 + "="), layers=layers)


def merged(tmp_path: Path) -> list[str]:
    return [path.name for path in (tmp_path / "layers" / "merged").iterdir() if path.is_dir()]


async def test_no_layers_no_folder(roots: LayerRoots, blobs: FileBlobStore) -> None:
    assert await roots.path(await with_layers(blobs)) is None


async def test_later_layer_lies_over_the_earlier(roots: LayerRoots, blobs: FileBlobStore) -> None:
    root = await roots.path(await with_layers(blobs, FIRST, SECOND))
    assert root is not None
    assert (root / "nodejs/node_modules/a/index.js").read_text() == "second"
    assert (root / "nodejs/only-first.js").read_text() == "1"
    assert ((root / "lib/link.so").readlink(), (root / "lib/link.so").read_text()) == (Path("real.so"), "newer")
    assert (mode(root / "extensions/watch"), mode(root / "bin/tool"), mode(root / "lib/real.so")) == (
        0o755,
        0o755,
        0o644,
    )
    assert (mode(root), mode(root / "lib")) == (0o755, 0o755)
    other = await roots.path(await with_layers(blobs, SECOND, FIRST))
    assert other is not None
    assert (other / "nodejs/node_modules/a/index.js").read_text() == "first"


async def test_what_is_no_folder_any_more_and_what_became_one(roots: LayerRoots, blobs: FileBlobStore) -> None:
    root = await roots.path(await with_layers(blobs, FIRST, SECOND))
    assert root is not None
    assert (root / "turns/into-file").read_text() == "file"
    assert (root / "turns/into-folder/x").read_text() == "y"
    assert not (root / "turns/link-into-folder").is_symlink()
    assert sorted(path.name for path in (root / "lib").iterdir()) == ["link.so", "real.so"], "nothing through a link"


async def test_archives_stay_what_they_are(roots: LayerRoots, blobs: FileBlobStore) -> None:
    alone = await roots.path(await with_layers(blobs, FIRST))
    await roots.path(await with_layers(blobs, FIRST, SECOND))
    assert alone is not None
    assert (alone / "nodejs/node_modules/a/index.js").read_text() == "first"
    assert (alone / "lib/real.so").read_text() == "so"
    assert (alone / "turns/link-into-folder").is_symlink()


async def test_files_are_hard_links_where_the_disk_allows_it(
    roots: LayerRoots, blobs: FileBlobStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    alone, root = [await roots.path(await with_layers(blobs, *each)) for each in ([FIRST], [FIRST, SECOND])]
    assert alone is not None
    assert root is not None
    assert (root / "extensions/watch").samefile(alone / "extensions/watch")

    def refuse(*_paths: object, **_options: object) -> None:
        raise OSError(18, "Invalid cross-device link")

    monkeypatch.setattr(os, "link", refuse)
    copied = await roots.path(await with_layers(blobs, SECOND, FIRST))
    assert copied is not None
    assert not (copied / "extensions/watch").samefile(alone / "extensions/watch")
    assert mode(copied / "extensions/watch") == 0o755


async def test_same_list_is_merged_once(
    roots: LayerRoots, blobs: FileBlobStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    times: list[Path] = []
    real = layer_root.merge

    def counted(parts: list[Path], folder: Path) -> None:
        times.append(folder)
        real(parts, folder)

    monkeypatch.setattr(layer_root, "merge", counted)
    wanted = await with_layers(blobs, FIRST, SECOND)
    paths = await asyncio.gather(*(roots.path(wanted) for _ in range(8)))
    assert set(paths) == set(times)
    assert len(times) == len(merged(tmp_path)) == 1


async def test_half_a_folder_never_shows(
    roots: LayerRoots, blobs: FileBlobStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_arguments: object) -> None:
        raise OSError(28, "No space left on device")

    wanted = await with_layers(blobs, FIRST, SECOND)
    with monkeypatch.context() as patched:
        patched.setattr(layer_root, "_place", full)
        with pytest.raises(SandboxFailed, match=r"^The layers of the function could not be merged\.$"):
            await roots.path(wanted)
    assert merged(tmp_path) == []
    (tmp_path / "layers" / "merged" / ".partial-of-a-killed-neve").mkdir()
    again = LayerRoots.open(tmp_path / "layers", blobs)
    assert merged(tmp_path) == []
    assert await again.path(wanted) is not None


async def test_layer_that_is_not_there(roots: LayerRoots, blobs: FileBlobStore) -> None:
    missing = UsedLayer("arn", Code("A" * 43 + "=", 1))
    for layers in ((missing,), (missing, missing)):
        with pytest.raises(SandboxFailed):
            await roots.path(replace(function("A" * 43 + "="), layers=layers))


async def test_only_what_nobody_needs_is_removed(roots: LayerRoots, blobs: FileBlobStore) -> None:
    third = zipped(("x", "", 0))
    named, held, unused = [
        await with_layers(blobs, *each) for each in ([FIRST, SECOND], [SECOND, FIRST], [FIRST, third])
    ]
    paths = [await roots.path(each) for each in (named, held, unused)]
    single = await roots.path(await with_layers(blobs, third))

    async def code_in_use(sha256: str) -> bool:
        return sha256 in {layer.code.sha256 for layer in named.layers}

    async def layers_in_use(key: str) -> bool:
        return paths[0] is not None and key == paths[0].name

    assert await roots.remove_unused(code_in_use, layers_in_use, held=[held]) == 2
    assert [path is not None and path.exists() for path in (*paths, single)] == [True, True, False, False]
    again = await roots.path(unused)
    assert again is not None
    assert (again / "x").read_text() == ""
