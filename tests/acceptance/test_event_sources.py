"""Event source mappings of real queues, streams and tables, and of what is not there."""

from typing import Any

import botocore.exceptions
import pytest
from tests.acceptance.conftest import Deploy
from tests.acceptance.functions import Deployed, deploy
from tests.acceptance.server import NeveServer, running

CODE = {"index.py": "def handler(event, context):\n    return 1\n"}
HERE = "us-east-1:000000000000"


@pytest.fixture
def function(deployed: Deploy) -> Deployed:
    return deployed(CODE, "python3.11")


def mapped(neve: NeveServer, function: Deployed, source: str, **members: Any) -> Any:
    return neve.client("lambda").create_event_source_mapping(
        FunctionName=function.name, EventSourceArn=source, **members
    )


def refused(neve: NeveServer, function: Deployed, source: str, **members: Any) -> str:
    with pytest.raises(botocore.exceptions.ClientError) as caught:
        mapped(neve, function, source, **members)
    error = caught.value.response["Error"]
    assert error["Code"] == "InvalidParameterValueException"
    return str(error["Message"])


def test_a_queue(neve: NeveServer, function: Deployed) -> None:
    source = f"arn:aws:sqs:{HERE}:{function.name}"
    assert refused(neve, function, source) == (
        "Error occurred while ReceiveMessage. SQS Error Code: AWS.SimpleQueueService.NonExistentQueue. "
        "SQS Error Message: The specified queue does not exist."
    )
    sqs = neve.client("sqs")
    url = sqs.create_queue(QueueName=function.name, Attributes={"VisibilityTimeout": "2"})["QueueUrl"]
    neve.client("lambda").update_function_configuration(FunctionName=function.name, Timeout=3)
    assert refused(neve, function, source) == (
        "Queue visibility timeout: 2 seconds is less than Function timeout: 3 seconds"
    )
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"VisibilityTimeout": "3"})
    uuid = mapped(neve, function, source)["UUID"]
    shown = neve.client("lambda").get_event_source_mapping(UUID=uuid)
    assert (shown["State"], shown["EventSourceArn"]) == ("Enabled", source)


def test_a_stream(neve: NeveServer, function: Deployed) -> None:
    source = f"arn:aws:kinesis:{HERE}:stream/{function.name}"
    assert refused(neve, function, source, StartingPosition="LATEST") == f"Stream not found: {source}"
    neve.client("kinesis").create_stream(StreamName=function.name, ShardCount=1)
    assert mapped(neve, function, source, StartingPosition="LATEST")["State"] == "Creating"


def test_the_stream_of_a_table(neve: NeveServer, function: Deployed) -> None:
    nowhere = f"arn:aws:dynamodb:{HERE}:table/{function.name}/stream/2026-01-01T00:00:00.000"
    assert refused(neve, function, nowhere, StartingPosition="LATEST") == f"Stream not found: {nowhere}"
    table = neve.client("dynamodb").create_table(
        TableName=function.name,
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
        StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_IMAGE"},
    )["TableDescription"]
    assert mapped(neve, function, table["LatestStreamArn"], StartingPosition="LATEST")["State"] == "Creating"


def test_what_nobody_can_be_asked_for_is_taken_for_granted(tmp_path_factory: pytest.TempPathFactory) -> None:
    with running(tmp_path_factory.mktemp("alone") / "data") as alone:
        function = deploy(alone, CODE, "python3.11")
        assert mapped(alone, function, f"arn:aws:sqs:{HERE}:anywhere")["State"] == "Creating"
