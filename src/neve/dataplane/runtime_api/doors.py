"""What all doors of one environment share: who is inside, who waits, who is told."""

from neve.dataplane.runtime_api.http import Exchange
from neve.dataplane.runtime_api.listener import Listener
from neve.dataplane.runtime_api.mailbox import Mailbox
from neve.dataplane.runtime_api.runtime import Runtime
from neve.dataplane.runtime_api.subscriptions import Subscriptions
from neve.domain.extension import Extension, Extensions, ExtensionState
from neve.domain.function import Function


class Doors:
    """One environment's, for one start of its processes."""

    def __init__(self, function: Function, listener: Listener, subscriptions: Subscriptions) -> None:
        self.function = function
        self.listener = listener
        self.subscriptions = subscriptions
        self.runtime = Runtime()
        self.extensions = Extensions()
        self.init_is_over = False
        self.streaming: Exchange | None = None  # the post of a streamed response
        self.restoring: Exchange | None = None  # a blocked restore/next
        self._mailboxes: dict[str, Mailbox] = {}

    @property
    def everything_waits(self) -> bool:
        """The runtime and every extension asked for their next event, and nothing is on the way to them."""
        return self.runtime.waits and all(self._waits(each) for each in self.extensions)

    def runtime_waits(self, tell: bool = True) -> None:
        """The runtime asked. Its listener needs no telling when it asked by a frame."""
        self.extensions.close_for_internal()
        self._look()
        if tell:
            self.listener.runtime_waits()

    def extension_waits(self, extension: Extension) -> None:
        """An extension asked."""
        self._look()
        self.listener.extension_waits(extension)

    def mailbox(self, extension: Extension) -> Mailbox:
        """Where the extension's events lie; it must have registered."""
        box = self._mailboxes.get(extension.identifier)
        if box is None:
            box = Mailbox(lambda: extension.move(ExtensionState.RUNNING))
            self._mailboxes[extension.identifier] = box
        return box

    def _waits(self, extension: Extension) -> bool:
        return extension.state is ExtensionState.READY and not self.mailbox(extension).holds

    def _look(self) -> None:
        """The init phase is over when everything waits for the first time: registrations and subscriptions close."""
        if not self.init_is_over and self.everything_waits:
            self.init_is_over = True
            self.extensions.close()
            self.subscriptions.close()
