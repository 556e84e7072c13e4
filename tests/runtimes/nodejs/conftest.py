"""The Node.js client as Neve starts it, for every Node binary of this machine and both generations."""

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from tests.runtimes.nodejs.majors import binaries, major
from tests.runtimes.scripted import FramesClient, frames_client

import neve

RUNTIME = Path(neve.__file__).parent / "runtimes" / "nodejs"
CALLBACK_FLAGS = ("--no-experimental-require-module", "--no-experimental-detect-module")

Start = Callable[..., AbstractAsyncContextManager[FramesClient]]


@dataclass(frozen=True)
class Target:
    """A binary and the runtime identifier that it is to behave as."""

    node: Path
    identifier: str

    def __str__(self) -> str:
        return f"{self.identifier}-on-node{major(self.node)}"


def _callback_targets() -> list[Target]:
    return [Target(node, "nodejs20.x" if major(node) < 22 else "nodejs22.x") for node in binaries()]


def _async_targets() -> list[Target]:
    return [Target(node, "nodejs24.x") for node in binaries()]


def starter(target: Target, folder: Path) -> Start:
    """Start functions on this target, in this folder."""

    @asynccontextmanager
    async def start(
        files: str | Mapping[str, str],
        handler: str = "app.handler",
        node_flags: tuple[str, ...] = (),
        prestarted: bool = False,
        **variables: str,
    ) -> AsyncIterator[FramesClient]:
        """Write the function (a text is app.js), start the client on it. `variables` join its environment.

        `prestarted`: the client boots elsewhere, without any of that, and is assigned.
        """
        task = folder / "task"
        for name, text in ({"app.js": files} if isinstance(files, str) else files).items():
            (task / name).parent.mkdir(parents=True, exist_ok=True)
            (task / name).write_text(text)
        flags = (*node_flags, "--expose-gc", *(CALLBACK_FLAGS if target.identifier < "nodejs24" else ()))
        argv = [str(target.node), *flags, str(RUNTIME / "bootstrap.mjs")]
        environment = _environment(target, task, handler) | variables
        if not prestarted:
            async with frames_client(argv, environment, task) as client:
                client.root = str(task)
                yield client
            return
        async with frames_client(argv, _waiting(environment), folder) as client:
            await client.assign(environment, task)
            client.root = str(task)
            yield client

    return start


def _waiting(environment: Mapping[str, str]) -> dict[str, str]:
    """What is known before the function is, and what must not be seen afterwards."""
    known = {name: environment[name] for name in ("AWS_EXECUTION_ENV", "LAMBDA_RUNTIME_DIR", "PATH")}
    return known | {"NODE_PATH": "/nowhere", "ONLY_WHILE_WAITING": "1", "_NEVE_PRESTARTED": "1"}


def _environment(target: Target, task: Path, handler: str) -> dict[str, str]:
    return {
        "_HANDLER": handler,
        "AWS_EXECUTION_ENV": f"AWS_Lambda_{target.identifier}",
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "128",
        "AWS_LAMBDA_FUNCTION_NAME": "f",
        "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
        "AWS_LAMBDA_LOG_GROUP_NAME": "/aws/lambda/f",
        "AWS_LAMBDA_LOG_STREAM_NAME": "2026/02/03/[$LATEST]00000000000000000000000000000000",
        "AWS_REGION": "us-east-1",
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "LAMBDA_RUNTIME_DIR": "/var/runtime",
        "LAMBDA_TASK_ROOT": str(task),
        "NODE_PATH": str(task.parent / "layer" / "node_modules"),
        "PATH": "/usr/bin:/bin",
        "_NEVE_LEAKS": "detect",  # as `neve serve` does: what a client does is to be the same under the watch
    }


@pytest.fixture(params=_callback_targets(), ids=str)
def callbacks(request: pytest.FixtureRequest, tmp_path: Path) -> Start:
    """Start a function of nodejs22.x or older."""
    return starter(request.param, tmp_path)


@pytest.fixture(params=_async_targets(), ids=str)
def modern(request: pytest.FixtureRequest, tmp_path: Path) -> Start:
    """Start a function of nodejs24.x."""
    return starter(request.param, tmp_path)


@pytest.fixture(params=_callback_targets() + _async_targets(), ids=str)
def both(request: pytest.FixtureRequest, tmp_path: Path) -> Start:
    """Start a function of either generation."""
    return starter(request.param, tmp_path)
