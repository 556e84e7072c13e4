"""The door end to end: boto3 and raw HTTP against the real server."""

import gzip
import http.client
import json
import re
import socket
from collections.abc import Mapping
from typing import Any

import botocore.exceptions
import pytest

from neve.api.http import Request, Response
from neve.domain.call import Call
from neve.domain.errors import (
    ResourceConflict,
    ResourceNotFound,
    StorageUnavailable,
    TooManyRequests,
)

Members = Mapping[str, Any]
UUID4 = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")


async def echo(call: Call, request: Request) -> Response:
    """An Invoke that answers with what it got."""
    seen = {
        "name": request.labels["FunctionName"],
        "qualifier": request.parameter("Qualifier"),
        "type": request.header(b"x-amz-invocation-type"),
        "account": call.world.account,
        "region": call.world.region,
        "size": len(request.body),
    }
    return Response(200, [(b"x-amz-executed-version", b"$LATEST")], json.dumps(seen).encode())


def raising(error: Exception) -> Any:
    async def operation(call: Call, members: Members) -> Members:
        raise error

    return operation


async def describe(call: Call, members: Members) -> Members:
    return {
        "FunctionName": members["FunctionName"],
        "Version": members.get("Qualifier", "$LATEST"),
        "Description": call.request_id,
    }


async def create(call: Call, members: Members) -> Members:
    return {"FunctionName": members["FunctionName"], "CodeSize": len(members["Code"]["ZipFile"])}


async def no_members(call: Call, members: Members) -> Members:
    return {}


def refused(action: Any, **members: Any) -> botocore.exceptions.ClientError:
    with pytest.raises(botocore.exceptions.ClientError) as caught:
        action(**members)
    return caught.value


def test_invoke_reaches_the_raw_operation(start_door: Any) -> None:
    client = start_door(raw={"Invoke": echo}).client()
    answer = client.invoke(FunctionName="f", Qualifier="blue", Payload=b'{"k": 1}')
    assert json.loads(answer["Payload"].read()) == {
        "name": "f",
        "qualifier": "blue",
        "type": None,
        "account": "123456789012",
        "region": "eu-west-1",
        "size": 8,
    }
    assert answer["ExecutedVersion"] == "$LATEST"
    assert UUID4.fullmatch(answer["ResponseMetadata"]["RequestId"])


def test_an_operation_gets_members_and_answers_members(start_door: Any) -> None:
    client = start_door({"GetFunctionConfiguration": describe}).client()
    answer = client.get_function_configuration(
        FunctionName="arn:aws:lambda:us-east-1:123456789012:function:f", Qualifier="7"
    )
    metadata = answer.pop("ResponseMetadata")
    assert answer["FunctionName"] == "arn:aws:lambda:us-east-1:123456789012:function:f"
    assert answer["Version"] == "7"
    assert answer["Description"] == metadata["RequestId"] == metadata["HTTPHeaders"]["x-amzn-requestid"]
    assert metadata["HTTPHeaders"]["content-type"] == "application/json"
    assert "server" not in metadata["HTTPHeaders"]


def test_blobs_arrive_as_bytes(start_door: Any) -> None:
    client = start_door({"CreateFunction": create}).client()
    answer = client.create_function(
        FunctionName="f", Role="arn:aws:iam::123456789012:role/r", Code={"ZipFile": bytes(range(256)) * 40_000}
    )
    assert (answer["ResponseMetadata"]["HTTPStatusCode"], answer["CodeSize"]) == (201, 10_240_000)


def test_an_operation_without_output_answers_204(start_door: Any) -> None:
    client = start_door({"DeleteAlias": no_members}).client()
    assert client.delete_alias(FunctionName="f", Name="a")["ResponseMetadata"]["HTTPStatusCode"] == 204


def test_logs_speak_json_rpc(start_door: Any) -> None:
    async def groups(call: Call, members: Members) -> Members:
        return {"logGroups": [{"logGroupName": members["logGroupNamePrefix"], "creationTime": 5}]}

    running = start_door(logs={"DescribeLogGroups": groups, "CreateLogGroup": raising(ResourceNotFound("gone"))})
    client = running.client("logs")
    answer = client.describe_log_groups(logGroupNamePrefix="/aws")
    assert answer["logGroups"] == [{"logGroupName": "/aws", "creationTime": 5}]
    assert answer["ResponseMetadata"]["HTTPHeaders"]["content-type"] == "application/x-amz-json-1.1"
    error = refused(client.create_log_group, logGroupName="g")
    assert error.response["Error"] == {"Code": "ResourceNotFoundException", "Message": "gone"}
    assert error.response["ResponseMetadata"]["HTTPStatusCode"] == 400


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [
        (ResourceNotFound("no"), 404, "ResourceNotFoundException"),
        (ResourceConflict("no"), 409, "ResourceConflictException"),
        (TooManyRequests("CallerRateLimitExceeded", "no"), 429, "TooManyRequestsException"),
        (StorageUnavailable("no"), 500, "ServiceException"),
    ],
)
def test_errors_reach_the_sdk(start_door: Any, error: Exception, status: int, code: str) -> None:
    client = start_door({"GetFunction": raising(error)}).client()
    response = refused(client.get_function, FunctionName="f").response
    assert response["ResponseMetadata"]["HTTPStatusCode"] == status
    assert (response["Error"]["Code"], response["Error"]["Message"]) == (code, "no")
    assert UUID4.fullmatch(response["ResponseMetadata"]["RequestId"])


def test_an_unexpected_failure_is_a_service_exception_without_its_text(start_door: Any) -> None:
    client = start_door({"GetFunction": raising(ZeroDivisionError("secret"))}).client()
    response = refused(client.get_function, FunctionName="f").response
    assert response["Error"]["Code"] == "ServiceException"
    assert "secret" not in str(response)


def test_an_operation_that_is_not_there_is_named(start_door: Any) -> None:
    response = refused(start_door().client().list_layers).response
    assert response["ResponseMetadata"]["HTTPStatusCode"] == 501
    assert response["Error"]["Message"] == "Neve does not support the operation ListLayers yet."


def test_a_service_that_is_not_there_is_named(start_door: Any) -> None:
    response = refused(start_door().client("sqs").list_queues).response
    assert response["ResponseMetadata"]["HTTPStatusCode"] == 501


# Sizes.


def test_seven_megabytes_are_refused_and_the_sdk_sees_why(start_door: Any) -> None:
    client = start_door(raw={"Invoke": echo}).client()
    response = refused(client.invoke, FunctionName="f", Payload=b"x" * 7_000_000).response
    assert response["ResponseMetadata"]["HTTPStatusCode"] == 413
    assert response["Error"] == {
        "Code": "RequestEntityTooLargeException",
        "Message": "Request must be smaller than 6291456 bytes for the InvokeFunction operation",
    }
    assert client.invoke(FunctionName="f", Payload=b"1")["StatusCode"] == 200  # the client goes on


def test_the_largest_payload_is_taken(start_door: Any) -> None:
    client = start_door(raw={"Invoke": echo}).client()
    answer = client.invoke(FunctionName="f", Payload=b"x" * 6_291_456)
    assert json.loads(answer["Payload"].read())["size"] == 6_291_456


def test_an_event_has_a_smaller_limit(start_door: Any) -> None:
    client = start_door(raw={"Invoke": echo}).client()
    response = refused(client.invoke, FunctionName="f", InvocationType="Event", Payload=b"x" * 1_048_577).response
    assert response["Error"]["Message"] == (
        "1048577 byte payload is too large for the Event invocation type (limit 1048576 bytes)"
    )
    response = refused(client.invoke, FunctionName="f", InvocationType="Event", Payload=b"x" * 6_291_457).response
    assert response["Error"]["Message"] == "Request must be smaller than 6291456 bytes for the InvokeFunction operation"


# Raw HTTP.


INVOKE = "/2015-03-31/functions/f/invocations"


def connect(running: Any) -> http.client.HTTPConnection:
    return http.client.HTTPConnection("127.0.0.1", running.port, timeout=20)


def exchange(
    connection: http.client.HTTPConnection,
    method: str,
    path: str,
    body: Any = None,
    headers: Mapping[str, str] | None = None,
) -> tuple[int, http.client.HTTPResponse, bytes]:
    connection.request(method, path, body=body, headers=dict(headers or {}), encode_chunked=False)
    response = connection.getresponse()
    return response.status, response, response.read()


def talk(running: Any, sent: bytes) -> bytes:
    """Send bytes, then read until the door closes or what came is a whole answer."""
    with socket.create_connection(("127.0.0.1", running.port), timeout=20) as link:
        link.sendall(sent)
        received = b""
        while chunk := link.recv(65536):
            received += chunk
            if whole(received):
                break
        return received


def whole(received: bytes) -> bool:
    head, found, body = received.partition(b"\r\n\r\n")
    length = re.search(rb"content-length: (\d+)", head)
    return bool(found) and length is not None and len(body) >= int(length[1])


def test_unsigned_requests_are_lambdas_in_the_default_world(start_door: Any) -> None:
    connection = connect(start_door(raw={"Invoke": echo}))
    status, _, body = exchange(connection, "POST", INVOKE, b"{}")
    assert (status, json.loads(body)["account"], json.loads(body)["region"]) == (200, "000000000000", "us-east-1")
    connection.close()


def test_an_unsigned_target_names_its_service(start_door: Any) -> None:
    connection = connect(start_door(logs={"CreateLogGroup": no_members}))
    headers = {"X-Amz-Target": "Logs_20140328.CreateLogGroup", "Content-Type": "application/x-amz-json-1.1"}
    assert exchange(connection, "POST", "/", b'{"logGroupName":"g"}', headers)[0] == 200
    status, _, body = exchange(connection, "POST", "/", b"{}", headers | {"X-Amz-Target": "Logs_20140328.Nothing"})
    assert (status, json.loads(body)["__type"]) == (400, "UnknownOperationException")
    connection.close()


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS", "PATCH", "DELETE"])
def test_unknown_requests_do_not_end_the_connection(start_door: Any, method: str) -> None:
    connection = connect(start_door(raw={"Invoke": echo}))
    status, response, _ = exchange(connection, method, "/nothing")
    assert (status, response.getheader("x-amzn-errortype")) == (404, "UnknownOperationException")
    assert exchange(connection, "POST", INVOKE, b"{}")[0] == 200
    connection.close()


@pytest.mark.parametrize("path", ["/_neve", "/_neve/", "/_neve/health"])
def test_our_own_paths_are_answered_by_our_own(start_door: Any, path: str) -> None:
    connection = connect(start_door())
    assert exchange(connection, "GET", path)[2] == path.encode()
    connection.close()


def test_what_only_begins_like_our_own_path_is_not(start_door: Any) -> None:
    connection = connect(start_door())
    assert exchange(connection, "GET", "/_nevermore")[0] == 404
    connection.close()


def test_a_chunked_body_is_taken_and_counted(start_door: Any) -> None:
    running = start_door(raw={"Invoke": echo})
    head = f"POST {INVOKE} HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n".encode()
    small = talk(running, head + b"3\r\n{ }\r\n" * 5 + b"0\r\n\r\n")
    assert small.startswith(b"HTTP/1.1 200")
    assert b'"size": 15' in small
    large = talk(running, head + (b"100000\r\n" + b"x" * 0x100000 + b"\r\n") * 7 + b"0\r\n\r\n")
    assert large.startswith(b"HTTP/1.1 413")
    assert b"Request must be smaller than 6291456 bytes" in large


def test_a_chunked_event_is_measured_to_its_end(start_door: Any) -> None:
    running = start_door(raw={"Invoke": echo})
    head = f"POST {INVOKE} HTTP/1.1\r\nHost: x\r\nX-Amz-Invocation-Type: Event\r\nTransfer-Encoding: chunked\r\n\r\n".encode()
    answer = talk(running, head + (b"100000\r\n" + b"x" * 0x100000 + b"\r\n") * 2 + b"0\r\n\r\n")
    assert b"2097152 byte payload is too large for the Event invocation type" in answer


def test_a_refusal_comes_before_the_body_does(start_door: Any) -> None:
    head = f"POST {INVOKE} HTTP/1.1\r\nHost: x\r\nContent-Length: 999999999999\r\n\r\n".encode()
    assert talk(start_door(raw={"Invoke": echo}), head).startswith(b"HTTP/1.1 413")


def test_expect_continue_is_answered_before_the_body(start_door: Any) -> None:
    running = start_door(raw={"Invoke": echo})
    head = f"POST {INVOKE} HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n".encode()
    with socket.create_connection(("127.0.0.1", running.port), timeout=20) as link:
        link.sendall(head)
        assert link.recv(65536) == b"HTTP/1.1 100 Continue\r\n\r\n"
        link.sendall(b"{}")
        assert link.recv(65536).startswith(b"HTTP/1.1 200")


def test_expect_continue_is_refused_at_once_when_it_is_too_much(start_door: Any) -> None:
    running = start_door(raw={"Invoke": echo})
    head = f"POST {INVOKE} HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 7000000\r\n\r\n".encode()
    with socket.create_connection(("127.0.0.1", running.port), timeout=20) as link:
        link.sendall(head)
        received = b"".join(iter(lambda: link.recv(65536), b""))
    assert received.startswith(b"HTTP/1.1 413")
    assert b"100 Continue" not in received


def test_a_gzip_body_is_unpacked(start_door: Any) -> None:
    connection = connect(start_door(raw={"Invoke": echo}))
    packed = gzip.compress(b"[" + b"1," * 1000 + b"1]")
    _, _, body = exchange(connection, "POST", INVOKE, packed, {"Content-Encoding": "gzip"})
    assert json.loads(body)["size"] == 2003
    connection.close()


@pytest.mark.parametrize(
    ("body", "encoding", "status"),
    [
        (gzip.compress(b"x" * 7_000_000), "gzip", 413),
        (b"no gzip", "gzip", 400),
        (gzip.compress(b"x")[:-4], "gzip", 400),
        (b"{}", "br", 415),
    ],
    ids=["bomb", "plain", "cut", "brotli"],
)
def test_encodings_that_cannot_be_read_are_refused(start_door: Any, body: bytes, encoding: str, status: int) -> None:
    connection = connect(start_door(raw={"Invoke": echo}))
    assert exchange(connection, "POST", INVOKE, body, {"Content-Encoding": encoding})[0] == status
    connection.close()


def test_a_slow_body_ends_in_a_timeout(start_door: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("neve.api.body.BODY_SECONDS", 0.1)
    monkeypatch.setattr("neve.api.body.LINGER_SECONDS", 0.1)
    head = f"POST {INVOKE} HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n{{".encode()
    answer = talk(start_door(raw={"Invoke": echo}), head)
    assert answer.startswith(b"HTTP/1.1 408")
    assert b"RequestTimeoutException" in answer


def test_a_connection_that_sends_no_request_is_closed(start_door: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("neve.api.connection.HEADER_SECONDS", 0.1)
    assert talk(start_door(), b"GET / HTTP/1.1\r\nHo") == b""


def test_a_client_that_goes_away_harms_nobody(start_door: Any) -> None:
    running = start_door(raw={"Invoke": echo})
    with socket.create_connection(("127.0.0.1", running.port), timeout=20) as link:
        link.sendall(f"POST {INVOKE} HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n{{".encode())
    assert running.client().invoke(FunctionName="f")["StatusCode"] == 200


def test_a_broken_signature_scope_is_refused(start_door: Any) -> None:
    connection = connect(start_door())
    headers = {"Authorization": "AWS4-HMAC-SHA256 Credential=nothing, Signature=0"}
    status, response, _ = exchange(connection, "GET", "/2015-03-31/functions", None, headers)
    assert (status, response.getheader("x-amzn-errortype")) == (403, "InvalidSignatureException")
    connection.close()


def test_websockets_are_not_spoken(start_door: Any) -> None:
    connection = connect(start_door())
    headers = {
        "Connection": "Upgrade",
        "Upgrade": "websocket",
        "Sec-WebSocket-Key": "eA==",
        "Sec-WebSocket-Version": "13",
    }
    assert exchange(connection, "GET", "/nothing", None, headers)[0] == 404
    connection.close()


def test_keep_alive_serves_many_requests(start_door: Any) -> None:
    connection = connect(start_door(raw={"Invoke": echo}))
    ids = {exchange(connection, "POST", INVOKE, b"{}")[1].getheader("x-amzn-requestid") for _ in range(20)}
    assert len(ids) == 20
    connection.close()
