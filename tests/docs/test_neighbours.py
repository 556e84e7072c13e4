"""Follows docs/neighbours.md as a user does: the function is that of the page, the commands show what it shows."""

import os
import re
import time
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.docs.page import BIN, blocks, commands, developing, page, shown

from neve.neighbours.endpoints import parse_endpoints

PAGE = page("docs/neighbours.md")
BOUND_S = 30.0


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The function, in a folder of functions."""
    made = tmp_path_factory.mktemp("user")
    (code,) = blocks(PAGE, "python")
    name, _, code = code.partition("\n")
    (made / name.removeprefix("# ")).parent.mkdir()
    (made / name.removeprefix("# ")).write_text(code)
    return made


@pytest.fixture(scope="module")
def environment(folder: Path) -> Iterator[dict[str, str]]:
    """`neve dev .` on a free port, and what the README exports."""
    base = {"HOME": str(folder), "LANG": "C.UTF-8", "PATH": f"{BIN}:{os.environ['PATH']}"}
    assert "`neve dev .`" in PAGE
    with developing(".", base, folder) as (exported, said):
        assert "The other AWS services answer there, too" in said
        yield base | exported | {"AWS_PAGER": ""}


def test_the_commands_of_the_page_show_what_it_shows(environment: dict[str, str], folder: Path) -> None:
    *first, (last, what_it_shows_later) = commands(PAGE)
    assert len(blocks(PAGE, "console")) == 2
    for command, expected in first:
        assert shown(command, folder, environment) == expected, command
    until = time.monotonic() + BOUND_S
    while (found := shown(last, folder, environment)) != what_it_shows_later:
        assert time.monotonic() < until, found


def test_the_endpoints_of_the_page_are_endpoints() -> None:
    (table,) = blocks(PAGE, "toml")
    found = parse_endpoints(tomllib.loads(table)["endpoints"])
    assert {name: (each.signed, each.of_aws) for name, each in found.items()} == {
        "sqs": (False, False),
        "s3": (True, False),
        "dynamodb": (True, True),
        "events": (True, True),
    }
    (flag,) = re.findall(r"`--endpoints (\S+)`", PAGE)
    assert set(parse_endpoints(dict(pair.split("=") for pair in flag.split(",")))) == {"sqs", "dynamodb"}
