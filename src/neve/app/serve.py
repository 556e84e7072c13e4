"""How Neve starts and stops.

Start, in this order: data directory (and its lock), what dead Neves left, storage, the parts (`parts.py`), door, queue.
Stop, in the reverse: the queue begins no more, the door takes no more, running invocations end (bounded), environments go,
what became of events is written, storage is closed.
"""

import asyncio
import gc
import resource
import socket
from collections.abc import Callable, Sequence

import uvicorn
import uvloop

from neve import log
from neve.api import operator
from neve.api.server import create_server
from neve.app.doors import door_of
from neve.app.listening import listen, url_of
from neve.app.parts import Ground, Parts, begun, wired
from neve.app.stop import Stop
from neve.app.storage import Storage, opened
from neve.app.tasks import end, ended_before, first
from neve.clock import Clock
from neve.control.functions import Functions
from neve.dataplane.fitting import RuntimeKind, kind_of
from neve.dataplane.sandbox import private_mounts
from neve.dataplane.sandbox.choose import choose_kind
from neve.settings import Settings
from neve.storage.data_dir import DataDir

_RUNTIMES_LOOKED_AT = 100
# What the server may still need after the data plane gave every caller its answer.
_LAST_WORDS_SECONDS = 2

OnReady = Callable[[str, Sequence[str]], None]


def serve(settings: Settings, *, on_ready: OnReady | None = None) -> int:
    """Run until SIGTERM or SIGINT; the exit status. `on_ready` gets the URL, and what is not isolated, once calls are
    accepted.

    OperatorError when the settings, the port or the data directory do not allow a start.
    """
    _allow_open_files()
    _have_mounts_of_our_own(settings)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(_serve(settings, on_ready or (lambda url, missing: None)))


# The process


def _allow_open_files() -> None:
    """Each environment holds a handful of descriptors: take as many as the system gives. Functions get the service's 1,024."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def _collect_seldom() -> None:
    """For the collector of cycles: what a start made stays, and what invocations make has no cycles. Looking for some after
    every 700 objects was a twentieth of what an invocation cost, and a wait for whoever came at that moment."""
    gc.freeze()
    gc.set_threshold(20_000, 20, 50)


def _have_mounts_of_our_own(settings: Settings) -> None:
    """For the `/tmp` of environments; before anything has a thread. Without, the sandbox tells what is missing."""
    reason = private_mounts.enter() if settings.sandbox != "bare" else ""
    if reason:
        log.note("mounts", reason=reason)


# From start to stop


async def _serve(settings: Settings, on_ready: OnReady) -> int:
    stop = Stop()
    # Before anything is made on the machine: a signal during the start must not leave processes and cgroups behind.
    with stop.asked_by_signals(), DataDir.open(settings.data_dir) as data, listen(settings) as listener:
        kind = choose_kind(settings.sandbox, settings.freezer)
        try:
            removed = await kind.sweep()
            if removed:
                log.note("sweep", environments=removed)
            async with opened(data, clock := Clock(settings.virtual_clock), settings) as storage:
                ground = Ground(settings, storage, kind, clock, url_of(listener), stop.closing)
                await _run(ground, listener, stop, on_ready)
        finally:
            await kind.close()
    return 0


async def _run(ground: Ground, listener: socket.socket, stop: Stop, on_ready: OnReady) -> None:
    parts = await wired(ground)
    door = door_of(ground, parts)
    tasks = begun(ground, parts)
    try:
        if await ended_before(stop.closing, _recover(parts.control.functions)):
            server = create_server(door, ground.settings.host, ground.settings.port)
            parts.plane.stock.keep(lambda: _runtimes_in_use(ground.storage))
            async with operator.listening(ground.storage.folder, parts.callers.keys):
                await _accept(ground, parts, server, listener, stop, on_ready)
    finally:
        await parts.close(tasks)


async def _recover(functions: Functions) -> None:
    """What has to be done before the first call is accepted."""
    await functions.finish_pending()
    await functions.concurrency.restore()  # what is kept initialized is ready to run by then


async def _runtimes_in_use(storage: Storage) -> list[RuntimeKind]:
    kinds = (kind_of(*each) for each in await storage.functions.runtimes_in_use(_RUNTIMES_LOOKED_AT))
    return [kind for kind in kinds if kind is not None]


# The server


async def _accept(
    ground: Ground, parts: Parts, server: uvicorn.Server, listener: socket.socket, stop: Stop, on_ready: OnReady
) -> None:
    """Serve until a signal asks to stop, then let what runs end; a second signal ends the patience."""
    started = _tell_started(server)
    serving = asyncio.create_task(server._serve([listener]), name="server")
    asked = asyncio.create_task(stop.closing.wait(), name="stop")
    if await first(started, serving) is started:
        await parts.events.queue.start()  # functions may call back from their first event on
        _collect_seldom()
        on_ready(ground.url, ground.kind.missing)
        await first(asked, serving)
    stop.closing.set()
    server.should_exit = True  # it closes the door now and waits for its connections
    parts.events.queue.close()
    await parts.plane.close(ground.settings.drain_seconds, stop.hurry)
    await end([started, asked])
    await _last_words(serving)


def _tell_started(server: uvicorn.Server) -> "asyncio.Task[bool]":
    """Done once the server accepts calls, which uvicorn tells nobody."""
    ready = asyncio.Event()
    startup = server.startup

    async def told(sockets: list[socket.socket] | None = None) -> None:
        await startup(sockets)
        ready.set()

    server.startup = told  # type: ignore[method-assign]
    return asyncio.create_task(ready.wait(), name="started")


async def _last_words(serving: "asyncio.Task[None]") -> None:
    """Every caller has its answer by now; what keeps a connection open longer is cut off."""
    done, _ = await asyncio.wait([serving], timeout=_LAST_WORDS_SECONDS)
    if not done:
        log.warn("server.stop", reason="connections did not end in time")
    await end([serving])
