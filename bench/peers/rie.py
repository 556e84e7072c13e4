"""AWS's Runtime Interface Emulator, as `sam local` has it, without the container around it: one process for each function.

Python runs on AWS's own client (awslambdaric). Node.js does, too, where aws-lambda-ric can be built; else on our smallest one.
"""

import platform
import shutil
import sys
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from bench.peers import cache
from bench.peers.node import node, node_version, write
from bench.peers.peer import PATH, Missing, Target
from bench.peers.process import free_port, listens, process, wait_for
from bench.programs import NODE, Program

_OWN_CLIENT = Path(__file__).with_name("runtime.mjs")


class Rie:
    """The emulator."""

    name = "AWS RIE"

    def install(self) -> str:
        self._binary()
        wheel = cache.wheel("aws-sam-cli").name.split("-")[1]
        python = cache.python_version(_python().parent, "awslambdaric")
        client = "aws-lambda-ric" if _node_client() else "our own Node.js client (aws-lambda-ric needs autoreconf)"
        return f"of aws-sam-cli {wheel}; awslambdaric {python}; Node.js {node_version()} with {client}"

    @contextmanager
    def open(self, programs: Sequence[Program]) -> Iterator[Mapping[str, Target]]:
        with TemporaryDirectory() as folder, ExitStack() as stack:
            yield {each.name: stack.enter_context(self._one(Path(folder), each)) for each in programs}

    @contextmanager
    def _one(self, folder: Path, program: Program) -> Iterator[Target]:
        port, inner = free_port(), free_port()
        addresses = [
            "--runtime-interface-emulator-address",
            f"127.0.0.1:{port}",
            "--runtime-api-address",
            f"127.0.0.1:{inner}",
        ]
        file = write(folder, program)
        environment = {
            "PATH": "/usr/bin:/bin",
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(program.memory_mb),
            "AWS_LAMBDA_FUNCTION_TIMEOUT": "60",
            "AWS_LAMBDA_LOG_LEVEL": "error",
            "LAMBDA_TASK_ROOT": str(file.parent),
        }
        command = [self._binary(), *addresses, *_runtime(program, file)]
        with process(command, environment, file.parent) as started:
            wait_for(lambda: listens(port), started, 20, self.name)
            yield Target(port, PATH.format("function"), program.event)

    def _binary(self) -> Path:
        machine = {"x86_64": "x86_64", "aarch64": "arm64", "arm64": "arm64"}.get(platform.machine())
        if machine is None or sys.platform != "linux":
            raise Missing(f"there is no emulator for {sys.platform} on {platform.machine()}")
        binary = cache.FOLDER / "rie" / "aws-lambda-rie"
        if not binary.exists():
            with zipfile.ZipFile(cache.wheel("aws-sam-cli")) as files:
                inside = next((each for each in files.namelist() if each.endswith(f"aws-lambda-rie-{machine}")), None)
                if inside is None:
                    raise Missing("the wheel of aws-sam-cli has no emulator")
                binary.parent.mkdir(parents=True, exist_ok=True)
                binary.write_bytes(files.read(inside))
                binary.chmod(0o755)
        return binary


def _runtime(program: Program, file: Path) -> list[str | Path]:
    if program.language != NODE:
        return [_python(), "-m", "awslambdaric", "index.handler"]
    client = _node_client()
    return [node(), client, "index.handler"] if client else [node(), _OWN_CLIENT, file]


def _python() -> Path:
    return cache.python_packages("awslambdaric", "awslambdaric") / "python"


def _node_client() -> Path | None:
    if shutil.which("autoreconf") is None:  # its native part is built on installation
        return None
    try:
        return cache.node_packages("ric", "aws-lambda-ric") / "node_modules" / "aws-lambda-ric" / "bin" / "index.mjs"
    except Missing:
        return None
