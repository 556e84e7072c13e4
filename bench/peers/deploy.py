"""Functions put up over the API of Lambda, for those who have it."""

import json
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import boto3
from botocore.config import Config

from bench.programs import NODE, Program

ROLE = "arn:aws:iam::000000000000:role/bench"
RUNTIMES = {NODE: "nodejs24.x", "python": "python3.11"}


def client(url: str) -> Any:
    """Does not retry: what fails is to be seen."""
    return boto3.client(
        "lambda",
        endpoint_url=url,
        region_name="us-east-1",
        aws_access_key_id="test",
        aws_secret_access_key="test",
        config=Config(retries={"total_max_attempts": 1}, read_timeout=120, max_pool_connections=32),
    )


@contextmanager
def busy(url: str, sleeper: Program, seconds: float) -> Iterator[None]:
    """One call of so many seconds has all that a function may run at once: its events wait. Afterwards all may run."""
    door = client(url)
    door.put_function_concurrency(FunctionName=sleeper.name, ReservedConcurrentExecutions=1)
    payload = json.dumps({"ms": seconds * 1000})
    call = threading.Thread(target=door.invoke, kwargs={"FunctionName": sleeper.name, "Payload": payload})
    call.start()
    try:
        yield
    finally:
        door.delete_function_concurrency(FunctionName=sleeper.name)
        call.join()
        door.close()


def deploy(url: str, programs: Sequence[Program], settings: Mapping[str, object] | None = None) -> None:
    """Create them all and wait until each is active."""
    door = client(url)
    for each in programs:
        door.create_function(
            FunctionName=each.name,
            Runtime=RUNTIMES[each.language],
            Handler="index.handler",
            Role=ROLE,
            Timeout=60,
            MemorySize=each.memory_mb,
            Code={"ZipFile": each.archive},
            **(settings or {}),
        )
    for each in programs:
        door.get_waiter("function_active_v2").wait(
            FunctionName=each.name, WaiterConfig={"Delay": 0.05, "MaxAttempts": 1200}
        )
    door.close()
