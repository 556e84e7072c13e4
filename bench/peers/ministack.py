"""ministack: an emulator of many AWS services; functions run in warm processes beside it, nothing isolated."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from bench.peers import cache
from bench.peers.deploy import deploy
from bench.peers.node import node, node_version
from bench.peers.peer import PATH, Target
from bench.peers.process import free_port, listens, process, wait_for
from bench.programs import Program


class Ministack:
    """One process, and one for each function that was called."""

    name = "ministack"

    def install(self) -> str:
        return f"{cache.python_version(_binaries(), 'ministack')}, Node.js {node_version()}"

    @contextmanager
    def open(self, programs: Sequence[Program]) -> Iterator[Mapping[str, Target]]:
        with TemporaryDirectory() as folder:
            port = free_port()
            environment = {
                "PATH": f"{_binaries()}:{node().parent}:/usr/bin:/bin",
                "HOME": folder,
                "TMPDIR": folder,
                "GATEWAY_PORT": str(port),
                "BIND_HOST": "127.0.0.1",
                "LAMBDA_EXECUTOR": "local",
                "LOG_LEVEL": "ERROR",
            }
            with process([_binaries() / "python", _binaries() / "ministack"], environment, Path(folder)) as started:
                wait_for(lambda: listens(port), started, 60, self.name)
                deploy(f"http://127.0.0.1:{port}", programs)
                yield {each.name: Target(port, PATH.format(each.name), each.event) for each in programs}


def _binaries() -> Path:
    return cache.python_packages("ministack", "ministack")
