"""The leak watch of this process, for those who tell it what happens. Without one (level `off`) this is all there is of it."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any


class Nobody:
    """Watches nothing. What everybody may call at any time."""

    def begin(self, header: Mapping[str, Any]) -> None:
        """An event has arrived."""

    def end(self) -> Sequence[bytes]:
        """The invocation is over: frames to send before the next event is asked for. Also called after the init phase."""
        return ()

    def left_over(self) -> str | None:
        """Whose work is speaking, when it is an earlier invocation's: its request id."""
        return None

    def dying(self, error: BaseException) -> None:
        """This ends the process."""


watch: Nobody = Nobody()
"""Read it through the module: it is set once, before user code runs."""
