"""Who takes part in one start of an environment: its runtime, by frames or over HTTP, and its extensions.

Whatever way a word comes, the environment hears it as a frame (design D5): NEXT when the runtime asks, ALL_NEXT once every
extension waits too, an answer only if it is about the current invocation.
"""

import json
import socket
from collections.abc import Callable

import msgspec

from neve.dataplane import channel as frames
from neve.dataplane.channel import Channel, OnFrame
from neve.dataplane.plan import Plan
from neve.dataplane.runtime_api.error import reported_type
from neve.dataplane.runtime_api.listener import Event, FunctionError, Subscribed
from neve.dataplane.runtime_api.server import RuntimeApi
from neve.dataplane.runtime_api.subscriptions import Subscriptions
from neve.dataplane.sandbox.sandbox import Command
from neve.domain.extension import Extension, Extensions


class Parties:
    """One generation's. `on_word(kind, header, body)` gets what is said, in the terms of `channel.py`.

    `on_extension` gets each extension that registered, or said that it fails: its state tells.
    """

    def __init__(
        self,
        plan: Plan,
        subscriptions: Subscriptions,
        ours: socket.socket,
        on_word: OnFrame,
        on_extension: Callable[[Extension], None],
        on_subscribed: Callable[[Subscribed], None],
    ) -> None:
        self._on_word = on_word
        self._on_extension = on_extension
        self._on_subscribed = on_subscribed
        self._by_frame = False  # how the runtime asked last: a wrapper may start another than ours
        self._channel = Channel(ours, self._on_frame)
        self._api = RuntimeApi(plan.function, self, subscriptions)
        self._api.extensions.expect(plan.extensions)
        self._alone = False  # a runtime that speaks frames and no extension: nothing but the channel matters

    @property
    def has_extensions(self) -> bool:
        """Whether anybody beside the runtime takes part."""
        return not self._alone and len(self._api.extensions) > 0

    @property
    def extensions(self) -> Extensions:
        """Everybody beside the runtime, or who should be."""
        return self._api.extensions

    async def open(self) -> str:
        """Open the HTTP door and return its address, the processes' AWS_LAMBDA_RUNTIME_API. SandboxFailed when it cannot."""
        await self._api.start()
        return self._api.address

    def assign(self, command: Command) -> None:
        """Tell a runtime that was started before it was known for which function."""
        header = {"environment": dict(command.environment), "directory": str(command.directory)}
        self._channel.send(frames.ASSIGN, json.dumps(header).encode())

    def send(self, event: Event) -> None:
        """Give an invocation to everyone who waits for it."""
        if not self._alone:
            self._api.deliver(event, by_frame=self._by_frame)
        if self._by_frame:
            self._channel.send(frames.INVOKE, _header(event), event.body)

    def hold(self, held: bool) -> None:
        """Stop or continue reading the response that is being streamed."""
        if self._by_frame:
            self._channel.hold(held)
        elif held:
            self._api.hold_stream()
        else:
            self._api.release_stream()

    def ask_why(self, request_id: str) -> bool:
        """Ask the runtime what this invocation waits for. False for one that does not speak by frame: it does not know."""
        if self._by_frame:
            self._channel.send(frames.DIAGNOSE, json.dumps({"id": request_id}).encode())
        return self._by_frame

    def drain(self) -> None:
        """Hear what has been said by frame until now."""
        self._channel.drain()

    def revoke(self) -> None:
        """The runtime is not listened to any more."""
        self._api.revoke()

    def shut_down(self, reason: str, deadline_ms: int) -> None:
        """Tell the extensions that want to hear it: `spindown`, `timeout` or `failure`, in Unix ms."""
        self._api.shut_down(reason, deadline_ms)

    def close(self) -> None:
        """End the conversation with everyone."""
        self._channel.close()
        self._api.close()

    # The runtime, by frames

    def _on_frame(self, kind: int, header: frames.Header, body: bytes) -> None:
        if "type" in header:
            header = {**header, "type": reported_type(str(header["type"]))}
        self._on_word(kind, header, body)
        if kind != frames.NEXT:
            return
        self._by_frame = True
        if self._alone:
            self._on_word(frames.ALL_NEXT, {}, b"")
        else:
            self._api.runtime_asked_by_frame()
            self._alone = not len(self._api.extensions)
            self._look()

    def _look(self) -> None:
        if self._api.everything_waits:
            self._on_word(frames.ALL_NEXT, {}, b"")

    # Everyone, over HTTP: what `Listener` asks for

    def runtime_waits(self) -> None:
        """The runtime asked over HTTP."""
        self._by_frame = False
        self._on_word(frames.NEXT, {}, b"")
        self._look()

    def responded(self, request_id: str, body: bytes, content_type: str) -> None:
        """The runtime answered."""
        self._on_word(frames.RESPONSE, {"id": request_id}, body)

    def stream_started(self, request_id: str, content_type: str) -> None:
        """The runtime began to answer."""
        self._on_word(frames.STREAM_START, {"id": request_id, "contentType": content_type}, b"")

    def stream_chunk(self, request_id: str, chunk: bytes) -> None:
        """The runtime went on."""
        self._on_word(frames.CHUNK, {"id": request_id}, chunk)

    def stream_ended(self, request_id: str, error: FunctionError | None) -> None:
        """The runtime has answered, or failed in the middle."""
        header = {"id": request_id} if error is None else {"id": request_id, "type": error.error_type}
        self._on_word(frames.STREAM_END, header, b"" if error is None else error.body)

    def failed(self, request_id: str, error: FunctionError) -> None:
        """The function failed."""
        self._on_word(frames.ERROR, {"id": request_id, "type": error.error_type}, error.body)

    def init_failed(self, error: FunctionError) -> None:
        """The runtime could not initialize."""
        self._on_word(frames.INIT_ERROR, {"type": error.error_type}, error.body)

    def restore_waits(self) -> None:
        """No snapshot is taken: go on at once."""
        self._api.restored()

    def restore_failed(self, error: FunctionError) -> None:
        """What runs after a restore failed: the init did."""
        self.init_failed(error)

    def extension_registered(self, extension: Extension) -> None:
        """One more that has to wait before an invocation is over; the doors count it."""
        self._on_extension(extension)

    def extension_waits(self, extension: Extension) -> None:
        """An extension asked for its next event."""
        self._look()

    def extension_failed(self, extension: Extension, error_type: str, body: bytes) -> None:
        """It says why it goes; its end ends the environment."""
        self._on_extension(extension)

    def subscribed(self, subscription: Subscribed) -> None:
        """An extension reads the telemetry; the doors deliver it."""
        self._on_subscribed(subscription)


def _header(event: Event) -> bytes:
    header: dict[str, object] = {
        "id": event.request_id,
        "deadline": event.deadline_ms,
        "arn": event.invoked_arn,
        "trace": event.trace_id,
    }
    if event.client_context is not None:
        header["clientContext"] = event.client_context
    if event.identity is not None:
        header["identity"] = event.identity
    return msgspec.json.encode(header)
