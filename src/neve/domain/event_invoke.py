"""The event invoke config of a function, a version or an alias: retries, age, destinations (async-invocation facts §5)."""

from dataclasses import dataclass, replace

from neve.domain.arn import function_arn
from neve.domain.errors import InvalidParameterValue, ResourceNotFound
from neve.domain.event import Policy
from neve.domain.function import Function
from neve.domain.limits import EVENT_MAXIMUM_AGE_S, EVENT_RETRIES
from neve.domain.target_arn import TargetKind, target_kind
from neve.domain.world import World

_ON_SUCCESS = frozenset({TargetKind.QUEUE, TargetKind.TOPIC, TargetKind.FUNCTION, TargetKind.BUS})
_ON_FAILURE = _ON_SUCCESS | {TargetKind.BUCKET}


@dataclass(frozen=True, slots=True)
class EventInvokeConfig:
    """What was set for one qualifier, `$LATEST` included; None was never set. Each has its own, nothing is inherited.

    `maximum_age_s` in seconds; destinations are ARNs.
    """

    world: World
    function_name: str
    qualifier: str
    last_modified_ms: int
    retries: int | None = None
    maximum_age_s: int | None = None
    on_success: str | None = None
    on_failure: str | None = None


@dataclass(frozen=True, slots=True)
class GivenEventInvoke:
    """Settings as a caller gave them; None was not given, an empty destination takes it away."""

    retries: int | None = None
    maximum_age_s: int | None = None
    on_success: str | None = None
    on_failure: str | None = None
    names_destinations: bool = False


def check_given(given: GivenEventInvoke) -> None:
    """InvalidParameterValue when there is nothing to set."""
    if given.retries is None and given.maximum_age_s is None and not given.names_destinations:
        raise InvalidParameterValue("You must specify at least one of error handling or destination setting.")


def merged(config: EventInvokeConfig, given: GivenEventInvoke, now_ms: int) -> EventInvokeConfig:
    """The config with what was given, each destination on its own."""
    return replace(
        config,
        last_modified_ms=now_ms,
        retries=config.retries if given.retries is None else given.retries,
        maximum_age_s=config.maximum_age_s if given.maximum_age_s is None else given.maximum_age_s,
        on_success=config.on_success if given.on_success is None else given.on_success or None,
        on_failure=config.on_failure if given.on_failure is None else given.on_failure or None,
    )


def check_kinds(given: GivenEventInvoke) -> None:
    """InvalidParameterValue for a destination that nothing can be delivered to."""
    success, failure = given.on_success or None, given.on_failure or None
    if (success is None or target_kind(success) in _ON_SUCCESS) and (
        failure is None or target_kind(failure) in _ON_FAILURE
    ):
        return
    on_success = "null" if success is None else f"OnSuccess(destination={success})"
    on_failure = "null" if failure is None else f"OnFailure(destination={failure})"
    raise InvalidParameterValue(
        f"The provided destination config DestinationConfig(onSuccess={on_success}, onFailure={on_failure}) is invalid."
    )


def policy(latest: Function, config: EventInvokeConfig | None) -> Policy:
    """How events of a function are treated for which `config` was set, if any was."""
    config = config or EventInvokeConfig(latest.world, latest.name, latest.version, 0)
    return Policy(
        EVENT_RETRIES if config.retries is None else config.retries,
        EVENT_MAXIMUM_AGE_S if config.maximum_age_s is None else config.maximum_age_s,
        config.on_success,
        config.on_failure,
        latest.dead_letter_arn,
        latest.recursive_loop,
    )


def missing(world: World, function_name: str, qualifier: str) -> ResourceNotFound:
    """The error for a qualifier without a config, and for a function that is not there."""
    arn = function_arn(world, function_name, qualifier)
    return ResourceNotFound(f"The function {arn} doesn't have an EventInvokeConfig")
