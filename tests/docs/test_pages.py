"""Documentation that is made from code is what the code says."""

import importlib.util
import re
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parent.parent.parent


def load_generator() -> Any:
    """The module that makes pages."""
    spec = importlib.util.spec_from_file_location("neve_docs", ROOT / "docs" / "generate.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def generated() -> dict[str, str]:
    pages: dict[str, str] = load_generator().pages()
    return pages


def test_generated_pages_are_up_to_date() -> None:
    stale = [name for name, text in generated().items() if (ROOT / "docs" / name).read_text() != text]
    assert not stale, f"run `make docs`: {stale}"


def test_every_link_of_the_documentation_leads_somewhere() -> None:
    for page in [*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")]:
        for target in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", page.read_text()):
            if "://" not in target:
                assert (page.parent / target).exists(), f"{page.name}: {target}"


@pytest.mark.parametrize("page", ["README.md", "DESIGN.md"])
def test_every_path_that_is_named_exists(page: str) -> None:
    for path in re.findall(r"`((?:src|tests|docs|bench|examples)/[\w./-]+)`", (ROOT / page).read_text()):
        assert (ROOT / path).exists(), f"{page} names {path}"


def test_glossary_words_are_told_once() -> None:
    words = re.findall(r"^\| ([^|]+) \|", (ROOT / "GLOSSARY.md").read_text(), re.MULTILINE)
    told = [word.strip() for row in words for word in row.split(",")]
    assert len(told) == len(set(told))
