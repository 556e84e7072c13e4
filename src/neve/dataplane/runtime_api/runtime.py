"""What the doors know of the runtime: its state, its invocation, and the event that it waits for."""

from neve.dataplane.runtime_api.http import Reply, refusal
from neve.dataplane.runtime_api.mailbox import Mailbox
from neve.domain.runtime_state import RefusedMove, RuntimeState, move


class Runtime:
    """One runtime, whether it speaks HTTP or frames."""

    def __init__(self) -> None:
        self.state = RuntimeState.STARTED
        self.mailbox = Mailbox(lambda: self.move(RuntimeState.RUNNING))
        self._invocation: str | None = None
        self._revoked = False

    @property
    def waits(self) -> bool:
        """It asked for an event and none is on the way to it."""
        return self.state is RuntimeState.READY and not self.mailbox.holds

    def move(self, target: RuntimeState) -> None:
        """Go there; RefusedMove when the table does not allow it."""
        self.state = move(self.state, target)

    def try_move(self, target: RuntimeState) -> Reply | None:
        """Go there, or the refusal."""
        try:
            self.move(target)
        except RefusedMove as refused:
            return _refused(refused)
        return None

    def begin(self, request_id: str) -> None:
        """This invocation is the current one."""
        self._invocation = request_id
        self._revoked = False

    def revoke(self) -> None:
        """The current invocation is over without it: what it posts now is too late."""
        self._revoked = True
        self.mailbox.clear()

    def is_current(self, request_id: str) -> bool:
        """Whether this is the last invocation that it got, and the invocation was not revoked."""
        return request_id == self._invocation and not self._revoked

    def why_not(self, request_id: str, target: RuntimeState) -> Reply | None:
        """The refusal of a post about this invocation, or None when it is welcome. Changes nothing."""
        if self._invocation is not None and not self.is_current(request_id):
            return refusal(400, "InvalidRequestID", "Invalid request ID")
        try:
            move(self.state, target)
        except RefusedMove as refused:
            return _refused(refused)
        return None


def _refused(refused: RefusedMove) -> Reply:
    return refusal(403, "InvalidStateTransition", str(refused))
