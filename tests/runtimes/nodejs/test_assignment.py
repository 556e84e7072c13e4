"""A pre-started client that was assigned: what user code can see is what it sees in a client that was started for it."""

import time
from typing import Any

from tests.runtimes.nodejs.conftest import Start
from tests.runtimes.scripted import invoke

LOOK = """
const fs = require('fs');
const os = require('os');
const childSees = () => require('child_process').execFileSync('/usr/bin/env').toString().split('\\n');
const look = () => ({
  variables: { ...process.env, PWD: '', SHLVL: '' }, // the shell of this test's own makes these
  directory: process.cwd(),
  argv: process.argv,
  execArgv: process.execArgv,
  title: process.title,
  searched: require('module').globalPaths,
  loaded: Object.keys(require.cache),
  globals: Object.getOwnPropertyNames(globalThis).sort(),
  handles: process._getActiveHandles().length,
  listeners: process.eventNames().map((name) => [String(name), process.listenerCount(name)]).sort(),
  zone: [new Date(0).getHours(), Intl.DateTimeFormat().resolvedOptions().timeZone],
  locale: Intl.DateTimeFormat().resolvedOptions().locale,
  home: os.homedir(),
  descriptors: fs.readdirSync('/proc/self/fd').filter((fd) => fd < 4),
  childSees: childSees().filter((line) => !/^(PWD|SHLVL)=/.test(line)).sort(),
  console: Object.keys(console).sort(),
  heap: require('v8').getHeapStatistics().heap_size_limit,
});
const atInit = look();
exports.handler = async () => ({ atInit, later: look() });
"""


async def seen(start: Start, prestarted: bool, **variables: str) -> dict[str, Any]:
    """What the function sees."""
    async with start(LOOK, prestarted=prestarted, node_flags=("--max-old-space-size=115",), **variables) as client:
        value: dict[str, Any] = (await invoke(client)).value
        return value


async def test_an_assigned_function_sees_what_one_sees_that_was_started(both: Start) -> None:
    variables = {"TZ": "Asia/Tokyo", "HOME": "/tmp", "OWN": "two words", "NODE_ENV": "production"}
    started, assigned = await seen(both, False, **variables), await seen(both, True, **variables)
    assert started["atInit"]["variables"]["OWN"] == "two words"
    assert started["atInit"]["zone"] == [9, "Asia/Tokyo"]
    for moment in ("atInit", "later"):
        for what, value in started[moment].items():
            assert assigned[moment][what] == value, what


async def test_an_assigned_process_is_as_old_as_its_function(both: Start) -> None:
    async with both("exports.handler = async () => process.uptime();", prestarted=True) as client:
        age_s = (await invoke(client)).value
        assert 0 < age_s < time.monotonic() - client.assigned_at


async def test_an_assigned_function_finds_modules_of_its_layers(both: Start) -> None:
    layer = {"../layer/node_modules/of-a-layer/index.js": "module.exports = 'layer'"}
    app = "const found = require('of-a-layer'); exports.handler = async () => found;"
    async with both({**layer, "app.js": app}, prestarted=True) as client:
        assert (await invoke(client)).value == "layer"


async def test_an_assigned_function_may_be_an_es_module(both: Start) -> None:
    app = "import fs from 'node:fs'; export const handler = async () => [typeof fs.open, import.meta.url];"
    async with both({"app.mjs": app}, prestarted=True) as client:
        kind, url = (await invoke(client)).value
    assert kind == "function"
    assert url.endswith("/task/app.mjs")


async def test_an_assigned_function_without_a_module_fails_as_one_that_was_started(both: Start) -> None:
    failures = []
    for prestarted in (False, True):
        async with both("", handler="missing.handler", prestarted=prestarted) as client:
            error = await client.wait_init_error()
            failures.append((error.error_type, error.body, (await client.wait_exit()).status))
    assert failures[0] == failures[1]


async def test_a_waiting_client_ends_when_neve_does(both: Start) -> None:
    async with both("exports.handler = async () => null", prestarted=True) as client:
        client.hang_up()
        assert (await client.wait_exit()).status == 0
