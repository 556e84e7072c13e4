"""What runs here, for people and scripts: each runtime identifier with the binary that would serve it."""

from typing import Any

from neve.dataplane.runtimes import Offer, Runtimes, can_be_installed
from neve.domain import runtime_names


def runtime_list(runtimes: Runtimes, today: str, only: str | None = None) -> list[dict[str, Any]]:
    """A row for each identifier, or for `only` one. `today` is a date like `2026-11-21`. Blocks: it looks at the disk."""
    found = runtimes.offers() if only is None else [runtimes.offer(only)]
    return [_row(offer, today) for offer in found if offer is not None]


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
