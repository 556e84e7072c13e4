"""What a function is: one configuration for each version, and the states that an update moves through."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from neve.domain import limits
from neve.domain.world import World

LATEST = "$LATEST"

State = Literal["Pending", "Active", "Inactive", "Failed"]
UpdateStatus = Literal["Successful", "InProgress", "Failed"]


@dataclass(frozen=True, slots=True)
class Code:
    """A code archive by its content: `sha256` is the base64 form of the API, `size` counts bytes of the archive."""

    sha256: str
    size: int


@dataclass(frozen=True, slots=True)
class LoggingConfig:
    """Where and how log lines are written. Levels are set only with the JSON format."""

    log_group: str
    log_format: Literal["Text", "JSON"] = "Text"
    application_log_level: str | None = None
    system_log_level: str | None = None


@dataclass(frozen=True, slots=True)
class Function:
    """One version of one function; `$LATEST` is the mutable one. Times are UTC milliseconds since the epoch.

    `environment` is None when it was never given (the API leaves the member out then). `extra` keeps members of the
    API that do not yet change how the function runs (VpcConfig, Layers, …) as they were given.
    """

    world: World
    name: str
    runtime: str
    handler: str
    role: str
    code: Code
    logging: LoggingConfig
    last_modified_ms: int
    revision_id: str
    version: str = LATEST
    description: str = ""
    memory_mb: int = limits.DEFAULT_MEMORY_MB
    timeout_s: int = limits.DEFAULT_TIMEOUT_S
    ephemeral_storage_mb: int = limits.DEFAULT_EPHEMERAL_STORAGE_MB
    environment: Mapping[str, str] | None = None
    architectures: tuple[str, ...] = ("x86_64",)
    tags: Mapping[str, str] = field(default_factory=dict)
    tracing_mode: str = "PassThrough"
    state: State = "Pending"
    state_reason: str | None = None
    state_reason_code: str | None = None
    last_update_status: UpdateStatus | None = None
    last_update_reason: str | None = None
    last_update_reason_code: str | None = None
    extra: Mapping[str, Any] = field(default_factory=dict)

    @property
    def unqualified_arn(self) -> str:
        """The ARN without a version."""
        return f"arn:aws:lambda:{self.world.region}:{self.world.account}:function:{self.name}"

    @property
    def qualified_arn(self) -> str:
        """The ARN with this version as its qualifier."""
        return f"{self.unqualified_arn}:{self.version}"
