"""A warm no-op through the front door: what one caller waits, in milliseconds.

Two clients: boto3 as it is, and its requests as bytes on one kept-alive connection, which leaves boto3's own time out.
Between two calls the environment freezes and thaws, as in use. Nothing is asserted: machines differ.
"""

import argparse
import http.client
import io
import platform
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

import boto3
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

PROGRAMS = {
    "nodejs24.x": ("index.handler", "index.mjs", "export const handler = async () => null;\n"),
    "nodejs22.x": (
        "index.handler",
        "index.js",
        "exports.handler = (event, context, callback) => callback(null, null);\n",
    ),
    "python3.11": ("index.handler", "index.py", "def handler(event, context):\n    return None\n"),
}
ROLE = "arn:aws:iam::000000000000:role/bench"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--calls", type=int, default=2000)
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    print(f"machine: {platform.machine()}, Linux {platform.release()}, Python {platform.python_version()}")
    with tempfile.TemporaryDirectory() as folder:
        process, url = start(Path(folder))
        try:
            for runtime in PROGRAMS:
                measure(url, runtime, arguments.calls, arguments.rounds)
        finally:
            process.terminate()
            process.wait(20)


def start(folder: Path) -> tuple["subprocess.Popen[str]", str]:
    neve = Path(sys.executable).with_name("neve")
    command = [str(neve), "serve", "--port", "0", "--data-dir", str(folder / "data")]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    return process, process.stdout.readline().rsplit(" ", 1)[-1].strip()


def measure(url: str, runtime: str, calls: int, rounds: int) -> None:
    client = boto3.client(
        "lambda", endpoint_url=url, region_name="us-east-1", aws_access_key_id="test", aws_secret_access_key="test"
    )
    name = f"noop-{runtime.replace('.', '')}"
    handler, file, text = PROGRAMS[runtime]
    client.create_function(
        FunctionName=name,
        Runtime=runtime,
        Handler=handler,
        Role=ROLE,
        MemorySize=1769,  # one whole processor: less has a share of it, and would be measured waiting
        Code={"ZipFile": zipped(file, text)},
    )
    client.get_waiter("function_active_v2").wait(FunctionName=name, WaiterConfig={"Delay": 0, "MaxAttempts": 100})
    one_connection = connection(url, name)
    for label, call in (("boto3-shaped", one_connection), ("boto3 itself", lambda: client.invoke(FunctionName=name))):
        timed(call, 200)
        best = min((timed(call, calls) for _ in range(rounds)), key=lambda times: times[len(times) // 2])
        print(
            f"{runtime:11} {label:13} p50 {percentile(best, 50):.3f} ms  p95 {percentile(best, 95):.3f} ms  "
            f"p99 {percentile(best, 99):.3f} ms  {len(best) / sum(best):,.0f}/s  (best of {rounds} rounds of {calls})"
        )
    client.close()


def connection(url: str, name: str) -> Callable[[], object]:
    parts = urlsplit(url)
    path = f"/2015-03-31/functions/{name}/invocations"
    request = AWSRequest("POST", url + path, data=b"{}", headers={"X-Amz-Invocation-Type": "RequestResponse"})
    SigV4Auth(Credentials("test", "test"), "lambda", "us-east-1").add_auth(request)
    headers = dict(request.headers.items())
    kept = http.client.HTTPConnection(str(parts.hostname), parts.port)

    def call() -> bytes:
        kept.request("POST", path, b"{}", headers)
        answer = kept.getresponse()
        body = answer.read()
        if answer.status != 200:
            raise SystemExit(f"{answer.status}: {body!r}")
        return body

    return call


def timed(call: Callable[[], object], count: int) -> list[float]:
    """Seconds of each call, sorted."""
    times = []
    for _ in range(count):
        began = time.perf_counter()
        call()
        times.append(time.perf_counter() - began)
    return sorted(times)


def percentile(times: list[float], percent: int) -> float:
    return times[min(len(times) - 1, len(times) * percent // 100)] * 1000.0


def zipped(file: str, text: str) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr(file, text)
    return buffer.getvalue()


if __name__ == "__main__":
    main()
