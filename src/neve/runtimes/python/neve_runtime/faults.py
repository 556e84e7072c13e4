"""What is told about a failure: the error JSON, its trace, and the X-Ray cause (facts §3, §9)."""

from __future__ import annotations

import json
import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import TracebackType
    from typing import Any

_OWN_FOLDER = os.path.dirname(os.path.abspath(__file__))
_CAUSE_BYTES = 1024 * 1024


class Fault(Exception):
    """A failure that the client itself found: `type` is one of the `Runtime.*` names, `trace` what it may show."""

    def __init__(self, type_: str, message: str, trace: list[str] | None = None) -> None:
        super().__init__(message)
        self.type = type_
        self.message = message
        self.trace = trace or []


class Failure:
    """One failure, ready to be logged and sent."""

    def __init__(self, message: str, type_: str, trace: list[str], frames: list[Any], cause_type: str) -> None:
        self.message = message
        self.type = type_
        self.trace = trace
        self._frames = frames
        self._cause_type = cause_type

    def members(self, request_id: str) -> dict[str, object]:
        """The members of the error JSON, in the order of the service."""
        return {
            "errorMessage": self.message,
            "errorType": self.type,
            "requestId": request_id,
            "stackTrace": self.trace,
        }

    def body(self, request_id: str) -> bytes:
        """The error JSON. What cannot be UTF-8 (a lone surrogate in a message) is escaped."""
        from .identifier import minor

        text = json.dumps(self.members(request_id), ensure_ascii=minor() < 12)
        return text.encode("utf-8", "backslashreplace")

    def cause(self) -> str | None:
        """The X-Ray cause as JSON text; None when it is longer than the service takes."""
        stack = [{"label": name, "path": file, "line": line} for file, line, name, _ in self._frames]
        exceptions = [{"message": self.message, "type": self._cause_type, "stack": stack}]
        paths = sorted({file for file, _, _, _ in self._frames})
        text = json.dumps({"working_directory": os.getcwd(), "exceptions": exceptions, "paths": paths})
        return text if len(text) < _CAUSE_BYTES else None


def describe(error: BaseException) -> Failure:
    """A failure of user code or of the client, as the service describes it."""
    if isinstance(error, Fault):
        return Failure(error.message, error.type, error.trace, [], "LambdaValidationError")
    import traceback

    frames = user_frames(error.__traceback__)
    name = type(error).__name__
    return Failure(_text(error), name, traceback.format_list(frames), frames, name)


def user_frames(trace: TracebackType | None) -> list[Any]:
    """The frames of a traceback without the client's own at its top: (file, line, name, text) each."""
    import traceback

    frames = [(entry.filename, entry.lineno, entry.name, entry.line) for entry in traceback.extract_tb(trace)]
    while frames and os.path.dirname(os.path.abspath(frames[0][0])) == _OWN_FOLDER:
        del frames[0]
    return frames


def _text(error: BaseException) -> str:
    """`str(error)`; a class whose own `__str__` fails still gets reported."""
    try:
        return str(error)
    except Exception as second:
        return f"<the message could not be made: {type(second).__name__}>"
