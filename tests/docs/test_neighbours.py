"""Follows docs/neighbours.md as a user does: the function is that of the page, the commands show what it shows."""

import os
import re
import signal
import subprocess
import sys
import time
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from neve.neighbours.endpoints import parse_endpoints

PAGE = (Path(__file__).parent.parent.parent / "docs" / "neighbours.md").read_text()
BIN = Path(sys.executable).parent
BOUND_S = 30.0


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The function, in a folder of functions."""
    made = tmp_path_factory.mktemp("user")
    (code,) = blocks("python")
    name, _, code = code.partition("\n")
    (made / name.removeprefix("# ")).parent.mkdir()
    (made / name.removeprefix("# ")).write_text(code)
    return made


@pytest.fixture(scope="module")
def environment(folder: Path) -> Iterator[dict[str, str]]:
    """`neve dev .` on a free port, and what the README exports."""
    base = {"HOME": str(folder), "LANG": "C.UTF-8", "PATH": f"{BIN}:{os.environ['PATH']}"}
    assert "`neve dev .`" in PAGE
    process = subprocess.Popen(
        [str(BIN / "neve"), "dev", ".", "--port", "0"], cwd=folder, stdout=subprocess.PIPE, text=True, env=base
    )
    assert process.stdout is not None
    try:
        url = process.stdout.readline().rsplit(" ", 1)[-1].strip()
        said = []
        for line in process.stdout:
            said.append(line)
            if "Ctrl-C stops" in line:
                break
        assert any("The other AWS services answer there, too" in line for line in said)
        keys = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test"}
        yield base | keys | {"AWS_ENDPOINT_URL": url, "AWS_DEFAULT_REGION": "us-east-1", "AWS_PAGER": ""}
    finally:
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=BOUND_S)


def shown(environment: dict[str, str], folder: Path, command: str) -> str:
    ran = subprocess.run(
        ["/bin/sh", "-c", command],
        cwd=folder,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=60,
        check=False,
    )
    assert ran.returncode == 0, f"{command}\n{ran.stdout}"
    return ran.stdout


def test_the_commands_of_the_page_show_what_it_shows(environment: dict[str, str], folder: Path) -> None:
    first, later = blocks("console")
    for command, expected in re.findall(r"^\$ (.*)\n((?:(?!\$ ).*\n)*)", first, re.MULTILINE):
        assert shown(environment, folder, command) == expected, command
    ((command, expected),) = re.findall(r"^\$ (.*)\n((?:(?!\$ ).*\n)*)", later, re.MULTILINE)
    until = time.monotonic() + BOUND_S
    while (found := shown(environment, folder, command)) != expected:
        assert time.monotonic() < until, found


def test_the_endpoints_of_the_page_are_endpoints() -> None:
    (table,) = blocks("toml")
    found = parse_endpoints(tomllib.loads(table)["endpoints"])
    assert {name: (each.signed, each.of_aws) for name, each in found.items()} == {
        "sqs": (False, False),
        "s3": (True, False),
        "dynamodb": (True, True),
        "events": (True, True),
    }
    (flag,) = re.findall(r"`--endpoints (\S+)`", PAGE)
    assert set(parse_endpoints(dict(pair.split("=") for pair in flag.split(",")))) == {"sqs", "dynamodb"}
