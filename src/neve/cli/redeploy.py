"""Keeps the server's functions as the files of a path are: deploys what is new or changed, deletes what went away."""

import os
import time
from collections.abc import Iterable
from pathlib import Path
from threading import Event
from typing import Any

from watchfiles import watch

from neve.cli import output
from neve.cli.client import Client, Failed
from neve.cli.discover import Found, find_functions
from neve.cli.live import LiveLog
from neve.cli.package import is_rubbish, package, sha256
from neve.cli.upload import upload

_DEBOUNCE_MS = 400
_STEP_MS = 60
_STOP_CHECK_MS = 300


class Deployment:
    """The functions of one path on one server. A function that cannot be deployed is one red line, not the end."""

    def __init__(self, path: Path, client: Client, live: LiveLog) -> None:
        self._path = path
        self._client = client
        self._live = live
        self._known: dict[str, Found] = {}
        self.urls: dict[str, str] = {}
        """Where functions that have a URL are called."""

    def begin(self, functions: Iterable[Found]) -> None:
        """Deploy everything, quietly."""
        for found in functions:
            self._deploy(found, quiet=True)

    def follow(self, stop: Event) -> None:
        """Deploy what changes, until told to stop."""
        changes = watch(
            self._path,
            watch_filter=lambda _, path: not any(map(is_rubbish, Path(path).relative_to(self._path.resolve()).parts)),
            debounce=_DEBOUNCE_MS,
            step=_STEP_MS,
            stop_event=stop,
            rust_timeout=_STOP_CHECK_MS,
            raise_interrupt=False,
        )
        for batch in changes:
            self.refresh([Path(path) for _, path in batch])

    def refresh(self, changed: Iterable[Path]) -> None:
        """Bring the server up to date after some files changed."""
        try:
            functions = {found.name: found for found in find_functions(self._path, self._say_wrong)}
        except Failed as error:
            self._live.note("neve", error.message, fg="red")
            return
        paths = list(changed)
        for name in sorted(self._known.keys() - functions.keys()):
            self._delete(name)
        for name, found in functions.items():
            if found != self._known.get(name) or any(path.is_relative_to(found.path) for path in paths):
                self._deploy(found)

    def _say_wrong(self, name: str, error: Failed) -> None:
        self._live.note(name, error.message, fg="red")

    def _deploy(self, found: Found, quiet: bool = False) -> None:
        before = self._known.get(found.name)
        self._known[found.name] = found
        self._live.sources[found.name] = _shown(found.path)
        began = time.monotonic()
        try:
            archive = package(found.path)
            outcome = upload(self._client, found.name, archive, _members(found))
            self._give_url(found, before, quiet)
        except Failed as error:
            self._live.note(found.name, f"not deployed: {error.message}", fg="red", bold=True)
            return
        if not quiet and outcome != "unchanged":
            took = f"{(time.monotonic() - began) * 1000:.0f} ms"
            detail = f"{output.size(len(archive))}, {sha256(archive)[:8]}, {took}"
            self._live.note(found.name, f"{'deployed' if outcome == 'created' else outcome} ({detail})", fg="green")

    def _give_url(self, found: Found, before: Found | None, quiet: bool) -> None:
        if found.url and found.name not in self.urls:
            self.urls[found.name] = self._client.open_url(found.name)
            if not quiet:
                self._live.note(found.name, f"answers at {self.urls[found.name]}", fg="green")
        elif before is not None and before.url and not found.url:
            self._client.close_url(found.name)
            del self.urls[found.name]
            self._live.note(found.name, "has no URL any more", fg="green")

    def _delete(self, name: str) -> None:
        del self._known[name]
        self.urls.pop(name, None)
        try:
            self._client.delete(name)
        except Failed as error:
            self._live.note(name, f"not deleted: {error.message}", fg="red", bold=True)
            return
        self._live.note(name, "deleted", fg="green")


def _members(found: Found) -> dict[str, Any]:
    return {
        "Runtime": found.runtime,
        "Handler": found.handler,
        "Timeout": found.timeout,
        "MemorySize": found.memory,
        "Environment": {"Variables": dict(found.environment)},
    }


def _shown(path: Path) -> str:
    """A folder as a prefix of its files, relative where that is shorter; a file's own folder for a single file."""
    folder = path if path.is_dir() else path.parent
    relative = os.path.relpath(folder)
    return (relative if len(relative) < len(str(folder)) else str(folder)) + "/"
