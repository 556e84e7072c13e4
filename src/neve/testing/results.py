"""What an invocation gave, what it printed, and what it left behind."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Leak:
    """Work that was still alive when the handler had answered. `fate`: pending, finished, continued or never (docs/leaks.md)."""

    kind: str
    description: str
    source: str | None
    stack: Sequence[str]
    fate: str
    count: int = 1
    seen_in: Sequence[str] = ()

    @classmethod
    def of(cls, members: Mapping[str, Any]) -> "Leak":
        """From what `/_neve/leaks` tells."""
        source = members["source"]
        return cls(
            members["kind"],
            members["description"],
            source and f"{source['file']}:{source['line']}:{source['column']}",
            tuple(members["stack"]),
            members["fate"],
            members["count"],
            tuple(members["seenIn"]),
        )

    def __repr__(self) -> str:
        """Short, because a failing `assert result.leaks == []` prints it."""
        many = f" ×{self.count}" if self.count > 1 else ""
        return f"<{self.description}{many} left at {self.source or 'an unknown line'} ({self.fate})>"


@dataclass(frozen=True)
class Error:
    """The error of a function, as its payload has it."""

    type: str
    message: str
    trace: Sequence[str] = ()


@dataclass(frozen=True)
class Result:
    """One invocation. `payload` is what the handler gave, None when it failed; `logs` are the lines that were printed while it
    ran, without the columns before them, also those of left-over work of others."""

    request_id: str
    payload: Any
    error: Error | None
    logs: Sequence[str]
    duration_ms: float
    billed_ms: float
    init_ms: float | None
    status: str
    _leaks: Callable[[str], Sequence[Leak]] = field(repr=False)

    @property
    def timed_out(self) -> bool:
        """Whether it ran out of time."""
        return self.status == "timeout"

    @property
    def cold(self) -> bool:
        """Whether an environment had to be initialized for it."""
        return self.init_ms is not None

    @property
    def leaks(self) -> Sequence[Leak]:
        """What it left behind, with the fate of now."""
        return self._leaks(self.request_id)


def error_of(body: bytes, kind: str) -> Error:
    """From the payload of a failed invocation; `kind` is `Handled` or `Unhandled`."""
    try:
        members = json.loads(body)
    except ValueError:
        members = None
    if not isinstance(members, dict):
        return Error(kind, body.decode(errors="replace"))
    trace = members.get("trace") or members.get("stackTrace") or ()
    return Error(str(members.get("errorType") or kind), str(members.get("errorMessage") or ""), tuple(map(str, trace)))
