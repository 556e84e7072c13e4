"""Neve's own log: a dict with an `action` for each line, on standard error; in words where somebody looks."""

import json
import logging
import sys
from collections.abc import Callable, Mapping
from typing import Any

_LOGGER = logging.getLogger("neve")


def setup(level: str = "INFO", show: Callable[[str], None] | None = None) -> None:
    """Write Neve's own log to standard error as one JSON object a line; or let `show` have each line in words."""
    handler: logging.Handler = logging.StreamHandler(sys.stderr) if show is None else _InWords(show)
    handler.setFormatter(logging.Formatter("%(message)s"))
    _LOGGER.handlers[:] = [handler]
    _LOGGER.setLevel(level)
    _LOGGER.propagate = False


class _InWords(logging.Handler):
    def __init__(self, show: Callable[[str], None]) -> None:
        super().__init__()
        self._show = show

    def emit(self, record: logging.LogRecord) -> None:
        line, _, trace = self.format(record).partition("\n")
        self._show(in_words(json.loads(line)) + (f"\n{trace}" if trace else ""))


def in_words(members: Mapping[str, Any]) -> str:
    """A line of the log for people: `url.forbidden: caller everybody; lets not lambda:InvokeFunctionUrl`."""
    values = {name: value for name, value in members.items() if name != "action" and value is not None}
    told = (
        f"{name.replace('_', ' ')} {', '.join(map(str, value)) if isinstance(value, list) else value}"
        for name, value in values.items()
    )
    return ": ".join(filter(None, (str(members["action"]), "; ".join(told))))


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
