"""Who calls: account, region and service from the credential scope."""

import pytest

from neve.api.scope import UNSIGNED, caller_of
from neve.domain.errors import ServiceSpecific
from neve.domain.world import DEFAULT_ACCOUNT, World

TAIL = b", SignedHeaders=host;x-amz-date, Signature=0123"


def signed(credential: bytes) -> dict[bytes, bytes]:
    return {b"authorization": b"AWS4-HMAC-SHA256 Credential=" + credential + TAIL}


def test_twelve_digits_are_the_account() -> None:
    caller = caller_of(signed(b"123456789012/20250101/eu-west-1/lambda/aws4_request"), b"")
    assert (caller.world, caller.service) == (World("123456789012", "eu-west-1"), "lambda")


def test_another_key_is_the_default_account() -> None:
    caller = caller_of(signed(b"AKIAIOSFODNN7EXAMPLE/20250101/us-east-1/logs/aws4_request"), b"")
    assert (caller.world, caller.service) == (World(DEFAULT_ACCOUNT, "us-east-1"), "logs")


def test_a_presigned_url_has_its_scope_in_the_query() -> None:
    query = b"X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=123456789012%2F20250101%2Feu-north-1%2Flambda%2Faws4_request"
    assert caller_of({}, query).world == World("123456789012", "eu-north-1")


def test_a_scope_for_several_regions_takes_the_first_of_the_set() -> None:
    headers = {
        b"authorization": b"AWS4-ECDSA-P256-SHA256 Credential=123456789012/20250101/lambda/aws4_request" + TAIL,
        b"x-amz-region-set": b"eu-west-1,eu-west-2",
    }
    assert caller_of(headers, b"").world.region == "eu-west-1"


@pytest.mark.parametrize("headers", [{}, {b"authorization": b"Bearer x"}, {b"authorization": b"Basic Credential=x"}])
def test_unsigned_requests_belong_to_the_default(headers: dict[bytes, bytes]) -> None:
    assert caller_of(headers, b"") is UNSIGNED
    assert UNSIGNED.world == World()


@pytest.mark.parametrize(
    "credential",
    [b"", b"KEY", b"KEY/2025/us-east-1/lambda/aws4", b"KEY/2025/../lambda/aws4_request", b"K/2//l/aws4_request"],
)
def test_a_broken_scope_is_refused(credential: bytes) -> None:
    with pytest.raises(ServiceSpecific) as caught:
        caller_of(signed(credential), b"")
    assert caught.value.code == "InvalidSignatureException"


def test_signature_version_2_is_of_s3() -> None:
    caller = caller_of({b"authorization": b"AWS 123456789012:frJIUN8DYpKDtOLCwo//yllqDzg="}, b"")
    assert (caller.world, caller.service) == (World("123456789012"), "s3")


def test_a_url_presigned_with_version_2_is_of_s3() -> None:
    caller = caller_of({}, b"AWSAccessKeyId=123456789012&Signature=frJIUN8DY%3D&Expires=1900000000")
    assert (caller.world, caller.service) == (World("123456789012"), "s3")
