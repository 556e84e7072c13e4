"""Nobody answers: every client reads why, in the shape of its service."""

import http.client
from typing import Any

import botocore.exceptions
import pytest
from tests.neighbours.conftest import OpenDoor

from neve.domain.world import World
from neve.neighbours.refusal import render
from neve.neighbours.request import Head, nobody

WHAT_TO_DO = (
    "nobody answers for {}. Start it with --neighbours (`neve dev` does), or say where {} is: --endpoints {}=URL."
)


@pytest.mark.parametrize(
    ("service", "name", "operation", "parameters"),
    [
        ("dynamodb", "dynamodb", "list_tables", {}),  # json 1.0
        ("kms", "kms", "list_keys", {}),  # json 1.1
        ("sqs", "sqs", "list_queues", {}),
        ("sns", "sns", "list_topics", {}),  # query
        ("iam", "iam", "list_users", {}),
        ("s3", "s3", "list_buckets", {}),  # rest-xml
        ("scheduler", "scheduler", "list_schedules", {}),  # rest-json
        ("cloudwatch", "monitoring", "list_dashboards", {}),  # cbor in newer clients
        ("stepfunctions", "states", "list_state_machines", {}),
    ],
)
def test_a_client_reads_what_to_do(
    open_door: OpenDoor, service: str, name: str, operation: str, parameters: Any
) -> None:
    with pytest.raises(botocore.exceptions.ClientError) as caught:
        getattr(open_door().client(service), operation)(**parameters)
    error = caught.value.response
    assert error["Error"]["Code"] == "NotImplementedException"
    assert error["Error"]["Message"].endswith(WHAT_TO_DO.format(name, name, name))
    assert error["ResponseMetadata"]["HTTPStatusCode"] == 501
    assert len(error["ResponseMetadata"]["RequestId"]) == 36


def test_a_head_request_gets_a_status(open_door: OpenDoor) -> None:
    with pytest.raises(botocore.exceptions.ClientError, match="501"):
        open_door().client("s3").head_object(Bucket="bucket", Key="k")


def test_a_large_body_is_refused_with_an_answer(open_door: OpenDoor) -> None:
    with pytest.raises(botocore.exceptions.ClientError, match="nobody answers for s3"):
        open_door().client("s3").put_object(Bucket="bucket", Key="k", Body=b"x" * 5_000_000)


def test_an_unsigned_request_that_nobody_answers_is_lambdas(open_door: OpenDoor) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", open_door().port, timeout=20)
    connection.request("GET", "/bucket/key")
    answer = connection.getresponse()
    assert (answer.status, answer.headers["x-amzn-errortype"]) == (404, "UnknownOperationException")
    connection.close()


def test_cbor_carries_long_texts() -> None:
    head = Head("monitoring", World(), True, "POST", b"/", [(b"smithy-protocol", b"rpc-v2-cbor")])
    headers, body = render(nobody("long " * 20), head, "id")
    assert dict(headers)[b"content-type"] == b"application/cbor"
    text = b"long " * 20
    assert body.endswith(b"\x67message\x79\x00\x64" + text)
