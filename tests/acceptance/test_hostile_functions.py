"""Functions that do their worst: their own invocations suffer, Neve and everybody else's go on."""

import time
from pathlib import Path

import pytest
from tests.acceptance.conftest import Deploy
from tests.acceptance.functions import Deployed
from tests.acceptance.machine import until
from tests.acceptance.server import NeveServer

pytestmark = pytest.mark.timeout(90)

# Writes to the descriptor of the conversation with Neve as the runtime client does.
SAY = """
const fs = require('fs');
function say(bytes) {
  for (let at = 0; at < bytes.length; ) {
    try { at += fs.writeSync(3, bytes, at); } catch (error) { if (error.code !== 'EAGAIN') throw error; }
  }
}
function frame(kind, header, body = '') {
  const head = Buffer.alloc(9);
  head.writeUInt32BE(5 + header.length + body.length, 0);
  head[4] = kind;
  head.writeUInt32BE(header.length, 5);
  return Buffer.concat([head, Buffer.from(header), Buffer.from(body)]);
}
"""

FLOODS = {
    "a child that prints without end": """
        exports.handler = async () => {
          require('child_process').spawn('yes', { stdio: 'inherit' });
          await new Promise((resolve) => setTimeout(resolve, 100));
        };""",
    "a hundred megabytes on one line": "exports.handler = async () => { console.log('x'.repeat(100e6)); };",
    "a million short lines": "exports.handler = async () => { process.stdout.write('y\\n'.repeat(1e6)); };",
    "frames without end": SAY
    + """
        const frames = Buffer.concat(Array(5000).fill(frame(3, '{"id":"nobody"}')));
        exports.handler = async () => { for (;;) say(frames); };""",
    "requests without end": SAY
    + """
        const frames = Buffer.concat(Array(5000).fill(frame(2, '{}')));
        exports.handler = async () => { for (;;) say(frames); };""",
    "init errors without end": SAY + "for (;;) say(frame(5, '{}', '{}'));",
}

GARBAGE = {
    "a header that is no JSON": "frame(3, '{nope')",
    "a header that is a list": "frame(3, '[1, 2]')",
    "a header of a thousand levels": "frame(3, '['.repeat(100000))",
    "letters": "Buffer.alloc(1000000, 65)",
    "zeroes": "Buffer.alloc(1000)",
}


@pytest.mark.parametrize("code", FLOODS.values(), ids=FLOODS.keys())
def test_a_flood_stops_nobody_else(deployed: Deploy, code: str) -> None:
    neighbour = deployed({"index.js": "exports.handler = async () => 'well';"})
    neighbour.invoke()
    flooding = deployed({"index.js": code}, timeout_s=2)
    call = flooding.begin()
    while not call.done():
        began = time.monotonic()
        assert neighbour.invoke().value == "well"
        assert time.monotonic() - began < 2.0
    assert call.result().status == 200
    until(lambda: all(each["state"] in ("frozen", "down") for each in flooding.environments()), "it never came to rest")
    flooding.delete()
    flooding.wait_gone()


@pytest.mark.parametrize("garbage", GARBAGE.values(), ids=GARBAGE.keys())
def test_garbage_ends_the_invocation_at_once_and_the_next_one_is_well(deployed: Deploy, garbage: str) -> None:
    code = f"{SAY} exports.handler = async (event) => {{ if (event.bad) say({garbage}); return 'well'; }};"
    function = deployed({"index.js": code}, timeout_s=60)
    answer = function.invoke({"bad": True})
    assert answer.error == "Unhandled"
    assert answer.value["errorType"] == "Runtime.ExitError"
    assert function.invoke().value == "well"


def test_a_response_of_any_size_is_refused_and_not_kept(deployed: Deploy, neve: NeveServer) -> None:
    function = deployed({"index.js": "exports.handler = async () => 'x'.repeat(300e6);"}, timeout_s=30, MemorySize=1024)
    before = resident_mb(neve)
    answer = function.invoke()
    assert answer.value["errorType"] == "Function.ResponseSizeTooLarge"
    assert resident_mb(neve) - before < 150


@pytest.mark.parametrize(
    "ending",
    ["process.exit(0)", "process.kill(process.pid, 'SIGKILL')", "fs.closeSync(3)", "for (;;);"],
    ids=["exits", "kills itself", "closes the channel", "spins"],
)
def test_however_a_function_ends_itself_there_is_an_answer(deployed: Deploy, ending: str) -> None:
    code = f"{SAY} exports.handler = async (event) => {{ if (event.bad) {{ {ending} }} return 'well'; }};"
    function = deployed({"index.js": code}, timeout_s=1)
    assert function.invoke({"bad": True}).error == "Unhandled"
    assert function.invoke().value == "well"


def test_a_child_that_holds_the_pipes_does_not_outlive_its_runtime(deployed: Deploy) -> None:
    code = """
        exports.handler = async (event) => {
          if (!event.bad) return 'well';
          require('child_process').spawn('sleep', ['1000'], { stdio: ['inherit', 'inherit', 'inherit', 3], detached: true });
          process.exit(3);
        };"""
    function: Deployed = deployed({"index.js": code})
    assert "exit status 3" in function.invoke({"bad": True}).value["errorMessage"]
    assert function.invoke().value == "well"


def resident_mb(server: NeveServer) -> int:
    """What the server has in memory."""
    lines = Path(f"/proc/{server.process.pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) // 1024 for line in lines if line.startswith("VmRSS"))
