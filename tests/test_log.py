"""Neve's own log: for machines as JSON, in words for who looks."""

import json
import logging
from collections.abc import Iterator

import pytest

from neve import log


@pytest.fixture(autouse=True)
def as_before() -> Iterator[None]:
    logger = logging.getLogger("neve")
    before = list(logger.handlers), logger.level, logger.propagate
    yield
    logger.handlers[:], logger.level, logger.propagate = before


def test_line_is_one_json_object(capsys: pytest.CaptureFixture[str]) -> None:
    log.setup("WARNING")
    log.note("nobody.hears")
    log.warn("url.forbidden", caller="everybody", lets_not=["a", "b"])
    assert json.loads(capsys.readouterr().err) == {
        "action": "url.forbidden",
        "caller": "everybody",
        "lets_not": ["a", "b"],
    }


def test_who_looks_has_it_in_words(capsys: pytest.CaptureFixture[str]) -> None:
    said: list[str] = []
    log.setup("WARNING", said.append)
    log.note("nobody.hears")
    log.warn("url.forbidden", caller="everybody", lets_not=["a", "b"], request_id=None)
    log.warn("alone")
    log.failure("broken", ValueError("no"))
    assert said[:2] == ["url.forbidden: caller everybody; lets not a, b", "alone"]
    assert said[2].startswith("broken: error ValueError('no')\n")
    assert capsys.readouterr().err == ""
