"""Follows a page of the documentation as its readers do: its blocks, its commands, and a Neve as it says to start one."""

import contextlib
import re
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent
BIN = Path(sys.executable).parent
COMMAND_SECONDS = 60
_STOP_SECONDS = 30


def page(path: str) -> str:
    """What is written at this path of the repository."""
    return (ROOT / path).read_text()


def blocks(text: str, language: str) -> list[str]:
    """The blocks of a language, in their order."""
    return re.findall(rf"```{language}\n(.*?)```", text, re.DOTALL)


def commands(text: str) -> list[tuple[str, str]]:
    """(command, what it shows) of every console block."""
    return [pair for block in blocks(text, "console") for pair in commands_of(block)]


def commands_of(block: str) -> list[tuple[str, str]]:
    """The same of one console block."""
    return re.findall(r"^\$ (.*)\n((?:(?!\$ ).*\n)*)", block, re.MULTILINE)


def shown(command: str, folder: Path, environment: Mapping[str, str]) -> str:
    """What a terminal shows of a command that succeeds."""
    ran = subprocess.run(
        ["/bin/sh", "-c", command],
        cwd=folder,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=COMMAND_SECONDS,
        check=False,
    )
    assert ran.returncode == 0, f"{command}\n{ran.stdout}"
    return ran.stdout


@contextlib.contextmanager
def developing(functions: str, environment: Mapping[str, str], cwd: Path) -> Iterator[tuple[dict[str, str], str]]:
    """`neve dev` with a folder of functions, on a free port: what points people's tools at it, and what it said."""
    argv = [str(BIN / "neve"), "dev", functions, "--port", "0"]
    process = subprocess.Popen(argv, stdout=subprocess.PIPE, text=True, env=environment, cwd=cwd)
    assert process.stdout is not None
    try:
        first = process.stdout.readline()
        said = first
        for line in process.stdout:
            said += line
            if "Ctrl-C stops" in line:
                break
        exported = {
            "AWS_ENDPOINT_URL": first.rsplit(" ", 1)[-1].strip(),
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
        }
        yield exported, said
    finally:
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=_STOP_SECONDS)
