"""Every target there is, chosen by its ARN."""

from collections.abc import Callable, Mapping

from neve.domain.destination import Delivery
from neve.domain.target_arn import TargetKind, target_kind
from neve.queue.target import TargetRejected
from neve.queue.targets import events, function, s3, sns
from neve.queue.targets.clients import Clients, traced, translated
from neve.queue.targets.function import InvokeEvent
from neve.queue.targets.sqs import Queues

_Send = Callable[[Clients, Delivery], None]


class AllTargets:
    """The targets of a Neve whose door is at `url`; `invoke` takes events for functions. `close` at the end."""

    def __init__(self, url: str, invoke: InvokeEvent, secret: str = "neve") -> None:
        self._clients = Clients(url, secret)
        self._invoke = invoke
        self._senders: Mapping[TargetKind, _Send] = {
            TargetKind.QUEUE: Queues().send,
            TargetKind.TOPIC: sns.publish,
            TargetKind.BUS: events.put,
            TargetKind.BUCKET: s3.put,
        }

    async def send(self, delivery: Delivery) -> None:
        """As `Targets.send` promises."""
        kind = target_kind(delivery.target_arn)
        if kind is None:
            raise TargetRejected(f"Nothing can be delivered to {delivery.target_arn}.")
        if kind is TargetKind.FUNCTION:
            await function.send(self._invoke, delivery)
        else:
            await self._clients.run(lambda: self._send(self._senders[kind], delivery))

    def close(self) -> None:
        """Take no more deliveries."""
        self._clients.close()

    def _send(self, sender: _Send, delivery: Delivery) -> None:
        with translated(), traced(delivery.trace_header):
            sender(self._clients, delivery)
