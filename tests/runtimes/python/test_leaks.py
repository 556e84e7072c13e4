"""The leak watch of the Python client alone: what is left is told, with its line, and caught when it goes on.

All shapes of one interpreter share a process. No test guesses how long something takes: what is left waits for leave to go on,
and the invocation that gives it waits for its end.
"""

import os
import re
import socket
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from itertools import count
from pathlib import Path

import pytest
from tests.runtimes.python.scripted import pythons, spawn
from tests.runtimes.python.watched import Watched

LEAVES = (Path(__file__).parents[1] / "functions" / "leaves.py").read_text()
_IDS = count(1)


@contextmanager
def watching(python: str, root: Path, source: str, level: str = "detect") -> Iterator[Watched]:
    """A runtime that has asked for its first event."""
    (root / "app.py").write_text(source)
    runtime = spawn(python, root, {"_HANDLER": "app.handler", "_NEVE_LEAKS": level, "PATH": os.environ["PATH"]})
    watched = Watched(runtime, str(root))
    try:
        watched.wait_next()
        yield watched
    finally:
        with closing(runtime.channel):
            runtime.process.kill()
            runtime.process.wait(10)
        os.close(runtime.output)


@pytest.fixture(params=pythons(), ids=lambda path: re.sub(r".*versions/|/bin.*", "", path), scope="module")
def python(request: pytest.FixtureRequest) -> str:
    """Every interpreter in turn."""
    return str(request.param)


@pytest.fixture(scope="module")
def _shared(python: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Watched]:
    with watching(python, tmp_path_factory.mktemp("task"), LEAVES) as watched:
        assert [watched.placed(item)["line"] for item in watched.news] == [line_of("init")]
        yield watched


@pytest.fixture
def leaving(_shared: Watched) -> Watched:
    """The process of all tests that do not end it, without the news of others."""
    _shared.news.clear()
    _shared.runtime.events()
    return _shared


@pytest.fixture
def fresh(python: str, tmp_path: Path) -> Iterator[Watched]:
    """A process of its own."""
    with watching(python, tmp_path, LEAVES) as watched:
        watched.news.clear()
        yield watched


def line_of(shape: str) -> int:
    """The line that a comment in the program marks."""
    return next(n for n, line in enumerate(LEAVES.splitlines(), 1) if line.endswith(f"# line of: {shape}"))


def pair() -> tuple[str, str]:
    """Two request ids that nobody else has."""
    number = next(_IDS)
    return f"first-{number}", f"second-{number}"


SHAPES = {
    "thread": ("thread", r"thread \(held\)", "begun thread"),
    "daemon_thread": ("thread", r'daemon thread "uploader" \(held\)', "begun daemon_thread"),
    "thread_of_a_subclass": ("thread", r"thread \(Poller\)", "begun thread_of_a_subclass"),
    "timer": ("timer", r"timer \(100 ms, held\)", "timer"),
    "executor": ("executor", r"(queued )?executor work \(held\)", "executor"),
    "process_pool": ("executor", r"(queued )?executor work \(read\)", "process pool"),
    "thread_pool": ("executor", r"executor work \(pool\)", "thread pool"),
    "task": ("task", r"task \(held_task\)", "task"),
    "task_beside": ("task", r"task \(held_task\)", "task beside"),
    "command": ("child process", r"child process \d+ \(cat\)", "command"),
    "process": ("child process", r"child process \d+ \(ForkProcess-\d+\)", "process"),
    "fork": ("child process", r"child process \d+ \(a fork\)", "fork"),
}


@pytest.mark.parametrize("shape", SHAPES)
def test_what_is_left_is_told_and_caught_when_it_goes_on(leaving: Watched, shape: str) -> None:
    kind, description, line = SHAPES[shape]
    first, second = pair()
    assert leaving.invoke({"leave": shape}, first) == b'"ok"'
    (leak,) = leaving.opened()
    assert (leak["kind"], leak["origin"], leak["count"]) == (kind, first, 1)
    assert re.fullmatch(description, leak["description"])
    assert (leak["file"], leak["line"]) == ("app.py", line_of(line.partition(" ")[0] if "begun" in line else line))
    assert leak["stack"][-1].startswith("handler (app.py:")
    leaving.invoke({"finish": 1}, second)
    leaving.wait_news(**{"is": "resumed", "leak": leak["leak"], "in": second})
    leaving.wait_news(**{"is": "finished", "leak": leak["leak"], "in": second})
    leaving.invoke({}, pair()[0])
    assert len(leaving.opened()) == 1


def test_queued_work_is_told_beside_the_work_that_keeps_it_waiting(leaving: Watched) -> None:
    first, second = pair()
    leaving.invoke({"leave": "queued"}, first)
    told = {(leak["description"], leak["line"]) for leak in leaving.opened()}
    assert told == {
        ("executor work (held)", line_of("queued") - 1),
        ("queued executor work (held)", line_of("queued")),
    }
    leaving.invoke({"finish": 1}, second)


def test_equal_work_from_one_line_is_one_leak(leaving: Watched) -> None:
    source = "several"
    first, second = pair()
    leaving.invoke({"leave": source}, first)
    (leak,) = leaving.opened()
    assert leak["count"] == 3
    leaving.invoke({"finish": 1}, second)
    leaving.wait_news(**{"is": "finished", "leak": leak["leak"], "in": second})


def test_what_stands_still_in_a_later_invocation_has_not_gone_on(leaving: Watched) -> None:
    first, second = pair()
    leaving.invoke({"leave": "thread"}, first)
    third = pair()[0]
    leaving.invoke({}, third)
    assert [item for item in leaving.news if item["is"] != "open"] == []
    leaving.invoke({"finish": 1}, second)
    leaving.wait_news(**{"is": "finished", "in": second})


@pytest.mark.parametrize(
    ("shape", "text"),
    [("thread_that_prints", "late thread"), ("task_that_prints", "late task"), ("executor", "late call")],
)
def test_lines_of_left_over_work_are_marked(leaving: Watched, shape: str, text: str) -> None:
    first, second = pair()
    leaving.invoke({"leave": shape}, first)
    leaving.invoke({"finish": 1}, second)
    events = leaving.runtime.events()
    assert [(event.kind, event.text) for event in events] == [(0x80, first), (None, text)]


@pytest.mark.parametrize("shape", ["thread_that_fails", "task_that_fails"])
def test_error_that_nobody_takes_is_told_with_both_invocations(leaving: Watched, shape: str) -> None:
    first, second = pair()
    leaving.invoke({"leave": shape}, first)
    (leak,) = leaving.opened()
    leaving.invoke({"finish": 1}, second)
    failed = leaving.wait_news(**{"is": "failed", "leak": leak["leak"], "in": second})
    assert (failed["error"], failed["fatal"]) == ("ValueError: boom", False)


@pytest.mark.parametrize(
    ("shape", "error", "status"),
    [("thread_that_exits", "os._exit(7)", 7), ("task_that_exits", "SystemExit: 3", 3)],
)
def test_exit_of_left_over_work_is_told_with_both_invocations(
    fresh: Watched, shape: str, error: str, status: int
) -> None:
    first, second = pair()
    fresh.invoke({"leave": shape}, first)
    (leak,) = fresh.opened()
    fresh.runtime.send(b'{"finish": 1}', second)
    fresh.until_end()
    failed = fresh.wait_news(**{"is": "failed", "leak": leak["leak"], "in": second})
    assert (failed["error"], failed["fatal"]) == (error, True)
    assert fresh.runtime.process.wait(10) == status


def test_request_that_a_thread_is_in_is_told(fresh: Watched, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "sent")
    with socket.create_server(("127.0.0.1", 0)) as server:

        def answer() -> None:
            connection, _ = server.accept()
            with connection:
                connection.recv(4096)
                (tmp_path / "sent").write_bytes(b"x")
                connection.recv(4096)

        answering = threading.Thread(target=answer)
        answering.start()
        address = server.getsockname()
        fresh.invoke({"leave": "thread_in_a_request", "given": [address, str(tmp_path / "sent")]}, "first")
        (leak,) = fresh.opened()
        told = (
            rf"thread \(request\), in GET http://127\.0\.0\.1:{address[1]}(/held)?"  # its path, while it is being sent
        )
        assert re.fullmatch(told, leak["description"])
        fresh.runtime.process.kill()
        answering.join(10)
