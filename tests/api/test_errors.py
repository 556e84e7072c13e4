"""The table of errors: status, code header, body, for each kind of shape."""

import json
import logging
from collections.abc import Mapping

import pytest

from neve.api import errors, model
from neve.api.http import Response
from neve.domain.errors import (
    InvalidParameterValue,
    InvalidRequestContent,
    NeveError,
    OperatorError,
    PreconditionFailed,
    RequestTooLarge,
    ResourceConflict,
    ResourceNotFound,
    SandboxFailed,
    ServiceSpecific,
    StorageUnavailable,
    TooManyRequests,
    UnsupportedOperation,
    ValidationFailed,
)

LAMBDA, LOGS = model.load("lambda"), model.load("logs")


def header(response: Response, name: bytes) -> bytes | None:
    return dict(response.headers).get(name)


@pytest.mark.parametrize(
    ("error", "status", "body"),
    [
        (InvalidParameterValue("m"), 400, {"Type": "User", "message": "m"}),
        (InvalidRequestContent("m"), 400, {"Type": "User", "message": "m"}),
        (ValidationFailed("m"), 400, {"message": "m"}),
        (ResourceNotFound("m"), 404, {"Type": "User", "Message": "m"}),
        (ResourceConflict("m"), 409, {"Type": "User", "message": "m"}),
        (PreconditionFailed("m"), 412, {"Type": "User", "message": "m"}),
        (RequestTooLarge("m"), 413, {"Message": "m"}),
        (UnsupportedOperation("m"), 501, {"Type": "User", "message": "m"}),
        (ServiceSpecific("AccessDeniedException", "m"), 403, {"Message": "m"}),
        (ServiceSpecific("UnsupportedMediaTypeException", "m"), 415, {"Type": "User", "message": "m"}),
        (ServiceSpecific("CodeStorageExceededException", "m"), 400, {"Type": "User", "message": "m"}),
        (ServiceSpecific("KMSDisabledException", "m"), 502, {"Type": "Service", "Message": "m"}),
        (ServiceSpecific("NobodyKnowsException", "m"), 400, {"Type": "User", "message": "m"}),
    ],
    ids=lambda value: value.code if isinstance(value, NeveError) else None,
)
def test_lambda_errors(error: NeveError, status: int, body: Mapping[str, str]) -> None:
    response = errors.render(error, LAMBDA, "id")
    assert (response.status, json.loads(response.body)) == (status, body)
    assert header(response, b"x-amzn-errortype") == error.code.encode()
    assert header(response, b"content-type") == b"application/json"


def test_a_throttle_keeps_the_recorded_order_of_its_members() -> None:
    response = errors.render(TooManyRequests("ReservedFunctionConcurrentInvocationLimitExceeded"), LAMBDA, "id")
    expected = (
        b'{"Reason":"ReservedFunctionConcurrentInvocationLimitExceeded","Type":"User","message":"Rate Exceeded."}'
    )
    assert (response.status, response.body) == (429, expected)
    assert header(response, b"retry-after") is None


def test_a_throttle_may_say_when_to_try_again() -> None:
    response = errors.render(TooManyRequests("CallerRateLimitExceeded", retry_after_s=3), LAMBDA, "id")
    assert header(response, b"retry-after") == b"3"


@pytest.mark.parametrize("error", [StorageUnavailable("disk full"), SandboxFailed("disk full")])
def test_faults_of_ours_are_service_exceptions_and_logged(error: NeveError, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING, "neve"):
        response = errors.render(error, LAMBDA, "the-id")
    assert (response.status, json.loads(response.body)) == (500, {"Type": "Service", "Message": "disk full"})
    assert "the-id" in caplog.text


@pytest.mark.parametrize("error", [RuntimeError("/secret/path"), OperatorError("/secret/path"), KeyError("x")])
def test_what_nobody_raised_on_purpose_says_nothing(error: Exception) -> None:
    response = errors.render(error, LAMBDA, "id")
    assert response.status == 500
    assert b"secret" not in response.body
    assert header(response, b"x-amzn-errortype") == b"ServiceException"


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [
        (ResourceNotFound("m"), 400, "ResourceNotFoundException"),
        (ServiceSpecific("ResourceAlreadyExistsException", "m"), 400, "ResourceAlreadyExistsException"),
        (UnsupportedOperation("m"), 501, "NotImplementedException"),
        (StorageUnavailable("m"), 500, "InternalFailure"),
    ],
)
def test_json_rpc_errors_name_their_code_in_the_body(error: NeveError, status: int, code: str) -> None:
    response = errors.render(error, LOGS, "id")
    assert response.status == status
    assert json.loads(response.body) == {"__type": code, "message": "m"}
    assert header(response, b"content-type") == b"application/x-amz-json-1.1"


def test_every_error_of_the_model_has_its_status() -> None:
    for name, shape in LAMBDA.shapes.items():
        if "error" in shape:
            assert errors.render(ServiceSpecific(name, "m"), LAMBDA, "id").status == shape["error"]["httpStatusCode"]


def test_a_lone_surrogate_stays_an_escape() -> None:
    assert json.loads(errors.render(ValidationFailed("\ud800"), LAMBDA, "id").body) == {"message": "\ud800"}
