"""Follows docs/testing.md as a user does: the function and its test are those of the page."""

import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.acceptance.machine import until
from tests.acceptance.server import NeveServer, clean_environment, running
from tests.docs import page
from tests.docs.page import BIN, blocks, commands_of
from tests.runtimes.nodejs.majors import WHEEL_NODE

PAGE = page.page("docs/testing.md")
SECONDS = 60.0  # on a machine as busy as it may be; 0.2 to 0.8 s on a free one, of three minutes by the clock
VARYING = [
    (r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", "ID"),
    (r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3}", "TIME"),
    (r"\b(\d+m)?\d+s\b", "SPAN"),
    (r" +", " "),
]


def settled(text: str) -> str:
    for pattern, name in VARYING:
        text = re.sub(pattern, name, text)
    return text


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the page shows as files; the name of each is its first line."""
    made = tmp_path_factory.mktemp("user")
    for name, code in re.findall(r"```\w+\n(?:#|//) (\S+)\n(.*?)```", PAGE, re.DOTALL):
        (made / name).parent.mkdir(exist_ok=True)
        (made / name).write_text(code)
    return made


@pytest.fixture(scope="module")
def neve(tmp_path_factory: pytest.TempPathFactory, folder: Path) -> Iterator[NeveServer]:
    """As the page says to start it, with the function deployed as the page says."""
    assert "`neve serve --virtual-clock --neighbours`" in PAGE
    assert "`neve deploy orders`" in PAGE
    with running(tmp_path_factory.mktemp("neve") / "data", "--virtual-clock", "--neighbours") as server:
        server.client("sqs").list_queues()  # the neighbours start with the first call
        shown(server, folder, "neve deploy orders")
        yield server


def shown(neve: NeveServer, folder: Path, command: str) -> str:
    command = command.replace("pytest", "pytest -p no:cacheprovider -c /dev/null --rootdir=.")
    return page.shown(command, folder, {**neve.aws_environment(), "PATH": f"{BIN}:{os.environ['PATH']}"})


def test_the_test_of_the_page_passes_without_waiting_for_minutes(neve: NeveServer, folder: Path) -> None:
    began = time.monotonic()
    assert "1 passed" in shown(neve, folder, "pytest -q test_orders.py")
    assert time.monotonic() - began < SECONDS


def test_the_commands_of_the_page_show_what_it_shows(neve: NeveServer, folder: Path) -> None:
    block = next(each for each in blocks(PAGE, "console") if "neve invoke" in each)
    for command, expected in commands_of(block):
        assert settled(shown(neve, folder, command)) == settled(expected)
        until(lambda: neve.own("queue?function=orders")["functions"][0]["retrying"] == 1, "the event failed")


def test_the_tests_with_the_fixture_pass_and_need_no_server_of_the_users(folder: Path, tmp_path: Path) -> None:
    """In two workers, as xdist runs them; the line in the handler is that of the page."""
    ran = subprocess.run(
        [
            BIN / "pytest",
            "-q",
            "-n",
            "2",
            "-p",
            "no:cacheprovider",
            "-c",
            os.devnull,
            "--rootdir=.",
            "test_thumbnails.py",
        ],
        cwd=folder,
        env={**clean_environment(), "PATH": f"{BIN}:{os.environ['PATH']}", "TMPDIR": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert "5 passed" in ran.stdout, ran.stdout + ran.stderr
    assert list(tmp_path.glob("neve-dev-*")) == []  # the servers have ended, and their data with them


def test_the_tests_in_node_pass(neve: NeveServer, folder: Path) -> None:
    shown(
        neve, folder, "neve deploy thumbnails --memory 1769"
    )  # a processor, so that the freeze comes before 50 ms are over
    assert "# fail 0" in shown(neve, folder, f"{WHEEL_NODE} --test --test-reporter=tap thumbnails.test.mjs")


def test_the_plugin_imports_next_to_nothing() -> None:
    """It is loaded in every run of pytest on the machine."""
    code = "import sys, pytest; before = set(sys.modules); import neve.testing.plugin; print(len(set(sys.modules) - before))"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=30, check=True)
    assert int(ran.stdout) <= 3  # neve, neve.testing, the plugin
