"""What is published, and what counts as a change."""

from dataclasses import fields, replace

import msgspec
import pytest

from neve.domain.errors import InvalidParameterValue
from neve.domain.function import (
    Code,
    Function,
    LoggingConfig,
    RecursiveLoop,
    RuntimeUpdates,
    ScalingLimits,
    UpdateRuntimeOn,
    UsedLayer,
)
from neve.domain.permission import ResourcePolicy
from neve.domain.version import check_code, is_number, is_unchanged, number_of, published
from neve.domain.world import World

LATEST = Function(
    World(),
    "f",
    "nodejs24.x",
    "index.handler",
    "role",
    Code("c2hh", 1),
    LoggingConfig("/aws/lambda/f"),
    1,
    "r1",
    tags={"team": "ice"},
    recursive_loop=RecursiveLoop.ALLOW,
    policy=ResourcePolicy(({"Sid": "s"},)),
    runtime_updates=RuntimeUpdates(UpdateRuntimeOn.MANUAL, "arn"),
    code_signing_arn="arn",
    description="of the function",
    environment={"B": "2", "A": "1"},
    state="Active",
    last_update_status="Successful",
    extra={"VpcConfig": {"SubnetIds": ["s"]}},
)


def test_version_has_what_latest_had_and_is_on_its_way() -> None:
    version = published(LATEST, 3, None, "r2")
    assert (version.version, version.revision_id, version.tags) == ("3", "r2", {})
    assert (version.policy, version.code_signing_arn, version.runtime_updates) == (None, None, RuntimeUpdates())
    assert version.recursive_loop is RecursiveLoop.TERMINATE
    assert (version.state, version.state_reason, version.state_reason_code) == (
        "Pending",
        "The function is being created.",
        "Creating",
    )
    assert (version.last_update_status, version.description) == (None, "of the function")
    assert (version.code, version.environment, version.last_modified_ms) == (LATEST.code, LATEST.environment, 1)


def test_description_may_be_the_versions_own() -> None:
    version = published(LATEST, 1, "first", "r2")
    assert version.description == "first"
    assert is_unchanged(LATEST, version)


@pytest.mark.parametrize(
    "change",
    [
        {"revision_id": "r9"},
        {"last_modified_ms": 9},
        {"tags": {}},
        {"recursive_loop": RecursiveLoop.TERMINATE},
        {"policy": None},
        {"runtime_updates": RuntimeUpdates()},
        {"code_signing_arn": None},
        {"scaling": ScalingLimits(1, 2)},
        {"state": "Inactive", "state_reason": "x", "state_reason_code": "Idle"},
        {"last_update_status": "InProgress", "last_update_reason": "x", "last_update_reason_code": "Creating"},
        {"environment": {"A": "1", "B": "2"}},
    ],
)
def test_what_is_no_change(change: dict[str, object]) -> None:
    assert is_unchanged(replace(LATEST, **change), published(LATEST, 1, None, "r2"))  # type: ignore[arg-type]


CHANGES: dict[str, object] = {
    "runtime": "nodejs22.x",
    "handler": "other.handler",
    "role": "other",
    "code": Code("b3RoZXI=", 1),
    "logging": LoggingConfig("/aws/lambda/f", "JSON", "INFO", "INFO"),
    "description": "new",
    "memory_mb": 256,
    "timeout_s": 4,
    "ephemeral_storage_mb": 1024,
    "environment": None,
    "architectures": ("arm64",),
    "layers": (UsedLayer("arn", Code("bGF5ZXI=", 1)),),
    "tracing_mode": "Active",
    "dead_letter_arn": "arn:aws:sqs:us-east-1:000000000000:q",
    "capacity_provider_arn": "arn",
    "image_uri": "host/r:t",
    "extra": {},
}


@pytest.mark.parametrize("member", CHANGES)
def test_what_is_a_change(member: str) -> None:
    changed = replace(LATEST, **{member: CHANGES[member]})  # type: ignore[arg-type]
    assert not is_unchanged(changed, published(LATEST, 1, None, "r2"))


def test_every_member_is_known_to_be_a_change_or_none() -> None:
    """A member that is added later has to be thought of."""
    no_change = {
        "world",
        "name",
        "version",
        "revision_id",
        "last_modified_ms",
        "tags",
        "recursive_loop",
        "state",
        "state_reason",
        "state_reason_code",
        "last_update_status",
        "last_update_reason",
        "last_update_reason_code",
        "published_from",
        "policy",
        "runtime_updates",
        "code_signing_arn",
        "scaling",
    }
    assert {each.name for each in fields(Function)} == no_change | set(CHANGES)


def test_digest_survives_the_disk() -> None:
    read = msgspec.json.decode(msgspec.json.encode(LATEST), type=Function)
    assert is_unchanged(read, published(LATEST, 1, None, "r2"))


def test_code_that_the_caller_has_not_seen_is_not_published() -> None:
    check_code(LATEST, None)
    check_code(LATEST, "c2hh")
    with pytest.raises(InvalidParameterValue) as caught:
        check_code(LATEST, "x")
    assert caught.value.message == (
        "CodeSHA256 (x) is different from current CodeSHA256 in $LATEST (c2hh). "
        "Please try again with the CodeSHA256 in $LATEST."
    )


@pytest.mark.parametrize(
    ("qualifier", "number"), [("1", True), ("007", True), ("$LATEST", False), ("v1", False), ("١", False)]
)
def test_which_qualifiers_are_numbers(qualifier: str, number: bool) -> None:
    assert is_number(qualifier) is number


def test_latest_comes_before_every_version() -> None:
    assert [number_of(each) for each in (LATEST, published(LATEST, 12, None, "r"))] == [0, 12]
