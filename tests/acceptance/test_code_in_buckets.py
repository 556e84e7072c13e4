"""Code that lies in a bucket: deployed from there, by version too, and refused in the service's words."""

import json
import uuid
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError
from tests.acceptance.functions import zipped
from tests.acceptance.server import ROLE, NeveServer, running

SAYS = "exports.handler = async () => '{}';"


@pytest.fixture(scope="module")
def bucket(neve: NeveServer) -> str:
    """A bucket that keeps every version of an object."""
    name = f"code-{uuid.uuid4()}"
    s3 = neve.client("s3")
    s3.create_bucket(Bucket=name)
    s3.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})
    return name


def put(neve: NeveServer, bucket: str, key: str, word: str) -> str:
    """The object's version."""
    content = zipped({"index.js": SAYS.format(word)})
    version: str = neve.client("s3").put_object(Bucket=bucket, Key=key, Body=content)["VersionId"]
    return version


def create(neve: NeveServer, **code: Any) -> str:
    name = f"of-a-bucket-{uuid.uuid4()}"
    client = neve.client("lambda")
    client.create_function(FunctionName=name, Runtime="nodejs24.x", Handler="index.handler", Role=ROLE, Code=code)
    client.get_waiter("function_active_v2").wait(FunctionName=name, WaiterConfig={"Delay": 0.01, "MaxAttempts": 2000})
    return name


def said(neve: NeveServer, name: str) -> Any:
    return json.load(neve.client("lambda").invoke(FunctionName=name)["Payload"])


def test_a_function_runs_the_version_of_an_object_that_was_asked_for(neve: NeveServer, bucket: str) -> None:
    first = put(neve, bucket, "code with spaces/ü.zip", "first")
    put(neve, bucket, "code with spaces/ü.zip", "second")
    code = {"S3Bucket": bucket, "S3Key": "code with spaces/ü.zip"}
    name = create(neve, **code)
    assert said(neve, name) == "second"
    client = neve.client("lambda")
    client.update_function_code(FunctionName=name, **code, S3ObjectVersion=first)
    client.get_waiter("function_updated_v2").wait(FunctionName=name, WaiterConfig={"Delay": 0.01, "MaxAttempts": 2000})
    assert said(neve, name) == "first"


def test_a_layer_is_published_from_an_object(neve: NeveServer, bucket: str) -> None:
    put(neve, bucket, "layer.zip", "layer")
    published = neve.client("lambda").publish_layer_version(
        LayerName=f"l-{uuid.uuid4()}", Content={"S3Bucket": bucket, "S3Key": "layer.zip"}
    )
    assert published["Version"] == 1
    assert published["Content"]["CodeSize"] == len(zipped({"index.js": SAYS.format("layer")}))


@pytest.mark.parametrize(
    ("missing", "said"),
    [
        ({"S3Key": "nothing"}, "S3 Error Code: NoSuchKey. S3 Error Message: The specified key does not exist."),
        ({"S3Bucket": "nowhere"}, "S3 Error Code: NoSuchBucket. S3 Error Message: The specified bucket does not exist"),
    ],
)
def test_an_object_that_is_not_there_is_refused_in_the_words_of_the_service(
    neve: NeveServer, bucket: str, missing: dict[str, str], said: str
) -> None:
    put(neve, bucket, "there.zip", "there")
    with pytest.raises(ClientError) as caught:
        create(neve, **{"S3Bucket": bucket, "S3Key": "there.zip", **missing})
    assert caught.value.response["Error"] == {
        "Code": "InvalidParameterValueException",
        "Message": f"Error occurred while GetObject. {said}",
    }


def test_a_version_that_is_not_there_is_refused(neve: NeveServer, bucket: str) -> None:
    put(neve, bucket, "there.zip", "there")
    with pytest.raises(ClientError, match=r"Error occurred while GetObject. S3 Error Code: \w+. S3 Error Message: \w+"):
        create(neve, S3Bucket=bucket, S3Key="there.zip", S3ObjectVersion=str(uuid.uuid4()))


def test_an_object_that_is_no_archive_is_refused(neve: NeveServer, bucket: str) -> None:
    neve.client("s3").put_object(Bucket=bucket, Key="text", Body=b"no zip")
    with pytest.raises(ClientError, match="Could not unzip uploaded file"):
        create(neve, S3Bucket=bucket, S3Key="text")


def test_without_an_object_store_the_refusal_says_what_to_do(tmp_path: Path) -> None:
    with running(tmp_path / "data") as neve, pytest.raises(ClientError) as caught:
        create(neve, S3Bucket="bucket", S3Key="key")
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 400
    assert "--endpoints s3=URL" in caught.value.response["Error"]["Message"]
