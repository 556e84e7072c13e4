"""What a caller gives to create or change a function, and how it changes one: not given keeps, given replaces."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from neve import log
from neve.domain import function as rules
from neve.domain.code_source import refuse_settings_of_zip
from neve.domain.errors import InvalidParameterValue
from neve.domain.function import Function, LoggingConfig, UsedLayer
from neve.domain.limits import THE_SERVICES, Quotas


@dataclass(frozen=True, slots=True, kw_only=True)
class GivenLogging:
    """The members of LoggingConfig that were given."""

    log_group: str | None = None
    log_format: Literal["Text", "JSON"] | None = None
    application_log_level: str | None = None
    system_log_level: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """Settings as a caller gave them; None was not given. `clear_environment` is an Environment without variables, an empty
    `dead_letter_arn` takes the dead-letter queue away, an empty `capacity_provider_arn` the capacity provider.

    `extra` holds members that do not change how a function runs yet (`Function.extra`).
    """

    runtime: str | None = None
    handler: str | None = None
    role: str | None = None
    description: str | None = None
    memory_mb: int | None = None
    timeout_s: int | None = None
    ephemeral_storage_mb: int | None = None
    environment: Mapping[str, str] | None = None
    clear_environment: bool = False
    layer_arns: tuple[str, ...] | None = None
    architectures: tuple[str, ...] | None = None
    tracing_mode: str | None = None
    dead_letter_arn: str | None = None
    capacity_provider_arn: str | None = None
    logging: GivenLogging = GivenLogging()
    extra: Mapping[str, Any] = field(default_factory=dict)


def configured(
    function: Function,
    given: Given,
    refuse_deprecated: bool,
    layers: tuple[UsedLayer, ...] | None = None,
    quotas: Quotas = THE_SERVICES,
) -> Function:
    """The function with what was given; `layers` is what its ARNs of layers mean, None when none were given.

    InvalidParameterValue or ValidationFailed for what the service refuses.
    """
    if function.image_uri is not None and (given.runtime or given.handler or layers):
        raise refuse_settings_of_zip()
    if given.runtime is not None:
        rules.check_runtime(given.runtime, refuse_deprecated)
    if given.environment is not None:
        rules.check_environment(given.environment, quotas.environment)
    if given.dead_letter_arn:
        rules.check_dead_letter(given.dead_letter_arn)
    changed = replace(
        function,
        **_given_plain(given),
        environment=_environment(function, given),
        layers=function.layers if layers is None else layers,
        logging=_logging(function.logging, given.logging),
        dead_letter_arn=_given_or(function.dead_letter_arn, given.dead_letter_arn),
        capacity_provider_arn=_given_or(function.capacity_provider_arn, given.capacity_provider_arn),
        extra={**function.extra, **given.extra},
    )
    rules.check_sizes(changed.memory_mb, changed.timeout_s)
    _say_what_is_not_the_same(changed, given)
    return changed


_PLAIN = (
    "runtime",
    "handler",
    "role",
    "description",
    "memory_mb",
    "timeout_s",
    "ephemeral_storage_mb",
    "architectures",
    "tracing_mode",
)


def _given_plain(given: Given) -> dict[str, Any]:
    return {name: value for name in _PLAIN if (value := getattr(given, name)) is not None}


def _given_or(current: str | None, given: str | None) -> str | None:
    return current if given is None else given or None


def _environment(function: Function, given: Given) -> Mapping[str, str] | None:
    if given.clear_environment:
        return None
    return function.environment if given.environment is None else given.environment


def _logging(current: LoggingConfig, given: GivenLogging) -> LoggingConfig:
    """Levels belong to JSON: a change to Text drops them, JSON without a level has INFO."""
    log_group = given.log_group or current.log_group
    if (given.log_format or current.log_format) == "Text":
        if given.application_log_level or given.system_log_level:
            raise InvalidParameterValue(
                "ApplicationLogLevel and SystemLogLevel can be set only with the LogFormat JSON."
            )
        return LoggingConfig(log_group)
    return LoggingConfig(
        log_group,
        "JSON",
        given.application_log_level or current.application_log_level or "INFO",
        given.system_log_level or current.system_log_level or "INFO",
    )


def _say_what_is_not_the_same(function: Function, given: Given) -> None:
    """An operator should find out here, not by wondering, that something given changes nothing yet."""
    if given.extra:
        log.note("members kept without effect", function=function.unqualified_arn, members=sorted(given.extra))
