"""Follows the README as a newcomer does: every console block is run, and shows what the README says it shows."""

import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.docs.page import BIN, ROOT, blocks, commands, developing, page, shown

README = page("README.md")
READERS_S = 0.5
"""A moment between two invocations, as the page asks for: the timer of the first is due by then."""
# What differs from run to run, by what it looks like.
VARYING = [
    (r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", "ID"),
    (r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", "TIME"),
    (r"\d+(\.\d+)? ms", "N ms"),
    (r"Max Memory Used: \d+ MB", "Max Memory Used: N MB"),
    (r"\{\"drawn\":\d+\}", '{"drawn":N}'),
    (r"\(\d+\)", "(N)"),
    (r"frozen +\d+ +\d+s +(\d+) +\d+ MB", r"frozen PID AGE \1 MEMORY"),
    (r"\d+ B, sha256 \S+", "N B, sha256 HASH"),
    (r"Pre-started, waiting for a function: .*\n?", ""),  # they are replaced when the machine is quiet
    (r" +", " "),
]


def settled(text: str) -> str:
    for pattern, name in VARYING:
        text = re.sub(pattern, name, text)
    return "\n".join(line.rstrip() for line in text.strip().splitlines())


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """`neve dev examples` on a free port, and what the README exports; no Node.js on PATH but what `sh` needs."""
    tools = tmp_path_factory.mktemp("tools")
    for tool in ("cat", "mkdir", "tail"):
        (tools / tool).symlink_to(next(p for p in (Path("/bin") / tool, Path("/usr/bin") / tool) if p.exists()))
    base = {"HOME": str(tools), "LANG": "C.UTF-8", "PATH": f"{BIN}:{tools}"}
    with developing(str(ROOT / "examples"), base, tools) as (exported, _):
        yield base | exported


def test_every_console_block_shows_what_the_readme_shows(environment: dict[str, str], tmp_path: Path) -> None:
    found = commands(README)
    assert len(found) > 8
    for command, expected in found:
        if command.endswith(" --tail"):
            time.sleep(READERS_S)
        assert settled(shown(command, tmp_path, environment)) == settled(expected), command


def test_the_python_example_runs(environment: dict[str, str], tmp_path: Path) -> None:
    (program,) = blocks(README, "python")
    ran = subprocess.run(
        [sys.executable, "-c", program],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert re.fullmatch(r"200 \{.*Ada.*\}\n", ran.stdout)


def test_the_leaking_example_is_the_one_in_the_folder() -> None:
    (program,) = blocks(README, "js")
    assert program in (ROOT / "examples" / "leaky-timer" / "index.mjs").read_text()


def test_the_exports_are_those_of_the_readme(environment: dict[str, str]) -> None:
    exports = dict(re.findall(r"(AWS_\w+)=(\S+)", README))
    assert exports.pop("AWS_ENDPOINT_URL") == "http://127.0.0.1:4566"
    assert exports == {name: environment[name] for name in exports}


def test_make_knows_the_two_commands() -> None:
    makefile = (ROOT / "Makefile").read_text()
    assert re.search(r"^run: install$", makefile, re.MULTILINE)
    assert re.search(r"^test: ", makefile, re.MULTILINE)
    assert os.access(ROOT / ".ci" / "run", os.X_OK)
