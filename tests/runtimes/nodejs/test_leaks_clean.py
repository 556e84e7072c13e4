"""The leak watch on code that leaves nothing: no false alarm, at either level, on any binary."""

import asyncio
import os
from collections.abc import Mapping
from pathlib import Path

import pytest
from tests.runtimes.nodejs.conftest import Start, starter
from tests.runtimes.nodejs.test_leaks import FIRST, SECOND, TARGETS, THIRD, opened, placed
from tests.runtimes.scripted import invoke

IDS = (FIRST, SECOND, THIRD)


@pytest.fixture(params=TARGETS, ids=str)
def start(request: pytest.FixtureRequest, tmp_path: Path) -> Start:
    """Start a function on a runtime's own binary."""
    return starter(request.param, tmp_path)


SERVER = """const http = require('http')
const server = http.createServer((request, answer) => request.resume().on('end', () => answer.end('ok')))
server.listen(0, '127.0.0.1').unref()
const url = () => `http://127.0.0.1:${server.address().port}`
const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms))
"""

# A pool in the manner of the database clients: one socket for whoever asks, its answers by callback from the socket.
POOL = """const net = require('net')
exports.open = (path) => {
  let socket, waiting = []
  const connected = () => (socket ??= net.connect(path).on('data', (bytes) => bytes.forEach(() => waiting.shift()())))
  return { ask(callback) { waiting.push(callback); connected().write('x'); setTimeout(() => {}, 60000).unref() } }
}"""
ECHO = """const net = require('net')
const echo = net.createServer((socket) => socket.pipe(socket)).listen(process.env.SOCKET).unref()
"""

CLEAN: Mapping[str, str | Mapping[str, str]] = {
    "kept-alive agent": SERVER
    + """const agent = new http.Agent({ keepAlive: true })
    exports.handler = () => new Promise((resolve) =>
      http.get(url(), { agent }, (answer) => answer.resume().on('end', () => console.log('answered') ?? resolve())))""",
    "global agent": SERVER
    + """exports.handler = async () => { for (let n = 0; n < 3; n++) await new Promise((resolve) =>
      http.get(url(), (answer) => answer.resume().on('end', resolve))); await sleep(5) }""",
    "fetch": SERVER
    + """exports.handler = async () => {
      const texts = await Promise.all([1, 2, 3].map(() => fetch(url()).then((answer) => answer.text())))
      await sleep(5); console.log(texts); return texts }""",
    "fetch with a time limit": SERVER
    + """exports.handler = async () => (await fetch(url(), { signal: AbortSignal.timeout(60000) })).text()""",
    "fetch that is ended before it has a connection": SERVER
    + """exports.handler = async () => {
      const controller = new AbortController()
      const ended = fetch(url(), { signal: controller.signal }).catch((error) => error.name)
      controller.abort()
      return ended }""",
    "log line that a package writes on its own": {
        "app.js": "const log = require('sonic-boom'); exports.handler = async () => log('done')",
        "node_modules/sonic-boom/index.js": """const fs = require('fs'), file = fs.openSync(__dirname + '/log', 'a')
        module.exports = (line) => fs.write(file, line, 'utf8', () => {})""",
    },
    "pool opened in init": {
        "app.js": ECHO
        + """const pool = require('pool').open(process.env.SOCKET)
        pool.ask(() => {})
        exports.handler = () => new Promise((resolve) => pool.ask(() => { console.log('asked'); setTimeout(resolve, 1) }))""",
        "node_modules/pool/index.js": POOL,
    },
    "pool opened by the first invocation": {
        "app.js": ECHO
        + """let pool
        exports.handler = async () => {
          pool ??= require('pool').open(process.env.SOCKET)
          await new Promise((resolve) => pool.ask(() => { console.log('asked'); setTimeout(resolve, 1) }))
          await new Promise((resolve) => pool.ask(resolve))
        }""",
        "node_modules/pool/index.js": POOL,
    },
    "library's housekeeping": {
        "app.js": "const keep = require('pg-pool'); exports.handler = async () => keep()",
        "node_modules/pg-pool/index.js": "module.exports = () => { setTimeout(() => {}, 10000) }",
    },
    "everything awaited": """const { execFile } = require('child_process'), fs = require('fs/promises')
    const dns = require('dns/promises'), { Worker } = require('worker_threads'), { promisify } = require('util')
    const { setTimeout: later } = require('timers/promises')
    const crypto = require('crypto'), zlib = require('zlib')
    exports.handler = async () => {
      await Promise.all([fs.readFile(__filename), dns.lookup('localhost'), later(1), promisify(execFile)('true')])
      crypto.randomUUID() + crypto.randomBytes(8).toString('hex')
      await promisify(crypto.pbkdf2)('a', 'b', 1000, 16, 'sha256')
      await promisify(zlib.gzip)('text')
      const worker = new Worker('0', { eval: true })
      await new Promise((resolve) => worker.on('exit', resolve))
    }""",
    "race with a time limit": """exports.handler = async () => {
      let timer
      const late = new Promise((_, reject) => { timer = setTimeout(reject, 60000, new Error('late')) })
      await Promise.race([late, new Promise((resolve) => setImmediate(resolve))]).finally(() => clearTimeout(timer))
    }""",
    "cache filled by the first invocation": """let cached
    const load = async () => { await new Promise((resolve) => setTimeout(resolve, 1)); return { value: 1 } }
    exports.handler = async () => { cached ??= load(); const { value } = await cached; console.log(value); return value }""",
    "streams": """const { pipeline } = require('stream/promises'), fs = require('fs'), zlib = require('zlib'), os = require('os')
    exports.handler = async () => {
      const file = os.tmpdir() + '/neve-streams-' + process.pid
      await pipeline(fs.createReadStream(process.execPath, { end: 200000 }), zlib.createGzip(), fs.createWriteStream(file))
      await fs.promises.unlink(file)
    }""",
    "standard output": "exports.handler = async () => { process.stdout.write('raw\\n'); console.error('raw') }",
}


@pytest.mark.parametrize("level", ["detect", "explain"])
@pytest.mark.parametrize("name", CLEAN)
async def test_clean_code_gives_no_alarm(start: Start, tmp_path: Path, name: str, level: str) -> None:
    async with start(CLEAN[name], _NEVE_LEAKS=level, SOCKET=str(tmp_path / "socket")) as client:
        for request_id in IDS:
            answer = await invoke(client, id=request_id)
            assert not answer.failed, answer.body
        await client.wait_next()
        assert opened(client) == []
        assert not [line for line in client.log() if line.left_over_from]


async def test_file_that_a_stream_leaves_half_read(start: Start, tmp_path: Path) -> None:
    """What is still being read then gets to nobody."""
    code = """exports.handler = async () => {
      for await (const piece of require('fs').createReadStream(process.env.FIFO)) return String(piece)
    }"""
    os.mkfifo(tmp_path / "fifo")
    writer = os.open(tmp_path / "fifo", os.O_RDWR)
    os.write(writer, b"first")
    async with start(code, _NEVE_LEAKS="explain", FIFO=str(tmp_path / "fifo")) as client:
        try:
            assert (await invoke(client)).value == "first"
            await client.wait_next()
            assert opened(client) == []
        finally:
            os.close(writer)  # the client's thread reads until then


async def test_what_the_init_phase_keeps_is_told_apart_and_once(start: Start) -> None:
    code = """const timer = setInterval(() => console.log('beat'), 5)
    exports.handler = async () => { await new Promise((resolve) => setTimeout(resolve, 20)) }"""
    async with start(code, _NEVE_LEAKS="explain") as client:
        for request_id in IDS:
            await invoke(client, id=request_id)
        await client.wait_next()
        (told,) = client.news
        told = placed(told, client.root)
        assert (told["kind"], told["origin"], told["line"]) == ("interval", None, 1)
        beats = [line for line in client.log() if "beat" in line.text]
        assert beats
        assert not [line for line in beats if line.left_over_from]


async def test_nothing_holds_still_for_what_the_init_phase_keeps(start: Start) -> None:
    """Only what an invocation left must not go on before the freeze: 5 ms in which nothing runs."""
    code = """let answered, first
    setInterval(() => { if (answered) { first ??= Date.now() - answered } }, 1)
    exports.handler = async () => {
      const waited = first
      first = undefined
      setImmediate(() => { answered = Date.now() })
      return waited
    }"""
    waited = []
    async with start(code, _NEVE_LEAKS="detect") as client:
        for number in range(12):
            waited.append((await invoke(client, id=str(number))).value)
            await asyncio.sleep(0.01)  # the interval beats in between, unless everything holds still
    assert min(each for each in waited if each is not None) < 4


async def test_active_handles_are_the_users_alone(start: Start) -> None:
    code = """const names = (things) => things.map((thing) => thing.constructor.name)
    exports.handler = async () => {
      const server = require('net').createServer().listen(0, '127.0.0.1')
      await new Promise((resolve) => server.once('listening', resolve))
      const seen = names(process._getActiveHandles())
      await new Promise((resolve) => server.close(resolve))
      return { seen, requests: names(process._getActiveRequests()) }
    }"""
    async with start(code, _NEVE_LEAKS="explain") as client:
        assert (await invoke(client)).value == {"seen": ["Server"], "requests": []}


async def test_without_a_watch_nothing_is_hooked_nor_told(start: Start) -> None:
    code = """exports.handler = async () => {
      setTimeout(() => {}, 60000)
      return [fetch.name, process.listenerCount('uncaughtExceptionMonitor'), Object.keys(process.env).join().includes('NEVE')]
    }"""
    async with start(code, _NEVE_LEAKS="off") as client:
        assert (await invoke(client)).value == ["fetch", 0, False]
        await client.wait_next()
        assert client.news == []


async def test_users_own_context_is_untouched(start: Start) -> None:
    """AsyncLocalStorage, the looks of fetch, Error.stackTraceLimit, and the frames of a stack."""
    code = """const { AsyncLocalStorage } = require('async_hooks')
    const own = new AsyncLocalStorage()
    Error.stackTraceLimit = 6
    exports.handler = async () => own.run('mine', async () => {
      const sync = new Error('x').stack
      await new Promise((resolve) => setTimeout(resolve, 1))
      const looks = { ...Object.getOwnPropertyDescriptor(globalThis, 'fetch'), value: [fetch.name, fetch.length] }
      return [own.getStore(), looks, Error.stackTraceLimit, sync, new Error('x').stack]
    })"""
    values = []
    for level in ("off", "detect", "explain"):
        async with start(code, _NEVE_LEAKS=level) as client:
            values.append((await invoke(client)).value)
    assert values[0] == values[1] == values[2]
    assert values[0][0] == "mine"
