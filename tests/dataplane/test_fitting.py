"""Which functions can be given a pre-started runtime, and which are started from nothing."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from neve.dataplane.fitting import RuntimeKind, blank, kind_of, misfit
from neve.dataplane.runtimes import Runtimes
from neve.dataplane.sandbox import mounts
from neve.dataplane.sandbox.sandbox import Command, Folders
from neve.dataplane.session_keys import Given
from neve.dataplane.variables import variables
from neve.domain.function import Code, Function, LoggingConfig
from neve.domain.world import World

RUNTIMES = Runtimes()
RUNNING = "python3.11"


class Kind:
    """Where functions see folders: `isolated`, or those of the machine."""

    def __init__(self, isolated: bool) -> None:
        self._isolated = isolated

    def seen(self, folders: Folders) -> Folders:
        if self._isolated:
            return mounts.seen(folders)
        return replace(folders, layers=folders.layers or Path("/opt"), language=None)


def why_not(
    identifier: str, task_root: Path, environment: Mapping[str, str] | None = None, isolated: bool = True
) -> tuple[RuntimeKind | None, str]:
    """The kind of a function with this environment, and why it cannot be given a runtime of that kind."""
    kind = Kind(isolated)
    runtime = RUNTIMES.find(identifier, 256)
    folders = Folders(task_root, runtime.directory, None, runtime.installation, runtime.packages)
    seen = kind.seen(folders)
    made = variables(
        function(identifier, environment or {}),
        runtime.family,
        runtime.major,
        "stream",
        seen,
        "http://x",
        Given("k", "s", "t"),
    )
    argv = runtime.argv_in(seen, folders)
    wrapper = made.get("AWS_LAMBDA_EXEC_WRAPPER")
    wanted = Command((wrapper, *argv) if wrapper else argv, made, seen.task_root, folders)
    return kind_of(identifier, 256), misfit(blank(runtime, kind), wanted, runtime.family)  # type: ignore[arg-type]


def function(identifier: str, environment: Mapping[str, str]) -> Function:
    """A function with these."""
    return Function(
        world=World(),
        name="f",
        runtime=identifier,
        handler="index.handler",
        role="arn:aws:iam::000000000000:role/r",
        code=Code("", 0),
        logging=LoggingConfig("/aws/lambda/f"),
        last_modified_ms=0,
        revision_id="",
        memory_mb=256,
        environment=dict(environment),
    )


@pytest.mark.parametrize("isolated", [True, False])
@pytest.mark.parametrize("identifier", ["nodejs20.x", "nodejs24.x", RUNNING])
def test_a_function_without_variables_fits(identifier: str, isolated: bool, tmp_path: Path) -> None:
    assert why_not(identifier, tmp_path, isolated=isolated)[1] == ""


@pytest.mark.parametrize("name", ["NODE_ENV", "NODE_PATH", "TZ", "HOME", "PATH", "DEBUG", "AWS_ENDPOINT_URL", "TABLE"])
def test_variables_that_node_can_take_later(name: str, tmp_path: Path) -> None:
    assert why_not("nodejs24.x", tmp_path, {name: "value"})[1] == ""


@pytest.mark.parametrize("name", ["TZ", "HOME", "PATH", "TABLE", "NODE_OPTIONS"])
def test_variables_that_python_can_take_later(name: str, tmp_path: Path) -> None:
    assert why_not(RUNNING, tmp_path, {name: "value"})[1] == ""


@pytest.mark.parametrize(
    "name",
    [
        "NODE_OPTIONS",
        "NODE_EXTRA_CA_CERTS",
        "NODE_NO_WARNINGS",
        "UV_THREADPOOL_SIZE",
        "LD_PRELOAD",
        "LD_LIBRARY_PATH",
        "LANG",
        "LC_ALL",
        "MALLOC_ARENA_MAX",
        "GLIBC_TUNABLES",
        "OPENSSL_CONF",
    ],
)
def test_variables_that_a_node_process_reads_when_it_starts(name: str, tmp_path: Path) -> None:
    assert why_not("nodejs24.x", tmp_path, {name: "value"})[1] == f"{name} is read when a process starts"


@pytest.mark.parametrize("name", ["PYTHONPATH", "PYTHONUNBUFFERED", "LANG", "LC_CTYPE", "LD_PRELOAD"])
def test_variables_that_a_python_process_reads_when_it_starts(name: str, tmp_path: Path) -> None:
    assert why_not(RUNNING, tmp_path, {name: "value"})[1] == f"{name} is read when a process starts"


def test_a_variable_with_the_value_that_it_has_anyhow_changes_nothing(tmp_path: Path) -> None:
    assert why_not("nodejs24.x", tmp_path, {"LANG": "en_US.UTF-8"})[1] == ""


def test_a_wrapper_starts_the_runtime_itself(tmp_path: Path) -> None:
    assert "another command" in why_not("nodejs24.x", tmp_path, {"AWS_LAMBDA_EXEC_WRAPPER": "/opt/wrapper"})[1]


@pytest.mark.parametrize("folder", [".", "lib"])
def test_libraries_in_the_code_need_a_start_with_them_where_nothing_is_mounted(folder: str, tmp_path: Path) -> None:
    (tmp_path / folder).mkdir(exist_ok=True)
    (tmp_path / folder / "libown.so.1").touch()
    assert "LD_LIBRARY_PATH" in why_not("nodejs24.x", tmp_path, isolated=False)[1]
    assert why_not("nodejs24.x", tmp_path, isolated=True)[1] == ""


def test_extensions_start_before_the_runtime(tmp_path: Path) -> None:
    runtime = RUNTIMES.find("nodejs24.x", 128)
    started = blank(runtime, Kind(True))  # type: ignore[arg-type]
    wanted = replace(started, extensions=[Path("/opt/extensions/one")])
    assert "extensions" in misfit(started, wanted, "nodejs")


def test_kinds() -> None:
    assert kind_of("nodejs24.x", 128) != kind_of("nodejs24.x", 256)  # the heap
    assert kind_of("nodejs24.x", 128) != kind_of("nodejs22.x", 128)
    assert kind_of(RUNNING, 128) == kind_of(RUNNING, 256)
    assert kind_of("provided.al2023", 128) is None
    assert kind_of("java21", 128) is None


def test_nothing_of_a_function_is_in_what_is_started_before_it(tmp_path: Path) -> None:
    started = blank(RUNTIMES.find("nodejs24.x", 128), Kind(True))  # type: ignore[arg-type]
    assert started.late
    assert {"AWS_ACCESS_KEY_ID", "_HANDLER", "AWS_LAMBDA_FUNCTION_NAME"}.isdisjoint(started.environment)
    assert started.environment["AWS_EXECUTION_ENV"] == "AWS_Lambda_nodejs24.x"
