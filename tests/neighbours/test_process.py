"""The process of the neighbours: when it starts, that it comes back, that it goes."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from neve.clock import Clock
from neve.neighbours import process as module
from neve.neighbours.process import MotoProcess
from neve.neighbours.request import Address, Unanswered

BOUND_S = 30.0


@pytest.fixture
async def moto() -> AsyncIterator[MotoProcess]:
    running = MotoProcess(Clock(virtual=True), "http://127.0.0.1:4566")
    yield running
    await running.close()


async def ask(address: Address) -> bytes:
    """The first line of an answer."""
    async with asyncio.timeout(BOUND_S):
        reader, writer = await asyncio.open_connection(address.host, address.port)
        writer.write(b"GET /moto-api/data.json HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n")
        line = await reader.readline()
        await reader.read()
        writer.close()
        await writer.wait_closed()
        return line


def lives(pid: int | str) -> bool:
    return Path(f"/proc/{pid}").exists()


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(BOUND_S):
        while not condition():  # noqa: ASYNC110 - nobody tells
            await asyncio.sleep(0.01)


def replace_child(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, program: str) -> None:
    """Run another program as the neighbours."""
    script = tmp_path / "child"
    script.write_text(f"#!{sys.executable}\n{program}")
    script.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(script))


async def test_it_starts_on_first_use_and_only_once(moto: MotoProcess) -> None:
    assert moto.pid is None
    first, second = await asyncio.gather(moto.address(), moto.address())
    assert first == second
    assert moto.pid is not None
    assert first.host == "127.0.0.1"
    assert await ask(first) == b"HTTP/1.1 200 OK\r\n"


async def test_one_that_dies_is_started_again_at_the_same_address(moto: MotoProcess) -> None:
    address = await moto.address()
    killed = moto.pid
    assert killed is not None
    os.kill(killed, signal.SIGKILL)
    await until(lambda: not lives(killed))
    while moto.pid in (killed, None):  # the pause is on a virtual clock
        moto._clock.advance(1)
        await asyncio.sleep(0.01)
    assert await moto.address() == address
    assert await ask(address) == b"HTTP/1.1 200 OK\r\n"


async def test_it_ends_with_its_owner(moto: MotoProcess) -> None:
    await moto.address()
    pid = moto.pid
    assert pid is not None
    await moto.close()
    assert not lives(pid)
    assert moto.pid is None


async def test_ctrl_c_is_not_for_it(moto: MotoProcess) -> None:
    address = await moto.address()
    assert moto.pid is not None
    assert os.getsid(moto.pid) != os.getsid(0)
    os.kill(moto.pid, signal.SIGINT)
    assert await ask(address) == b"HTTP/1.1 200 OK\r\n"


async def test_files_where_neve_was_started_are_not_taken_for_modules(
    moto: MotoProcess, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "flask.py").write_text("raise SystemExit('this is the user's')")
    monkeypatch.chdir(tmp_path)
    assert await ask(await moto.address()) == b"HTTP/1.1 200 OK\r\n"


async def test_one_that_cannot_start_says_why(
    moto: MotoProcess, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    replace_child(monkeypatch, tmp_path, "raise SystemExit('no moto today')")
    monkeypatch.setattr(module, "WAIT_SECONDS", 1.0)
    with pytest.raises(Unanswered, match=r"does not come up: it ended with status 1 \(no moto today\)") as caught:
        await moto.address()
    assert caught.value.status == 503


async def test_one_that_dies_at_its_start_is_started_less_and_less_often(
    moto: MotoProcess, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    marks = tmp_path / "starts"
    replace_child(monkeypatch, tmp_path, f"open({str(marks)!r}, 'a').write('x')")
    monkeypatch.setattr(module, "WAIT_SECONDS", 0.2)
    pauses = []
    sleep = moto._clock.sleep

    async def noted(seconds: float) -> None:
        pauses.append(seconds)
        if len(pauses) == 9:
            await sleep(seconds)

    monkeypatch.setattr(moto._clock, "sleep", noted)
    with pytest.raises(Unanswered):
        await moto.address()
    await until(lambda: len(pauses) == 9)
    assert pauses == [0.2, 0.4, 0.8, 1.6, 3.2, 6.4, 12.8, 25.6, 30.0]
    assert marks.read_text() == "x" * 9


async def test_one_that_never_gets_ready_is_ended(
    moto: MotoProcess, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    pids = tmp_path / "pids"
    replace_child(
        monkeypatch, tmp_path, f"import os, time; print(os.getpid(), file=open({str(pids)!r}, 'a')); time.sleep(60)"
    )
    monkeypatch.setattr(module, "START_SECONDS", 0.5)
    monkeypatch.setattr(module, "WAIT_SECONDS", 1.0)
    with pytest.raises(Unanswered, match="signal 9 ended it"):
        await moto.address()
    assert not lives(pids.read_text().splitlines()[0])


async def test_one_that_does_not_end_is_killed(
    moto: MotoProcess, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    replace_child(monkeypatch, tmp_path, "import time; print('ready', flush=True); time.sleep(60)")
    monkeypatch.setattr(module, "_END_SECONDS", 0.1)
    await moto.address()
    pid = moto.pid
    assert pid is not None
    await moto.close()
    assert not lives(pid)


async def test_without_moto_it_says_how_to_install_it(moto: MotoProcess, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "find_spec", lambda name: None)
    with pytest.raises(Unanswered, match=r"not installed: pip install 'neve\[neighbours\]'") as caught:
        await moto.address()
    assert caught.value.status == 501


async def test_nothing_of_the_machines_aws_reaches_it(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_PROFILE", "AWS_ENDPOINT_URL", "MOTO_ACCOUNT_ID"):
        monkeypatch.setenv(name, "x")
    given = module._variables("neve", None)
    assert not {"AWS_PROFILE", "AWS_ENDPOINT_URL", "MOTO_ACCOUNT_ID"} & set(given)
    assert given["AWS_ACCESS_KEY_ID"] == "neve"
