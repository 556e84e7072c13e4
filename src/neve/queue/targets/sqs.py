"""A standard queue: the record as the message's body. Source: async-invocation facts §3, §4."""

from typing import Any

from neve.domain.destination import DeadLetterAttributes, Delivery
from neve.domain.world import World
from neve.queue.targets.clients import Clients


class Queues:
    """All queues; their URLs are asked for once."""

    def __init__(self) -> None:
        self._urls: dict[str, str] = {}

    def send(self, clients: Clients, delivery: Delivery) -> None:
        """Put one message. What botocore raises is raised."""
        _, _, _, region, account, name = delivery.target_arn.split(":", 5)
        client = clients.client("sqs", World(account, region))
        url = self._urls.get(delivery.target_arn)
        if url is None:
            url = client.get_queue_url(QueueName=name, QueueOwnerAWSAccountId=account)["QueueUrl"]
            self._urls[delivery.target_arn] = url
        try:
            client.send_message(QueueUrl=url, **_message(delivery))
        except client.exceptions.ClientError:
            self._urls.pop(delivery.target_arn, None)  # it may have been deleted, or made anew elsewhere
            raise


def _message(delivery: Delivery) -> dict[str, Any]:
    message: dict[str, Any] = {"MessageBody": delivery.body.decode()}
    if delivery.trace_header:
        header = {"DataType": "String", "StringValue": delivery.trace_header}
        message["MessageSystemAttributes"] = {"AWSTraceHeader": header}
    if delivery.attributes is not None:
        message["MessageAttributes"] = dead_letter_attributes(delivery.attributes)
    return message


def dead_letter_attributes(told: DeadLetterAttributes) -> dict[str, dict[str, str]]:
    """As SQS and SNS take them. A value may not be empty, so an error without a text has none."""
    found = {
        "RequestID": {"DataType": "String", "StringValue": told.request_id},
        "ErrorCode": {"DataType": "Number", "StringValue": str(told.error_code)},
        "ErrorMessage": {"DataType": "String", "StringValue": told.error_message},
    }
    return {name: value for name, value in found.items() if value["StringValue"]}
