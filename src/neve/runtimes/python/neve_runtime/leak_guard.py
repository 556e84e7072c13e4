"""Nothing of the watch may hurt the user: the first fault of its own ends it, and is told."""

from __future__ import annotations

from . import frames

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, TypeVar

    _Hook = TypeVar("_Hook", bound=Callable[..., None])


class Guard:
    """That of one watch."""

    def __init__(self, channel: frames.Channel) -> None:
        self.stopped = False
        self._channel = channel

    def stop(self) -> None:
        """Watch no more: this is another process, or something is wrong."""
        self.stopped = True

    def run(self, call: Callable[..., Any], *given: Any) -> Any:
        """What it returns; None once something is wrong."""
        if not self.stopped:
            try:
                return call(*given)
            except Exception as error:
                self._failed(error)
        return None

    def _failed(self, error: Exception) -> None:
        """The watch itself has failed, or nobody listens any more."""
        self.stopped = True
        if not isinstance(error, frames.ChannelEnded):
            self._tell(error)

    def _tell(self, error: Exception) -> None:
        import traceback

        reason = "".join(traceback.format_exception(type(error), error, error.__traceback__))[-2000:]
        try:
            self._channel.send(frames.frame(frames.LEAK, {"news": [{"is": "broken", "reason": reason}]}))
        except frames.ChannelEnded:
            return


def hook(call: _Hook) -> _Hook:
    """A method that a patch calls, of a class with a `guard`."""

    def guarded(self: Any, *given: Any) -> None:
        self.guard.run(call, self, *given)

    return guarded  # type: ignore[return-value]
