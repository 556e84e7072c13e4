"""One small HTTP server for each environment: the address that is its AWS_LAMBDA_RUNTIME_API.

It costs a listening socket while nothing happens. One server belongs to one start of an environment's processes, so that
what an earlier start still says cannot reach a later one.
"""

import asyncio
import socket
from collections.abc import Callable

from neve.dataplane.runtime_api.connection import Connection
from neve.dataplane.runtime_api.doors import Doors
from neve.dataplane.runtime_api.error import open_error
from neve.dataplane.runtime_api.extension import (
    open_event_next,
    open_extension_exit_error,
    open_extension_init_error,
    open_register,
    tell_invoke,
    tell_shutdown,
)
from neve.dataplane.runtime_api.http import Exchange, Intake, Reply, Whole
from neve.dataplane.runtime_api.init_error import open_init_error
from neve.dataplane.runtime_api.listener import Event, Listener
from neve.dataplane.runtime_api.next import open_next, render_event
from neve.dataplane.runtime_api.response import open_response
from neve.dataplane.runtime_api.restore import answer_restored, open_restore_error, open_restore_next
from neve.dataplane.runtime_api.subscriptions import Subscriptions
from neve.dataplane.runtime_api.telemetry import open_logs, open_telemetry
from neve.domain.errors import SandboxFailed
from neve.domain.extension import Extensions
from neve.domain.function import Function
from neve.domain.runtime_state import RuntimeState

_BACKLOG = 128
_MOST_CONNECTIONS = 128  # a runtime and ten extensions need two dozen

_Open = Callable[[Doors, Exchange], Intake]


def _open_ping(doors: Doors, exchange: Exchange) -> Intake:
    return Whole(exchange, 0, lambda body: Reply(200, b"pong", "text/plain"))


ROUTES: dict[str, tuple[str, _Open]] = {
    "/2018-06-01/ping": ("GET", _open_ping),
    "/2018-06-01/runtime/invocation/next": ("GET", open_next),
    "/2018-06-01/runtime/init/error": ("POST", open_init_error),
    "/2018-06-01/runtime/restore/next": ("GET", open_restore_next),
    "/2018-06-01/runtime/restore/error": ("POST", open_restore_error),
    "/2020-01-01/extension/register": ("POST", open_register),
    "/2020-01-01/extension/event/next": ("GET", open_event_next),
    "/2020-01-01/extension/init/error": ("POST", open_extension_init_error),
    "/2020-01-01/extension/exit/error": ("POST", open_extension_exit_error),
    "/2022-07-01/telemetry": ("PUT", open_telemetry),
    "/2022-07-01/telemetry/": ("PUT", open_telemetry),  # as its documentation says
    "/2020-08-15/logs": ("PUT", open_logs),
}
_INVOCATION = "/2018-06-01/runtime/invocation/"
_ANSWERS = {"response": open_response, "error": open_error}


class RuntimeApi:
    """The doors of one environment. All methods belong to the event loop's thread."""

    def __init__(self, function: Function, listener: Listener, subscriptions: Subscriptions) -> None:
        self._doors = Doors(function, listener, subscriptions)
        self._connections: set[Connection] = set()
        self._server: asyncio.Server | None = None
        self._address = ""

    @property
    def address(self) -> str:
        """`127.0.0.1:PORT`, once it was started."""
        return self._address

    @property
    def everything_waits(self) -> bool:
        """The runtime and every extension asked for their next event: the next invocation may come, or the freeze."""
        return self._doors.everything_waits

    @property
    def extensions(self) -> Extensions:
        """Who is expected or has registered; call `extensions.expect(file names)` before external ones are started."""
        return self._doors.extensions

    @property
    def runtime_state(self) -> RuntimeState:
        """Where the runtime is."""
        return self._doors.runtime.state

    async def start(self) -> None:
        """Listen. SandboxFailed when the machine has no port or descriptor left."""
        listening = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        try:
            listening.bind(("127.0.0.1", 0))
            loop = asyncio.get_running_loop()
            self._server = await loop.create_server(self._connect, sock=listening, backlog=_BACKLOG)
        except OSError as error:
            listening.close()
            raise SandboxFailed(f"The Runtime API of an environment could not listen: {error.strerror}.") from error
        self._address = f"127.0.0.1:{listening.getsockname()[1]}"

    def close(self) -> None:
        """Stop listening and cut every connection, at once: the listener is told nothing any more."""
        self._doors.runtime.revoke()
        if self._server is not None:
            self._server.close()
            self._server = None
        for connection in list(self._connections):
            connection.abort()

    # What the environment says

    def deliver(self, event: Event, by_frame: bool = False) -> None:
        """Give an invocation to the runtime (unless it has it as a frame) and INVOKE to the extensions that want it.

        Answers who waits; who does not wait yet gets it on asking. Legal when everything waits.
        """
        runtime = self._doors.runtime
        runtime.begin(event.request_id)
        if by_frame:
            runtime.move(RuntimeState.RUNNING)
        else:
            runtime.mailbox.put(render_event(event))
        tell_invoke(self._doors, event)

    def runtime_asked_by_frame(self) -> None:
        """A runtime that speaks frames asked for its next event; ask `everything_waits` afterwards."""
        self._doors.runtime.move(RuntimeState.READY)
        self._doors.runtime_waits(tell=False)

    def revoke(self) -> None:
        """The invocation is over without the runtime (its time ran out): what is posted about it now is refused."""
        self._doors.runtime.revoke()

    def shut_down(self, reason: str, deadline_ms: int) -> None:
        """SHUTDOWN to the extensions that registered for it: `spindown`, `timeout` or `failure`, in Unix ms."""
        tell_shutdown(self._doors, reason, deadline_ms)

    def restored(self) -> None:
        """SnapStart: the snapshot was restored, the runtime goes on."""
        answer_restored(self._doors)

    def hold_stream(self) -> None:
        """Read no more of the response that is being streamed, until `release_stream`."""
        if self._doors.streaming is not None:
            self._doors.streaming.hold()

    def release_stream(self) -> None:
        """Read on."""
        if self._doors.streaming is not None:
            self._doors.streaming.go_on()

    # Connections

    def _connect(self) -> asyncio.BaseProtocol:
        connection = Connection(
            self._open, self._connections.discard, refuse=len(self._connections) >= _MOST_CONNECTIONS
        )
        self._connections.add(connection)
        return connection

    def _open(self, exchange: Exchange) -> Intake:
        method, path = exchange.head.method, exchange.head.path
        if path in ROUTES:
            expected, open_door = ROUTES[path]
            return open_door(self._doors, exchange) if method == expected else _wrong_method(exchange)
        request_id, _, what = path.removeprefix(_INVOCATION).partition("/")
        if not path.startswith(_INVOCATION) or not request_id or what not in _ANSWERS:
            return Whole(exchange, 0, lambda body: Reply(404, b"404 page not found\n", "text/plain; charset=utf-8"))
        return _ANSWERS[what](self._doors, exchange, request_id) if method == "POST" else _wrong_method(exchange)


def _wrong_method(exchange: Exchange) -> Intake:
    return Whole(exchange, 0, lambda body: Reply(405))
