"""Which service an unsigned request is for."""

import pytest

from neve.api.meant import service_of

TARGETS = {b"Logs_20140328": "logs"}


def meant(path: bytes = b"/", **headers: str) -> str:
    given = {name.replace("_", "-").encode(): value.encode() for name, value in headers.items()}
    return service_of({"raw_path": path}, given, TARGETS)


@pytest.mark.parametrize(
    ("path", "service"),
    [
        (b"/2015-03-31/functions/f/invocations", "lambda"),
        (b"/2018-10-31/layers", "lambda"),
        (b"/2015-03-31", "lambda"),
        (b"/bucket/key", "s3"),
        (b"/bucket", "s3"),
        (b"/bucket/2015-03-31/functions", "s3"),
        (b"/", "lambda"),
        (b"/favicon.ico", "lambda"),
    ],
)
def test_a_path_is_lambdas_or_a_bucket(path: bytes, service: str) -> None:
    assert meant(path, host="127.0.0.1:4566") == service


def test_a_bucket_in_the_host_name_is_s3s() -> None:
    assert meant(b"/2015-03-31/x", host="bucket.localhost:4566") == "s3"


@pytest.mark.parametrize(
    ("target", "service"),
    [
        ("Logs_20140328.DescribeLogGroups", "logs"),
        ("AWSCognitoIdentityProviderService.SignUp", "cognito-idp"),
        ("Unheard.Of", "lambda"),
    ],
)
def test_a_target_names_its_service(target: str, service: str) -> None:
    assert meant(x_amz_target=target) == service


def test_a_form_at_the_root_asks_for_credentials() -> None:
    assert meant(content_type="application/x-www-form-urlencoded; charset=utf-8") == "sts"
