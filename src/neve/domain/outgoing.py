"""Outgoing calls: what a function asks of others over HTTP, as its runtime client saw it.

A runtime client tells of them when an invocation ends (`docs/frames.md`, CALLS), and once more of those that were open then. It
is not trusted: what is no call is left out, what is too long is cut. Times come as spans before the telling, because Neve's
clock can be moved.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from neve.domain.leak import ID, Source, number_of, source_and_stack, text_of
from neve.domain.stack import read_stacks

_MOST_CALLS = 200
_LONGEST_WAY_MS = 1_000.0
_LONGEST_MS = 10 * 86_400_000.0

_NAMES = {
    "apigateway": "API Gateway",
    "athena": "Athena",
    "bedrock": "Bedrock",
    "cognito-idp": "Cognito",
    "dynamodb": "DynamoDB",
    "ecs": "ECS",
    "events": "EventBridge",
    "execute-api": "API Gateway",
    "firehose": "Firehose",
    "iam": "IAM",
    "kinesis": "Kinesis",
    "kms": "KMS",
    "lambda": "Lambda",
    "logs": "CloudWatch Logs",
    "monitoring": "CloudWatch",
    "rds-data": "RDS",
    "s3": "S3",
    "scheduler": "Scheduler",
    "secretsmanager": "Secrets Manager",
    "ses": "SES",
    "sns": "SNS",
    "sqs": "SQS",
    "ssm": "Systems Manager",
    "states": "Step Functions",
    "sts": "STS",
}


@dataclass(frozen=True, slots=True)
class OutgoingCall:
    """One call. `origin` is the invocation that made it, None for the init phase.

    `began_ms` counts UTC milliseconds; `took_ms` is None while it is open. `sent` says whether it left the process. `host` has
    the port where it is not the usual one. `service` and `target` are AWS's: the signing name, and `DynamoDB_20120810.PutItem`.
    `leak_id` names the execution leak that it is part of.
    """

    id: str
    origin: str | None
    method: str
    host: str
    path: str
    began_ms: float
    took_ms: float | None = None
    status: int | None = None
    error: str | None = None
    sent: bool = True
    service: str | None = None
    target: str | None = None
    leak_id: str | None = None
    source: Source | None = None
    stack: Sequence[str] = ()

    @property
    def to(self) -> str:
        """Whom it went to, as people call him."""
        return service_name(self.service) if self.service else self.host

    @property
    def what(self) -> str:
        """What it asked: `PutItem`, `invoke resize`, `PUT /photos/1`."""
        if self.target:
            return self.target.rpartition(".")[2]
        parts = self.path.split("/")
        if self.service == "lambda" and parts[2:3] == ["functions"] and parts[-1] == "invocations" and len(parts) > 4:
            return f"invoke {parts[3].rpartition(':')[2]}"
        return f"{self.method} {self.path}"

    @property
    def ended_ms(self) -> float | None:
        """When it was answered."""
        return None if self.took_ms is None else self.began_ms + self.took_ms

    @property
    def failed(self) -> bool:
        """Whether it got no answer, or an error."""
        return self.error is not None or (self.status or 0) >= 400


def service_name(service: str) -> str:
    """A signing name as people write it."""
    return _NAMES.get(service, service)


def read_calls(header: Mapping[str, Any], prefix: str, root: str, now_ms: float) -> Iterator[Mapping[str, Any]]:
    """The members of the records of a CALLS frame, still with `stacks`: `located_call` makes the record.

    `prefix` makes ids of one process ids of this Neve; `root` is the task root.
    """
    items = header.get("calls")
    for item in items[:_MOST_CALLS] if isinstance(items, list) else []:
        members = _call(item, prefix, root, now_ms) if isinstance(item, dict) else None
        if members is not None:
            yield members


def located_call(members: Mapping[str, Any]) -> Mapping[str, Any]:
    """With `source` and `stack` for `stacks`."""
    told = dict(members)
    place = source_and_stack(told.pop("stacks"))
    return {**told, **place}


def told_at(header: Mapping[str, Any], now_ms: float, offset_ms: float) -> float:
    """When a CALLS frame was written, by our clock, which is `offset_ms` ahead of the real one; now, when it does not say."""
    at = header.get("at")
    if not isinstance(at, int | float) or isinstance(at, bool) or not 0.0 <= now_ms - at - offset_ms <= _LONGEST_WAY_MS:
        return now_ms
    return at + offset_ms


def read_waited(header: Mapping[str, Any], now_ms: float) -> Mapping[str, Any] | None:
    """The members of the record that an answer was there and waited, for an empty event loop."""
    waited = _span(header.get("waited"))
    return None if waited is None else {"sinceMs": round(now_ms - waited, 3), "durationMs": waited}


def _call(item: Mapping[str, Any], prefix: str, root: str, now_ms: float) -> Mapping[str, Any] | None:
    own, ago, to = item.get("id"), _span(item.get("ago")), text_of(item.get("to"))
    if not isinstance(own, str) or ID.fullmatch(own) is None or ago is None or to is None:
        return None
    return {
        "callId": f"{prefix}.{own}",
        "origin": text_of(item.get("origin")),
        "method": text_of(item.get("method")) or "GET",
        "host": host_of(to),
        "path": text_of(item.get("path")) or "/",
        "startMs": round(now_ms - ago, 3),
        "durationMs": _span(item.get("took")),
        "status": number_of(item.get("status")) or None,
        "error": text_of(item.get("error")),
        "sent": item.get("sent") is not False,
        "service": text_of(item.get("service")),
        "target": text_of(item.get("target")),
        "leakId": f"{prefix}.{leak}" if isinstance(leak := item.get("leak"), str) and ID.fullmatch(leak) else None,
        "stacks": read_stacks(item, root),
    }


def call_of(members: Mapping[str, Any]) -> OutgoingCall:
    """A call from the members of its record."""
    source = members["source"]
    return OutgoingCall(
        id=members["callId"],
        origin=members["origin"],
        method=members["method"],
        host=members["host"],
        path=members["path"],
        began_ms=members["startMs"],
        took_ms=members["durationMs"],
        status=members["status"],
        error=members["error"],
        sent=members["sent"],
        service=members["service"],
        target=members["target"],
        leak_id=members["leakId"],
        stack=members["stack"],
        source=None if source is None else Source(source["file"], source["line"], source["column"]),
    )


def host_of(origin: str) -> str:
    """`https://orders.example` → `orders.example`; a port stays when it is not the usual one."""
    try:
        parts = urlsplit(origin if "://" in origin else f"//{origin}")
        port = parts.port
    except ValueError:
        return origin
    usual = {"http": 80, "https": 443}.get(parts.scheme)
    name = parts.hostname or origin
    return name if port is None or port == usual else f"{name}:{port}"


def _span(value: object) -> float | None:
    """Milliseconds that can be; None for anything else."""
    if not isinstance(value, int | float) or isinstance(value, bool) or not math.isfinite(value):
        return None
    return float(value) if 0.0 <= value <= _LONGEST_MS else None
