"""Event source mappings: a source whose records a function is invoked with, and how. Source: concurrency-scaling facts §2."""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from enum import Enum
from typing import Any

from neve.domain import limits
from neve.domain.arn import function_arn
from neve.domain.errors import InvalidParameterValue, ResourceConflict, ResourceNotFound
from neve.domain.filtering import InvalidPattern, parse
from neve.domain.target_arn import TargetKind, target_kind
from neve.domain.world import World


class SourceKind(Enum):
    """What a mapping reads from."""

    QUEUE = "sqs"
    FIFO_QUEUE = "sqs-fifo"
    STREAM = "kinesis"
    TABLE_STREAM = "dynamodb"
    KAFKA = "kafka"
    OWN_KAFKA = "self-managed kafka"
    BROKER = "mq"
    DOCUMENTS = "docdb"

    @property
    def is_queue(self) -> bool:
        """An SQS queue: no position, no order across messages, nothing to retry from."""
        return self in {SourceKind.QUEUE, SourceKind.FIFO_QUEUE}

    @property
    def is_stream(self) -> bool:
        """Shards, of which each is read in order."""
        return self in {SourceKind.STREAM, SourceKind.TABLE_STREAM}

    @property
    def is_kafka(self) -> bool:
        """Topics with partitions."""
        return self in {SourceKind.KAFKA, SourceKind.OWN_KAFKA}


class StartingPosition(Enum):
    """Where a new mapping begins to read."""

    TRIM_HORIZON = "TRIM_HORIZON"
    LATEST = "LATEST"
    AT_TIMESTAMP = "AT_TIMESTAMP"


_BY_SERVICE = {
    "sqs": SourceKind.QUEUE,
    "kinesis": SourceKind.STREAM,
    "dynamodb": SourceKind.TABLE_STREAM,
    "kafka": SourceKind.KAFKA,
    "mq": SourceKind.BROKER,
    "rds": SourceKind.DOCUMENTS,
}


def source_kind(arn: str | None, servers: tuple[str, ...]) -> SourceKind:
    """What is read. InvalidParameterValue for what no mapping reads."""
    if servers:
        return SourceKind.OWN_KAFKA
    parts = [] if arn is None else arn.split(":", 5)
    kind = _BY_SERVICE.get(parts[2]) if len(parts) == 6 else None
    if kind is None:
        raise InvalidParameterValue("Unrecognized event source.")
    return SourceKind.FIFO_QUEUE if kind is SourceKind.QUEUE and parts[5].endswith(".fifo") else kind


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceSettings:
    """What a caller may set, and change later; None was not given. Spans in seconds, `maximum_age_s` and `retries` -1 for ever.

    `filters` are texts of patterns, `on_failure` is an ARN (empty: none), `extra` keeps members of the API that change
    nothing here (credentials of Kafka, …).
    """

    enabled: bool | None = None
    batch_size: int | None = None
    batching_window_s: int | None = None
    filters: tuple[str, ...] | None = None
    reports_failures: bool | None = None
    on_failure: str | None = None
    parallelization: int | None = None
    maximum_age_s: int | None = None
    retries: int | None = None
    bisect: bool | None = None
    tumbling_window_s: int | None = None
    maximum_concurrency: int | None = None
    extra: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Source:
    """What is read, and where a new mapping begins. Cannot be changed. `timestamp_s` in UTC seconds."""

    kind: SourceKind
    arn: str | None = None
    servers: tuple[str, ...] = ()
    topics: tuple[str, ...] = ()
    queues: tuple[str, ...] = ()
    position: StartingPosition | None = None
    timestamp_s: float | None = None


@dataclass(frozen=True, slots=True)
class EventSourceMapping:
    """One mapping. It outlives its function. `settings` has no None where its kind of source has a value."""

    world: World
    uuid: str
    function_name: str
    qualifier: str | None
    source: Source
    settings: SourceSettings
    last_modified_ms: int
    tags: Mapping[str, str] = field(default_factory=dict)

    @property
    def arn(self) -> str:
        """Its own ARN."""
        return f"arn:aws:lambda:{self.world.region}:{self.world.account}:event-source-mapping:{self.uuid}"

    @property
    def function_arn(self) -> str:
        """What is invoked, with the qualifier that was given."""
        return function_arn(self.world, self.function_name, self.qualifier)


# Creating and changing


_ANY = SourceSettings(enabled=True, batching_window_s=0, filters=())
_QUEUE = replace(_ANY, batch_size=10, reports_failures=False)
_KAFKA = replace(_ANY, batch_size=100, on_failure="")
_STREAM = replace(
    _ANY,
    batch_size=100,
    reports_failures=False,
    on_failure="",
    parallelization=1,
    maximum_age_s=-1,
    retries=-1,
    bisect=False,
    tumbling_window_s=0,
)
_DEFAULTS: Mapping[SourceKind, SourceSettings] = {
    SourceKind.QUEUE: _QUEUE,
    SourceKind.FIFO_QUEUE: _QUEUE,
    SourceKind.STREAM: _STREAM,
    SourceKind.TABLE_STREAM: _STREAM,
    SourceKind.KAFKA: _KAFKA,
    SourceKind.OWN_KAFKA: _KAFKA,
    SourceKind.BROKER: replace(_ANY, batch_size=100),
    SourceKind.DOCUMENTS: replace(_ANY, batch_size=100),
}
_OPTIONAL: Mapping[str, frozenset[SourceKind]] = {
    "maximum_concurrency": frozenset({SourceKind.QUEUE, SourceKind.FIFO_QUEUE}),
    "maximum_age_s": frozenset({SourceKind.KAFKA, SourceKind.OWN_KAFKA}),
    "retries": frozenset({SourceKind.KAFKA, SourceKind.OWN_KAFKA}),
    "bisect": frozenset({SourceKind.KAFKA, SourceKind.OWN_KAFKA}),
    "reports_failures": frozenset({SourceKind.KAFKA, SourceKind.OWN_KAFKA}),
}
"""Settings that a kind of source may have and has no default for."""

_NAMES = {
    "reports_failures": "FunctionResponseTypes",
    "on_failure": "DestinationConfig",
    "parallelization": "ParallelizationFactor",
    "maximum_age_s": "MaximumRecordAgeInSeconds",
    "retries": "MaximumRetryAttempts",
    "bisect": "BisectBatchOnFunctionError",
    "tumbling_window_s": "TumblingWindowInSeconds",
    "maximum_concurrency": "ScalingConfig",
}
"""How the service calls the settings that not every source has."""


def defaults(kind: SourceKind) -> SourceSettings:
    """What a new mapping of such a source has if nothing else is given."""
    return _DEFAULTS[kind]


def merged(current: SourceSettings, given: SourceSettings) -> SourceSettings:
    """The settings with what was given."""
    changes = {
        each.name: value
        for each in fields(SourceSettings)
        if each.name != "extra" and (value := getattr(given, each.name)) is not None
    }
    return replace(current, **changes, extra={**current.extra, **given.extra})


def check_source(source: Source) -> None:
    """InvalidParameterValue for a beginning that this kind of source does not have."""
    kind, position = source.kind, source.position
    if kind.is_stream and position is None:
        raise InvalidParameterValue(
            "1 validation error detected: Value null at 'startingPosition' failed to satisfy constraint: "
            "Member must not be null."
        )
    if kind.is_queue and position is not None:
        raise InvalidParameterValue("StartingPosition is not valid for SQS event sources.")
    if kind is SourceKind.TABLE_STREAM and position is StartingPosition.AT_TIMESTAMP:
        raise InvalidParameterValue(f"Unsupported starting position for arn type: {source.arn}")
    if (position is StartingPosition.AT_TIMESTAMP) != (source.timestamp_s is not None):
        raise InvalidParameterValue(
            "StartingPositionTimestamp is given with the StartingPosition AT_TIMESTAMP, and only with it."
        )
    if kind.is_kafka and not source.topics:
        raise InvalidParameterValue("Give the Kafka topic to read in Topics.")
    if kind is SourceKind.BROKER and not source.queues:
        raise InvalidParameterValue("Give the queue of the broker to read in Queues.")


def check_settings(kind: SourceKind, given: SourceSettings, settings: SourceSettings) -> None:
    """InvalidParameterValue for what this kind of source has not, and for values that it does not take.

    `given` is what the caller gave, `settings` what comes of it.
    """
    _check_supported(kind, given)
    _check_batches(kind, settings)
    _check_filters(settings.filters or ())
    _check_destination(kind, settings.on_failure)
    if settings.maximum_age_s is not None and -1 < settings.maximum_age_s < limits.RECORD_AGE_MINIMUM_S:
        raise InvalidParameterValue(
            f"MaximumRecordAgeInSeconds is -1 or at least {limits.RECORD_AGE_MINIMUM_S}, not {settings.maximum_age_s}."
        )


def _check_supported(kind: SourceKind, given: SourceSettings) -> None:
    for name, member in _NAMES.items():
        has_it = getattr(_DEFAULTS[kind], name) is not None or kind in _OPTIONAL.get(name, ())
        if getattr(given, name) is not None and not has_it:
            raise InvalidParameterValue(f"Unsupported {member} parameter for given event source mapping type.")


def _check_batches(kind: SourceKind, settings: SourceSettings) -> None:
    size, window = settings.batch_size or 0, settings.batching_window_s or 0
    if kind is SourceKind.FIFO_QUEUE:
        if size > limits.FIFO_BATCH_SIZE:
            raise InvalidParameterValue(
                f"The batch size of a FIFO queue is at most {limits.FIFO_BATCH_SIZE}, not {size}."
            )
        if window:
            raise InvalidParameterValue("Batching window is not supported for FIFO queues.")
    if kind is SourceKind.QUEUE and size > limits.QUEUE_BATCH_SIZE_WITHOUT_WINDOW and not window:
        raise InvalidParameterValue(
            "Maximum batch window in seconds must be greater than 0 if maximum batch size is greater than "
            f"{limits.QUEUE_BATCH_SIZE_WITHOUT_WINDOW}"
        )


def _check_filters(filters: tuple[str, ...]) -> None:
    if len(filters) > limits.FILTERS:
        raise InvalidParameterValue(
            f"An event source mapping has at most {limits.FILTERS} filters, not {len(filters)}."
        )
    for each in filters:
        try:
            parse(each)
        except InvalidPattern as error:
            raise InvalidParameterValue("Invalid filter pattern definition.") from error


def _check_destination(kind: SourceKind, on_failure: str | None) -> None:
    if not on_failure or (kind.is_kafka and on_failure.startswith("kafka://")):
        return
    if target_kind(on_failure) not in {TargetKind.QUEUE, TargetKind.TOPIC, TargetKind.BUCKET}:
        raise InvalidParameterValue(
            "The provided destination config DestinationConfig(onSuccess=null, "
            f"onFailure=OnFailure(destination={on_failure})) is invalid."
        )


# Two of the same


def check_alone(mapping: EventSourceMapping, other: EventSourceMapping) -> None:
    """ResourceConflict when `other`, of the same function, reads the same."""
    source, their = mapping.source, other.source
    if source.kind is SourceKind.OWN_KAFKA:
        servers, topics = set(source.servers) & set(their.servers), set(source.topics) & set(their.topics)
        if servers and topics:
            raise _same(
                f'An event source mapping with event source ("{",".join(source.servers)}"), '
                f'function ("{mapping.function_arn}"), topics ("{",".join(source.topics)}") already exists.',
                other,
            )
        return
    if source.arn != their.arn or (source.topics, source.queues) != (their.topics, their.queues):
        return
    if source.kind.is_queue:
        raise _same(
            f'An event source mapping with SQS arn (" {source.arn} ") and function (" {mapping.function_name} ") '
            "already exists.",
            other,
        )
    raise _same(
        f'The event source arn (" {source.arn} ") and function (" {mapping.function_name} ") provided mapping already '
        "exists.",
        other,
    )


def _same(what: str, other: EventSourceMapping) -> ResourceConflict:
    return ResourceConflict(f"{what} Please update or delete the existing mapping with UUID {other.uuid}")


def missing() -> ResourceNotFound:
    """There is no such mapping."""
    return ResourceNotFound("The resource you requested does not exist.")
