"""`neve invoke`: the result on standard output, to the byte; everything else on standard error."""

import base64
import json
import re
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from neve.cli import options, output
from neve.cli.client import Answer, Client, Impossible

_LACKS_SDK = re.compile(r"Cannot find (?:package|module) '@(?:aws-sdk|smithy)/")


@click.command()
@click.argument("function")
@click.option("-p", "--payload", default="{}", metavar="JSON|@FILE|-", help="The event; `-` reads standard input.")
@click.option("--event", is_flag=True, help="Asynchronously: be told that it was accepted.")
@click.option("--qualifier", help="A version or an alias.")
@click.option("--tail", is_flag=True, help="Show the end of the invocation's log, too.")
@options.endpoint
def command(function: str, payload: str, event: bool, qualifier: str | None, tail: bool, endpoint: str | None) -> None:
    """Invoke FUNCTION and print its result.

    Exit code 1 when the function failed, 2 when it was not run.
    """
    answer = Client(endpoint).invoke(function, _read(payload), event=event, qualifier=qualifier, tail=tail)
    _show_tail(answer)
    if event:
        output.say(f"accepted as {answer.headers.get('x-amzn-requestid', 'an event')}")
        return
    _print_exactly(answer.body)
    if "x-amz-function-error" in answer.headers:
        _say_error(answer)
        sys.exit(1)


def _read(payload: str) -> bytes:
    if payload == "-":
        return sys.stdin.buffer.read()
    if not payload.startswith("@"):
        return payload.encode()
    try:
        return Path(payload[1:]).read_bytes()
    except OSError as error:
        raise Impossible(f"{payload[1:]} cannot be read: {error.strerror}.") from error


def _print_exactly(body: bytes) -> None:
    sys.stdout.buffer.write(body)
    if sys.stdout.isatty() and not body.endswith(b"\n"):
        sys.stdout.buffer.write(b"\n")
    sys.stdout.buffer.flush()


def _show_tail(answer: Answer) -> None:
    log = answer.headers.get("x-amz-log-result")
    if log:
        output.say(base64.b64decode(log).decode(errors="replace").rstrip("\n"), dim=True)


def _say_error(answer: Answer) -> None:
    error = _error_members(answer.body)
    kind = str(error.get("errorType") or answer.headers["x-amz-function-error"])
    message = str(error.get("errorMessage") or "")
    output.say(f"{kind}: {message}" if message else kind, fg="red", bold=True)
    if _LACKS_SDK.search(message):
        output.say("On Lambda it is there; here `neve runtimes install aws-sdk-js` fetches it.", fg="yellow")
    for line in _trace(error, message).splitlines():
        if line.strip():
            output.say("  " + line.rstrip(), fg="red")


def _trace(error: Mapping[str, Any], message: str) -> str:
    """Python's has no message; that of Node.js begins with the kind and the message, which were said."""
    text = "\n".join(map(str, error.get("stackTrace") or error.get("trace") or []))
    kind, _, rest = text.partition(f": {message}\n")
    return rest if rest and "\n" not in kind else text


def _error_members(body: bytes) -> dict[str, Any]:
    try:
        members = json.loads(body)
    except ValueError:
        return {}
    return members if isinstance(members, dict) else {}
