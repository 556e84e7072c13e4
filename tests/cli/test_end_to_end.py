"""`neve serve` and `neve dev` as processes, with a real function."""

import json
import os
import queue
import re
import signal
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

CODE = "calls = 0\ndef handler(event, context):\n    print('{}')\n    return '{}'\n"


class Process:
    """A running command; its output line by line."""

    def __init__(self, *arguments: str, folder: Path, environment: dict[str, str]) -> None:
        command = [sys.executable, "-m", "neve.cli.main", *arguments]
        self.popen = subprocess.Popen(
            command, cwd=folder, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        self.said: list[str] = []
        self._lines: queue.Queue[str | None] = queue.Queue()
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        assert self.popen.stdout is not None
        for line in self.popen.stdout:
            self._lines.put(line.rstrip("\n"))
        self._lines.put(None)

    def wait_line(self, pattern: str) -> re.Match[str]:
        """The next line that fits."""
        end = time.monotonic() + 20
        while True:
            line = self._lines.get(timeout=max(end - time.monotonic(), 0.01))
            assert line is not None, "\n".join(self.said)
            self.said.append(line)
            found = re.search(pattern, line)
            if found:
                return found

    def stop(self, number: signal.Signals) -> int:
        """Send a signal, wait for the end."""
        self.popen.send_signal(number)
        return self.popen.wait(10)

    def rest(self) -> str:
        """What was said after the last line waited for; the process has ended."""
        lines = []
        while (line := self._lines.get(timeout=5)) is not None:
            lines.append(line)
        return "\n".join(lines)


Start = Callable[..., Process]
Run = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """Nothing of the user's Neve, and a temporary folder of our own."""
    (tmp_path / "tmp").mkdir()
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("NEVE_", "AWS_"))}
    return {**kept, "TMPDIR": str(tmp_path / "tmp"), "HOME": str(tmp_path), "PYTHONUNBUFFERED": "1"}


@pytest.fixture
def start(tmp_path: Path, environment: dict[str, str]) -> Iterator[Start]:
    """Start commands in an empty folder; they end with the test."""
    started: list[Process] = []

    def launch(*arguments: str) -> Process:
        started.append(Process(*arguments, folder=tmp_path, environment=environment))
        return started[-1]

    yield launch
    for process in started:
        process.popen.kill()
        process.popen.wait(10)
        if process.popen.stdout is not None:
            process.popen.stdout.close()


@pytest.fixture
def neve(tmp_path: Path, environment: dict[str, str]) -> Run:
    """Run a command to its end."""

    def run(*arguments: str) -> "subprocess.CompletedProcess[str]":
        command = [sys.executable, "-m", "neve.cli.main", *arguments]
        return subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=30)

    return run


def write(path: Path, word: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(CODE.replace("{}", word))


def test_serve_is_ready_deploys_invokes_and_stops(start: Start, neve: Run, tmp_path: Path) -> None:
    server = start("serve", "--port", "0", "--data-dir", str(tmp_path / "data"))
    url = server.wait_line(r"^neve ready on (http://127\.0\.0\.1:\d+)$")[1]
    write(tmp_path / "hello/app.py", "first")
    deployed = neve("deploy", str(tmp_path / "hello"), "--endpoint", url)
    assert deployed.returncode == 0, deployed.stderr
    assert neve("invoke", "hello", "--endpoint", url).stdout == '"first"'
    assert server.stop(signal.SIGTERM) == 0


def test_dev_shows_redeploys_and_leaves_nothing(start: Start, neve: Run, tmp_path: Path) -> None:
    write(tmp_path / "functions/hello/app.py", "first")
    (tmp_path / "functions/neve.toml").write_text("[functions.hello]\nurl = true\n")
    dev = start("dev", str(tmp_path / "functions"), "--port", "0", "--function-urls", "path")
    url = dev.wait_line(r"^neve ready on (http://\S+)$")[1]
    dev.wait_line("^hello +python3")
    door = dev.wait_line(rf"^hello +({url}/_neve/urls/\w+/)$")[1]
    dev.wait_line("Ctrl-C stops")

    assert neve("invoke", "hello", "--endpoint", url).stdout == '"first"'
    request = dev.wait_line(r"\d\d hello +(\w{8}) START$")[1]
    dev.wait_line(rf"hello +{request} first$")
    dev.wait_line(rf"hello +{request} REPORT .*, init \d")
    dev.wait_line(r"hello +· frozen$")

    write(tmp_path / "functions/hello/app.py", "second")
    dev.wait_line(r"hello +updated \(")
    assert neve("invoke", "hello", "--endpoint", url).stdout == '"second"'
    listed = json.loads(neve("ps", "--endpoint", url, "--json").stdout)
    (environment,) = [
        each for each in listed if each["state"] not in ("stopping", "removing")
    ]  # those of before may go yet
    assert (environment["function"], environment["invocations"]) == ("hello", 1)
    assert neve("clock", "advance", "2m", "--endpoint", url).stdout.endswith("(virtual)\n")
    with urllib.request.urlopen(door, timeout=20) as answer:
        assert answer.read() == b"second"
    (tmp_path / "functions/neve.toml").write_text("")
    dev.wait_line(r"hello +has no URL any more$")

    assert list((tmp_path / "tmp").glob("neve-dev-*"))
    began = time.monotonic()
    assert dev.stop(signal.SIGINT) == 0
    assert time.monotonic() - began < 2
    assert dev.rest().endswith("neve stopped")
    assert not list((tmp_path / "tmp").glob("neve-dev-*"))


def test_a_port_in_use_is_one_sentence(start: Start, neve: Run, tmp_path: Path) -> None:
    first = start("dev", "--port", "0")
    port = first.wait_line(r"^neve ready on http://127\.0\.0\.1:(\d+)$")[1]
    second = neve("dev", "--port", port)
    assert (second.returncode, second.stdout) == (2, "")
    assert "--port" in second.stderr
    assert second.stderr.count("\n") == 1


def test_a_log_is_followed(start: Start, neve: Run, tmp_path: Path) -> None:
    write(tmp_path / "functions/hello/app.py", "said")
    dev = start("dev", str(tmp_path / "functions"), "--port", "0")
    url = dev.wait_line(r"^neve ready on (http://\S+)$")[1]
    dev.wait_line("Ctrl-C stops")
    follower = start("logs", "hello", "-f", "--endpoint", url)
    for _ in range(2):
        neve("invoke", "hello", "--endpoint", url)
        follower.wait_line(r"Z START RequestId: ")
        follower.wait_line(r"Z said$")
    assert follower.stop(signal.SIGINT) == 0


def test_every_example_runs_and_the_leak_is_shown(start: Start, neve: Run) -> None:
    examples = Path(__file__).parents[2] / "examples"
    dev = start("dev", str(examples), "--port", "0")
    url = dev.wait_line(r"^neve ready on (http://\S+)$")[1]
    dev.wait_line("Ctrl-C stops")
    for folder in sorted(path for path in examples.iterdir() if path.is_dir()):
        answer = neve("invoke", folder.name, "--endpoint", url)
        assert answer.returncode == 0, answer.stderr
    first = dev.wait_line(r"leaky-timer +(\w{8}) START$")[1]
    dev.wait_line(rf"leaky-timer +{first} REPORT")
    dev.wait_line(r"waits-for-loop +\w{8} the late work is done$")
    dev.wait_line(r"waits-for-loop +\w{8} REPORT 3\d\d ms")
    assert neve("invoke", "leaky-timer", "--endpoint", url).returncode == 0
    second = dev.wait_line(rf"leaky-timer +(\w{{8}}) left over from {first} I belong to {first}")[1]
    assert second != first
