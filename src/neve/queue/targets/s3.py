"""A bucket: the record as an object. Source: async-invocation facts §3."""

from datetime import UTC, datetime

from neve.domain.arn import parse_function_name
from neve.domain.destination import Delivery
from neve.queue.targets.clients import Clients


def put(clients: Clients, delivery: Delivery) -> None:
    """Put one object; the same one again when it is sent again. What botocore raises is raised."""
    bucket = delivery.target_arn.split(":", 5)[5]
    clients.client("s3", delivery.world).put_object(Bucket=bucket, Key=key(delivery), Body=delivery.body)


def key(delivery: Delivery) -> str:
    """`aws/lambda/async/<function>/YYYY/MM/DD/YYYY-MM-DDTHH.MM.SS-<UUID>`, in UTC."""
    made = datetime.fromtimestamp(delivery.made_ms / 1000, UTC)
    name = parse_function_name(delivery.function_arn).name
    return f"aws/lambda/async/{name}/{made:%Y/%m/%d/%Y-%m-%dT%H.%M.%S}-{delivery.id}"
