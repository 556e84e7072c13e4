"""What a function is: one configuration for each version, and the states that an update moves through."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, Literal

from neve.domain import limits, runtime_names
from neve.domain.errors import InvalidParameterValue, ValidationFailed
from neve.domain.permission import ResourcePolicy
from neve.domain.target_arn import TargetKind, target_kind
from neve.domain.world import World

LATEST = "$LATEST"
CREATING = "The function is being created."
"""The reason of every state on the way; the service says so after an update too."""

State = Literal["Pending", "Active", "Inactive", "Failed"]
UpdateStatus = Literal["Successful", "InProgress", "Failed"]


class RecursiveLoop(Enum):
    """What becomes of an event of a chain in which its function ran too often."""

    TERMINATE = "Terminate"
    ALLOW = "Allow"


class UpdateRuntimeOn(Enum):
    """When a version gets another build of its runtime."""

    AUTO = "Auto"
    FUNCTION_UPDATE = "FunctionUpdate"
    MANUAL = "Manual"


@dataclass(frozen=True, slots=True)
class RuntimeUpdates:
    """`version_arn` is the build that was chosen, for MANUAL only."""

    update_on: UpdateRuntimeOn = UpdateRuntimeOn.AUTO
    version_arn: str | None = None


@dataclass(frozen=True, slots=True)
class ScalingLimits:
    """How many environments of a version there are to be on its capacity provider; None was not given."""

    minimum: int | None = None
    maximum: int | None = None


RESERVED_VARIABLES: frozenset[str] = frozenset(
    {
        "_HANDLER",
        "_LAMBDA_TELEMETRY_LOG_FD",
        "_X_AMZN_TRACE_ID",
        "AWS_ACCESS_KEY",
        "AWS_ACCESS_KEY_ID",
        "AWS_DEFAULT_REGION",
        "AWS_EXECUTION_ENV",
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE",
        "AWS_LAMBDA_FUNCTION_NAME",
        "AWS_LAMBDA_FUNCTION_VERSION",
        "AWS_LAMBDA_INITIALIZATION_TYPE",
        "AWS_LAMBDA_LOG_FORMAT",
        "AWS_LAMBDA_LOG_GROUP_NAME",
        "AWS_LAMBDA_LOG_LEVEL",
        "AWS_LAMBDA_LOG_STREAM_NAME",
        "AWS_LAMBDA_MAX_CONCURRENCY",
        "AWS_LAMBDA_METADATA_API",
        "AWS_LAMBDA_METADATA_TOKEN",
        "AWS_LAMBDA_RUNTIME_API",
        "AWS_REGION",
        "AWS_SECRET_ACCESS_KEY",
        "AWS_SESSION_TOKEN",
        "LAMBDA_RUNTIME_DIR",
        "LAMBDA_TASK_ROOT",
    }
)
"""Variables that the platform sets and a function may not (lifecycle facts §6)."""


@dataclass(frozen=True, slots=True)
class Code:
    """A code archive by its content: `sha256` is the base64 form of the API, `size` counts bytes of the archive.

    `unzipped_size` counts bytes of its files.
    """

    sha256: str
    size: int
    unzipped_size: int = 0


@dataclass(frozen=True, slots=True)
class UsedLayer:
    """A layer version as a function uses it: by its content, which stays when the layer version is deleted."""

    arn: str
    code: Code


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
    API that do not yet change how the function runs (VpcConfig, …) as they were given. Of `layers`, a later one lies over
    those before. `published_from` is the digest of what a numbered version was made from (`domain/version.py`), None for
    `$LATEST`. Tags, `recursive_loop` and `code_signing_arn` are those of the whole function and kept with `$LATEST` only.
    `policy` says who else may use this version, or, that of `$LATEST`, the function when it is asked for without a
    qualifier. A function of a container image has an `image_uri`, and neither runtime nor handler (both are empty).
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
    layers: tuple[UsedLayer, ...] = ()
    architectures: tuple[str, ...] = ("x86_64",)
    tags: Mapping[str, str] = field(default_factory=dict)
    tracing_mode: str = "PassThrough"
    dead_letter_arn: str | None = None
    recursive_loop: RecursiveLoop = RecursiveLoop.TERMINATE
    state: State = "Pending"
    state_reason: str | None = None
    state_reason_code: str | None = None
    last_update_status: UpdateStatus | None = None
    last_update_reason: str | None = None
    last_update_reason_code: str | None = None
    extra: Mapping[str, Any] = field(default_factory=dict)
    published_from: str | None = None
    policy: ResourcePolicy | None = None
    runtime_updates: RuntimeUpdates = RuntimeUpdates()
    code_signing_arn: str | None = None
    capacity_provider_arn: str | None = None
    image_uri: str | None = None
    scaling: ScalingLimits = ScalingLimits()

    @property
    def unqualified_arn(self) -> str:
        """The ARN without a version."""
        return f"arn:aws:lambda:{self.world.region}:{self.world.account}:function:{self.name}"

    @property
    def qualified_arn(self) -> str:
        """The ARN with this version as its qualifier."""
        return f"{self.unqualified_arn}:{self.version}"


def check_name(name: str) -> None:
    """InvalidParameterValue for a name that is too long. The model allows a whole ARN there, so it cannot tell."""
    if len(name) > limits.FUNCTION_NAME_LENGTH:
        raise InvalidParameterValue(_at_most(name, "functionName", "have length", limits.FUNCTION_NAME_LENGTH))


def check_runtime(runtime: str, refuse_deprecated: bool) -> None:
    """InvalidParameterValue for a runtime that never was, and for one that is no longer when those are refused."""
    if runtime in runtime_names.DEPRECATED:
        if refuse_deprecated:
            raise InvalidParameterValue(runtime_names.deprecated_text(runtime))
    elif runtime not in runtime_names.ACCEPTED:
        raise InvalidParameterValue(runtime_names.unknown_text(runtime))


def check_sizes(memory_mb: int, timeout_s: int) -> None:
    """The model allows what only managed instances have: refuse it in the words of the service."""
    if memory_mb > limits.MAXIMUM_MEMORY_MB:
        raise InvalidParameterValue(
            "'MemorySize' value failed to satisfy constraint: "
            f"Member must have value less than or equal to {limits.MAXIMUM_MEMORY_MB}"
        )
    if timeout_s > limits.MAXIMUM_TIMEOUT_S:
        raise ValidationFailed(_at_most(timeout_s, "timeout", "have value", limits.MAXIMUM_TIMEOUT_S))


def check_environment(variables: Mapping[str, str], most: int = limits.ENVIRONMENT_BYTES) -> None:
    """InvalidParameterValue for reserved keys and for more than `most` bytes, measured as compact JSON in UTF-8."""
    reserved = [key for key in variables if key in RESERVED_VARIABLES]
    if reserved:
        raise InvalidParameterValue(
            "Lambda was unable to configure your environment variables because the environment variables you have "
            "provided contains reserved keys that are currently not supported for modification. "
            f"Reserved keys used in this request: {', '.join(reserved)}"
        )
    measured = json.dumps(dict(variables), separators=(",", ":"), ensure_ascii=False)
    # A lone surrogate is legal JSON and no UTF-8: it counts, and the wire replaces it.
    if len(measured.encode("utf-8", "replace")) > most:
        raise InvalidParameterValue(
            "Lambda was unable to configure your environment variables because the environment variables you have "
            f"provided exceeded the {most // 1024}KB limit. String measured: {measured}"
        )


def check_dead_letter(arn: str) -> None:
    """InvalidParameterValue unless a standard queue or topic is named. Nobody recorded the service's text."""
    if target_kind(arn) not in {TargetKind.QUEUE, TargetKind.TOPIC}:
        raise InvalidParameterValue(
            f"The provided dead-letter target {arn} is invalid. "
            "Give the ARN of a standard SQS queue or of a standard SNS topic; FIFO is not supported."
        )


def check_tags(tags: Mapping[str, str]) -> None:
    """InvalidParameterValue for more tags than a resource may have."""
    if len(tags) > limits.TAGS:
        raise InvalidParameterValue("Number of tags exceeds resource tag limit.")


def _at_most(value: object, path: str, what: str, limit: int) -> str:
    return (
        f"1 validation error detected: Value '{value}' at '{path}' failed to satisfy constraint: "
        f"Member must {what} less than or equal to {limit}"
    )
