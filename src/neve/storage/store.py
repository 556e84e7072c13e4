"""What is remembered, in domain words. Every backend promises:

* a method that changes something returns only when the change is on disk;
* a change is whole or not there at all, also after `kill -9`;
* what a method returned is seen by every later read;
* `World`s never see each other;
* a foreign failure (disk full, file damaged, locked) is raised as `StorageUnavailable`, cause kept.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

import msgspec

from neve.domain.access_key import AccessKey
from neve.domain.alias import Alias
from neve.domain.capacity_provider import CapacityProvider
from neve.domain.code_signing import CodeSigningConfig
from neve.domain.concurrency import Provisioned, Reserved
from neve.domain.destination import Delivery
from neve.domain.diagnosis import Diagnosis
from neve.domain.event import Condition, Progress, QueuedEvent
from neve.domain.event_invoke import EventInvokeConfig
from neve.domain.event_source import EventSourceMapping
from neve.domain.function import Function
from neve.domain.function_url import FunctionUrl
from neve.domain.layer import LayerVersion
from neve.domain.leak import Leak, LeftOverLine
from neve.domain.principal import LastUsed
from neve.domain.world import World


@dataclass(frozen=True, slots=True)
class CodeUsage:
    """What a world stores: bytes of code archives over all versions of functions and layers, and functions."""

    total_code_size: int
    function_count: int


class FunctionStore(Protocol):
    """Functions and their versions."""

    async def create_function(self, function: Function, version: Function | None = None) -> None:
        """Remember a new function, and at once a version that was published of it.

        ResourceConflict `Function already exist: NAME` when the name is taken; CodeSigningConfigNotFoundException or
        InvalidParameterValue when the code signing config or capacity provider that it uses is gone; as
        `publish_version_if_next`.
        """

    async def function(self, world: World, name: str, version: str) -> Function | None:
        """One version of one function, or None."""

    async def functions(self, world: World, after: str | None, limit: int) -> Sequence[Function]:
        """The `$LATEST` of up to `limit` functions in the order of their names, those after `after`."""

    async def functions_and_versions(self, world: World, after: tuple[str, int], limit: int) -> Sequence[Function]:
        """Up to `limit` versions of all functions by (name, number), those after `after`; `$LATEST` has the number 0."""

    async def versions(self, world: World, name: str, after: int, limit: int) -> Sequence[Function]:
        """Up to `limit` versions of one function by number, those after `after`; `$LATEST` has the number 0."""

    async def pending_functions(self) -> Sequence[Function]:
        """Every function of every world whose state is Pending or whose update is InProgress: what a start has to finish."""

    async def update_function_if_revision(
        self, function: Function, revision_id: str, version: Function | None = None
    ) -> None:
        """Replace that version when it still has `revision_id`, and at once remember a `version` that was published.

        PreconditionFailed when it moved on, ResourceNotFound when it is gone; as `create_function`.
        """

    async def last_version_number(self, world: World, name: str) -> int:
        """The last number that was given under this name, also to a function of before; 0 when none was."""

    async def publish_version_if_next(self, version: Function) -> None:
        """Remember a new version.

        ResourceConflict unless its number is the one after the last; ResourceNotFound when the function is gone.
        """

    async def delete_version(self, world: World, name: str, version: str) -> bool:
        """Forget one published version; False when there was none. ResourceConflict while an alias points to it."""

    async def delete_function(self, world: World, name: str) -> Sequence[Function]:
        """Forget every version and alias; the versions that there were."""

    async def code_usage(self, world: World) -> CodeUsage:
        """What the world stores."""

    async def runtimes_in_use(self, limit: int) -> Sequence[tuple[str, int]]:
        """Runtime and memory size of the `$LATEST` of all functions of all worlds: each pair once, changed last first."""

    async def code_in_use(self, sha256: str) -> bool:
        """Whether any version of any function or layer in any world refers to this archive."""

    async def layers_in_use(self, key: str) -> bool:
        """Whether any version of any function uses the layers of that `content_key`."""


class AliasStore(Protocol):
    """Aliases of functions. A version that an alias points to is there: neither goes without the other."""

    async def create_alias(self, alias: Alias) -> None:
        """ResourceConflict `Alias already exists: ARN`; ResourceNotFound with the ARN of a version that is not there."""

    async def alias(self, world: World, function_name: str, name: str) -> Alias | None:
        """One alias, or None."""

    async def aliases(
        self, world: World, function_name: str, of_version: str | None, after: str | None, limit: int
    ) -> Sequence[Alias]:
        """Up to `limit` aliases by name, those after `after`; of `of_version` only when it is given."""

    async def update_alias_if_revision(self, alias: Alias, revision_id: str) -> None:
        """Replace it when it still has `revision_id`.

        PreconditionFailed when it moved on, ResourceNotFound when it or a version is gone.
        """

    async def delete_alias(self, world: World, function_name: str, name: str) -> bool:
        """False when there was none."""


class ConcurrencyStore(Protocol):
    """What functions have set aside. It goes with the function, version or alias that has it."""

    async def reserve(self, reserved: Reserved) -> None:
        """In place of what the function had reserved. ResourceNotFound when it is gone."""

    async def reserved(self, world: World, function_name: str) -> int | None:
        """What it has reserved; None when it has not."""

    async def unreserve(self, world: World, function_name: str) -> None:
        """Forget it; harmless when nothing was reserved."""

    async def all_reserved(self, world: World | None = None) -> Sequence[Reserved]:
        """Of every function in one world, or in all."""

    async def provision(self, provisioned: Provisioned) -> None:
        """In place of what that version or alias had provisioned. ResourceNotFound when it is gone."""

    async def provisioned(self, world: World, function_name: str, qualifier: str) -> Provisioned | None:
        """What that version or alias has provisioned, or None."""

    async def unprovision(self, world: World, function_name: str, qualifier: str) -> None:
        """Forget it; harmless when nothing was provisioned."""

    async def all_provisioned(self, world: World | None = None) -> Sequence[Provisioned]:
        """Of every version and alias in one world, or in all, by function and qualifier."""


class EventInvokeStore(Protocol):
    """Event invoke configs. They go with the function, version or alias that has them."""

    async def put(self, config: EventInvokeConfig) -> None:
        """In place of what that qualifier had. ResourceNotFound when it is gone."""

    async def of_function(self, world: World, function_name: str) -> Mapping[str, EventInvokeConfig]:
        """All of a function's, by qualifier and in its order."""

    async def delete(self, world: World, function_name: str, qualifier: str) -> bool:
        """False when there was none."""


class FunctionUrlStore(Protocol):
    """Function URLs. They go with the function or alias that has them."""

    async def create(self, url: FunctionUrl) -> None:
        """ResourceConflict when the function or alias has one, ResourceNotFound when it is gone."""

    async def update(self, url: FunctionUrl) -> None:
        """Replace the one with that id. ResourceNotFound when it is gone."""

    async def url(self, world: World, function_name: str, alias: str | None) -> FunctionUrl | None:
        """That of a function (alias None) or of an alias, or None."""

    async def by_id(self, url_id: str) -> FunctionUrl | None:
        """The one with that id, whatever its world, or None."""

    async def of_function(self, world: World, function_name: str, after: str, limit: int) -> Sequence[FunctionUrl]:
        """Up to `limit` by qualifier (`$LATEST` or the alias), those after `after`."""

    async def delete(self, world: World, function_name: str, alias: str | None) -> bool:
        """False when there was none."""


class CodeSigningStore(Protocol):
    """Code signing configs. One that a function uses stays."""

    async def create(self, config: CodeSigningConfig) -> None:
        """A new one."""

    async def update(self, config: CodeSigningConfig) -> None:
        """Replace it. ResourceNotFound when it is gone."""

    async def config(self, world: World, arn: str) -> CodeSigningConfig | None:
        """The one with that ARN, or None."""

    async def configs(self, world: World, after: str, limit: int) -> Sequence[CodeSigningConfig]:
        """Up to `limit` by ARN, those after `after`."""

    async def delete(self, world: World, arn: str) -> bool:
        """False when there was none. ResourceConflict while a function uses it."""

    async def functions(self, arn: str, after: str, limit: int) -> Sequence[str]:
        """The names of up to `limit` functions that use it, those after `after`."""


class EventSourceStore(Protocol):
    """Event source mappings. They outlive their functions."""

    async def put_if_alone(self, mapping: EventSourceMapping) -> None:
        """Remember it, in place of the one with its UUID. ResourceConflict when another of the function reads the same."""

    async def mapping(self, world: World, uuid: str) -> EventSourceMapping | None:
        """One, or None."""

    async def mappings(
        self, world: World, function_arn: str | None, source_arn: str | None, after: str, limit: int
    ) -> Sequence[EventSourceMapping]:
        """Up to `limit` by UUID, those after `after`; of that function (as it was named) and that source, if given."""

    async def delete(self, world: World, uuid: str) -> bool:
        """False when there was none."""


class CapacityProviderStore(Protocol):
    """Capacity providers. One that a function version uses stays."""

    async def create(self, provider: CapacityProvider) -> None:
        """ResourceConflict when there is one of that name."""

    async def update(self, provider: CapacityProvider) -> None:
        """Replace it. ResourceNotFound when it is gone."""

    async def provider(self, world: World, name: str) -> CapacityProvider | None:
        """One, or None."""

    async def providers(self, world: World, after: str, limit: int) -> Sequence[CapacityProvider]:
        """Up to `limit` by name, those after `after`."""

    async def delete(self, world: World, name: str) -> bool:
        """False when there was none. ResourceConflict while a function version uses it."""

    async def functions(self, world: World, name: str, after: tuple[str, int], limit: int) -> Sequence[Function]:
        """Up to `limit` function versions that use it by (name, number), those after `after`."""


@dataclass(frozen=True, slots=True)
class Compatible:
    """A filter of layer versions: those that were published for this runtime, for this architecture; None lets all through."""

    runtime: str | None = None
    architecture: str | None = None


class LayerStore(Protocol):
    """Layer versions."""

    async def last_layer_number(self, world: World, name: str) -> int:
        """The last number that was given to a version of this layer, deleted or not; 0 when none was."""

    async def publish_layer_if_next(self, layer: LayerVersion) -> None:
        """Remember a new version. ResourceConflict unless its number is the one after the last."""

    async def layer_version(self, world: World, name: str, number: int) -> LayerVersion | None:
        """One version, or None."""

    async def layer_versions(
        self, world: World, name: str, compatible: Compatible, before: int | None, limit: int
    ) -> Sequence[LayerVersion]:
        """Up to `limit` versions of one layer, the newest first, those before the number `before`."""

    async def layers(
        self, world: World, compatible: Compatible, after: str | None, limit: int
    ) -> Sequence[LayerVersion]:
        """The newest compatible version of up to `limit` layers by name, those after `after`."""

    async def update_layer_if_policy_revision(self, layer: LayerVersion, revision_id: str | None) -> None:
        """Replace it when its policy still has `revision_id` (None: it has no policy).

        PreconditionFailed when it moved on, ResourceNotFound when it is gone.
        """

    async def delete_layer_version(self, world: World, name: str, number: int) -> bool:
        """False when there was none."""


class BlobStore(Protocol):
    """Code archives by content. Names are the base64 SHA-256 of the API; files are named by its hex form."""

    async def put(self, content: bytes) -> str:
        """Keep `content` and return its base64 SHA-256; on disk (fsync) before it returns; the same content is kept once."""

    async def get(self, sha256: str) -> bytes | None:
        """The content, or None."""

    async def delete(self, sha256: str) -> None:
        """Forget it; harmless when it is not there."""


@dataclass(frozen=True, slots=True)
class LogGroup:
    """A log group. Times in UTC milliseconds; `retention_days` None keeps for ever."""

    world: World
    name: str
    created_ms: int
    retention_days: int | None = None
    stored_bytes: int = 0


@dataclass(frozen=True, slots=True)
class LogStream:
    """A log stream: one for each execution environment."""

    world: World
    group: str
    name: str
    created_ms: int
    first_event_ms: int | None = None
    last_event_ms: int | None = None
    last_ingestion_ms: int | None = None


@dataclass(frozen=True, slots=True)
class LogEvent:
    """One event. `id` grows with ingestion over all streams and is unique in the database."""

    id: int
    group: str
    stream: str
    timestamp_ms: int
    ingestion_ms: int
    message: str


class LogLine(msgspec.Struct, frozen=True):
    """An event on its way in."""

    world: World
    group: str
    stream: str
    timestamp_ms: int
    message: str


class LogStore(Protocol):
    """Log groups, streams and events. Lines that were appended may be lost by a power cut, never by an ordinary end."""

    def append_nowait(self, line: LogLine) -> None:
        """Take a line; group and stream are made when they are not there. Written in batches soon after.

        Any later read sees it. Never blocks; safe from the event loop only.
        """

    async def create_group(self, group: LogGroup) -> bool:
        """False when it exists."""

    async def create_stream(self, stream: LogStream) -> bool:
        """False when it exists. ResourceNotFound when its group does not."""

    async def group(self, world: World, name: str) -> LogGroup | None:
        """One group, or None."""

    async def groups(
        self, world: World, prefix: str, pattern: str, after: str | None, limit: int
    ) -> Sequence[LogGroup]:
        """Groups by name whose name begins with `prefix` and contains `pattern`, those after `after`."""

    async def set_retention(self, world: World, name: str, days: int | None) -> bool:
        """False when there is no such group."""

    async def delete_group(self, world: World, name: str) -> bool:
        """With its streams and events; False when there is none."""

    async def delete_stream(self, world: World, group: str, name: str) -> bool:
        """With its events; False when there is none."""

    async def stream(self, world: World, group: str, name: str) -> LogStream | None:
        """One stream, or None."""

    async def streams(
        self, world: World, group: str, prefix: str, by_last_event: bool, descending: bool, offset: int, limit: int
    ) -> Sequence[LogStream]:
        """Streams of a group, by name or by the time of their last event."""

    async def append(self, lines: Sequence[LogLine]) -> None:
        """Write lines of streams that exist (PutLogEvents) and return when they can be read.

        ResourceNotFound, and nothing written, when a stream does not.
        """

    async def events(
        self,
        world: World,
        group: str,
        streams: Sequence[str] | None,
        stream_prefix: str | None,
        start_ms: int | None,
        end_ms: int | None,
        after: tuple[int, int] | None,
        before: tuple[int, int] | None,
        descending: bool,
        limit: int,
    ) -> Sequence[LogEvent]:
        """Events in the order (timestamp, id), `start_ms <= timestamp < end_ms`, strictly after/before a (timestamp, id)."""

    async def expire(self, now_ms: int) -> int:
        """Delete events past their group's retention; how many."""


T_co = TypeVar("T_co", covariant=True)


@dataclass(frozen=True, slots=True)
class LeasedEvent:
    """An event that its holder alone may run. `id` and `due_ms` say which row it is."""

    id: int
    due_ms: int
    event: QueuedEvent
    progress: Progress


@dataclass(frozen=True, slots=True)
class LeasedDelivery:
    """A message that its holder alone may send, and how often that was tried. The first three members say which row it is."""

    id: int
    due_ms: int
    lane: int
    delivery: Delivery
    tries: int


@dataclass(frozen=True, slots=True)
class Leases(Generic[T_co]):
    """What was leased, in the order of its times; when the next of the lane is due (it may be by now), None without one."""

    items: Sequence[T_co]
    next_due_ms: float | None


@dataclass(frozen=True, slots=True)
class DroppedEvent:
    """An event that failed for good: `condition` as in the record of a destination, `error` what its last attempt said."""

    request_id: str
    qualifier: str | None
    condition: str
    attempts: int
    error: str
    accepted_ms: float
    ended_ms: float


@dataclass(frozen=True, slots=True)
class EventOverview:
    """The events of one function. Counts of what ended are since the data directory began; times in UTC milliseconds.

    `waiting` are due or fresh, `retrying` wait for a later time, the first of them for `next_retry_ms`; `running` have
    been given to the function. `oldest_ms` is when the oldest of all these was accepted. `dropped` counts the events that
    failed for good by the condition (`RetriesExhausted`, …), whether anybody was told or not; `delivered` are messages that
    a target took, `delivering` those in the outbox, `delivery_failed` those that no target will get.
    """

    world: World
    function_name: str
    waiting: int
    retrying: int
    running: int
    next_retry_ms: float | None
    oldest_ms: float | None
    received: int
    succeeded: int
    dropped: Mapping[str, int]
    delivering: int
    delivered: int
    delivery_failed: int


class EventStore(Protocol):
    """Events that wait, by lane: the events of one function. Times in UTC milliseconds.

    A lease belongs to this process and is no change of what is remembered: when the process is gone, whatever it had leased
    waits as before. A backend that several processes share would have to end leases by time.
    """

    @property
    def deliveries(self) -> "DeliveryStore":
        """What is to be told of events that ended."""

    async def accept(self, event: QueuedEvent) -> None:
        """Remember a new event; it is due at once."""

    async def busy_lanes(self) -> Sequence[tuple[World, str]]:
        """The functions that have events."""

    async def lease(
        self, world: World, function_name: str, now_ms: float, limit: int, limit_bytes: int
    ) -> Leases[LeasedEvent]:
        """Up to `limit` events that are due and that nobody holds, the one due longest first.

        Not the whole `limit` when the payloads together are longer than `limit_bytes`, but one at least.
        """

    def give_back(self, leased: LeasedEvent) -> None:
        """End the lease and change nothing else."""

    async def retry(self, leased: LeasedEvent, at_ms: float, progress: Progress) -> None:
        """Let it wait until `at_ms`, and end the lease, which goes on when this fails."""

    async def end(
        self,
        leased: LeasedEvent,
        condition: Condition,
        progress: Progress,
        messages: Sequence[Delivery],
        now_ms: float,
    ) -> None:
        """Forget the event and remember what is to be told of it, in one change, and end the lease; as `retry`."""

    async def overviews(self, now_ms: float, world: World | None, function_name: str | None) -> Sequence[EventOverview]:
        """By account, region and name; of every function that has or had events."""

    async def retry_now(self, world: World, function_name: str, now_ms: float, request_id: str | None) -> int:
        """Let what waits for a time after `now_ms` be due then; what is leased stays as it is. How many."""

    async def purge(self, world: World, function_name: str, request_id: str | None) -> int:
        """Forget what nobody has leased. How many."""

    async def dropped(self, world: World, function_name: str, limit: int) -> Sequence[DroppedEvent]:
        """The last ones that failed for good, the newest first."""

    async def forget_dropped(self, before_ms: float) -> int:
        """Forget those that failed for good before, and the oldest of very many. How many."""


class DeliveryStore(Protocol):
    """The outbox by lane: the messages to one target."""

    async def busy_targets(self) -> Sequence[str]:
        """The ARNs of targets for which there are messages."""

    async def lease(self, target_arn: str, now_ms: float, limit: int, limit_bytes: int) -> Leases[LeasedDelivery]:
        """As that of events."""

    def give_back(self, leased: LeasedDelivery) -> None:
        """End the lease and change nothing else."""

    async def retry(self, leased: LeasedDelivery, at_ms: float) -> None:
        """Let it wait until `at_ms`, one try more, and end the lease, which goes on when this fails."""

    async def end(self, leased: LeasedDelivery, taken: bool) -> None:
        """Forget the message, which the target took or will never take, and end the lease; as `retry`."""


class LeakStore(Protocol):
    """What the leak watch has found: the newest of each function. It is kept to be read, and no promise depends on it."""

    async def keep(
        self, leaks: Iterable[Leak], lines: Iterable[LeftOverLine] = (), diagnoses: Iterable[Diagnosis] = ()
    ) -> None:
        """Remember them; a leak with a known id is replaced."""

    async def leaks(self, function_name: str | None, limit: int) -> Sequence[Leak]:
        """Of functions with this name in every world, or of all; the newest first."""

    async def diagnoses(self, function_name: str | None, limit: int) -> Sequence[Diagnosis]:
        """As `leaks`."""

    async def lines(self, function_name: str, since_ms: int) -> Sequence[LeftOverLine]:
        """Those of that time or later, in the order of time."""


class KeyStore(Protocol):
    """Access keys with their secrets. Who reads what is stored reads no secret."""

    async def all(self) -> Sequence[tuple[AccessKey, str]]:
        """Every key with its secret, the oldest first. OperatorError when the secrets cannot be read."""

    async def add(self, key: AccessKey, secret: str) -> None:
        """A new one."""

    async def update(self, key: AccessKey) -> None:
        """Its name, description and policy, and whether it is enabled."""

    async def note_use(self, uses: Mapping[str, LastUsed]) -> None:
        """When keys were used last, by id."""

    async def delete(self, identity: str) -> None:
        """Forget it, and its secret."""

    async def rotate(self) -> int:
        """Protect every secret anew, with a new master key; how many."""
