"""Why an invocation ran out of time, in sentences."""

import posixpath
from collections.abc import Iterator, Mapping
from typing import Any

from neve.cli.live_leaks import caller, place

_SHORT = 8


def explained(timeout: Mapping[str, Any], folder: str = "") -> list[str]:
    """The lines, without an indent; `folder` is where the function's code comes from, with a slash."""
    if timeout.get("family") == "python":
        return list(_threads(timeout, folder))
    if timeout["blocked"]:
        return list(_blocked(timeout["stack"], folder))
    answered = timeout["answeredMs"]
    began = (
        f"its callback was called after {answered:.0f} ms, but then it waited" if answered is not None else "it waited"
    )
    if not timeout["waiting"]:
        return [f"{began} for something that is not known"]
    return [began, *(f"  for {_described(each, timeout['requestId'], folder)}" for each in timeout["waiting"])]


def _threads(timeout: Mapping[str, Any], folder: str) -> Iterator[str]:
    """Python: where the main thread was, and what else was under way."""
    requests = [each["description"] for each in timeout["waiting"] if each.get("kind") == "http"]
    others = [each for each in timeout["waiting"] if each.get("kind") != "http"]
    if timeout["stack"]:
        yield f"it was {f'in {requests[0]}, ' if requests else ''}here:"
        yield from (f"  {_below(folder, line)}" for line in timeout["stack"])
    else:
        yield "nobody could look where it was: native code that does not let go of the interpreter, or no CPU time left"
    if others:
        yield "under way besides:"
        yield from (f"  {_described(each, timeout['requestId'], folder)}" for each in others)


def _blocked(stack: list[str], folder: str) -> Iterator[str]:
    if stack:
        yield "its event loop was blocked, here:"
        yield from (f"  {_below(folder, line)}" for line in stack)
    else:
        yield "its event loop was blocked: code ran without a pause, or waited in a call that cannot be interrupted"
        yield "(the next timeout of this function will tell the line, if there is one)"


def _below(folder: str, line: str) -> str:
    """A frame with its file where the function's code comes from."""
    call, bracket, file = line.rpartition(" (")
    return line if file.startswith("/") else f"{call}{bracket}{posixpath.normpath(folder + file)}"


def _described(waiting: Mapping[str, Any], request_id: str, folder: str) -> str:
    many = f" ×{waiting['count']}" if waiting["count"] > 1 else ""
    origin = waiting["origin"]
    whose = " of the init phase" if origin is None else f" that {origin[:_SHORT]} left behind"
    where = f", {place(waiting['source'], folder)}{caller(waiting['stack'])}" if waiting["source"] else ""
    return f"{waiting['description']}{many}{'' if origin == request_id else whose}{where}"
