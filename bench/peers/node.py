"""The Node.js that everybody runs on: the one that comes with Neve."""

import subprocess
from functools import cache
from pathlib import Path

from bench.programs import Program
from neve.dataplane.binaries import wheel_node


def node() -> Path:
    """The binary."""
    return wheel_node().path


@cache
def node_version() -> str:
    """`v24.19.0`, as it says itself."""
    return subprocess.run([node(), "--version"], capture_output=True, text=True, check=True).stdout.strip()


def write(folder: Path, program: Program) -> Path:
    """The program in a folder of its own; its file."""
    place = folder / program.name
    place.mkdir(parents=True)
    (place / program.file).write_text(program.text)
    return place / program.file
