"""A standard topic: the record as the message. Source: async-invocation facts §3, §4."""

from typing import Any

from neve.domain.destination import Delivery
from neve.domain.limits import SNS_MESSAGE_BYTES
from neve.domain.world import World
from neve.queue.target import TargetRejected
from neve.queue.targets.clients import Clients
from neve.queue.targets.sqs import dead_letter_attributes


def publish(clients: Clients, delivery: Delivery) -> None:
    """Publish one message. TargetRejected when it is too large for a topic; what botocore raises is raised."""
    if len(delivery.body) > SNS_MESSAGE_BYTES:
        raise TargetRejected(
            f"The message has {len(delivery.body)} bytes, and a topic takes {SNS_MESSAGE_BYTES} at most; "
            "a queue takes more."
        )
    _, _, _, region, account, _ = delivery.target_arn.split(":", 5)
    more: dict[str, Any] = {}
    if delivery.attributes is not None:
        more["MessageAttributes"] = dead_letter_attributes(delivery.attributes)
    client = clients.client("sns", World(account, region))
    client.publish(TopicArn=delivery.target_arn, Message=delivery.body.decode(), **more)
