"""What Python functions can import without packaging it: made once, of these packages only, where it can be written."""

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from neve.dataplane.binaries import Places, running_python
from neve.dataplane.packages import packages_for

MODULES = ["boto3", "botocore", "dateutil", "jmespath", "s3transfer", "six.py", "urllib3"]


@pytest.fixture(scope="module")
def places(tmp_path_factory: pytest.TempPathFactory) -> Places:
    return Places(tmp_path_factory.mktemp("home"), {})


@pytest.fixture(scope="module")
def folder(places: Places) -> Path:
    before = os.umask(0o077)
    made = packages_for(running_python(), places)
    os.umask(before)
    assert made is not None
    return made


def test_the_sdk_is_there_and_nothing_else(folder: Path, places: Places) -> None:
    names = {path.name for path in folder.iterdir() if not path.name.endswith(".dist-info")}
    assert sorted(names - {"__pycache__"}) == MODULES
    assert folder.parent == places.cache
    assert list(places.cache.iterdir()) == [folder]


def test_others_may_read_it(folder: Path) -> None:
    assert {path.stat().st_mode & 0o777 for path in folder.rglob("*") if path.is_dir()} == {0o755}
    sources = [path for path in folder.rglob("*") if path.is_file() and path.suffix != ".pyc"]
    assert {path.stat().st_mode & 0o777 for path in sources} == {0o644}


def test_an_import_compiles_nothing(folder: Path) -> None:
    code = f"import sys; sys.path.append({str(folder)!r}); import boto3; boto3.client('s3', region_name='us-east-1')"
    said = subprocess.run(
        [running_python().path, "-I", "-S", "-v", "-c", code], capture_output=True, text=True, check=True
    )
    assert f"# wrote '{folder}" not in said.stderr
    assert f"# code object from '{folder}" in said.stderr or f"matches {folder}" in said.stderr


def test_its_versions_can_be_asked_for(folder: Path) -> None:
    code = (
        f"import sys; sys.path.append({str(folder)!r}); from importlib.metadata import version; print(version('boto3'))"
    )
    said = subprocess.run([sys.executable, "-I", "-S", "-c", code], capture_output=True, text=True, check=True)
    assert said.stdout.startswith("1.")


def test_it_is_made_once(folder: Path, places: Places) -> None:
    before = {path: path.stat().st_mtime_ns for path in folder.rglob("*")}
    assert packages_for(running_python(), places) == folder
    assert {path: path.stat().st_mtime_ns for path in folder.rglob("*")} == before


def test_two_that_make_it_at_once_get_the_same(tmp_path: Path) -> None:
    places = Places(tmp_path, {})
    with ThreadPoolExecutor(2) as both:
        first, second = both.map(lambda _: packages_for(running_python(), places), range(2))
    assert first == second is not None
    assert list(places.cache.iterdir()) == [first]


def test_a_cache_that_cannot_be_written_has_a_spare(tmp_path: Path) -> None:
    (tmp_path / "home").write_text("no folder")
    places = Places(tmp_path / "home", {}, spare=tmp_path / "data" / "runtimes")
    found = packages_for(running_python(), places)
    assert found is not None
    assert found.parent == tmp_path / "data" / "runtimes"


def test_without_any_place_functions_do_without(tmp_path: Path) -> None:
    (tmp_path / "home").write_text("no folder")
    assert packages_for(running_python(), Places(tmp_path / "home", {})) is None


def test_an_interpreter_that_is_too_old_for_it_gets_none(places: Places) -> None:
    assert packages_for(replace(running_python(), version=(3, 9, 18)), places) is None
