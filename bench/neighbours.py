"""What the way through Neve adds to a call of a neighbour, in milliseconds and in memory.

The same requests to moto's process itself and through the door, in turns: a small call of SQS on a kept-alive connection,
and an object put and got. Nothing is asserted: machines differ.
"""

import http.client
import os
import platform
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

CALLS, ROUNDS = 200, 5
OBJECT = os.urandom(1_000_000) * 50
SCOPE = "AWS4-HMAC-SHA256 Credential=000000000000/20260101/us-east-1/{}/aws4_request, SignedHeaders=host, Signature=0"


def main() -> None:
    print(f"machine: {platform.machine()}, Linux {platform.release()}, Python {platform.python_version()}")
    with tempfile.TemporaryDirectory() as folder, moto() as direct, neve(Path(folder)) as (door, pid):
        since = time.perf_counter()
        call(door, "CreateQueue")
        print(f"first answer through Neve, moto started for it: {time.perf_counter() - since:.2f} s")
        call(direct, "CreateQueue")
        times: dict[int, list[float]] = {direct: [], door: []}
        for _ in range(ROUNDS):
            for port, found in times.items():
                found += calls(port)
        small = {port: statistics.median(found) * 1000 for port, found in times.items()}
        print(f"GetQueueUrl, p50: moto {small[direct]:.2f} ms, through Neve {small[door]:.2f} ms")
        for name, port in (("moto", direct), ("through Neve", door)):
            put, got = objects(port)
            print(f"object of {len(OBJECT) / 1e6:.0f} MB, {name}: put {put:.2f} s, got {got:.2f} s")
        status = Path(f"/proc/{pid}/status").read_text()
        most = next(line for line in status.splitlines() if line.startswith("VmHWM")).split()[1]
        print(f"most memory that Neve had: {int(most) / 1024:.0f} MB")


def calls(port: int) -> list[float]:
    times = []
    connection = http.client.HTTPConnection("127.0.0.1", port)
    for _ in range(CALLS):
        since = time.perf_counter()
        call(port, "GetQueueUrl", connection)
        times.append(time.perf_counter() - since)
    connection.close()
    return times


def call(port: int, operation: str, connection: http.client.HTTPConnection | None = None) -> None:
    headers = {"X-Amz-Target": f"AmazonSQS.{operation}", "Content-Type": "application/x-amz-json-1.0"}
    ask(port, "POST", "/", b'{"QueueName":"q"}', "sqs", headers, connection)


def objects(port: int) -> tuple[float, float]:
    """Seconds of a put and of a get."""
    ask(port, "PUT", "/bucket", b"", "s3")
    since = time.perf_counter()
    ask(port, "PUT", "/bucket/k", OBJECT, "s3")
    put = time.perf_counter() - since
    since = time.perf_counter()
    assert len(ask(port, "GET", "/bucket/k", None, "s3")) == len(OBJECT)
    return put, time.perf_counter() - since


def ask(
    port: int,
    method: str,
    path: str,
    body: bytes | None,
    service: str,
    headers: dict[str, str] | None = None,
    connection: http.client.HTTPConnection | None = None,
) -> bytes:
    account = {"Authorization": SCOPE.format(service), "x-moto-account-id": "000000000000", "Host": "localhost"}
    connection = connection or http.client.HTTPConnection("127.0.0.1", port)
    connection.request(method, path, body, {**account, **(headers or {})})
    answer = connection.getresponse()
    content = answer.read()
    assert answer.status == 200, content
    return content


@contextmanager
def moto() -> Iterator[int]:
    """The port of a process like Neve's."""
    with socket.create_server(("127.0.0.1", 0), backlog=64) as listener:
        command = [sys.executable, "-m", "neve.neighbours.child", str(listener.fileno()), "http://127.0.0.1:9"]
        given = {**os.environ, "S3_IGNORE_SUBDOMAIN_BUCKETNAME": "true"}
        pipe = subprocess.PIPE
        with subprocess.Popen(command, pass_fds=[listener.fileno()], env=given, stdin=pipe, stdout=pipe) as process:
            assert process.stdout is not None
            process.stdout.readline()
            yield listener.getsockname()[1]
            process.kill()


@contextmanager
def neve(folder: Path) -> Iterator[tuple[int, int]]:
    """Port and process id."""
    command = [str(Path(sys.executable).with_name("neve")), "serve", "--neighbours", "--port", "0"]
    command += ["--data-dir", str(folder / "data")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        assert process.stdout is not None
        yield int(process.stdout.readline().rpartition(":")[2]), process.pid
        process.terminate()


if __name__ == "__main__":
    main()
