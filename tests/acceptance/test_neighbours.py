"""The other AWS services, on the same port, by the clients that people have."""

import hashlib
import os
import signal
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import boto3
import botocore.exceptions
import pytest
from botocore.config import Config
from tests.acceptance.functions import deploy
from tests.acceptance.machine import until
from tests.acceptance.server import BOUND_S, NeveServer, running


def process_of(server: NeveServer) -> int | None:
    """The neighbours' process, a child of the server."""
    children = Path(f"/proc/{server.process.pid}/task/{server.process.pid}/children").read_text().split()
    for pid in map(int, children):
        if b"neve.neighbours.child" in Path(f"/proc/{pid}/cmdline").read_bytes():
            return pid
    return None


def peak_memory(server: NeveServer) -> int:
    """Bytes that Neve has had at most."""
    status = Path(f"/proc/{server.process.pid}/status").read_text()
    return int(next(line for line in status.splitlines() if line.startswith("VmHWM")).split()[1]) * 1024


def lives(pid: int) -> bool:
    return Path(f"/proc/{pid}").exists()


def s3(server: NeveServer, **options: Any) -> Any:
    """A client with an addressing style or a signature of its own."""
    return boto3.client(
        "s3",
        endpoint_url=server.url,
        region_name="us-east-1",
        aws_access_key_id="test",
        aws_secret_access_key="test",
        config=Config(retries={"max_attempts": 0}, read_timeout=BOUND_S, **options),
    )


def test_a_queue_a_topic_a_table_and_a_secret(neve: NeveServer) -> None:
    queue = neve.client("sqs").create_queue(QueueName="of-four")["QueueUrl"]
    assert queue == f"{neve.url}/000000000000/of-four"
    topic = neve.client("sns").create_topic(Name="of-four")["TopicArn"]
    arn = "arn:aws:sqs:us-east-1:000000000000:of-four"
    neve.client("sns").subscribe(
        TopicArn=topic, Protocol="sqs", Endpoint=arn, Attributes={"RawMessageDelivery": "true"}
    )
    neve.client("sns").publish(TopicArn=topic, Message="through both")
    (message,) = neve.client("sqs").receive_message(QueueUrl=queue, WaitTimeSeconds=5)["Messages"]
    assert message["Body"] == "through both"

    table = neve.client("dynamodb")
    table.create_table(
        TableName="of-four",
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )
    table.put_item(TableName="of-four", Item={"id": {"S": "1"}, "n": {"N": "2"}})
    assert table.get_item(TableName="of-four", Key={"id": {"S": "1"}})["Item"]["n"] == {"N": "2"}

    neve.client("secretsmanager").create_secret(Name="of-four", SecretString="hidden")
    assert neve.client("secretsmanager").get_secret_value(SecretId="of-four")["SecretString"] == "hidden"


@pytest.mark.parametrize(
    ("service", "operation"),
    [
        ("ssm", "describe_parameters"),
        ("kms", "list_keys"),
        ("iam", "list_users"),
        ("sts", "get_caller_identity"),
        ("kinesis", "list_streams"),
        ("events", "list_rules"),
        ("dynamodbstreams", "list_streams"),
        ("stepfunctions", "list_state_machines"),
    ],
)
def test_the_usual_services_are_there(neve: NeveServer, service: str, operation: str) -> None:
    answer = getattr(neve.client(service), operation)()
    assert answer["ResponseMetadata"]["HTTPStatusCode"] == 200


def test_accounts_and_regions_are_separate(neve: NeveServer) -> None:
    identity = neve.client("sts", account="111122223333").get_caller_identity()
    assert identity["Account"] == "111122223333"
    for region, account in (("eu-west-1", "111122223333"), ("eu-nowhere-9", "444455556666")):
        client = neve.client("sqs", region, account)
        assert client.list_queues().get("QueueUrls", []) == []
        client.create_queue(QueueName="mine")
        (url,) = client.list_queues()["QueueUrls"]
        attributes = client.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]
        assert attributes["QueueArn"] == f"arn:aws:sqs:{region}:{account}:mine"


def test_a_bucket_has_its_name_in_its_account_alone(neve: NeveServer) -> None:
    one, other = (neve.client("s3", account=account) for account in ("111122223333", "444455556666"))
    for client in (one, other):
        client.create_bucket(Bucket="everybodys-name")
    one.put_object(Bucket="everybodys-name", Key="mine", Body=b"one")
    assert other.list_objects_v2(Bucket="everybodys-name")["KeyCount"] == 0
    other.delete_bucket(Bucket="everybodys-name")
    assert one.get_object(Bucket="everybodys-name", Key="mine")["Body"].read() == b"one"


def test_a_large_object_comes_back_whole(neve: NeveServer) -> None:
    client = neve.client("s3")
    client.create_bucket(Bucket="large-objects")
    content = os.urandom(1024) * 60_000
    before = peak_memory(neve)
    client.put_object(Bucket="large-objects", Key="a b/ü+%.bin", Body=content, Metadata={"colour": "white"})
    head = client.head_object(Bucket="large-objects", Key="a b/ü+%.bin")
    assert (head["ContentLength"], head["Metadata"]) == (len(content), {"colour": "white"})
    body = client.get_object(Bucket="large-objects", Key="a b/ü+%.bin")["Body"].read()
    assert hashlib.sha256(body).digest() == hashlib.sha256(content).digest()
    assert peak_memory(neve) - before < 20_000_000  # it passed as a stream
    part = client.get_object(Bucket="large-objects", Key="a b/ü+%.bin", Range="bytes=5-9")["Body"].read()
    assert part == content[5:10]


def test_an_upload_in_parts_and_one_of_unknown_length(neve: NeveServer, tmp_path: Path) -> None:
    client = neve.client("s3")
    client.create_bucket(Bucket="in-parts")
    source = tmp_path / "source"
    source.write_bytes(b"x" * 20_000_000)
    client.upload_file(str(source), "in-parts", "k")
    assert client.head_object(Bucket="in-parts", Key="k")["ETag"].endswith('-3"')
    ran = neve.aws("s3", "cp", "s3://in-parts/k", "copy", "--quiet", cwd=tmp_path)
    assert (ran.returncode, ran.stderr) == (0, "")
    assert (tmp_path / "copy").read_bytes() == source.read_bytes()


@pytest.mark.parametrize("version", ["s3", "s3v4"])
def test_a_presigned_url_works_without_credentials(neve: NeveServer, version: str) -> None:
    bucket = f"presigned-{version}"
    client = s3(neve, signature_version=version)
    client.create_bucket(Bucket=bucket)
    put = client.generate_presigned_url("put_object", Params={"Bucket": bucket, "Key": "k"})
    with urllib.request.urlopen(urllib.request.Request(put, b"by hand", method="PUT"), timeout=BOUND_S) as answer:
        assert answer.status == 200
    get = client.generate_presigned_url("get_object", Params={"Bucket": bucket, "Key": "k"})
    with urllib.request.urlopen(get, timeout=BOUND_S) as answer:
        assert answer.read() == b"by hand"


def test_a_public_object_is_read_without_a_signature_and_a_private_one_is_not(neve: NeveServer) -> None:
    client = neve.client("s3")
    client.create_bucket(Bucket="open-shelf")
    client.put_object(Bucket="open-shelf", Key="public", Body=b"for all", ACL="public-read")
    client.put_object(Bucket="open-shelf", Key="private", Body=b"for me")
    with urllib.request.urlopen(f"{neve.url}/open-shelf/public", timeout=BOUND_S) as answer:
        assert answer.read() == b"for all"
    with pytest.raises(urllib.error.HTTPError, match="403"):
        urllib.request.urlopen(f"{neve.url}/open-shelf/private", timeout=BOUND_S)


SIGNED_CHUNKS = b"5;chunk-signature=%s\r\nfirst\r\n5;chunk-signature=%s\r\nlater\r\n0;chunk-signature=%s\r\n\r\n" % (
    (b"0" * 64,) * 3
)
TRAILER = b"a\r\nfirstlater\r\n0\r\nx-amz-checksum-crc32:yuyDGg==\r\n\r\n"


@pytest.mark.parametrize(
    ("kind", "body"),
    [("STREAMING-AWS4-HMAC-SHA256-PAYLOAD", SIGNED_CHUNKS), ("STREAMING-UNSIGNED-PAYLOAD-TRAILER", TRAILER)],
)
def test_an_upload_in_chunks_of_s3_is_unpacked(neve: NeveServer, kind: str, body: bytes) -> None:
    bucket = f"chunks-{len(body)}"
    neve.client("s3").create_bucket(Bucket=bucket)
    headers = {
        "Authorization": "AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/s3/aws4_request, Signature=0",
        "X-Amz-Content-Sha256": kind,
        "X-Amz-Decoded-Content-Length": "10",
        "Content-Encoding": "aws-chunked",
    }
    for key, sent in (("at-once", body), ("piecemeal", iter([body[:7], body[7:]]))):
        put = urllib.request.Request(f"{neve.url}/{bucket}/{key}", sent, headers, method="PUT")
        with urllib.request.urlopen(put, timeout=BOUND_S) as answer:
            assert answer.status == 200
        assert neve.client("s3").get_object(Bucket=bucket, Key=key)["Body"].read() == b"firstlater"


def test_a_bucket_may_be_in_the_host_name(neve: NeveServer) -> None:
    neve.client("s3").create_bucket(Bucket="by.host")
    for host in ("by.host.localhost", "by.host.s3.localhost"):
        put = urllib.request.Request(f"{neve.url}/key", host.encode(), {"Host": host}, method="PUT")
        signed = {"Authorization": "AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/s3/aws4_request, Signature=0"}
        put.headers.update(signed)
        with urllib.request.urlopen(put, timeout=BOUND_S) as answer:
            assert answer.status == 200
        assert neve.client("s3").get_object(Bucket="by.host", Key="key")["Body"].read() == host.encode()


def test_lambda_and_logs_stay_neves(neve: NeveServer) -> None:
    before = process_of(neve)
    assert "Functions" in neve.client("lambda").list_functions()
    assert "logGroups" in neve.client("logs").describe_log_groups()
    assert process_of(neve) == before


def test_what_moto_cannot_do_is_said_in_the_services_shape(neve: NeveServer) -> None:
    with pytest.raises(botocore.exceptions.ClientError, match="moto does not do this: it does not have this service"):
        neve.client("braket").search_devices(filters=[])


def test_nothing_is_started_before_it_is_needed_and_nothing_is_left(tmp_path: Path) -> None:
    with running(tmp_path / "data", "--neighbours") as server:
        assert process_of(server) is None
        server.client("sqs").list_queues()
        pid = process_of(server)
        assert pid is not None
        assert server.stop() == 0
        assert not lives(pid)


def test_it_ends_when_neve_is_killed(tmp_path: Path) -> None:
    """Also while environments live on, which begin after it and are frozen until the next start."""
    with running(tmp_path / "data", "--neighbours") as server:
        server.client("sqs").list_queues()
        deploy(server, {"index.js": "exports.handler = async () => 1"}).invoke()
        pid = process_of(server)
        assert pid is not None
        server.kill()
        until(lambda: not lives(pid), "the neighbours outlive Neve")


def test_it_comes_back_when_it_dies(tmp_path: Path) -> None:
    with running(tmp_path / "data", "--neighbours") as server:
        url = server.client("sqs").create_queue(QueueName="forgotten")["QueueUrl"]
        pid = process_of(server)
        assert pid is not None
        os.kill(pid, signal.SIGKILL)
        until(lambda: not lives(pid), "it does not die")
        assert server.client("sqs").list_queues().get("QueueUrls", []) == []
        assert server.client("sqs").create_queue(QueueName="forgotten")["QueueUrl"] == url


def test_only_this_machine_can_reach_it(neve: NeveServer) -> None:
    neve.client("sqs").list_queues()
    pid = process_of(neve)
    assert pid is not None
    inodes = {str(fd.readlink()) for fd in Path(f"/proc/{pid}/fd").iterdir() if fd.is_symlink()}
    listening = [line.split() for line in Path(f"/proc/{pid}/net/tcp").read_text().splitlines()[1:]]
    addresses = {row[1].split(":")[0] for row in listening if row[3] == "0A" and f"socket:[{row[9]}]" in inodes}
    assert addresses == {"0100007F"}


def test_without_neighbours_a_call_says_what_to_do(tmp_path: Path) -> None:
    with running(tmp_path / "data") as server:
        with pytest.raises(
            botocore.exceptions.ClientError, match=r"nobody answers for dynamodb\. Start it with --neighbours"
        ):
            server.client("dynamodb").list_tables()
        assert process_of(server) is None


def test_a_service_may_be_elsewhere(neve: NeveServer, tmp_path: Path) -> None:
    with running(tmp_path / "data", "--endpoints", f"sqs={neve.url}") as server:
        server.client("sqs").create_queue(QueueName="elsewhere")
        assert neve.client("sqs").get_queue_url(QueueName="elsewhere")
        with pytest.raises(botocore.exceptions.ClientError, match="nobody answers for sns"):
            server.client("sns").list_topics()


def test_a_wrong_endpoint_stops_the_start(tmp_path: Path) -> None:
    with (
        pytest.raises(AssertionError, match="which is no service; names are those of boto3"),
        running(tmp_path / "data", "--endpoints", "eventbridge=http://127.0.0.1:1"),
    ):
        pass
