"""One Neve for one data directory."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from neve.domain.errors import OperatorError
from neve.storage.data_dir import DataDir

HOLDER = """
import sys, pathlib
from neve.storage.data_dir import DataDir
held = DataDir.open(pathlib.Path(sys.argv[1]))
print("held", flush=True)
sys.stdin.read()
"""

PARENT = """
import pathlib, subprocess, sys
from neve.storage.data_dir import DataDir
held = DataDir.open(pathlib.Path(sys.argv[1]))
# The child reads our standard input, which ends with the test.
child = "import sys; print('the child runs', flush=True); sys.stdin.read()"
subprocess.Popen([sys.executable, "-c", child], close_fds=False).wait()
"""


def test_directory_is_made_for_its_owner_only(tmp_path: Path) -> None:
    with DataDir.open(tmp_path / "a" / "b") as opened:
        assert opened.path == tmp_path / "a" / "b"
        assert oct(opened.path.stat().st_mode & 0o777) == "0o700"
        assert opened.blobs.is_dir()
        assert opened.tasks.is_dir()
        assert (opened.functions.name, opened.logs.name) == ("neve.sqlite", "logs.sqlite")


def test_second_neve_is_refused_by_pid_until_the_first_closes(tmp_path: Path) -> None:
    first = DataDir.open(tmp_path)
    with pytest.raises(OperatorError) as raised:
        DataDir.open(tmp_path)
    assert raised.value.message == (
        f"the data directory {tmp_path} is in use by the neve with pid {os.getpid()}; "
        "stop it or name another with --data-dir"
    )
    first.close()
    first.close()
    DataDir.open(tmp_path).close()


def test_lock_ends_with_a_killed_process(tmp_path: Path) -> None:
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    with holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        with pytest.raises(OperatorError, match=f"pid {holder.pid};"):
            DataDir.open(tmp_path)
        holder.send_signal(signal.SIGKILL)
        holder.wait(10)
        DataDir.open(tmp_path).close()


def test_child_of_a_killed_neve_does_not_keep_the_lock(tmp_path: Path) -> None:
    holder = subprocess.Popen(
        [sys.executable, "-c", PARENT, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    with holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "the child runs\n"
        holder.kill()
        holder.wait(10)
        DataDir.open(tmp_path).close()


def test_file_in_its_place_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(OperatorError, match=r"cannot be used .* --data-dir"):
        DataDir.open(tmp_path / "file")
