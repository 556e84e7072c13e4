"""What an environment is made of, and what it needs of the data plane around it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from neve.clock import Clock
from neve.dataplane.fitting import RuntimeKind
from neve.dataplane.runtime_api.subscriptions import Feed
from neve.dataplane.sandbox.sandbox import Command
from neve.dataplane.source_places import SourcePlaces
from neve.domain.function import Function
from neve.domain.limits import PROVISIONED_INIT_SECONDS
from neve.domain.record import Origin, Record
from neve.settings import Settings

ON_DEMAND = "on-demand"
PROVISIONED = "provisioned-concurrency"


class Surroundings(Protocol):
    """What an environment needs of the data plane."""

    clock: Clock
    settings: Settings
    feed: Feed
    places: SourcePlaces

    def publish(self, record: Record) -> None:
        """Tell the stream."""

    def log_tail(self, request_id: str) -> bytes:
        """The tail that was kept for this invocation."""

    def freeze_grace_s(self, origin: Origin) -> float:
        """How long an idle environment of this function waits before it freezes."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What every environment of a function version is made of."""

    function: Function
    command: Callable[[str], Command]  # takes the log stream's name
    runtime_version: str
    runtime_version_arn: str
    initialization_type: str = ON_DEMAND
    extensions: Sequence[str] = ()  # the names of external ones, which the command starts
    prestarts: RuntimeKind | None = None  # which pre-started runtimes can become one of its environments

    def init_seconds(self, on_demand: float) -> float:
        """How long an init phase may take. Nobody waits for a provisioned one (lifecycle facts §1)."""
        if self.initialization_type != PROVISIONED:
            return on_demand
        return max(PROVISIONED_INIT_SECONDS, float(self.function.timeout_s))
