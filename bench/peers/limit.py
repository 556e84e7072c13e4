"""Node.js with nothing around it: its own HTTP server, and frames on a socket, which is the physical limit.

One process each. It runs the same handlers, knows no invocation, keeps no log and is never frozen.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from bench.peers.node import node, node_version, write
from bench.peers.peer import Target
from bench.peers.process import free_port, listens, process, wait_for
from bench.programs import NODE, Program

_SERVER = Path(__file__).with_name("limit.mjs")


class _Limit:
    name = ""
    way = ""

    def install(self) -> str:
        return node_version()

    @contextmanager
    def open(self, programs: Sequence[Program]) -> Iterator[Mapping[str, Target]]:
        ours = [each for each in programs if each.language == NODE]
        with TemporaryDirectory() as folder:
            modules = [write(Path(folder), each) for each in ours]
            port = free_port()
            with process([node(), _SERVER, self.way, str(port), *modules], {}, Path(folder)) as started:
                wait_for(lambda: listens(port), started, 20, self.name)
                yield {
                    each.name: Target(port, f"/{number}", each.event, pid=started.pid)
                    for number, each in enumerate(ours)
                }


class NodeHttp(_Limit):
    """`node:http` and the handler: what a web server without any Lambda gives."""

    name = "Node.js alone, HTTP"
    way = "http"


class NodeFrames(_Limit):
    """Length-prefixed frames on a socket: the least that a process can be asked with. Called by load/frames.py."""

    name = "Node.js alone, frames"
    way = "frames"
