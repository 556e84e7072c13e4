"""What is to be checked: functions of a path as `neve dev` finds them, or a function that a server has.

The event of a function is the file given, else the first that there is of:

    FOLDER/event.json              in the function's own folder
    FOLDER/events/event.json
    events/NAME.json               beside the function's folder, then in the path given
    events/event.json              (as `sam init` makes it)
    event.json

else `{}`.
"""

import io
import json
import os
import posixpath
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from neve.cli.client import Client, Impossible
from neve.cli.discover import find_functions
from neve.cli.package import package

_COPIED = ("Runtime", "Handler", "Timeout", "MemorySize", "EphemeralStorage", "Architectures", "LoggingConfig")


@dataclass(frozen=True)
class Target:
    """One function. `folder` is where its sources lie, as people call it; None for what a server has."""

    name: str
    runtime: str
    members: Mapping[str, Any]
    archive: bytes
    event: bytes = b"{}"
    event_name: str | None = None
    folder: str | None = None
    layers: Sequence[bytes] = ()
    siblings: Sequence["Target"] = field(default=(), repr=False)

    def mentions(self, name: str) -> bool:
        """Whether its code, variables or event have this name in them: it may call who is called so."""
        return (
            name.encode() in self.event
            or any(name.encode() in text for text in self.files.values())
            or any(name in value for value in self._variables())
        )

    @cached_property
    def files(self) -> Mapping[str, bytes]:
        """Its own files by their path below the task root; those of packages are left out."""
        with zipfile.ZipFile(io.BytesIO(self.archive)) as archive:
            own = [each for each in archive.namelist() if "node_modules/" not in each and not each.endswith("/")]
            return {each: archive.read(each) for each in own}

    @property
    def entry(self) -> str:
        """The file that has its handler; else what the handler is called."""
        module = self.members.get("Handler", "").rpartition(".")[0]
        return next((each for each in self.files if posixpath.splitext(each)[0] == module), module or self.name)

    def source(self, file: str) -> Sequence[str] | None:
        """The lines of one of its files; None when it has none of this name (a source map may name others)."""
        text = self.files.get(file)
        return None if text is None else text.decode(errors="replace").splitlines()

    def shown(self, file: str) -> str:
        """One of its files as people call it."""
        return file if self.folder is None or file.startswith("/") else posixpath.normpath(f"{self.folder}/{file}")

    def _variables(self) -> Iterator[str]:
        yield from self.members.get("Environment", {}).get("Variables", {}).values()


def in_path(path: Path, event: Path | None) -> list[Target]:
    """The functions of a path. Impossible when there are none, or an event is none."""
    found = find_functions(path)
    if not found:
        raise Impossible(f"No function in {path}; `neve dev --help` tells what one looks like.")
    targets = []
    for each in found:
        members = {
            "Runtime": each.runtime,
            "Handler": each.handler,
            "Timeout": each.timeout,
            "MemorySize": each.memory,
            "Environment": {"Variables": dict(each.environment)},
        }
        folder = each.path if each.path.is_dir() else each.path.parent
        file = event or _event_file(each.name, folder, path)
        text = _read_event(file)
        name = None if file is None else shown(file)
        targets.append(Target(each.name, each.runtime, members, package(each.path), text, name, shown(folder)))
    return [_with_siblings(each, targets) for each in targets]


def deployed(client: Client, name: str, event: Path | None) -> Target:
    """A copy of what a server has. Impossible when it has no such function."""
    configuration = client.configuration(name)
    if configuration is None:
        raise Impossible(
            f"There is no folder {name}, and no function of that name on {client.endpoint}; name one of the two."
        )
    members = {key: configuration[key] for key in _COPIED if key in configuration}
    members["Environment"] = {"Variables": configuration.get("Environment", {}).get("Variables", {})}
    layers = [client.layer(each["Arn"]) for each in configuration.get("Layers", ())]
    text, shown_event = _read_event(event), None if event is None else shown(event)
    runtime = configuration.get("Runtime", "")
    return Target(
        configuration["FunctionName"], runtime, members, client.code(name), text, shown_event, None, tuple(layers)
    )


def shown(path: Path) -> str:
    """A path as people write it: relative to where they are, when it lies there."""
    relative = os.path.relpath(path)
    return str(path) if relative.startswith("..") else Path(relative).as_posix()


def _event_file(name: str, folder: Path, root: Path) -> Path | None:
    top = root.resolve() if root.is_dir() else folder
    candidates = [
        folder / "event.json",
        folder / "events" / "event.json",
        folder.parent / "events" / f"{name}.json",
        top / "events" / f"{name}.json",
        top / "events" / "event.json",
        top / "event.json",
    ]
    return next((each for each in candidates if each.is_file()), None)


def _read_event(file: Path | None) -> bytes:
    if file is None:
        return b"{}"
    try:
        text = file.read_bytes()
        json.loads(text)
    except OSError as error:
        raise Impossible(f"The event {file} cannot be read: {error.strerror}.") from error
    except ValueError as error:
        raise Impossible(f"The event {file} is no JSON: {error}.") from error
    return text


def _with_siblings(target: Target, targets: Sequence[Target]) -> Target:
    """Also those that its siblings call in turn."""
    called: dict[str, Target] = {}
    waiting = [target]
    while waiting:
        caller = waiting.pop()
        for other in targets:
            if other.name not in (target.name, *called) and caller.mentions(other.name):
                called[other.name] = other
                waiting.append(other)
    if not called:
        return target
    return Target(
        target.name,
        target.runtime,
        target.members,
        target.archive,
        target.event,
        target.event_name,
        target.folder,
        target.layers,
        tuple(called.values()),
    )
