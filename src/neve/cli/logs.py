"""`neve logs`: what a function's log group holds, and what comes."""

import hashlib
import json
import math
import sys
import time
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import click

from neve.cli import options, output
from neve.cli.client import Client
from neve.cli.live import Layout, LiveLog

_POLL_SECONDS = 0.25
# A line may become visible after a later one: look back this far, and forget nothing that was shown since.
_LOOK_BACK_MS = 5_000


@click.command()
@click.argument("function")
@click.option("-f", "--follow", is_flag=True, help="Go on with what comes.")
@click.option("--since", type=output.Duration(), default="10m", show_default=True, help="How far to look back.")
@options.endpoint
@options.as_json
def command(function: str, follow: bool, since: float, endpoint: str | None, as_json: bool) -> None:
    """Show the log of FUNCTION."""
    client = Client(endpoint)
    start_ms = int((time.time() - since) * 1000)
    group = f"/aws/lambda/{function}"
    events = _follow(client, group, start_ms) if follow else client.log_events(group, start_ms)
    live = LiveLog(sys.stdout, Layout.of(sys.stdout, None))
    marks = _Marks(client, function, start_ms)
    shown = False
    try:
        for event in events:
            shown = True
            _print(event, live, as_json, marks)
    except KeyboardInterrupt:
        return
    if not shown and client.configuration(function) is None:
        output.say(f"There is no function {function}, and no log of one.")
        sys.exit(1)


class _Marks:
    """Which events left-over work of other invocations wrote; asked again when something newer is shown."""

    def __init__(self, client: Client, function: str, start_ms: int) -> None:
        self._client = client
        self._path = f"/leaks/lines?function={quote(function, safe='')}&since="
        self._since = start_ms
        self._asked = -math.inf
        self._known: dict[tuple[int, str], str] = {}

    def of(self, event: dict[str, Any]) -> str | None:
        """The request id that the event is left over from."""
        if time.monotonic() - self._asked > _POLL_SECONDS:
            self._asked = time.monotonic()
            for line in self._client.own(self._path + str(self._since))["lines"]:
                self._known[line["time"], line["sha256"]] = line["leftOverFrom"]
        digest = hashlib.sha256(event["message"].encode("utf-8", "replace")).hexdigest()
        return self._known.get((event["timestamp"], digest))


def _print(event: dict[str, Any], live: LiveLog, as_json: bool, marks: _Marks) -> None:
    origin = marks.of(event)
    if as_json:
        click.echo(json.dumps(event if origin is None else {**event, "leftOverFrom": origin}))
        sys.stdout.flush()
    else:
        live.show_line(event["timestamp"], event["message"].rstrip("\n"), origin)


def _follow(client: Client, group: str, start_ms: int) -> Iterator[dict[str, Any]]:
    """Every event once, for ever."""
    seen: dict[str, int] = {}
    while True:
        for event in client.log_events(group, start_ms):
            if event["eventId"] not in seen:
                seen[event["eventId"]] = event["timestamp"]
                yield event
        newest = max(seen.values(), default=start_ms)
        start_ms = max(start_ms, newest - _LOOK_BACK_MS)
        seen = {event_id: stamp for event_id, stamp in seen.items() if stamp >= start_ms}
        time.sleep(_POLL_SECONDS)
