"""Parts of moto that are replaced by Neve's: each by name, so that a moto that has changed fails at its start and loudly."""

from collections.abc import Callable
from typing import Any


def replace(owner: Any, name: str, made: Callable[[Any], Any]) -> None:
    """Put `made(what is there)` in its place. AttributeError when nothing is there."""
    setattr(owner, name, made(getattr(owner, name)))
