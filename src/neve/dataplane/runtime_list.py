"""What runs here, for people and scripts: each runtime identifier with the binary that would serve it."""

from typing import Any

from neve.dataplane import sdk_js
from neve.dataplane.runtimes import Offer, Runtimes, can_be_installed
from neve.domain import runtime_names
from neve.domain.errors import OperatorError


def runtime_list(runtimes: Runtimes, today: str, only: str | None = None) -> list[dict[str, Any]]:
    """A row for each identifier, or for `only` one. `today` is a date like `2026-11-21`. Blocks: it looks at the disk."""
    found = runtimes.offers() if only is None else [runtimes.offer(only)]
    return [_row(offer, today) for offer in found if offer is not None]


def sdk_row(runtimes: Runtimes) -> dict[str, Any] | None:
    """The AWS SDK for JavaScript that functions get: `path` and the versions of its `packages`; None without it."""
    folder = sdk_js.newest(runtimes.places.cache)
    if folder is None:
        return None
    try:
        return {"path": str(folder), "packages": dict(sdk_js.packages_in(folder).names)}
    except OperatorError:
        return None


def _row(offer: Offer, today: str) -> dict[str, Any]:
    binary, name = offer.binary, offer.identifier
    return {
        "runtime": name,
        "path": None if binary is None else str(binary.path),
        "version": None if binary is None else binary.version_text,
        "from": None if binary is None else binary.place,
        "mismatch": offer.mismatch,
        "installable": can_be_installed(name),
        "deprecatedOn": runtime_names.DEPRECATED_ON.get(name),
        "deprecation": runtime_names.deprecation(name, today),
    }
