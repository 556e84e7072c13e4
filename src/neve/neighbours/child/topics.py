"""SNS: subscriptions with the protocol `lambda` invoke functions of Neve. Source: AWS, "Using AWS Lambda with Amazon SNS"."""

import base64
from collections.abc import Mapping
from typing import Any

from moto.sns import models

from neve.neighbours.child.functions import Neve
from neve.neighbours.child.replace import replace
from neve.neighbours.child.times import milliseconds


def install(neve: Neve) -> None:
    """From now on."""

    def made(publish: Any) -> Any:
        def published(self: Any, message: str, message_id: str, *rest: Any, **more: Any) -> None:
            if self.protocol != "lambda":
                publish(self, message, message_id, *rest, **more)
                return
            _publish(neve, self, message, message_id, *rest, **more)

        return published

    replace(models.Subscription, "publish", made)


def _publish(
    neve: Neve,
    subscription: Any,
    message: str,
    message_id: str,
    subject: str | None = None,
    message_attributes: dict[str, Any] | None = None,
    group_id: str | None = None,
    deduplication_id: str | None = None,
    message_structure: str | None = None,
) -> None:
    matcher = subscription._filter_policy_matcher
    if matcher is not None and not matcher.matches(message_attributes, message):
        return
    if message_structure == "json":
        message = subscription._parse_message_structure(message, "lambda")
    neve.invoke_event(
        subscription.endpoint, event(subscription, message, message_id, subject, message_attributes or {})
    )


def event(
    subscription: Any, message: str, message_id: str, subject: str | None, attributes: Mapping[str, Any]
) -> dict[str, Any]:
    """What the function gets."""
    arn = subscription.arn
    base = f"https://sns.{arn.split(':')[3]}.amazonaws.com"
    told = {
        "Type": "Notification",
        "MessageId": message_id,
        "TopicArn": subscription.topic.arn,
        "Subject": subject,
        "Message": message,
        "Timestamp": milliseconds(),
        "SignatureVersion": "1",
        "Signature": "bmV2ZQ==",  # nobody signs here
        "SigningCertUrl": f"{base}/SimpleNotificationService-neve.pem",
        "UnsubscribeUrl": f"{base}/?Action=Unsubscribe&SubscriptionArn={arn}",
        "MessageAttributes": {
            name: {"Type": each["Type"], "Value": _text(each["Value"])} for name, each in attributes.items()
        },
    }
    record = {"EventSource": "aws:sns", "EventVersion": "1.0", "EventSubscriptionArn": arn, "Sns": told}
    return {"Records": [record]}


def _text(value: Any) -> str:
    return base64.b64encode(value).decode() if isinstance(value, bytes) else str(value)
