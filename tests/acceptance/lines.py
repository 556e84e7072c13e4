"""The platform's lines in a log, as whole lines. Source: lifecycle facts §7."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

REQUEST_ID = r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}"
ISO_TIME = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z"
_REPORT = re.compile(
    rf"REPORT RequestId: (?P<request_id>{REQUEST_ID})\tDuration: (?P<duration>\d+\.\d\d) ms\t"
    r"Billed Duration: (?P<billed>\d+) ms\tMemory Size: (?P<size>\d+) MB\tMax Memory Used: (?P<used>\d+) MB\t"
    r"(?:Init Duration: (?P<init>\d+\.\d\d) ms\t)?"
    r"(?:Status: (?P<status>timeout|error)(?:\tError Type: (?P<error_type>[A-Za-z.]+))?)?"
)


@dataclass(frozen=True)
class Report:
    """A REPORT line. `init_ms` is None for a warm invocation, `status` for one that ended by itself."""

    request_id: str
    duration_ms: float
    billed_ms: int
    memory_mb: int
    used_mb: int
    init_ms: float | None
    status: str | None
    error_type: str | None


def start_of(request_id: str, version: str = "$LATEST") -> str:
    """The START line of an invocation."""
    return f"START RequestId: {request_id} Version: {version}"


def end_of(request_id: str) -> str:
    """The END line of an invocation."""
    return f"END RequestId: {request_id}"


def report_of(lines: Sequence[str], request_id: str) -> Report:
    """The REPORT line of an invocation, of which there is one."""
    found = [report for report in reports(lines) if report.request_id == request_id]
    assert len(found) == 1, lines
    return found[0]


def reports(lines: Sequence[str]) -> list[Report]:
    """Every REPORT line, in order; each must be one from its first to its last character."""
    return [_report(line) for line in lines if line.startswith("REPORT")]


def inside(lines: Sequence[str], request_id: str) -> list[str]:
    """What was printed between START and END of an invocation, by whomever."""
    return list(lines[lines.index(start_of(request_id)) + 1 : lines.index(end_of(request_id))])


def logged(level: str, text: str, request_id: str = REQUEST_ID) -> str:
    """The pattern of a line that a Node.js function has logged; `text` is a pattern too."""
    return rf"{ISO_TIME}\t{request_id}\t{level}\t{text}"


def texts(lines: Sequence[str]) -> list[str]:
    """The last column of logged lines."""
    return [line.split("\t", 3)[3] if line.count("\t") >= 3 else line for line in lines]


def _report(line: str) -> Report:
    match = _REPORT.fullmatch(line)
    assert match is not None, line
    return Report(
        match["request_id"],
        float(match["duration"]),
        int(match["billed"]),
        int(match["size"]),
        int(match["used"]),
        float(match["init"]) if match["init"] else None,
        match["status"],
        match["error_type"],
    )
