"""Neve's own log: a dict with an `action` for each line, on standard error. Not the functions' logs."""

import json
import logging
import sys
from typing import Any

_LOGGER = logging.getLogger("neve")


def setup(level: str = "INFO") -> None:
    """Write Neve's own log to standard error as one JSON object a line."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(logging.Formatter("%(message)s"))
    _LOGGER.handlers[:] = [handler]
    _LOGGER.setLevel(level)
    _LOGGER.propagate = False


def note(action: str, **members: Any) -> None:
    """Say what happened, at INFO."""
    _emit(logging.INFO, action, members)


def warn(action: str, **members: Any) -> None:
    """Say what should not have happened and did no harm."""
    _emit(logging.WARNING, action, members)


def failure(action: str, error: BaseException, **members: Any) -> None:
    """Say what went wrong on our side, with its traceback."""
    _LOGGER.error(_line(action, members | {"error": repr(error)}), exc_info=error)


def _emit(level: int, action: str, members: dict[str, Any]) -> None:
    if _LOGGER.isEnabledFor(level):
        _LOGGER.log(level, _line(action, members))


def _line(action: str, members: dict[str, Any]) -> str:
    return json.dumps({"action": action, **members}, default=str)
