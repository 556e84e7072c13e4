"""Follows the page on extensions: its example is written down, given to a function and shows what the page shows."""

import re
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.docs.test_readme import BIN, ROOT, commands, settled

BOUND_S = 30.0
PAGE = (ROOT / "docs" / "extensions.md").read_text()


@pytest.fixture
def environment(tmp_path: Path) -> Iterator[dict[str, str]]:
    """A server of its own with the examples, and what points people's tools at it."""
    base = {"HOME": str(tmp_path), "LANG": "C.UTF-8", "PATH": f"{BIN}:/usr/bin:/bin"}
    process = subprocess.Popen(
        [str(BIN / "neve"), "dev", str(ROOT / "examples"), "--port", "0"],
        stdout=subprocess.PIPE,
        text=True,
        env=base,
        cwd=tmp_path,
    )
    assert process.stdout is not None
    try:
        url = process.stdout.readline().rsplit(" ", 1)[-1].strip()
        for line in process.stdout:
            if "Ctrl-C stops" in line:
                break
        account = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_DEFAULT_REGION": "us-east-1"}
        yield {**base, **account, "AWS_ENDPOINT_URL": url}
    finally:
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=30)


def test_the_example_shows_what_the_page_shows(environment: dict[str, str], tmp_path: Path) -> None:
    (program,) = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    (tmp_path / "extensions").mkdir()
    (tmp_path / "extensions" / "notes").write_text(program)
    blocks = re.findall(r"```console\n(.*?)```", PAGE, re.DOTALL)
    for command, expected in [pair for block in blocks for pair in commands(block)]:
        deadline = time.monotonic() + BOUND_S
        while (shown := shows(command, environment, tmp_path)) != lines(expected) and command.startswith("neve logs"):
            assert time.monotonic() < deadline, shown
            time.sleep(0.1)
        assert shown == lines(expected), command


def shows(command: str, environment: dict[str, str], folder: Path) -> list[str]:
    ran = subprocess.run(
        ["/bin/sh", "-c", command],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert ran.returncode == 0, f"{command}\n{ran.stderr}"
    return lines(ran.stdout)


def lines(text: str) -> list[str]:
    """Function and extension print at the same time: in no order, but for the first and the last one."""
    shown = settled(text).splitlines()
    return [*shown[:1], *sorted(shown[1:-1]), *shown[1:][-1:]]
