"""Follows docs/urls.md as a user does: the functions are those of the page, the commands show what it shows."""

import os
import re
import subprocess
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.acceptance.server import NeveServer, running
from tests.docs.page import BIN, blocks, commands, page

from neve.cli.discover import find_functions

PAGE = page("docs/urls.md")
MARK = "--- next ---"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the page shows as files; the name of each is its first line."""
    made = tmp_path_factory.mktemp("user")
    for name, code in re.findall(r"```js\n// (\S+)\n(.*?)```", PAGE, re.DOTALL):
        (made / name).parent.mkdir()
        (made / name).write_text(code)
    return made


@pytest.fixture(scope="module")
def neve(tmp_path_factory: pytest.TempPathFactory) -> Iterator[NeveServer]:
    with running(tmp_path_factory.mktemp("neve") / "data") as server:
        yield server


def test_the_commands_of_the_page_show_what_it_shows(neve: NeveServer, folder: Path) -> None:
    found = commands(PAGE)
    script = "".join(f"{command}\necho '{MARK}'\n" for command, _ in found)
    ran = subprocess.run(
        ["/bin/sh", "-s"],
        input=script,
        cwd=folder,
        env={**neve.aws_environment(), "PATH": f"{BIN}:{os.environ['PATH']}"},
        capture_output=True,
        text=True,
        timeout=90,
        check=True,
    )
    *shown, _ = ran.stdout.split(f"{MARK}\n")
    for (command, expected), got in zip(found, shown, strict=True):
        assert got.strip() == expected.strip(), f"{command}\n{ran.stderr}"


def test_the_table_of_the_page_is_one_that_neve_dev_reads(folder: Path) -> None:
    (table,) = blocks(PAGE, "toml")
    assert tomllib.loads(table)
    (folder / "neve.toml").write_text(table)
    assert [each.name for each in find_functions(folder) if each.url] == ["shop"]
