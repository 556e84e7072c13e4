"""Every Python of the machine in turn, and real processes that end with the test."""

import os
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from tests.runtimes.python.scripted import Runtime, Start, pythons, spawn


@pytest.fixture(params=pythons(), ids=lambda path: Path(path).parts[-3] if "versions" in path else "running")
def python(request: pytest.FixtureRequest) -> str:
    """Every interpreter in turn."""
    return str(request.param)


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Start a runtime over a task root with the given source as `app.py`; ended with the test."""
    started: list[Runtime] = []

    def launch(python: str, source: str = "", handler: str = "app.handler", **environment: str) -> Runtime:
        (tmp_path / "app.py").write_text(source)
        runtime = spawn(python, tmp_path, {"_HANDLER": handler, **environment})
        started.append(runtime)
        return runtime

    yield launch
    for runtime in started:
        with closing(runtime.channel):
            runtime.process.kill()
            runtime.process.wait(10)
        os.close(runtime.output)
