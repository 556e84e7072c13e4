"""A real `neve serve` as a process, and the clients that people have."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Self

import boto3
from botocore.config import Config

_CACHE = Path(__file__).parents[2] / ".cache"
READY = "neve ready on "
BOUND_S = 30.0
ROLE = "arn:aws:iam::000000000000:role/lambda"


class NeveServer:
    """One `neve serve`. `stop` ends it as an operator would, `kill` as a power cut would."""

    def __init__(self, process: "subprocess.Popen[str]", url: str, data_dir: Path) -> None:
        self.process = process
        self.url = url
        self.data_dir = data_dir
        self._clients: dict[str, Any] = {}

    @classmethod
    def start(
        cls, data_dir: Path, *flags: str, environ: Mapping[str, str] | None = None, program: Sequence[str] = ()
    ) -> Self:
        """Start on a free port and wait for the line that says it is ready; `program` begins the command in place of `neve`."""
        errors = data_dir.parent / f"{data_dir.name}.stderr"
        program = program or [str(Path(sys.executable).with_name("neve"))]
        with errors.open("a") as stderr:
            process = subprocess.Popen(
                [*program, "serve", "--port", "0", "--data-dir", str(data_dir), *flags],
                stdout=subprocess.PIPE,
                stderr=stderr,
                text=True,
                env=dict(environ) if environ is not None else clean_environment(),
            )
        assert process.stdout is not None
        line = process.stdout.readline()
        if not line.startswith(READY):
            process.kill()
            process.wait()
            process.stdout.close()
            raise AssertionError(f"neve did not start: {line!r} {errors.read_text()}")
        return cls(process, line.removeprefix(READY).strip(), data_dir)

    def stop(self) -> int:
        """SIGTERM; the exit status."""
        self.process.send_signal(signal.SIGTERM)
        return self.wait_ended()

    def kill(self) -> None:
        """SIGKILL."""
        self.process.kill()
        self.wait_ended()

    def client(self, service: str, region: str = "us-east-1", account: str = "test") -> Any:
        """A boto3 client that does not retry, so that a test sees each answer."""
        key = f"{service} {region} {account}"
        if key not in self._clients:
            self._clients[key] = boto3.client(
                service,
                endpoint_url=self.url,
                region_name=region,
                aws_access_key_id=account,
                aws_secret_access_key="test",
                config=Config(retries={"max_attempts": 0}, read_timeout=BOUND_S, max_pool_connections=32),
            )
        return self._clients[key]

    def own(self, path: str, body: object = None) -> Any:
        """Neve's own API: GET, or POST with a body."""
        data = None if body is None else json.dumps(body).encode()
        with urllib.request.urlopen(f"{self.url}/_neve/{path}", data, timeout=BOUND_S) as answer:
            return json.load(answer)

    def aws(self, *arguments: str, cwd: Path) -> "subprocess.CompletedProcess[str]":
        """The `aws` command as a process."""
        return subprocess.run(
            [str(Path(sys.executable).with_name("aws")), *arguments],
            cwd=cwd,
            env=self.aws_environment(),
            capture_output=True,
            text=True,
            timeout=BOUND_S,
            check=False,
        )

    def aws_environment(self) -> dict[str, str]:
        """What people set to point their tools at Neve."""
        return {
            **clean_environment(),
            "AWS_ENDPOINT_URL": self.url,
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_MAX_ATTEMPTS": "1",
            "AWS_PAGER": "",
        }

    def wait_ended(self) -> int:
        """Until the process is gone; its exit status."""
        try:
            return self.process.wait(BOUND_S)
        finally:
            assert self.process.stdout is not None
            self.process.stdout.close()
            for client in self._clients.values():
                client.close()


def clean_environment() -> dict[str, str]:
    """No Node on PATH, no AWS settings of the machine: Neve brings what it needs. NEVE_SANDBOX chooses for a whole run."""
    keep = {"HOME": "/nonexistent", "LANG": "C.UTF-8", "PATH": "/nonexistent"}
    keep |= {name: os.environ[name] for name in ("NEVE_SANDBOX", "NEVE_FREEZER") if name in os.environ}
    keep["XDG_CACHE_HOME"] = str(_CACHE)  # what Neve makes for runtimes is made once
    return keep | {"AWS_CONFIG_FILE": os.devnull, "AWS_SHARED_CREDENTIALS_FILE": os.devnull}


@contextlib.contextmanager
def running(data_dir: Path, *flags: str) -> Iterator[NeveServer]:
    """A server for the time of a `with`; its processes are gone afterwards, whatever happened."""
    server = NeveServer.start(data_dir, *flags)
    try:
        yield server
    finally:
        if server.process.poll() is None:
            server.process.terminate()
        server.wait_ended()
