"""ARNs of what a record or an event may be delivered to: a queue, a topic, a bus, a bucket, a function.

Standard queues and topics only: what ends in `.fifo` is refused everywhere (async-invocation facts §3, §4).
"""

from enum import Enum


class TargetKind(Enum):
    """What an ARN names."""

    QUEUE = "queue"
    TOPIC = "topic"
    FUNCTION = "function"
    BUS = "event bus"
    BUCKET = "bucket"


_BEGINNINGS = {
    "sqs": (TargetKind.QUEUE, ""),
    "sns": (TargetKind.TOPIC, ""),
    "lambda": (TargetKind.FUNCTION, "function:"),
    "events": (TargetKind.BUS, "event-bus/"),
    "s3": (TargetKind.BUCKET, ""),
}


def target_kind(arn: str) -> TargetKind | None:
    """What this ARN names; None when nothing can be delivered there."""
    parts = arn.split(":", 5)
    if len(parts) != 6 or parts[0] != "arn" or parts[2] not in _BEGINNINGS:
        return None
    kind, beginning = _BEGINNINGS[parts[2]]
    resource = parts[5]
    if not resource.startswith(beginning) or resource == beginning:
        return None
    if kind in {TargetKind.QUEUE, TargetKind.TOPIC} and (":" in resource or resource.endswith(".fifo")):
        return None
    return kind
