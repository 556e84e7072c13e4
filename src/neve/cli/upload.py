"""Make a function of the server be what we have: create it, or change only what differs, and wait until it is so."""

import time
from collections.abc import Mapping
from typing import Any

from neve.cli.client import Client, Failed
from neve.cli.package import sha256

ROLE = "arn:aws:iam::000000000000:role/neve"
_WAIT_SECONDS = 120.0
_LONGEST_PAUSE = 0.5


def upload(client: Client, name: str, archive: bytes, wanted: Mapping[str, Any]) -> str:
    """Deploy; `created`, `updated` or `unchanged`. `wanted` has members of the API that must hold; others stay.

    Failed when the service refuses it or its preparation fails.
    """
    present = client.configuration(name)
    if present is None:
        client.create({"FunctionName": name, "Role": ROLE, **wanted}, archive)
        _wait_done(client, name)
        return "created"
    _wait_done(client, name)  # an update that still runs would refuse ours
    changed = False
    if present["CodeSha256"] != sha256(archive):
        client.update_code(name, archive)
        _wait_done(client, name)
        changed = True
    different = {key: value for key, value in wanted.items() if _present(present, key) != value}
    if different:
        client.update_configuration(name, different)
        _wait_done(client, name)
        changed = True
    return "updated" if changed else "unchanged"


def _present(configuration: Mapping[str, Any], member: str) -> object:
    if member == "Environment":
        return {"Variables": configuration.get("Environment", {}).get("Variables", {})}
    return configuration.get(member)


def _wait_done(client: Client, name: str) -> None:
    """Until the function is Active and its last update Successful. Failed when one of them failed, or never ends."""
    pause, end = 0.01, time.monotonic() + _WAIT_SECONDS
    while time.monotonic() < end:
        now = client.configuration(name) or {}
        if now.get("State") == "Failed" or now.get("LastUpdateStatus") == "Failed":
            reason = now.get("LastUpdateStatusReason") or now.get("StateReason") or "no reason was given"
            raise Failed(f"{name} could not be prepared: {reason}")
        if now.get("State") != "Pending" and now.get("LastUpdateStatus") != "InProgress":
            return
        time.sleep(pause)
        pause = min(pause * 2, _LONGEST_PAUSE)
    raise Failed(f"{name} was not ready after {_WAIT_SECONDS:.0f} seconds; look at `neve doctor`.")
