"""The pictures of the documentation are as `make docs` draws them, small, and can be read without seeing."""

import importlib.util
import json
import re
import sys
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

ROOT = Path(__file__).parent.parent.parent
FOLDER = ROOT / "docs" / "pictures"
PAGES = [*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")]


def load_maker() -> Any:
    """The module that makes pictures."""
    spec = importlib.util.spec_from_file_location("neve_pictures", ROOT / "docs" / "draw.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # its dataclasses look themselves up
    spec.loader.exec_module(module)
    return module


MAKER = load_maker()
every_picture = pytest.mark.parametrize("name", MAKER.PICTURES)


@every_picture
def test_picture_is_drawn_as_today(name: str) -> None:
    assert (FOLDER / f"{name}.svg").read_text() == MAKER.drawn(name), "run `make docs`"


@every_picture
def test_picture_is_well_formed_and_small_and_has_a_text_alternative(name: str) -> None:
    text = (FOLDER / f"{name}.svg").read_text()
    assert len(text) < 30_000
    root = ElementTree.fromstring(text)
    assert root.get("role") == "img"
    title, description = (root.findtext(f"{{http://www.w3.org/2000/svg}}{each}") for each in ("title", "desc"))
    assert title
    assert description
    told = json.loads((FOLDER / f"{name}.json").read_text())
    assert all(row["text"] in description for row in told["rows"])


@every_picture
def test_picture_is_on_a_page_and_said_in_words_there(name: str) -> None:
    shown = [
        alternative
        for page in PAGES
        for alternative in re.findall(rf"!\[([^\]]*)\]\((?:docs/)?pictures/{name}\.svg\)", page.read_text())
    ]
    assert shown
    assert all(len(alternative) > 60 for alternative in shown)


def test_no_picture_is_left_that_nobody_makes() -> None:
    assert {file.stem for file in FOLDER.glob("*.*")} == set(MAKER.PICTURES)
    assert {folder.name for folder in (FOLDER / "programs").iterdir()} == set(MAKER.PICTURES)


def test_same_run_at_other_times_is_no_new_picture() -> None:
    told = json.loads((FOLDER / "never.json").read_text())
    later = json.loads((FOLDER / "never.json").read_text().replace(told["request_id"][:8], "00000000"))
    for row in later["rows"]:
        row["at_ms"] += 7.0
    assert MAKER.shape(told) == MAKER.shape(later)
    later["rows"].pop()
    assert MAKER.shape(told) != MAKER.shape(later)
