"""The parts of `neve dev`: the throw-away folder, and functions that follow their files."""

import io
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

from tests.cli.conftest import Cli

from neve.cli.client import Client
from neve.cli.discover import find_functions
from neve.cli.live import Layout, LiveLog
from neve.cli.redeploy import Deployment
from neve.cli.throwaway import throw_away_folder

CODE = "def handler(event, context): return {}\n"  # the braces are for a number


def wait_until(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.02)


def test_the_folder_goes_and_takes_dead_ones_with_it(tmp_path: Path) -> None:
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    dead, living = tmp_path / f"neve-dev-{gone.pid}-x", tmp_path / f"neve-dev-{os.getppid()}-x"
    foreign = tmp_path / "neve-dev-notes-x"
    for folder in (dead, living, foreign):
        folder.mkdir()
    with throw_away_folder(tmp_path) as folder:
        assert folder.name.startswith(f"neve-dev-{os.getpid()}-")
        assert [dead.exists(), living.exists(), foreign.exists()] == [False, True, True]
        (folder / "x").mkdir()
    assert not folder.exists()


def make(cli: Cli, path: Path) -> tuple[Deployment, io.StringIO]:
    stream = io.StringIO()
    deployment = Deployment(path, Client(cli.url), LiveLog(stream, Layout(None, False, 5)))
    deployment.begin(find_functions(path))
    return deployment, stream


def write(path: Path, text: str) -> None:
    path.parent.mkdir(exist_ok=True)
    path.write_text(text)


def test_only_the_changed_function_is_deployed_again(cli: Cli, tmp_path: Path) -> None:
    write(tmp_path / "a/app.py", CODE.format(1))
    write(tmp_path / "b/app.py", CODE.format(1))
    deployment, stream = make(cli, tmp_path)
    cli.house.calls.clear()
    write(tmp_path / "b/app.py", CODE.format(2))
    deployment.refresh([tmp_path / "b/app.py"])
    assert [call for call in cli.house.calls if call.startswith("PUT")] == ["PUT /2015-03-31/functions/b/code"]
    assert " updated (" in stream.getvalue()


def test_functions_appear_and_go_with_their_folders(cli: Cli, tmp_path: Path) -> None:
    write(tmp_path / "a/app.py", CODE)
    deployment, stream = make(cli, tmp_path)
    write(tmp_path / "new/app.py", CODE)
    (tmp_path / "a/app.py").unlink()
    deployment.refresh([tmp_path / "new/app.py", tmp_path / "a/app.py"])
    assert list(cli.house.functions) == ["new"]
    assert "a              deleted" in stream.getvalue()


def test_a_deployment_that_fails_is_one_line(cli: Cli, tmp_path: Path) -> None:
    write(tmp_path / "a/app.py", CODE)
    write(tmp_path / "b/app.py", CODE)
    write(tmp_path / "neve.toml", "[functions.a]\nruntime = 'nodejs4.3'\n")
    _, stream = make(cli, tmp_path)
    assert list(cli.house.functions) == ["b"]
    assert "not deployed: The runtime parameter of nodejs4.3" in stream.getvalue()


def test_a_broken_table_is_one_line_and_changes_nothing(cli: Cli, tmp_path: Path) -> None:
    write(tmp_path / "a/app.py", CODE)
    deployment, stream = make(cli, tmp_path)
    write(tmp_path / "neve.toml", "[functions.a\n")
    deployment.refresh([tmp_path / "neve.toml"])
    assert list(cli.house.functions) == ["a"]
    assert stream.getvalue().count("\n") == 1


def test_a_wrong_table_stops_only_its_own_function(cli: Cli, tmp_path: Path) -> None:
    write(tmp_path / "a/app.py", CODE)
    deployment, stream = make(cli, tmp_path)
    write(tmp_path / "neve.toml", "[functions.b]\npath = 'gone'\n")
    write(tmp_path / "c/app.py", CODE)
    deployment.refresh([tmp_path / "neve.toml", tmp_path / "c/app.py"])
    assert list(cli.house.functions) == ["a", "c"]
    assert "functions.b of neve.toml: there is no" in stream.getvalue()


def test_a_saved_file_is_deployed_by_itself(cli: Cli, tmp_path: Path) -> None:
    write(tmp_path / "a/app.py", CODE.format(1))
    deployment, stream = make(cli, tmp_path)
    stop = threading.Event()
    thread = threading.Thread(target=deployment.follow, args=(stop,))
    thread.start()
    saves = iter(range(2, 1000))

    def saved_and_seen() -> bool:
        write(tmp_path / "a/app.py", CODE.format(next(saves)))  # again, in case the watch had not begun
        return "updated" in stream.getvalue()

    try:
        wait_until(saved_and_seen)
    finally:
        stop.set()
        thread.join(10)
    assert not thread.is_alive()
