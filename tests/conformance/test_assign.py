"""What was started without its folders sees them when it is assigned, as if it had always had them."""

import functools
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from tests.conformance.conftest import BOUND_S, HERE

pytestmark = pytest.mark.parametrize(("sandbox", "freezer"), HERE)


@functools.cache
def assigned(sandbox: str, freezer: str) -> dict[str, Any]:
    """What the process saw, with 256 MB of memory and 600 MB of `/tmp`."""
    argv = [sys.executable, "-m", "tests.conformance.assigned", sandbox, freezer, "256", "600"]
    ran = subprocess.run(
        argv, capture_output=True, text=True, timeout=6 * BOUND_S, check=False, cwd=Path(__file__).parents[2]
    )
    assert ran.returncode == 0, ran.stderr
    saw: dict[str, Any] = json.loads(ran.stdout)
    assert "cannot" not in saw, f"{saw['cannot']}: nothing can be tried here"
    return saw


def test_an_assigned_process_sees_its_code_and_has_its_limits(sandbox: str, freezer: str) -> None:
    saw = assigned(sandbox, freezer)
    assert saw["code"] == "code.txt"
    assert saw["layer"] == "layer.txt"
    assert saw["folder"] == ["code.txt"]
    assert saw["out_of_memory"]
    assert saw["held"] > 128  # what it was started with
    assert saw["left"] == []
    assert saw["mounts"] == 0  # none is left in Neve's own namespace


def test_assigned_code_is_read_only_where_functions_are_isolated(sandbox: str, freezer: str) -> None:
    saw = assigned(sandbox, freezer)
    if sandbox == "bare":
        assert saw["written"] is None  # as everywhere on the machine
        return
    assert saw["written"] == saw["removed"] == saw["remade"] == "Read-only file system"
    assert saw["changed"] in ("Read-only file system", "Permission denied")
    assert saw["on_the_host"] == ["code.txt"]


def test_an_assigned_tmp_has_the_size_of_the_function(sandbox: str, freezer: str) -> None:
    size_mb = assigned(sandbox, freezer)["tmp_mb"]
    assert size_mb == 600 if sandbox == "bubblewrap" else size_mb > 0
