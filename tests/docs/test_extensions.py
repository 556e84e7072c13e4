"""Follows the page on extensions: its example is written down, given to a function and shows what the page shows."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.docs.page import BIN, ROOT, blocks, commands, developing, page, shown
from tests.docs.test_readme import settled

BOUND_S = 30.0
PAGE = page("docs/extensions.md")


@pytest.fixture
def environment(tmp_path: Path) -> Iterator[dict[str, str]]:
    """A server of its own with the examples, and what points people's tools at it."""
    base = {"HOME": str(tmp_path), "LANG": "C.UTF-8", "PATH": f"{BIN}:/usr/bin:/bin"}
    with developing(str(ROOT / "examples"), base, tmp_path) as (exported, _):
        yield base | exported


def test_the_example_shows_what_the_page_shows(environment: dict[str, str], tmp_path: Path) -> None:
    (program,) = blocks(PAGE, "python")
    (tmp_path / "extensions").mkdir()
    (tmp_path / "extensions" / "notes").write_text(program)
    for command, expected in commands(PAGE):
        deadline = time.monotonic() + BOUND_S
        while (told := lines(shown(command, tmp_path, environment))) != lines(expected) and command.startswith(
            "neve logs"
        ):
            assert time.monotonic() < deadline, told
            time.sleep(0.1)
        assert told == lines(expected), command


def lines(text: str) -> list[str]:
    """Function and extension print at the same time: in no order, but for the first and the last one."""
    told = settled(text).splitlines()
    return [*told[:1], *sorted(told[1:-1]), *told[1:][-1:]]
