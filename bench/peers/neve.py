"""Neve as it is started by default: everything isolated and frozen, logs kept, leaks watched for."""

import json
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from bench.peers.cache import FOLDER
from bench.peers.deploy import deploy
from bench.peers.node import node_version
from bench.peers.peer import PATH, Missing, Target
from bench.peers.process import process
from bench.programs import Program
from neve import __version__


class Server:
    """A `neve serve` that is up."""

    def __init__(self, started: "subprocess.Popen[str]", url: str, ready_s: float) -> None:
        self.url = url
        self.pid = started.pid
        self.ready_s = ready_s
        self.process = started

    @property
    def port(self) -> int:
        return int(self.url.rpartition(":")[2])

    def deploy(self, programs: Sequence[Program], **settings: object) -> dict[str, Target]:
        """Create them; where each is called."""
        deploy(self.url, programs, settings)
        return {each.name: self.target(each) for each in programs}

    def target(self, program: Program, event: bool = False) -> Target:
        """Where it is called; as an Event when it is to be queued."""
        headers = {"X-Amz-Invocation-Type": "Event"} if event else {}
        return Target(self.port, PATH.format(program.name), program.event, headers)

    def own(self, path: str, members: object = None) -> Any:
        """Neve's own API: GET, or POST with members."""
        data = None if members is None else json.dumps(members).encode()
        with urllib.request.urlopen(f"{self.url}/_neve/{path}", data, timeout=600) as answer:
            return json.load(answer)


@contextmanager
def serve(data: Path, *flags: str) -> Iterator[Server]:
    """One for the time of a `with`."""
    neve = Path(sys.executable).with_name("neve")
    command: list[str | Path] = [neve, "serve", "--port", "0", "--data-dir", data, *flags]
    environment = {
        "PATH": "/usr/bin:/bin",
        "HOME": str(data.parent),
        "AWS_CONFIG_FILE": "/dev/null",
        "XDG_CACHE_HOME": str(FOLDER.parent),  # what Neve makes for runtimes is made once
    }
    began = time.perf_counter()
    with process(command, environment, data.parent, subprocess.PIPE) as started:
        assert started.stdout is not None
        line = started.stdout.readline()
        if "ready on" not in line:
            raise Missing(f"Neve did not start: {line!r}")
        yield Server(started, line.rsplit(" ", 1)[-1].strip(), time.perf_counter() - began)


class Neve:
    """With the settings that it has by default, and what `flags` say."""

    def __init__(self, name: str = "Neve", *flags: str) -> None:
        self.name = name
        self._flags = flags

    def install(self) -> str:
        return f"{__version__}, Node.js {node_version()}, Python {sys.version.split()[0]}"

    @contextmanager
    def open(self, programs: Sequence[Program]) -> Iterator[Mapping[str, Target]]:
        with TemporaryDirectory() as folder, serve(Path(folder, "data"), *self._flags) as server:
            yield server.deploy(programs)
