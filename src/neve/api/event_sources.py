"""The event source mappings family of the API."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from neve.api.paging import Pages
from neve.control.event_sources import EventSources
from neve.domain.call import Call, Operation
from neve.domain.errors import InvalidParameterValue
from neve.domain.event_source import (
    EventSourceMapping,
    Source,
    SourceKind,
    SourceSettings,
    StartingPosition,
    source_kind,
)
from neve.domain.limits import MAPPINGS_PER_PAGE

_Members = Mapping[str, Any]
_PAGES = Pages("mappings")

_PLAIN = {
    "Enabled": "enabled",
    "BatchSize": "batch_size",
    "MaximumBatchingWindowInSeconds": "batching_window_s",
    "ParallelizationFactor": "parallelization",
    "MaximumRecordAgeInSeconds": "maximum_age_s",
    "BisectBatchOnFunctionError": "bisect",
    "MaximumRetryAttempts": "retries",
    "TumblingWindowInSeconds": "tumbling_window_s",
}
_KEPT = (
    "KMSKeyArn",
    "MetricsConfig",
    "LoggingConfig",
    "SourceAccessConfigurations",
    "AmazonManagedKafkaEventSourceConfig",
    "SelfManagedKafkaEventSourceConfig",
    "DocumentDBEventSourceConfig",
    "ProvisionedPollerConfig",
)
_SERVERS = "KAFKA_BOOTSTRAP_SERVERS"


def operations(sources: EventSources) -> dict[str, Operation]:
    """Operations by their names in the service model."""
    family = _Family(sources)
    return {
        "CreateEventSourceMapping": family.create_event_source_mapping,
        "GetEventSourceMapping": family.get_event_source_mapping,
        "UpdateEventSourceMapping": family.update_event_source_mapping,
        "DeleteEventSourceMapping": family.delete_event_source_mapping,
        "ListEventSourceMappings": family.list_event_source_mappings,
    }


class _Family:
    """A reply to a change tells the state on the way; what is read afterwards has arrived."""

    def __init__(self, sources: EventSources) -> None:
        self._sources = sources

    async def create_event_source_mapping(self, call: Call, members: _Members) -> _Members:
        given, source = _given(members), _source(members)
        if source.kind is SourceKind.OWN_KAFKA and "SourceAccessConfigurations" not in members:
            raise InvalidParameterValue("Required 'sourceAccessConfigurations' parameter is missing.")
        mapping = await self._sources.create(
            call.world, members["FunctionName"], source, given, members.get("Tags") or {}
        )
        return _mapping(mapping, "Creating")

    async def get_event_source_mapping(self, call: Call, members: _Members) -> _Members:
        return _mapping(await self._sources.get(call.world, members["UUID"]))

    async def update_event_source_mapping(self, call: Call, members: _Members) -> _Members:
        before, after = await self._sources.update(
            call.world, members["UUID"], members.get("FunctionName"), _given(members)
        )
        if before.settings.enabled == after.settings.enabled:
            return _mapping(after, "Updating")
        return _mapping(after, "Enabling" if after.settings.enabled else "Disabling")

    async def delete_event_source_mapping(self, call: Call, members: _Members) -> _Members:
        return _mapping(await self._sources.delete(call.world, members["UUID"]), "Deleting")

    async def list_event_source_mappings(self, call: Call, members: _Members) -> _Members:
        limit = min(members.get("MaxItems") or MAPPINGS_PER_PAGE, MAPPINGS_PER_PAGE)
        page = await self._sources.page(
            call.world,
            members.get("FunctionName"),
            members.get("EventSourceArn"),
            _PAGES.read(members.get("Marker")),
            limit,
        )
        return {
            "NextMarker": _PAGES.marker(page.after),
            "EventSourceMappings": [_mapping(each) for each in page.mappings],
        }


def _mapping(mapping: EventSourceMapping, state: str | None = None) -> dict[str, Any]:
    """EventSourceMappingConfiguration of the service: settings that its kind of source has not are absent."""
    source, settings = mapping.source, mapping.settings
    time_s = source.timestamp_s
    by_stream = source.kind.is_stream
    members: dict[str, Any] = {
        "UUID": mapping.uuid,
        "StartingPosition": source.position and source.position.value,
        "StartingPositionTimestamp": None if time_s is None else datetime.fromtimestamp(time_s, UTC),
        **{name: getattr(settings, own) for name, own in _PLAIN.items() if name != "Enabled"},
        "EventSourceArn": source.arn,
        "FilterCriteria": {"Filters": [{"Pattern": each} for each in settings.filters]} if settings.filters else None,
        "FunctionArn": mapping.function_arn,
        "LastModified": mapping.last_modified_ms / 1000,
        "LastProcessingResult": "No records processed" if by_stream else None,
        "State": state or ("Enabled" if settings.enabled else "Disabled"),
        "StateTransitionReason": "User action" if by_stream else "USER_INITIATED",
        "DestinationConfig": _destination(settings.on_failure),
        "Topics": source.topics or None,
        "Queues": source.queues or None,
        "SelfManagedEventSource": {"Endpoints": {_SERVERS: source.servers}} if source.servers else None,
        "FunctionResponseTypes": _response_types(settings.reports_failures),
        "ScalingConfig": _scaling(settings.maximum_concurrency),
        "EventSourceMappingArn": mapping.arn,
    }
    return members | {name: value for name, value in settings.extra.items() if value not in ("", [], {})}


def _destination(on_failure: str | None) -> _Members | None:
    if on_failure is None:
        return None
    return {"OnFailure": {"Destination": on_failure} if on_failure else {}}


def _response_types(reports_failures: bool | None) -> list[str] | None:
    if reports_failures is None:
        return None
    return ["ReportBatchItemFailures"] if reports_failures else []


def _scaling(concurrency: int | None) -> _Members | None:
    return {"MaximumConcurrency": concurrency} if concurrency else None


def _source(members: _Members) -> Source:
    servers = tuple(members.get("SelfManagedEventSource", {}).get("Endpoints", {}).get(_SERVERS, ()))
    arn = members.get("EventSourceArn")
    moment: datetime | None = members.get("StartingPositionTimestamp")
    return Source(
        source_kind(arn, servers),
        arn,
        servers,
        tuple(members.get("Topics", ())),
        tuple(members.get("Queues", ())),
        StartingPosition(members["StartingPosition"]) if "StartingPosition" in members else None,
        None if moment is None else moment.timestamp(),
    )


def _given(members: _Members) -> SourceSettings:
    """An empty ScalingConfig takes the limit away, as an empty FilterCriteria does the filters."""
    destinations = members.get("DestinationConfig", {})
    if "OnSuccess" in destinations:
        raise InvalidParameterValue("Unsupported DestinationConfig parameter for given event source mapping type.")
    filters = members.get("FilterCriteria", {}).get("Filters", [])
    return SourceSettings(
        **{own: members[name] for name, own in _PLAIN.items() if name in members},
        filters=tuple(each.get("Pattern", "") for each in filters) if "FilterCriteria" in members else None,
        reports_failures=bool(members["FunctionResponseTypes"]) if "FunctionResponseTypes" in members else None,
        on_failure=destinations.get("OnFailure", {}).get("Destination", "") if destinations else None,
        maximum_concurrency=members["ScalingConfig"].get("MaximumConcurrency", 0)
        if "ScalingConfig" in members
        else None,
        extra={name: members[name] for name in _KEPT if name in members},
    )
