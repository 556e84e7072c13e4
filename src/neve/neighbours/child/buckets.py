"""S3: what a function, a queue, a topic or the default bus is told of an object. Source: AWS, "Event message structure"."""

import time
import uuid
from typing import Any
from urllib.parse import quote_plus

from flask import has_request_context, request
from moto.s3 import models, notifications

from neve.neighbours.child.functions import Neve
from neve.neighbours.child.replace import replace
from neve.neighbours.child.times import milliseconds, seconds

_REASONS = {
    "ObjectCreated:Put": "PutObject",
    "ObjectCreated:Post": "POST Object",
    "ObjectCreated:Copy": "CopyObject",
    "ObjectCreated:CompleteMultipartUpload": "CompleteMultipartUpload",
    "ObjectRemoved:Delete": "DeleteObject",
    "ObjectRemoved:DeleteMarkerCreated": "DeleteObject",
}
_SUBRESOURCES = {"ObjectTagging": "tagging", "ObjectAcl": "acl"}
_DELETIONS = {
    "ObjectRemoved:Delete": "Permanently Deleted",
    "ObjectRemoved:DeleteMarkerCreated": "Delete Marker Created",
}


def install(neve: Neve) -> None:
    """From now on."""

    def invoke(account: str, event: Any, arn: str, region: str) -> None:
        neve.invoke_event(arn, event)

    def marking(set_marker: Any) -> Any:
        """moto tells nobody of delete markers."""

        def marked(self: Any, bucket_name: str, key_name: str) -> Any:
            marker = set_marker(self, bucket_name, key_name)
            kind = notifications.S3NotificationEvent.OBJECT_REMOVED_DELETE_MARKER_CREATED_EVENT
            notifications.send_event(self.account_id, kind, self.get_bucket(bucket_name), marker)
            return marker

        return marked

    def asked_for(send_event: Any) -> Any:
        """moto tells of tags and access lists that an object merely began with."""

        def sent(account_id: str, event_name: Any, bucket: Any, key: Any) -> None:
            needed = _SUBRESOURCES.get(_name(event_name).partition(":")[0])
            if needed is None or not has_request_context() or needed in request.args:
                send_event(account_id, event_name, bucket, key)

        return sent

    replace(notifications, "send_event", asked_for)
    replace(notifications, "_invoke_awslambda", lambda before: invoke)
    replace(notifications, "_get_s3_event", lambda before: notification)
    replace(notifications, "_send_event_bridge_message", lambda before: _tell_default_bus)
    replace(models.S3Backend, "_set_delete_marker", marking)
    replace(models.S3Backend, "create_bucket", _in_its_account)


def _in_its_account(create_bucket: Any) -> Any:
    """Accounts are separate worlds: moto refuses a name that another has. Who has none of a name still finds another's."""

    def created(self: Any, bucket_name: str, *arguments: Any, **named: Any) -> Any:
        if bucket_name not in self.buckets:
            models.s3_backends.bucket_accounts.pop(bucket_name, None)
        return create_bucket(self, bucket_name, *arguments, **named)

    return created


def notification(event_name: str, bucket: Any, key: Any, notification_id: str) -> dict[str, Any]:
    """What a function, a queue or a topic gets."""
    name = _name(event_name)
    described = {"key": quote_plus(key.name, safe="/")} | _description(name, key, "eTag", "versionId")
    return {
        "Records": [
            {
                "eventVersion": "2.1",
                "eventSource": "aws:s3",
                "awsRegion": bucket.region_name,
                "eventTime": milliseconds(),
                "eventName": name,
                "userIdentity": {"principalId": f"AWS:{bucket.account_id}"},
                "requestParameters": {"sourceIPAddress": _caller()},
                "responseElements": {"x-amz-request-id": _request_id(), "x-amz-id-2": uuid.uuid4().hex},
                "s3": {
                    "s3SchemaVersion": "1.0",
                    "configurationId": notification_id,
                    "bucket": {
                        "name": bucket.name,
                        "ownerIdentity": {"principalId": bucket.account_id},
                        "arn": bucket.arn,
                    },
                    "object": described,
                },
            }
        ]
    }


def _tell_default_bus(account_id: str, bucket: Any, event_name: str, key: Any) -> None:
    from moto.events.models import events_backends

    bus = events_backends[account_id][bucket.region_name].event_buses["default"]
    for rule in list(bus.rules.values()):
        rule.send_to_targets(bus_event(account_id, bucket, event_name, key))  # type: ignore[arg-type]


def bus_event(account_id: str, bucket: Any, event_name: str, key: Any) -> dict[str, Any]:
    """What EventBridge gets."""
    name = _name(event_name)
    more = {"deletion-type": _DELETIONS[name]} if name in _DELETIONS else {}
    return {
        "version": "0",
        "id": str(uuid.uuid4()),
        "detail-type": notifications._detail_type(event_name),
        "source": "aws.s3",
        "account": account_id,
        "time": seconds(time.time()),
        "region": bucket.region_name,
        "resources": [bucket.arn],
        "detail": {
            "version": "0",
            "bucket": {"name": bucket.name},
            "object": {"key": key.name} | _description(name, key, "etag", "version-id"),
            "request-id": _request_id(),
            "requester": account_id,
            "source-ip-address": _caller(),
            "reason": _REASONS.get(name, name),
            **more,
        },
    }


def _name(event_name: str) -> str:
    """`s3:ObjectCreated:Put` without its service."""
    return str(getattr(event_name, "value", event_name)).removeprefix("s3:")


def _description(name: str, key: Any, etag: str, version: str) -> dict[str, Any]:
    """Size and tag of an object that is there; its version where there are versions; a number that grows."""
    told: dict[str, Any] = {}
    if not name.startswith("ObjectRemoved"):
        told = {"size": key.size, etag: key.etag.replace('"', "")}
    if key.version_id not in (None, "null"):
        told[version] = key.version_id
    return told | {"sequencer": f"{time.time_ns():018X}"}


def _caller() -> str:
    return str(request.remote_addr) if has_request_context() else "127.0.0.1"


def _request_id() -> str:
    return uuid.uuid4().hex[:16].upper()
