"""The leak watch on code that leaves nothing: no false alarm in hundreds of invocations, on any interpreter, at either level."""

from pathlib import Path

import pytest
from tests.runtimes.python.test_leaks import python, watching

__all__ = ["python"]  # the fixture

CLEAN = (Path(__file__).parents[1] / "functions" / "clean.py").read_text()
INVOCATIONS = 200


@pytest.mark.parametrize("level", ["detect", "explain"])
def test_code_that_leaves_nothing_has_no_leak(python: str, tmp_path: Path, level: str) -> None:
    with watching(python, tmp_path, CLEAN, level) as watched:
        kept = [item["description"] for item in watched.news]
        assert kept == ["daemon thread (QueueListener._monitor)"]
        watched.news.clear()
        for number in range(INVOCATIONS):
            assert watched.invoke({"n": number}, f"r-{number}") == b"null", number
        assert watched.news == []


def test_stack_of_an_error_is_the_same_with_a_watch_and_without(python: str, tmp_path: Path) -> None:
    code = """import asyncio, http.client, subprocess, threading
from concurrent.futures import ThreadPoolExecutor
pool = ThreadPoolExecutor(1)
def fail(): raise ValueError("x")
async def wait(): await asyncio.create_task(step())
async def step(): fail()
def handler(event, context):
    ask = http.client.HTTPConnection("127.0.0.1", 49).request
    return [lambda: asyncio.run(wait()), lambda: pool.submit(fail).result(), lambda: subprocess.Popen(["/nowhere"]),
            lambda: ask("GET", "/"), lambda: ask("GET", "/ /")][event]()
"""
    told = []
    for level in ("off", "detect"):
        with watching(python, tmp_path, code, level) as watched:
            told.append([watched.invoke(number, f"r-{number}") for number in range(5)])
    assert told[0] == told[1]
    assert all(b"errorType" in each for each in told[0])
