"""Identifiers, the binaries that run them, and what is said when another one has to."""

import subprocess
import sys
from pathlib import Path

import pytest

from neve.dataplane.binaries import Places, wheel_node
from neve.dataplane.runtime_list import runtime_list
from neve.dataplane.runtimes import Runtimes, available
from neve.dataplane.sandbox.sandbox import Folders
from neve.domain.errors import UnsupportedOperation

NODE_PLACES = {
    "nvm": ".nvm/versions/node/v20.11.1/bin/node",
    "fnm": ".local/share/fnm/node-versions/v20.11.1/installation/bin/node",
    "volta": ".volta/tools/image/node/20.11.1/bin/node",
    "asdf": ".asdf/installs/nodejs/20.11.1/bin/node",
    "mise": ".local/share/mise/installs/node/20.11.1/bin/node",
}
PYTHON_PLACES = {
    "pyenv": ".pyenv/versions/3.9.18/bin/python3",
    "uv": ".local/share/uv/python/cpython-3.9.18-linux-x86_64-gnu/bin/python3",
    "asdf": ".asdf/installs/python/3.9.18/bin/python3",
    "mise": ".local/share/mise/installs/python/3.9.18/bin/python3",
}


def program(path: Path, prints: str = "", asked: Path | None = None) -> Path:
    """An executable that prints a version, and leaves a trace of being asked."""
    path.parent.mkdir(parents=True)
    path.write_text(f"#!/bin/sh\n{f'echo asked >> {asked}' if asked else ''}\necho {prints}\n")
    path.chmod(0o755)
    return path


def runtimes(home: Path, path: str = "", **variables: str) -> Runtimes:
    return Runtimes(Places(home, {"PATH": path, **variables}))


def test_node_24_is_the_one_that_comes_with_neve(tmp_path: Path) -> None:
    program(tmp_path / "bin" / "node", "v24.0.0")
    found = runtimes(tmp_path, str(tmp_path / "bin")).find("nodejs24.x", 128)
    assert found.binary == wheel_node().path
    assert found.mismatch is None
    answer = subprocess.run([found.binary, "--version"], capture_output=True, text=True, check=True)
    assert answer.stdout.strip() == f"v{found.version}"


@pytest.mark.parametrize("place", NODE_PLACES.values(), ids=NODE_PLACES)
def test_a_node_of_a_version_manager_is_found_and_not_run(tmp_path: Path, place: str) -> None:
    asked = tmp_path / "asked"
    binary = program(tmp_path / place, "v1.2.3", asked)
    found = runtimes(tmp_path).find("nodejs20.x", 128)
    assert (found.binary, found.version, found.mismatch) == (binary, "20.11.1", None)
    assert not asked.exists()


@pytest.mark.parametrize("place", PYTHON_PLACES.values(), ids=PYTHON_PLACES)
def test_a_python_of_a_version_manager_is_found(tmp_path: Path, place: str) -> None:
    binary = program(tmp_path / place)
    found = runtimes(tmp_path).find("python3.9", 128)
    assert (found.binary, found.version, found.major, found.mismatch) == (binary, "3.9.18", "3.9", None)


def test_a_binary_on_path_is_asked_once(tmp_path: Path) -> None:
    asked = tmp_path / "asked"
    binary = program(tmp_path / "bin" / "node", "v22.3.0", asked)
    for _ in range(3):
        assert runtimes(tmp_path, str(tmp_path / "bin")).find("nodejs22.x", 128).binary == binary
    assert asked.read_text() == "asked\n"


def test_the_newest_of_a_major_is_taken(tmp_path: Path) -> None:
    for version in ("v20.9.0", "v20.10.0", "v18.20.0"):
        program(tmp_path / ".nvm" / "versions" / "node" / version / "bin" / "node")
    assert runtimes(tmp_path).find("nodejs20.x", 128).version == "20.10.0"


def test_a_manager_elsewhere_is_found_by_its_variable(tmp_path: Path) -> None:
    binary = program(tmp_path / "elsewhere" / "versions" / "node" / "v18.20.0" / "bin" / "node")
    found = runtimes(tmp_path / "home", NVM_DIR=str(tmp_path / "elsewhere")).find("nodejs18.x", 128)
    assert found.binary == binary


def test_an_installed_runtime_is_found_in_our_cache(tmp_path: Path) -> None:
    here = runtimes(tmp_path)
    assert here.find("nodejs22.x", 128).mismatch is not None
    binary = program(tmp_path / ".cache" / "neve" / "runtimes" / "nodejs-22.19.0" / "bin" / "node")
    found = here.find("nodejs22.x", 128)  # by the same catalogue that missed it before
    assert (found.binary, found.mismatch) == (binary, None)


def test_a_runtime_that_was_removed_is_looked_for_again(tmp_path: Path) -> None:
    newer = program(tmp_path / ".nvm" / "versions" / "node" / "v20.11.1" / "bin" / "node")
    older = program(tmp_path / ".nvm" / "versions" / "node" / "v20.9.0" / "bin" / "node")
    here = runtimes(tmp_path)
    assert here.find("nodejs20.x", 128).binary == newer
    newer.unlink()
    assert here.find("nodejs20.x", 128).binary == older


def test_each_identifier_is_offered_with_its_binary_and_its_place(tmp_path: Path) -> None:
    binary = program(tmp_path / ".nvm" / "versions" / "node" / "v20.11.1" / "bin" / "node")
    rows = {row["runtime"]: row for row in runtime_list(runtimes(tmp_path), "2026-11-21")}
    assert list(rows) == available()
    assert rows["nodejs20.x"] == {
        "runtime": "nodejs20.x",
        "path": str(binary),
        "version": "20.11.1",
        "from": "nvm",
        "mismatch": None,
        "installable": True,
        "deprecatedOn": "2026-04-30",
        "deprecation": "nodejs20.x is deprecated since 2026-04-30: AWS Lambda does not patch it.",
    }
    assert rows["nodejs24.x"]["from"] == "with Neve"
    assert rows["nodejs24.x"]["deprecation"] is None
    assert "`neve runtimes install nodejs22.x` fetches it." in rows["nodejs22.x"]["mismatch"]
    assert "neve runtimes install" not in rows["nodejs18.x"]["mismatch"]
    assert rows["provided.al2023"]["path"] is None
    assert not rows["python3.13"]["installable"]


def test_a_row_for_one_identifier_or_none(tmp_path: Path) -> None:
    assert [row["runtime"] for row in runtime_list(runtimes(tmp_path), "2026-11-21", "nodejs14.x")] == ["nodejs14.x"]
    assert runtime_list(runtimes(tmp_path), "2026-11-21", "java21") == []


def test_shims_and_broken_binaries_are_passed_over(tmp_path: Path) -> None:
    program(tmp_path / "shims" / "node", "v22.1.0")
    broken = program(tmp_path / "broken" / "node")
    broken.write_text("#!/bin/sh\nexit 1\n")
    good = program(tmp_path / "good" / "node", "v22.5.0")
    path = ":".join(str(tmp_path / name) for name in ("shims", "broken", "good"))
    assert runtimes(tmp_path, path).find("nodejs22.x", 128).binary == good


def test_another_major_runs_it_and_that_is_said(tmp_path: Path) -> None:
    found = runtimes(tmp_path).find("nodejs20.x", 128)
    assert found.binary == wheel_node().path
    assert found.major == "20"
    assert found.mismatch is not None
    assert found.mismatch.startswith(f"nodejs20.x runs on Node.js {found.version}: no usable Node.js 20 was found")


def test_a_missing_python_runs_on_the_running_one(tmp_path: Path) -> None:
    found = runtimes(tmp_path).find("python3.99", 128)
    assert found.version == ".".join(map(str, sys.version_info[:3]))
    assert found.mismatch is not None
    assert f"python3.99 runs on Python {found.version}" in found.mismatch


def test_the_running_python_has_none_of_our_packages(tmp_path: Path) -> None:
    found = runtimes(tmp_path).find(f"python3.{sys.version_info[1]}", 128)
    ran = subprocess.run([*found.argv[:1], "-c", "import neve"], capture_output=True, text=True, env={}, check=False)
    assert "No module named 'neve'" in ran.stderr


def test_node_is_limited_by_the_memory_size(tmp_path: Path) -> None:
    argv = runtimes(tmp_path).find("nodejs24.x", 1000).argv
    assert list(argv[1:5]) == [
        "--expose-gc",
        "--max-semi-space-size=50",
        "--max-old-space-size=900",
        "--v8-pool-size=1",
    ]
    assert argv[-1].endswith("nodejs/bootstrap.mjs")


@pytest.mark.parametrize(
    ("version", "flags"),
    [
        ("16.20.2", []),
        ("18.20.0", ["--no-experimental-detect-module"]),
        ("20.11.1", ["--no-experimental-detect-module"]),
        ("20.17.0", ["--no-experimental-require-module", "--no-experimental-detect-module"]),
        ("22.0.0", ["--no-experimental-require-module", "--no-experimental-detect-module"]),
    ],
)
def test_a_flag_is_given_only_to_a_node_that_takes_it(tmp_path: Path, version: str, flags: list[str]) -> None:
    program(tmp_path / ".nvm" / "versions" / "node" / f"v{version}" / "bin" / "node")
    found = runtimes(tmp_path).find(f"nodejs{version.split('.')[0]}.x", 128)
    assert [flag for flag in found.argv if flag.startswith("--no-")] == flags


@pytest.mark.parametrize("identifier", ["nodejs24.x", "nodejs20.x", "nodejs14.x"])
def test_the_fallback_takes_the_flags_it_gets(tmp_path: Path, identifier: str) -> None:
    flags = runtimes(tmp_path).find(identifier, 128).argv[:-1]
    ran = subprocess.run([*flags, "-p", "'up'"], capture_output=True, text=True, check=False)
    assert (ran.stdout, ran.stderr) == ("up\n", "")


@pytest.mark.parametrize(
    "identifier", ["java21", "dotnet8", "ruby3.4", "provided.al2027", "python2.7", "go1.x", "nodejs"]
)
def test_what_neve_does_not_run_is_refused_with_what_it_does(tmp_path: Path, identifier: str) -> None:
    with pytest.raises(UnsupportedOperation) as refused:
        runtimes(tmp_path).find(identifier, 128)
    assert refused.value.message.startswith(
        f"Runtime {identifier} is not available in Neve. Available are: nodejs16.x, "
    )


def test_what_is_available_is_what_the_service_takes() -> None:
    assert {"nodejs16.x", "nodejs24.x", "python3.8", "python3.14", "provided.al2023"} <= set(available())
    assert not {"java21", "dotnet8"} & set(available())


def test_a_custom_runtime_starts_the_bootstrap_of_the_code_or_of_a_layer(tmp_path: Path) -> None:
    runtime = runtimes(tmp_path).find("provided.al2023", 128)
    task_root, layers = tmp_path / "task", tmp_path / "layers"
    task_root.mkdir()
    layers.mkdir()
    here = Folders(task_root, runtime.directory, layers)
    seen = Folders(Path("/var/task"), Path("/var/runtime"), Path("/opt"))
    assert runtime.argv_in(seen, here) == ("/opt/bootstrap",)
    (task_root / "bootstrap").touch()
    assert runtime.argv_in(seen, here) == ("/var/task/bootstrap",)
    assert runtime.argv_in(seen, Folders(layers, runtime.directory)) == ("/var/task/bootstrap",)


def test_deprecated_is_what_the_service_takes_no_more(tmp_path: Path) -> None:
    assert runtimes(tmp_path).find("nodejs14.x", 128).deprecated
    assert not runtimes(tmp_path).find("nodejs24.x", 128).deprecated


def test_what_is_here_is_listed_by_major(tmp_path: Path) -> None:
    program(tmp_path / ".nvm" / "versions" / "node" / "v18.20.0" / "bin" / "node")
    here = runtimes(tmp_path)
    assert list(here.nodes()) == [18, 24]
    assert list(here.pythons()) == [tuple(sys.version_info[:2])]
