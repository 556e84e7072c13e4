"""Where one event waits for whoever asks for it, or whoever asks waits for an event."""

from collections.abc import Callable

from neve.dataplane.runtime_api.http import Exchange, Reply


class Mailbox:
    """One party's. `given` is called when an event goes out."""

    def __init__(self, given: Callable[[], None]) -> None:
        self._given = given
        self._reply: Reply | None = None
        self._waiting: list[Exchange] = []

    @property
    def holds(self) -> bool:
        """Whether an event lies here that nobody has asked for yet."""
        return self._reply is not None

    def put(self, reply: Reply) -> None:
        """Give the event to who waits, else keep it."""
        self._reply = reply
        self._give()

    def ask(self, exchange: Exchange) -> None:
        """Answer with the event, as soon as there is one."""
        self._waiting = [each for each in self._waiting if each.open]
        self._waiting.append(exchange)
        self._give()

    def clear(self) -> None:
        """Forget the event that nobody asked for."""
        self._reply = None

    def _give(self) -> None:
        """To the last who asked: one that asked before may be a connection that its client has given up."""
        while self._reply is not None and self._waiting:
            exchange = self._waiting.pop()
            if exchange.open:
                reply, self._reply = self._reply, None
                self._given()
                exchange.answer(reply)
