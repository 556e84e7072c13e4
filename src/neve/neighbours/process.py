"""The process that answers for the other AWS services: moto, started on first use, started again when it dies.

Neve binds the socket and keeps it, so that the address is the same for as long as Neve lives and a request that comes
while the process starts waits in the socket's queue. What the process held is gone with it: moto keeps all in memory.
"""

import asyncio
import contextlib
import os
import socket
import sys
from collections import deque
from importlib.util import find_spec

from neve import log
from neve.clock import Clock
from neve.neighbours.child.closed import PASSWORD
from neve.neighbours.child.say import MARK
from neve.neighbours.request import Address, nobody, unavailable

START_SECONDS = 30.0
"""From its start until it says that it is ready; 0.5 s on an idle machine."""

WAIT_SECONDS = 35.0
"""How long a request waits for it."""

STEADY_SECONDS = 60.0
"""Who lived so long did not die of its start: the next one is started at once."""

FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS = 0.2, 30.0
_END_SECONDS = 2.0
_NEEDED = ("moto", "flask", "flask_cors")
INSTALL = "pip install 'neve[neighbours]'"


def installed() -> bool:
    """Whether moto and what its server needs are there."""
    return all(find_spec(name) is not None for name in _NEEDED)


class MotoProcess:
    """One supervised process. `address` may be asked from any number of requests at once."""

    def __init__(self, clock: Clock, url: str, secret: str = "neve", closed: bool = False) -> None:
        """`secret` is what it signs with when it calls Neve; `closed` lets it answer to who knows that secret alone."""
        self.password = secret if closed else None
        self._secret = secret
        self._clock = clock
        self._url = url
        self._socket: socket.socket | None = None
        self._ready = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._reason = "it is starting"
        self.pid: int | None = None

    async def address(self) -> Address:
        """Where it listens, once it does. Unanswered when moto is not installed or does not come up in time."""
        if self._task is None:
            self._begin()
        try:
            async with asyncio.timeout(WAIT_SECONDS):
                await self._ready.wait()
        except TimeoutError:
            raise unavailable(f"The neighbours' process does not come up: {self._reason}.") from None
        assert self._socket is not None
        return Address("127.0.0.1", self._socket.getsockname()[1])

    async def close(self) -> None:
        """End it; nothing is left."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        if self._socket is not None:
            self._socket.close()

    def _begin(self) -> None:
        if not installed():
            raise nobody(f"moto, which answers for the other AWS services, is not installed: {INSTALL}.")
        if self._socket is None:
            self._socket = socket.create_server(("127.0.0.1", 0), backlog=1024)
        self._task = asyncio.create_task(self._supervise(self._socket), name="neighbours")

    async def _supervise(self, listener: socket.socket) -> None:
        pause = FIRST_PAUSE_SECONDS
        while True:
            started = self._clock.now()
            try:
                await self._live(listener)
            except OSError as error:
                self._reason = f"it cannot be started ({error})"
            log.warn("neighbours.ended", reason=self._reason, lost="everything that they held")
            pause = FIRST_PAUSE_SECONDS if self._clock.now() - started > STEADY_SECONDS else pause
            await self._clock.sleep(pause)
            pause = min(pause * 2, LONGEST_PAUSE_SECONDS)

    async def _live(self, listener: socket.socket) -> None:
        """One life, from start to end."""
        process = await self._start(listener)
        last_words: deque[str] = deque(maxlen=5)
        listening = asyncio.create_task(_listen(process, last_words), name="neighbours' words")
        try:
            await self._wait_ready(process)
            await process.wait()
            await listening
            self._reason = _why(process.returncode, last_words)
        finally:
            self._ready.clear()
            self.pid = None
            listening.cancel()
            await _end(process)

    async def _start(self, listener: socket.socket) -> asyncio.subprocess.Process:
        """A new process. One that is stopped half-way leaves asyncio with pipes that nobody closes: it is started first."""
        starting = asyncio.ensure_future(
            asyncio.create_subprocess_exec(
                *(sys.executable, "-P", "-m", "neve.neighbours.child", str(listener.fileno()), self._url),
                stdin=asyncio.subprocess.PIPE,  # closed by our end, however we end: that is how it learns of it
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.PIPE,
                pass_fds=[listener.fileno()],
                start_new_session=True,  # Ctrl-C is for Neve, which lets functions finish their calls
                env=_variables(self._secret, self.password),
            )
        )
        try:
            return await asyncio.shield(starting)
        except asyncio.CancelledError:
            await _end(await starting)
            raise

    async def _wait_ready(self, process: asyncio.subprocess.Process) -> None:
        assert process.stdout is not None
        try:
            async with asyncio.timeout(START_SECONDS):
                line = await process.stdout.readline()
        except TimeoutError:
            log.warn("neighbours.slow", seconds=START_SECONDS)
            process.kill()
            return
        if line == b"ready\n":
            self.pid = process.pid
            self._ready.set()
            log.note("neighbours.ready", pid=process.pid)


async def _listen(process: asyncio.subprocess.Process, last_words: "deque[str]") -> None:
    assert process.stderr is not None
    with contextlib.suppress(ValueError):  # a line without end
        async for raw in process.stderr:
            line = raw.decode(errors="replace").rstrip()
            if line.startswith(MARK):
                log.warn("neighbours.warned", line=line.removeprefix(MARK))
            else:
                last_words.append(line)
                log.note("neighbours.said", line=line)


def _why(status: int | None, last_words: "deque[str]") -> str:
    if status is not None and status < 0:
        return f"signal {-status} ended it"
    ended = f"it ended with status {status}"
    return f"{ended} ({last_words[-1]})" if last_words else ended


async def _end(process: asyncio.subprocess.Process) -> None:
    if process.returncode is not None:
        return
    assert process.stdin is not None
    process.stdin.close()
    # No `asyncio.timeout`: in a task that is being cancelled it tells no timeout up to Python 3.11.2.
    ending = asyncio.ensure_future(process.wait())
    await asyncio.wait([ending], timeout=_END_SECONDS)
    if not ending.done():
        process.kill()
    await ending


def _variables(secret: str, password: str | None) -> dict[str, str]:
    """Nothing of AWS from the machine: moto must not find an account, a profile or a region that nobody named."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "MOTO_", "S3_"))}
    if password is not None:
        kept[PASSWORD] = password
    return kept | {
        "AWS_ACCESS_KEY_ID": "neve",
        "AWS_SECRET_ACCESS_KEY": secret,
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "AWS_EC2_METADATA_DISABLED": "true",
        "MOTO_ALLOW_NONEXISTENT_REGION": "true",
        "S3_IGNORE_SUBDOMAIN_BUCKETNAME": "true",  # Neve asks for buckets by path always
    }
