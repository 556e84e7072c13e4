"""What this machine has and what can be fetched for it: told to commands without a server, and to the server."""

from collections.abc import Callable
from dataclasses import asdict
from importlib.metadata import version
from typing import Any

from neve.dataplane import sdk_js
from neve.dataplane.binaries import Places
from neve.dataplane.installing import install
from neve.dataplane.runtime_list import runtime_list, sdk_row
from neve.dataplane.runtimes import Runtimes
from neve.dataplane.survey import Item, survey
from neve.neighbours.process import INSTALL, installed
from neve.settings import Settings


def survey_items() -> list[dict[str, Any]]:
    """What this machine has, for `neve doctor` without a server."""
    return [asdict(item) for item in (*survey(), _neighbours_item())]


def _neighbours_item() -> Item:
    if installed():
        return Item("neighbours", True, f"moto {version('moto')} answers for the other AWS services")
    advice = f"{INSTALL} for a local SQS, S3, DynamoDB and so on; not needed without."
    return Item("neighbours", False, "moto is not installed", advice)


def tell_neighbours(settings: Settings) -> str:
    """One sentence about the other AWS services, for who starts Neve; empty when they are switched off."""
    if not settings.neighbours:
        return ""
    if not installed():
        return f"The other AWS services would answer there, too: {INSTALL}"
    return "The other AWS services answer there, too (moto); what they hold is gone when Neve ends."


def list_runtimes(today: str) -> dict[str, Any]:
    """What would serve each runtime identifier, for `neve runtimes list` without a server."""
    runtimes = Runtimes()
    return {"runtimes": runtime_list(runtimes, today), "sdkForJavaScript": sdk_row(runtimes)}


def install_runtime(identifier: str, on_fetch: Callable[[], None]) -> dict[str, Any]:
    """Fetch what runs an identifier, or the AWS SDK for JavaScript: `path`, `what` it is, and whether it is `new`.

    OperatorError when it cannot be.
    """
    places = Places.of_this_user()
    if sdk_js.is_meant_by(identifier):
        packages, new = sdk_js.install(identifier, places, on_fetch)
        number = packages.names.get(identifier, f"of {len(packages.names)} packages")
        return {"path": str(packages.folder), "what": f"AWS SDK for JavaScript {number}", "new": new}
    made = install(identifier, places, on_fetch)
    language = {"n": "Node.js", "p": "Python"}[identifier[0]]
    return {"path": str(made.binary.path), "what": f"{language} {made.binary.version_text}", "new": made.new}
