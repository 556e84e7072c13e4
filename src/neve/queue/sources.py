"""Whether a source is there, asked of the service that has it, before a mapping of it is kept.

What cannot be asked (nobody answers for the service, it is slow, it refuses for another reason) is taken for granted.
"""

from collections.abc import Callable, Mapping
from typing import Any

from neve import log
from neve.domain.errors import InvalidParameterValue
from neve.domain.event_source import Source, SourceKind
from neve.domain.world import World
from neve.queue.target import TargetRejected, TargetUnreachable
from neve.queue.targets.clients import Clients, translated

_Look = Callable[[Clients, str, int], None]


class Sources:
    """Of every world; `url` is Neve's own door. `close` at the end."""

    def __init__(self, url: str, secret: str = "neve") -> None:
        self._clients = Clients(url, secret)

    async def check(self, source: Source, timeout_s: int) -> None:
        """InvalidParameterValue in the service's words when the source is not there, or not fit for a function that may
        run for `timeout_s`."""
        look = _LOOKS.get(source.kind)
        if look is None or source.arn is None:
            return
        arn = source.arn
        try:
            await self._clients.run(lambda: _look(look, self._clients, arn, timeout_s))
        except (TargetRejected, TargetUnreachable) as error:
            log.note("event source not looked at", source=arn, reason=error.reason)

    def close(self) -> None:
        """Ask no more."""
        self._clients.close()


def _look(look: _Look, clients: Clients, arn: str, timeout_s: int) -> None:
    with translated():
        look(clients, arn, timeout_s)


def _queue(clients: Clients, arn: str, timeout_s: int) -> None:
    name = arn.rpartition(":")[2]
    world = _world(arn)
    client = clients.client("sqs", world)
    try:
        url = client.get_queue_url(QueueName=name, QueueOwnerAWSAccountId=world.account)["QueueUrl"]
    except client.exceptions.QueueDoesNotExist as error:
        raise InvalidParameterValue(
            "Error occurred while ReceiveMessage. SQS Error Code: AWS.SimpleQueueService.NonExistentQueue. "
            "SQS Error Message: The specified queue does not exist."
        ) from error
    attributes: Mapping[str, str] = client.get_queue_attributes(QueueUrl=url, AttributeNames=["VisibilityTimeout"])[
        "Attributes"
    ]
    visible_s = int(attributes.get("VisibilityTimeout", timeout_s))
    if visible_s < timeout_s:
        raise InvalidParameterValue(
            f"Queue visibility timeout: {visible_s} seconds is less than Function timeout: {timeout_s} seconds"
        )


def _stream(clients: Clients, arn: str, timeout_s: int) -> None:
    client = clients.client("kinesis", _world(arn))
    _exists(client, arn, lambda: client.describe_stream_summary(StreamName=arn.split("/")[1]))


def _table_stream(clients: Clients, arn: str, timeout_s: int) -> None:
    client = clients.client("dynamodbstreams", _world(arn))
    _exists(client, arn, lambda: client.describe_stream(StreamArn=arn, Limit=1))


def _exists(client: Any, arn: str, describe: Callable[[], object]) -> None:
    try:
        describe()
    except client.exceptions.ResourceNotFoundException as error:
        raise InvalidParameterValue(f"Stream not found: {arn}") from error


def _world(arn: str) -> World:
    parts = arn.split(":")
    return World(parts[4], parts[3])


_LOOKS: Mapping[SourceKind, _Look] = {
    SourceKind.QUEUE: _queue,
    SourceKind.FIFO_QUEUE: _queue,
    SourceKind.STREAM: _stream,
    SourceKind.TABLE_STREAM: _table_stream,
}
