"""Which functions a path holds, and the archives that are made of them."""

import io
import os
import sys
import zipfile
from pathlib import Path

import pytest

from neve.cli.client import Impossible
from neve.cli.discover import find_functions, guess
from neve.cli.package import package

PYTHON = f"python3.{sys.version_info[1]}"


def write(path: Path, text: str = "") -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def names(archive: bytes) -> list[str]:
    return zipfile.ZipFile(io.BytesIO(archive)).namelist()


@pytest.mark.parametrize(
    ("file", "text", "runtime", "handler"),
    [
        ("index.mjs", "export const handler = async () => 1;", "nodejs24.x", "index.handler"),
        ("index.js", "module.exports = { main, other };", "nodejs24.x", "index.main"),
        ("app.cjs", "exports.lambda_handler = () => 1;", "nodejs24.x", "app.lambda_handler"),
        ("handler.js", "export async function main() {}", "nodejs24.x", "handler.main"),
        ("index.js", "nothing to see", "nodejs24.x", "index.handler"),
        ("lambda_function.py", "def lambda_handler(e, c): ...", PYTHON, "lambda_function.lambda_handler"),
        ("app.py", "async def main(e, c): ...", PYTHON, "app.main"),
        ("main.py", "handler = Mangum(app)", PYTHON, "main.handler"),
        ("bootstrap", "#!/bin/sh", "provided.al2023", "bootstrap"),
    ],
)
def test_the_entry_file_tells_runtime_and_handler(
    tmp_path: Path, file: str, text: str, runtime: str, handler: str
) -> None:
    write(tmp_path / file, text)
    assert guess(tmp_path) == (runtime, handler)


def test_a_folder_of_folders_is_many_functions(tmp_path: Path) -> None:
    write(tmp_path / "b/app.py", "def handler(e, c): ...")
    write(tmp_path / "a/index.mjs", "export const handler = 1")
    write(tmp_path / "docs/readme.md")
    write(tmp_path / ".git/app.py")
    assert [(one.name, one.handler) for one in find_functions(tmp_path)] == [
        ("a", "index.handler"),
        ("b", "app.handler"),
    ]


def test_a_folder_with_an_entry_is_one_function(tmp_path: Path) -> None:
    write(tmp_path / "one/index.js")
    write(tmp_path / "one/lib/index.js")
    assert [one.name for one in find_functions(tmp_path / "one")] == ["one"]


def test_a_table_changes_what_was_found_and_adds_others(tmp_path: Path) -> None:
    write(tmp_path / "a/index.js")
    write(tmp_path / "src/job/app.py", "def main(e, c): ...")
    write(
        tmp_path / "neve.toml",
        '[functions.a]\nruntime = "nodejs22.x"\nmemory = 256\n'
        '[functions.nightly]\npath = "src/job"\ntimeout = 60\nenvironment = { N = 1 }\n',
    )
    a, nightly = find_functions(tmp_path)
    assert (a.runtime, a.handler, a.memory, a.timeout) == ("nodejs22.x", "index.handler", 256, 3)
    assert (nightly.path, nightly.handler, nightly.timeout) == (tmp_path / "src/job", "app.main", 60)
    assert nightly.environment == {"N": "1"}


@pytest.mark.parametrize(
    ("toml", "reason"),
    [
        ("[functions.a]\nmemroy = 1", "functions.a has no memroy"),
        ("[functions.a]\nmemory = 'x'", "takes a value of type int"),
        ("[functions.'a b']", "is no function name"),
        ("[functions.a]\npath = 'gone'", "there is no"),
        ("[functions.empty]", "set runtime and handler"),
        ("functions = 1", "one table for each function"),
        ("[functions", "cannot be read"),
    ],
)
def test_a_wrong_table_is_one_sentence(tmp_path: Path, toml: str, reason: str) -> None:
    (tmp_path / "empty").mkdir()
    write(tmp_path / "neve.toml", toml)
    with pytest.raises(Impossible, match=reason):
        find_functions(tmp_path)


def test_a_path_that_does_not_exist_is_said(tmp_path: Path) -> None:
    with pytest.raises(Impossible, match="There is no"):
        find_functions(tmp_path / "gone")


def test_rubbish_is_left_out_and_dependencies_are_not(tmp_path: Path) -> None:
    for name in (
        "index.js",
        "node_modules/x/index.js",
        ".git/HEAD",
        "__pycache__/a.pyc",
        ".venv/x.py",
        "neve.toml",
        "a.py~",
    ):
        write(tmp_path / name)
    assert names(package(tmp_path)) == ["index.js", "node_modules/x/index.js"]


def test_the_same_code_is_the_same_archive(tmp_path: Path) -> None:
    write(tmp_path / "b.py", "b")
    write(tmp_path / "a.py", "a")
    first = package(tmp_path)
    os.utime(tmp_path / "a.py", (1, 1))
    assert package(tmp_path) == first
    write(tmp_path / "a.py", "c")
    assert package(tmp_path) != first


def test_a_program_stays_executable(tmp_path: Path) -> None:
    write(tmp_path / "bootstrap", "#!/bin/sh")
    write(tmp_path / "data")
    (tmp_path / "bootstrap").chmod(0o700)
    infos = zipfile.ZipFile(io.BytesIO(package(tmp_path))).infolist()
    assert [info.external_attr >> 16 & 0o777 for info in infos] == [0o755, 0o644]


def test_a_file_is_an_archive_of_one_and_a_zip_is_itself(tmp_path: Path) -> None:
    write(tmp_path / "one.py", "1")
    archive = package(tmp_path / "one.py")
    assert names(archive) == ["one.py"]
    (tmp_path / "given.zip").write_bytes(archive)
    assert package(tmp_path / "given.zip") == archive


def test_a_broken_link_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "gone").symlink_to("nowhere")
    with pytest.raises(Impossible, match="cannot be read"):
        package(tmp_path)


def test_the_examples_are_functions() -> None:
    found = {one.name: one for one in find_functions(Path(__file__).parents[2] / "examples")}
    assert found.keys() >= {"hello-node", "hello-python", "leaky-timer", "waits-for-loop", "slow-start"}
    assert found["waits-for-loop"].runtime == "nodejs22.x"
