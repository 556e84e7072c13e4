"""The handler that is installed on the root logger (facts §5), at the moment when the function imports `logging`.

`logging` costs three to ten milliseconds of a cold start, and many functions never use it.
"""

from __future__ import annotations

import os

from . import imports, output

TYPE_CHECKING = False
if TYPE_CHECKING:
    import logging
    from types import ModuleType
    from typing import Any

current_request_id = ""
"""The request id of the current event: one for the whole process, so that what is left over from an earlier
invocation logs with the later one's id, as on Lambda."""
current_tenant_id: str | None = None

_LEVELS = {"TRACE": 10, "DEBUG": 10, "INFO": 20, "WARN": 30, "WARNING": 30, "ERROR": 40, "FATAL": 50, "CRITICAL": 50}
_ADDED = ("aws_request_id", "tenant_id", "message", "asctime", "taskName")


def install_at_import() -> None:
    """Install the handler now if `logging` is loaded, else as soon as it is."""
    imports.after("logging", _install_into)


def _install_into(module: ModuleType) -> None:
    if hasattr(module, "getLogger"):  # not a user's own module of that name
        install()


def install() -> None:
    """Put the handler on the root logger; `logging.basicConfig` does nothing then, as on Lambda."""
    import logging
    import time

    logging.Formatter.converter = time.gmtime
    root = logging.getLogger()
    root.addHandler(_frame_handler())
    level = _LEVELS.get(os.environ.get("AWS_LAMBDA_LOG_LEVEL", "").upper())
    if level is not None:
        root.setLevel(level)


def _frame_handler() -> logging.Handler:
    """The handler; its class can only be made once `logging` is there."""
    import logging

    as_json = output.wants_json()
    text_format = logging.Formatter(
        "[%(levelname)s]\t%(asctime)s.%(msecs)03dZ\t%(aws_request_id)s\t%(message)s\n", "%Y-%m-%dT%H:%M:%S"
    )

    class FrameHandler(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            try:
                output.write_event(self.format(record), record.levelno, output.JSON if as_json else output.TEXT)
            except Exception:
                self.handleError(record)

        def format(self, record: logging.LogRecord) -> str:
            record.aws_request_id = current_request_id
            record.tenant_id = current_tenant_id
            if as_json and self.formatter is text_format:  # a user's own formatter wins
                return json_line(record) + "\n"
            return super().format(record)

    chosen = FrameHandler()
    chosen.setFormatter(text_format)
    return chosen


def json_line(record: logging.LogRecord) -> str:
    """One record as a JSON object; members without a value are left out, extras come last."""
    import json
    import logging
    import time

    members: dict[str, Any] = {
        "timestamp": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(record.created)),
        "level": logging.getLevelName(output.level_step(record.levelno)),
        "message": record.getMessage(),
        "logger": record.name,
    }
    members.update(_exception(record))
    members["tenantId"] = current_tenant_id
    standard = {*vars(logging.makeLogRecord({})), *_ADDED}
    members.update((name, value) for name, value in vars(record).items() if name not in standard)
    given = {name: value for name, value in members.items() if value is not None}
    return json.dumps(given, default=str, ensure_ascii=False)


def _exception(record: logging.LogRecord) -> dict[str, Any]:
    members: dict[str, Any] = {}
    kind, error, trace = record.exc_info or (None, None, None)
    if kind is not None:
        import traceback

        members["stackTrace"] = traceback.format_tb(trace)
        members["errorType"] = kind.__name__
        members["errorMessage"] = str(error)
    members["requestId"] = current_request_id or None
    if kind is not None:
        members["location"] = f"{record.pathname}:{record.funcName}:{record.lineno}"
    return members
