"""The channel, and what the process looks like from inside."""

import json

import pytest
from tests.runtimes.nodejs.conftest import Start
from tests.runtimes.scripted import Event, invoke

ECHO = "exports.handler = async (e) => e"


@pytest.mark.parametrize("size", [1, 3, 64, 5000])
async def test_event_in_pieces(both: Start, size: int) -> None:
    payload = {"k": "ü" * 300 * min(size, 100)}
    async with both(ECHO) as client:
        await client.wait_next()
        await client.give_in_pieces(Event(payload=json.dumps(payload).encode()), size)
        assert (await client.wait_answer()).value == payload
        assert (await invoke(client, "again")).value == "again"


async def test_six_megabytes_both_ways(both: Start) -> None:
    async with both(ECHO) as client:
        payload = "ü" * 3_000_000
        assert (await invoke(client, payload)).value == payload
        assert (await invoke(client, 1)).value == 1


@pytest.mark.parametrize("flags", [("--pending-deprecation",), ()])
async def test_both_ways_of_reading(both: Start, flags: tuple[str, ...]) -> None:
    async with both(ECHO, node_flags=flags) as client:
        for number in range(3):
            assert (await invoke(client, number)).value == number
        assert client.log() == []


@pytest.mark.parametrize("flags", [("--pending-deprecation",), ()])
async def test_process_ends_when_neve_is_gone(both: Start, flags: tuple[str, ...]) -> None:
    async with both(ECHO, node_flags=flags) as client:
        await client.wait_next()
        client.hang_up()
        assert (await client.process.wait()) == 0


async def test_process_ends_when_neve_is_gone_while_the_handler_runs(both: Start) -> None:
    async with both(
        "exports.handler = async () => { setInterval(() => {}, 1000); await new Promise(() => {}) }"
    ) as client:
        await client.wait_next()
        await client.give(Event())
        client.hang_up()
        assert (await client.process.wait()) == 0


async def test_environment_shows_nothing_of_ours(both: Start) -> None:
    code = "const seen = Object.keys(process.env); exports.handler = async () => seen"
    async with both(code, _NEVE_SECRET="x", _LAMBDA_TELEMETRY_LOG_FD="9", NEVE_OF_THE_USER="y") as client:
        seen = (await invoke(client)).value
        assert "NEVE_OF_THE_USER" in seen
        assert not {"_NEVE_SECRET", "_LAMBDA_TELEMETRY_LOG_FD"} & set(seen)


async def test_arguments_and_directory_look_like_the_services(both: Start) -> None:
    code = "exports.handler = async () => [process.argv.slice(1), process.cwd() === process.env.LAMBDA_TASK_ROOT, typeof gc]"
    async with both(code) as client:
        assert (await invoke(client)).value == [["/var/runtime/index.mjs"], True, "function"]


async def test_output_is_not_opened_by_the_runtime(both: Start) -> None:
    # Opening process.stdout or stderr costs start time and makes the pipe non-blocking for child processes too.
    code = (
        "exports.handler = async () => process.moduleLoadList.filter((m) => m.endsWith(' net') || m.endsWith(' tty'))"
    )
    async with both(code) as client:
        assert (await invoke(client)).value == []
