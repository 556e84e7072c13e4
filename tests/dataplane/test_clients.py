"""The Python runtime client is compiled once for each interpreter, wherever it can be written."""

import os
import shutil
import sys
from pathlib import Path

import pytest

import neve
from neve.dataplane.binaries import running_python
from neve.dataplane.clients import compiled

CLIENT = Path(neve.__file__).parent / "runtimes" / "python"
TAG = f"cpython-{sys.version_info[0]}{sys.version_info[1]}"


@pytest.fixture
def client(tmp_path: Path) -> Path:
    """A client that was never compiled."""
    return Path(shutil.copytree(CLIENT, tmp_path / "client", ignore=shutil.ignore_patterns("__pycache__")))


def made(folder: Path) -> list[Path]:
    return sorted(folder.rglob(f"*.{TAG}.pyc"))


def test_it_is_compiled_in_place(client: Path, tmp_path: Path) -> None:
    assert compiled(client, running_python(), tmp_path / "cache") == client
    assert len(made(client / "neve_runtime")) == len(list((client / "neve_runtime").glob("*.py")))
    assert not (tmp_path / "cache").exists()


def test_it_is_compiled_once(client: Path, tmp_path: Path) -> None:
    compiled(client, running_python(), tmp_path)
    before = [path.stat().st_mtime_ns for path in made(client)]
    compiled(client, running_python(), tmp_path)
    assert [path.stat().st_mtime_ns for path in made(client)] == before


def test_a_copy_is_compiled_where_the_package_cannot_be_written(
    client: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    may = os.access
    monkeypatch.setattr(os, "access", lambda path, mode: not Path(path).is_relative_to(client) and may(path, mode))
    found = compiled(client, running_python(), tmp_path / "cache")
    assert found.is_relative_to(tmp_path / "cache")
    assert made(found / "neve_runtime")
    assert not made(client)


def test_without_a_place_to_write_it_runs_as_it_is(
    client: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    assert compiled(client, running_python(), tmp_path / "file" / "cache") == client
