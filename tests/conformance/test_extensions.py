"""Extensions: what every sandbox promises of programs that are started before the function's and run beside it."""

import asyncio
import json
import signal
from pathlib import Path
from typing import Any

import pytest
from tests.conformance import programs
from tests.conformance.conftest import BOUND_S, Begin, burn, ran_ns, wait_for
from tests.conformance.test_sandbox import LOOK

from neve.dataplane.sandbox import processes
from neve.dataplane.sandbox.sandbox import Exit, SandboxKind
from neve.domain.errors import ExtensionRefused

UP = "import os; print(os.getpid())\nwhile True: os.read(3, 1) or os._exit(0)"
SLEEP = "echo $$; while :; do sleep 0.01; done"
DESCRIPTORS = 'for n in /proc/$$/fd/*; do [ -e "$n" ] && printf "%s " "${n##*/}"; done; echo'
STUBBORN = """
import os, signal
signal.signal(signal.SIGTERM, lambda *_: os.write(1, b'asked\\n'))
print(os.getpid())
while True: signal.pause()
"""


async def bounded(waiting: "asyncio.Future[Any]") -> Any:
    return await asyncio.wait_for(waiting, BOUND_S)


async def test_the_program_waits_until_it_may_go(begin: Begin) -> None:
    running = await begin("print('program')", extensions={"first": "echo first", "second": "echo second"})
    assert {await running.extension_line(), await running.extension_line()} == {"first", "second"}
    assert running.sandbox.pid is None
    running.sandbox.go()
    assert await running.line() == "program"


async def test_the_program_is_as_without_extensions(begin: Begin) -> None:
    given = {"PWD": "/given", "IFS": "x", "LD_LIBRARY_PATH": "/a:/b", "A": "two words; $HOME 'quoted'"}
    running = await begin(LOOK, extensions={"one": SLEEP}, hidden=["A"], **given)
    running.sandbox.go()
    seen = json.loads(await running.line())
    assert {name: seen["variables"].get(name) for name in given} == given
    assert seen["directory"] == str(running.directory)
    assert seen["descriptors"] == [0, 1, 2, 3]
    assert seen["input"] == ""
    assert set(seen["ignored"]) <= {signal.SIGPIPE, signal.SIGXFSZ}


async def test_an_extension_gets_the_variables_that_are_not_hidden_and_no_descriptor(begin: Begin) -> None:
    given = {"A": "kept", "B": "hidden", "LD_LIBRARY_PATH": "/a:/b"}
    running = await begin(UP, extensions={"one": f"{DESCRIPTORS}; env; echo done"}, hidden=["B", "C"], **given)
    # 10 and 255 are where shells keep the script that they read.
    assert set((await running.extension_line()).split()) - {"10", "255"} == {"0", "1", "2"}
    lines = []
    while (line := await running.extension_line()) != "done":
        lines.append(line)
    assert "A=kept" in lines
    assert "LD_LIBRARY_PATH=/a:/b" in lines
    assert not [line for line in lines if line.startswith("B=")]


async def test_signals_find_an_extension_as_a_new_process_should(begin: Begin) -> None:
    running = await begin(
        UP, extensions={"one": "trap 'echo interrupted; exit 3' INT; echo up; while :; do sleep 0.01; done"}
    )
    assert await running.extension_line() == "up"
    running.sandbox.signal(signal.SIGINT, "one")
    assert await running.extension_line() == "interrupted"
    assert await bounded(asyncio.ensure_future(running.sandbox.wait_extension())) == ("one", Exit(3, None))


async def test_both_outputs_of_an_extension_are_apart_from_those_of_the_program(begin: Begin) -> None:
    running = await begin("print('mine')", extensions={"one": "echo out; echo error >&2; kill -9 $$"})
    running.sandbox.go()
    assert [await running.extension_line() for _ in range(2)] == ["out", "error"]
    assert await running.line() == "mine"
    await bounded(asyncio.ensure_future(running.sandbox.wait()))
    await running.sandbox.kill()
    assert await running.extension_line() == ""
    assert await running.line() == ""


@pytest.mark.parametrize(
    ("script", "end"), [("exit 0", Exit(0, None)), ("exit 7", Exit(7, None)), ("kill -9 $$", Exit(None, 9))]
)
async def test_how_an_extension_ended_is_told_and_nobody_else_ends(begin: Begin, script: str, end: Exit) -> None:
    running = await begin(UP, extensions={"stays": SLEEP, "ends": script})
    assert await bounded(asyncio.ensure_future(running.sandbox.wait_extension())) == ("ends", end)
    running.sandbox.go()
    (pid,) = await running.pids()
    assert running.sandbox.pid == pid


@pytest.mark.parametrize(
    ("program", "end"),
    [
        ("raise SystemExit(5)", Exit(5, None)),
        ("import os; os.kill(os.getpid(), 9)", Exit(None, 9)),
        ("import os; os.kill(os.getpid(), 15)", Exit(None, 15)),
    ],
)
async def test_extensions_live_on_when_the_program_ends(begin: Begin, program: str, end: Exit) -> None:
    running = await begin(program, extensions={"one": "echo up; trap 'echo asked' TERM; while :; do sleep 0.01; done"})
    assert await running.extension_line() == "up"
    running.sandbox.go()
    assert await bounded(asyncio.ensure_future(running.sandbox.wait())) == end
    assert running.sandbox.pid is None
    running.sandbox.signal(signal.SIGTERM, "one")
    assert await running.extension_line() == "asked"


async def test_pid_and_signals_mean_the_program(begin: Begin) -> None:
    running = await begin(STUBBORN, extensions={"one": SLEEP})
    running.sandbox.go()
    (pid,) = await running.pids()
    assert running.sandbox.pid == pid
    running.sandbox.signal(signal.SIGTERM)
    assert await running.line() == "asked"
    running.sandbox.signal(signal.SIGKILL)
    assert await bounded(asyncio.ensure_future(running.sandbox.wait())) == Exit(None, 9)


async def test_a_freeze_stops_program_and_extensions(begin: Begin) -> None:
    running = await begin(
        "import os; print(os.getpid())\nwhile True: pass", extensions={"one": "echo $$; while :; do :; done"}
    )
    running.sandbox.go()
    pids = [*await running.pids(), programs.host_pid(running.mark, int(await running.extension_line()))]
    await running.sandbox.freeze()
    before = ran_ns(pids)
    burn()
    assert ran_ns(pids) == before
    running.sandbox.thaw()
    await wait_for(lambda: ran_ns(pids) > before)


@pytest.mark.parametrize("name", ["two words", "it's $(exit 3)", 'a"b', "-n", "line\nbreak", "ünïcode"])
async def test_whatever_the_file_of_an_extension_is_called_it_is_started(begin: Begin, name: str) -> None:
    running = await begin(UP, extensions={name: 'echo "${0##*/}."; exit 5'})
    said = await running.extension_line()
    while not said.endswith("."):
        said += "\n" + await running.extension_line()
    assert said == f"{name}."
    assert await bounded(asyncio.ensure_future(running.sandbox.wait_extension())) == (name, Exit(5, None))


async def test_a_kill_ends_all_and_the_environment_starts_again(begin: Begin) -> None:
    running = await begin(UP, extensions={"one": SLEEP})
    running.sandbox.go()
    pids = [*await running.pids(), programs.host_pid(running.mark, int(await running.extension_line()))]
    await running.sandbox.kill()
    assert all(found is None or found.dead for found in map(processes.look, pids))
    again = await begin(UP, extensions={"one": "exit 4"})
    assert await bounded(asyncio.ensure_future(again.sandbox.wait_extension())) == ("one", Exit(4, None))
    again.sandbox.go()
    assert await again.pids()


async def test_the_shells_around_are_not_counted_as_the_functions(begin: Begin) -> None:
    running = await begin(UP, extensions={"one": "echo up; exec cat", "two": "echo up; exec sleep 100"})
    running.sandbox.go()
    await running.pids()
    for _ in range(2):
        await running.extension_line()
    await wait_for(lambda: running.sandbox.usage().processes == 2)


@pytest.mark.parametrize(
    ("text", "mode", "reason"),
    [
        ("#!/bin/sh\nexit 0\n", 0o644, "permission denied"),
        ("#!/no/such/shell\n", 0o755, "no such file or directory"),
        ("#!/bin/sh\r\nexit 0\r\n", 0o755, "no such file or directory"),
        ("neither a script nor a program", 0o755, "exec format error"),
    ],
)
async def test_an_extension_that_cannot_be_executed_is_refused_in_the_services_words(
    kind: SandboxKind, begin: Begin, tmp_path: Path, text: str, mode: int, reason: str
) -> None:
    file = tmp_path / "extensions" / "broken"
    file.parent.mkdir(mode=0o755)
    file.write_text(text)
    file.chmod(mode)
    with pytest.raises(ExtensionRefused) as refused:
        await begin(UP, extensions={"well": SLEEP}, files=[file])
    assert refused.value.name == "broken"
    assert refused.value.error_type == ("PermissionDenied" if reason == "permission denied" else "UnknownError")
    assert refused.value.message == f"fork/exec {programs.inside(kind, tmp_path, file)}: {reason}"
