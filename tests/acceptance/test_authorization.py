"""A Neve that checks signatures, and who calls it: boto3, the AWS command line, the SDK for JavaScript, `neve`, functions."""

import io
import json
import os
import socket
import subprocess
import sys
import threading
import urllib.error
import urllib.request
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

import boto3
import botocore.exceptions
import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.config import Config
from botocore.credentials import Credentials
from tests.acceptance import packages
from tests.acceptance.machine import until
from tests.acceptance.server import BOUND_S, ROLE, NeveServer, clean_environment

READER = """from neve.cli.client import Client
for record in Client().records(lambda: print('open', flush=True)):
    pass
"""
OTHER = "111111111111"
ECHO = "def handler(event, context):\n    return event\n"
CALLER = """import boto3, os

def handler(event, context):
    result = {name: os.environ[name] for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN")}
    answer = boto3.client("lambda").invoke(FunctionName="echo", Payload=b'"hello"')
    return {**result, "echo": answer["Payload"].read().decode()}
"""


def neve(
    place: Path, *arguments: str, status: int = 0, environ: Mapping[str, str] | None = None
) -> "subprocess.CompletedProcess[str]":
    done = subprocess.run(
        [str(Path(sys.executable).with_name("neve")), *arguments],
        cwd=place,
        env=clean_environment() | {"NEVE_DATA_DIR": str(place / "data")} | dict(environ or {}),
        capture_output=True,
        text=True,
        timeout=BOUND_S,
        check=False,
    )
    assert done.returncode == status, done.stderr
    return done


class Platform:
    """The server and the keys that its operator made."""

    def __init__(self, server: NeveServer, place: Path) -> None:
        self.server = server
        self.place = place
        self.ada = self.key("ada")

    def key(self, name: str, *more: str) -> dict[str, Any]:
        made: dict[str, Any] = json.loads(neve(self.place, "keys", "create", name, "--json", *more).stdout)
        return made

    def client(self, service: str, key: Mapping[str, Any] | None = None, **more: Any) -> Any:
        key = key or self.ada
        return boto3.client(
            service,
            endpoint_url=self.server.url,
            region_name="us-east-1",
            aws_access_key_id=key["id"],
            aws_secret_access_key=key["secret"],
            aws_session_token=key.get("token"),
            config=Config(
                retries={"max_attempts": 0}, read_timeout=BOUND_S, signature_version="s3v4" if service == "s3" else "v4"
            ),
            **more,
        )

    def environment(self, key: Mapping[str, Any] | None = None) -> dict[str, str]:
        key = key or self.ada
        names = {"AWS_ACCESS_KEY_ID": key["id"], "AWS_SECRET_ACCESS_KEY": key["secret"], "AWS_REGION": "us-east-1"}
        return self.server.aws_environment() | names

    def deploy(self, name: str, code: str, **more: Any) -> None:
        client = self.client("lambda")
        archive = {"ZipFile": zipped(code)}
        client.create_function(
            FunctionName=name,
            Runtime="python3.11",
            Role=ROLE,
            Handler="index.handler",
            Code=archive,
            Timeout=20,
            **more,
        )
        client.get_waiter("function_active_v2").wait(FunctionName=name, WaiterConfig={"Delay": 0.1})


def zipped(code: str) -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        archive.writestr("index.py", code)
    return content.getvalue()


def raw(platform: Platform, request: str) -> bytes:
    """What is answered to a request as it stands."""
    place = urlsplit(platform.server.url)
    with socket.create_connection((place.hostname or "", place.port or 0), BOUND_S) as link:
        link.sendall(request.replace("\n", "\r\n").encode())
        return b"".join(iter(lambda: link.recv(65536), b""))


def signed(
    platform: Platform,
    method: str,
    path: str,
    service: str,
    key: Mapping[str, Any],
    headers: Mapping[str, str] | None = None,
    body: bytes = b"",
) -> tuple[int, bytes]:
    request = AWSRequest(method, platform.server.url + path, headers=dict(headers or {}), data=body)
    SigV4Auth(Credentials(key["id"], key["secret"]), service, "us-east-1").add_auth(request)
    given = urllib.request.Request(request.url, body or None, dict(request.headers), method=method)
    try:
        with urllib.request.urlopen(given, timeout=BOUND_S) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read()


def refusal(call: Any, **members: Any) -> tuple[int, str, str]:
    with pytest.raises(botocore.exceptions.ClientError) as caught:
        call(**members)
    answer = caught.value.response
    return answer["ResponseMetadata"]["HTTPStatusCode"], answer["Error"]["Code"], answer["Error"]["Message"]


def plain(url: str) -> tuple[int, bytes]:
    """Without a signature, but for what the URL carries."""
    try:
        with urllib.request.urlopen(url, timeout=BOUND_S) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read()


@pytest.fixture(scope="module")
def platform(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    place = tmp_path_factory.mktemp("platform")
    server = NeveServer.start(place / "data", "--auth", "sigv4", "--neighbours", "--function-urls", "path")
    try:
        made = Platform(server, place)
        made.deploy("echo", ECHO)
        yield made
    finally:
        server.stop()


def test_boto3_the_command_line_and_the_sdk_for_javascript_are_let_in(platform: Platform, tmp_path: Path) -> None:
    answer = platform.client("lambda").invoke(FunctionName="echo", Payload=b'"boto3"')
    assert answer["Payload"].read() == b'"boto3"'
    asked = ["lambda", "invoke", "--function-name", "echo", "--payload", '"aws"', "out"]
    aws = [str(Path(sys.executable).with_name("aws")), *asked]
    subprocess.run(aws, cwd=tmp_path, env=platform.environment(), capture_output=True, timeout=BOUND_S, check=True)
    assert (tmp_path / "out").read_text() == '"aws"'
    script = """const { LambdaClient, InvokeCommand } = require('@aws-sdk/client-lambda');
        new LambdaClient({}).send(new InvokeCommand({FunctionName: 'echo', Payload: '"js"', Qualifier: '$LATEST'}))
            .then((answer) => console.log(Buffer.from(answer.Payload).toString()));"""
    modules = packages._installed("@aws-sdk/client-lambda") / "node_modules"
    node = [str(packages._NODE / "bin" / "node"), "-e", script]
    environ = platform.environment() | {"NODE_PATH": str(modules)}
    done = subprocess.run(node, env=environ, capture_output=True, text=True, timeout=BOUND_S, check=False)
    assert done.stdout == '"js"\n', done.stderr


def test_who_has_no_key_is_refused_everywhere_but_asked_for_health(platform: Platform) -> None:
    url = platform.server.url
    missing = (403, b'{"message":"Missing Authentication Token"}')
    assert plain(f"{url}/2015-03-31/functions") == missing
    assert plain(f"{url}/_neve/environments") == missing
    assert plain(f"{url}/_neve/records") == missing
    assert plain(f"{url}/_neve/health") == (200, b'{"status":"ready"}')
    assert plain(f"{url}/bucket/key")[0] == 403
    stranger = {"id": "AKIASTRANGER", "secret": "x"}
    assert refusal(platform.client("lambda", stranger).list_functions)[:2] == (403, "UnrecognizedClientException")
    assert refusal(platform.client("logs", stranger).describe_log_groups)[:2] == (400, "UnrecognizedClientException")
    guessed = {**platform.ada, "secret": "guessed"}
    assert refusal(platform.client("lambda", guessed).list_functions)[:2] == (403, "InvalidSignatureException")
    own_parts = {"id": "000000000000", "secret": "neve"}
    assert refusal(platform.client("lambda", own_parts).list_functions)[:2] == (403, "InvalidSignatureException")


@pytest.mark.parametrize(
    "line",
    [
        "GET //_neve/environments HTTP/1.1",
        "GET /./_neve/environments HTTP/1.1",
        "GET /x/../_neve/environments HTTP/1.1",
        "GET /_neve/./environments HTTP/1.1",
        "GET /_neve/health/../environments HTTP/1.1",
        "GET /_neve/health/%2e%2e/environments HTTP/1.1",
        "GET /_neve/health%2f..%2fenvironments HTTP/1.1",
        "GET /%5fneve/environments HTTP/1.1",
        "GET /_neve%2fenvironments HTTP/1.1",
        "GET /_neve/%65nvironments HTTP/1.1",
        "GET /_neve/environments/ HTTP/1.1",
        "GET /_neve/environments#/_neve/health HTTP/1.1",
        "GET /_neve/health;/../environments HTTP/1.1",
        "GET http://127.0.0.1/_neve/environments HTTP/1.1",
        "GET /_neve/environments HTTP/1.0",
        "HEAD /_neve/environments HTTP/1.1",
        "get /_neve/environments HTTP/1.1",
        "GET /_neve/environments HTTP/1.1\nX-Original-URL: /_neve/health\nX-Rewrite-URL: /_neve/health",
        "GET /_neve/health HTTP/1.1\nX-Original-URL: /_neve/environments\nHost: a",
        "GET /_neve/environments HTTP/1.1\nX-Forwarded-For: 127.0.0.1\nX-Forwarded-Prefix: /_neve/health",
        "POST /_neve/clock/advance HTTP/1.1\nX-HTTP-Method-Override: GET",
        "GET /_neve/environments?X-Amz-Signature= HTTP/1.1",
        "GET /_neve/environments HTTP/1.1\nAuthorization: AWS 000000000000:x",
        "GET /_neve/environments HTTP/1.1\nAuthorization: Basic bmV2ZTpuZXZl",
        "GET //2015-03-31/functions HTTP/1.1",
        "GET /2015-03-31/functions/../functions HTTP/1.1",
        "GET /2015-03-31/functions HTTP/1.1\nX-Amz-Target: Logs_20140328.DescribeLogGroups",
        "GET /moto-api/data.json HTTP/1.1",
    ],
)
def test_no_way_to_write_a_request_gets_a_stranger_in(platform: Platform, line: str) -> None:
    answer = raw(platform, f"{line}\nHost: 127.0.0.1\nConnection: close\n\n")
    assert int(answer.split()[1]) in (400, 403), answer


@pytest.mark.parametrize("host", ["a" * 32 + ".lambda-url.us-east-1.localhost", "A" * 32 + ".LAMBDA-URL.us-east-1.x"])
def test_the_host_of_a_function_url_leads_nowhere_else(platform: Platform, host: str) -> None:
    answer = raw(platform, f"GET /_neve/environments HTTP/1.1\nHost: {host}\nConnection: close\n\n")
    assert answer.endswith(b'\r\n\r\n{"Message":null}'), answer


def test_a_misspelt_action_is_refused_with_the_right_one(platform: Platform) -> None:
    policy = platform.place / "misspelt.json"
    policy.write_text(json.dumps({"Statement": [{"Effect": "Deny", "Action": "lambda:Invoke", "Resource": "*"}]}))
    asked = ["keys", "policy", platform.ada["id"], "--set", str(policy)]
    refused = neve(platform.place, *asked, status=1).stderr
    assert "there is no action lambda:Invoke; there is lambda:InvokeFunction" in " ".join(refused.split())


def test_a_denial_holds_however_the_function_is_named(platform: Platform) -> None:
    arn = "arn:aws:lambda:us-east-1:000000000000:function:echo"
    allow, deny = ({"Effect": each, "Action": "lambda:*", "Resource": "*"} for each in ("Allow", "Deny"))
    (platform.place / "deny.json").write_text(json.dumps({"Statement": [allow, {**deny, "Resource": arn}]}))
    key = platform.key("denied", "--policy", str(platform.place / "deny.json"))
    for name in ("echo", "000000000000:function:echo", arn.replace("aws", "aws-cn", 1)):
        assert signed(platform, "GET", f"/_neve/code/000000000000/us-east-1/{quote(name)}", "lambda", key)[0] >= 400
    assert signed(platform, "GET", "/_neve/code/000000000000/us-east-1/echo", "lambda", platform.ada)[0] == 200
    client = platform.client("lambda", key)
    for resource in (arn, arn.replace("aws", "aws-cn", 1)):
        assert refusal(client.list_tags, Resource=resource)[1] == "AccessDeniedException"


def test_a_key_is_told_more_of_the_health_if_its_policy_says_so(platform: Platform) -> None:
    policy = {"Effect": "Allow", "Action": "lambda:*", "Resource": "*"}
    (platform.place / "lambda.json").write_text(json.dumps({"Statement": [policy]}))
    limited = platform.key("limited", "--policy", str(platform.place / "lambda.json"))
    assert "sandbox" in json.loads(signed(platform, "GET", "/_neve/health", "lambda", platform.ada)[1])
    assert signed(platform, "GET", "/_neve/health", "lambda", limited) == (200, b'{"status":"ready"}')
    guessed = {**platform.ada, "secret": "guessed"}
    assert signed(platform, "GET", "/_neve/health", "lambda", guessed)[0] == 403


def test_what_was_signed_for_another_service_is_nothing_to_neves_own_api(platform: Platform) -> None:
    assert signed(platform, "GET", "/_neve/clock", "lambda", platform.ada)[0] == 200
    unsigned = {"x-amz-content-sha256": "UNSIGNED-PAYLOAD"}
    status, text = signed(platform, "GET", "/_neve/clock", "s3", platform.ada, unsigned)
    assert (status, b"correct service: 'lambda'" in text) == (403, True)


def test_a_key_for_one_neighbour_reaches_no_other_and_not_the_neighbours_own_api(platform: Platform) -> None:
    policy = {"Effect": "Allow", "Action": "sqs:*", "Resource": "*"}
    (platform.place / "queues.json").write_text(json.dumps({"Statement": [policy]}))
    key = platform.key("queues", "--policy", str(platform.place / "queues.json"))
    assert platform.client("sqs", key).list_queues()["ResponseMetadata"]["HTTPStatusCode"] == 200
    assert refusal(platform.client("iam", key).list_users)[1] == "AccessDenied"
    assert signed(platform, "GET", "/moto-api/data.json", "sqs", key)[0] == 403
    assert signed(platform, "POST", "/moto-api/reset", "sqs", key)[0] == 403


@pytest.mark.parametrize(
    ("service", "operation", "unknown", "wrong"),
    [
        ("s3", "list_buckets", (403, "InvalidAccessKeyId"), (403, "SignatureDoesNotMatch")),
        ("sns", "list_topics", (403, "InvalidClientTokenId"), (403, "SignatureDoesNotMatch")),
        ("sqs", "list_queues", (400, "UnrecognizedClientException"), (400, "InvalidSignatureException")),
        ("dynamodb", "list_tables", (400, "UnrecognizedClientException"), (400, "InvalidSignatureException")),
    ],
)
def test_neighbours_refuse_in_their_own_shapes(
    platform: Platform, service: str, operation: str, unknown: Any, wrong: Any
) -> None:
    assert getattr(platform.client(service), operation)()["ResponseMetadata"]["HTTPStatusCode"] == 200
    stranger, guessed = {"id": "AKIASTRANGER", "secret": "x"}, {**platform.ada, "secret": "guessed"}
    assert refusal(getattr(platform.client(service, stranger), operation))[:2] == unknown
    assert refusal(getattr(platform.client(service, guessed), operation))[:2] == wrong


def test_objects_pass_as_streams_and_altered_ones_do_not_arrive(platform: Platform) -> None:
    s3 = platform.client("s3")
    s3.create_bucket(Bucket="texts")
    s3.put_object(Bucket="texts", Key="a", Body=b"x" * 3_000_000)
    assert s3.head_object(Bucket="texts", Key="a")["ContentLength"] == 3_000_000
    assert plain(s3.generate_presigned_url("get_object", Params={"Bucket": "texts", "Key": "a"}))[0] == 200

    def alter(request: Any, **_: Any) -> None:
        request.body = b"y" * 3_000_000

    s3.meta.events.register_last("before-send.s3.PutObject", alter)
    assert refusal(s3.put_object, Bucket="texts", Key="b", Body=b"x" * 3_000_000)[:2] == (
        400,
        "XAmzContentSHA256Mismatch",
    )
    assert [each["Key"] for each in s3.list_objects_v2(Bucket="texts")["Contents"]] == ["a"]


def test_a_function_calls_with_credentials_of_its_own_that_end_with_it(platform: Platform) -> None:
    platform.deploy("caller", CALLER, MemorySize=1024)
    client = platform.client("lambda")
    told = json.loads(client.invoke(FunctionName="caller", Payload=b"{}")["Payload"].read())
    assert told.get("echo") == '"hello"', told
    its = {"id": told["AWS_ACCESS_KEY_ID"], "secret": told["AWS_SECRET_ACCESS_KEY"], "token": told["AWS_SESSION_TOKEN"]}
    assert its["id"].startswith("ASIA")
    lambda_ = platform.client("lambda", its)
    assert "echo" in {each["FunctionName"] for each in lambda_.list_functions()["Functions"]}
    assert refusal(platform.client("lambda", {**its, "token": None}).list_functions)[1] == "UnrecognizedClientException"
    environ = platform.environment(its) | {"AWS_SESSION_TOKEN": its["token"]}
    listed = neve(platform.place, "ps", "--endpoint", platform.server.url, status=1, environ=environ)
    assert (
        "User: arn:aws:sts::000000000000:assumed-role/lambda/caller is not authorized to perform: neve:ListEnvironments"
        in listed.stderr
    )
    client.delete_function(FunctionName="caller")

    def ended() -> bool:
        try:
            lambda_.list_functions()
        except botocore.exceptions.ClientError as error:
            return bool(error.response["Error"]["Code"] == "ExpiredTokenException")
        return False

    until(ended, "the credentials of a function outlive it")


def test_what_neve_does_by_itself_is_let_in(platform: Platform) -> None:
    """A topic invokes the function, whose result goes to a queue: each hop is a signed request of Neve's own parts."""
    sqs, sns, functions = platform.client("sqs"), platform.client("sns"), platform.client("lambda")
    queue = sqs.create_queue(QueueName="results")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    functions.put_function_event_invoke_config(
        FunctionName="echo", DestinationConfig={"OnSuccess": {"Destination": arn}}
    )
    topic = sns.create_topic(Name="orders")["TopicArn"]
    function = functions.get_function(FunctionName="echo")["Configuration"]["FunctionArn"]
    sns.subscribe(TopicArn=topic, Protocol="lambda", Endpoint=function)
    sns.publish(TopicArn=topic, Message="seven")
    (message,) = sqs.receive_message(QueueUrl=queue, WaitTimeSeconds=15)["Messages"]
    told = json.loads(message["Body"])
    assert told["requestPayload"]["Records"][0]["Sns"]["Message"] == "seven"
    assert told["responsePayload"] == told["requestPayload"]


def test_a_link_to_code_works_without_a_key_and_for_that_code_alone(platform: Platform) -> None:
    link = platform.client("lambda").get_function(FunctionName="echo")["Code"]["Location"]
    assert plain(link) == (200, zipped(ECHO)) or plain(link)[1][:2] == b"PK"
    assert plain(link.replace("/echo?", "/ecco?"))[0] == 403
    assert plain(link.partition("&")[0])[0] == 403


def test_a_policy_says_what_a_key_may_do(platform: Platform, tmp_path: Path) -> None:
    arn = "arn:aws:lambda:us-east-1:000000000000:function:echo"
    policy = tmp_path / "policy.json"
    policy.write_text(json.dumps({"Statement": [
        {"Effect": "Allow", "Action": ["lambda:InvokeFunction", "lambda:Get*"], "Resource": [arn, f"{arn}:*"]},
        {"Effect": "Deny", "Action": "lambda:GetPolicy", "Resource": "*"},
    ]}))  # fmt: skip
    bob = platform.key("bob", "--policy", str(policy))
    client = platform.client("lambda", bob)
    assert client.invoke(FunctionName="echo", Payload=b"1")["Payload"].read() == b"1"
    assert client.invoke(FunctionName=arn, Qualifier="$LATEST", Payload=b"1")["Payload"].read() == b"1"
    who = "User: arn:aws:iam::000000000000:user/bob is not authorized to perform:"
    assert refusal(client.list_functions) == (
        403,
        "AccessDeniedException",
        f"{who} lambda:ListFunctions on resource: * because no identity-based policy allows the lambda:ListFunctions action",
    )
    assert refusal(client.invoke, FunctionName="other")[2] == (
        f"{who} lambda:InvokeFunction on resource: {arn.replace('echo', 'other')} because no identity-based policy allows the "
        "lambda:InvokeFunction action"
    )
    assert refusal(client.get_policy, FunctionName="echo")[2] == (
        f"{who} lambda:GetPolicy on resource: {arn} with an explicit deny in an identity-based policy"
    )
    assert refusal(platform.client("logs", bob).describe_log_groups)[:2] == (400, "AccessDeniedException")
    assert refusal(platform.client("s3", bob).list_buckets)[:2] == (403, "AccessDenied")
    listed = neve(platform.place, "ps", "--endpoint", platform.server.url, status=1, environ=platform.environment(bob))
    assert "neve:ListEnvironments" in listed.stderr
    neve(platform.place, "keys", "policy", "bob", "--full")
    client.list_functions()
    neve(platform.place, "keys", "delete", "bob")


def test_a_key_belongs_to_its_account(platform: Platform) -> None:
    eve = platform.key("eve", "--account", OTHER)
    hers = platform.client("lambda", eve)
    assert hers.list_functions()["Functions"] == []
    arn = "arn:aws:lambda:us-east-1:000000000000:function:echo"
    status, code, _ = refusal(hers.invoke, FunctionName=arn)
    assert (status, code) == (403, "AccessDeniedException")
    mine = platform.client("lambda")
    mine.add_permission(FunctionName="echo", StatementId="eve", Action="lambda:InvokeFunction", Principal=OTHER)
    assert hers.invoke(FunctionName=arn, Payload=b"2")["Payload"].read() == b"2"
    mine.invoke(FunctionName="echo")
    for environ, count in ((platform.environment(eve), 0), (platform.environment(), 1)):
        listed = neve(platform.place, "ps", "--json", "--endpoint", platform.server.url, environ=environ)
        assert len([each for each in json.loads(listed.stdout) if each["function"] == "echo"]) == count
    neve(platform.place, "keys", "delete", "eve")


def test_a_deleted_key_is_refused_at_once_and_its_reader_goes(platform: Platform) -> None:
    tom = platform.key("tom")
    client = platform.client("lambda", tom)
    client.list_functions()
    reading = subprocess.Popen(
        [
            sys.executable,
            "-c",
            READER,
        ],
        env=os.environ | platform.environment(tom),
        stdout=subprocess.PIPE,
        text=True,
    )
    assert reading.stdout is not None
    with reading.stdout:
        assert reading.stdout.readline() == "open\n"
        neve(platform.place, "keys", "disable", "tom")
        assert refusal(client.list_functions)[1] == "UnrecognizedClientException"
        neve(platform.place, "keys", "enable", "tom")
        client.list_functions()
        neve(platform.place, "keys", "delete", "tom")
        assert refusal(client.list_functions)[1] == "UnrecognizedClientException"
        platform.client("lambda").invoke(FunctionName="echo")  # whose records he may not read any more
        assert reading.wait(BOUND_S) == 0


def test_a_function_url_knows_its_caller(platform: Platform) -> None:
    from botocore.auth import SigV4Auth
    from botocore.awsrequest import AWSRequest
    from botocore.credentials import Credentials

    url = platform.client("lambda").create_function_url_config(FunctionName="echo", AuthType="AWS_IAM")["FunctionUrl"]
    assert plain(url)[0] == 403

    def visit(secret: str) -> Any:
        signed = AWSRequest("GET", url, {})
        SigV4Auth(Credentials(platform.ada["id"], secret), "lambda", "us-east-1").add_auth(signed)
        return urllib.request.urlopen(urllib.request.Request(url, headers=dict(signed.headers)), timeout=BOUND_S)

    with visit(platform.ada["secret"]) as answer:
        told = json.load(answer)["requestContext"]["authorizer"]["iam"]
    assert (told["accessKey"], told["userArn"]) == (platform.ada["id"], "arn:aws:iam::000000000000:user/ada")
    with pytest.raises(urllib.error.HTTPError) as caught:
        visit("guessed")
    caught.value.close()
    assert caught.value.code == 403


def test_the_commands_sign_and_say_what_a_key_is_for(platform: Platform) -> None:
    environ = platform.environment()
    asked = ("--endpoint", platform.server.url)
    assert neve(platform.place, "invoke", "echo", "-p", '"hi there"', *asked, environ=environ).stdout == '"hi there"'
    neve(platform.place, "logs", "echo", *asked, environ=environ)
    neve(platform.place, "queue", "echo", *asked, environ=environ)
    refused = neve(platform.place, "ps", *asked, status=1, environ=environ | {"AWS_SECRET_ACCESS_KEY": "guessed"})
    assert "have AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY" in refused.stderr
    listed = json.loads(neve(platform.place, "keys", "list", "--json").stdout)
    (ada,) = [key for key in listed if key["name"] == "ada"]
    assert (ada["lastUsed"]["service"], ada["enabled"]) == ("lambda", True)
    assert "secret" not in ada


def test_no_secret_is_on_the_disk_or_in_the_log(platform: Platform) -> None:
    folder = platform.server.data_dir
    secret = platform.ada["secret"].encode()
    for file in [*folder.glob("*.sqlite*"), folder.with_name("data.stderr")]:
        assert secret not in file.read_bytes(), file
    for name in ("cmdline", "environ"):
        assert secret not in Path(f"/proc/{platform.server.process.pid}/{name}").read_bytes()


def test_nobody_else_is_listened_to_unless_signatures_are_checked_or_the_operator_insists(tmp_path: Path) -> None:
    refused = neve(tmp_path, "serve", "--host", "0.0.0.0", "--port", "0", status=2)
    assert refused.stderr == (
        "error: whoever reaches 0.0.0.0 could run code on this machine: check signatures with --auth sigv4 "
        "(docs/authorization.md), or insist with --allow-anonymous.\n"
    )
    assert "0.0.0.0 could run code" in neve(tmp_path, "dev", "--host", "0.0.0.0", "--port", "0", status=2).stderr


def test_changes_of_many_at_once_are_all_kept(platform: Platform) -> None:
    names = [f"many-{number}" for number in range(4)]
    threads = [threading.Thread(target=platform.key, args=(name,)) for name in names]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(BOUND_S)
    listed = {key["name"] for key in json.loads(neve(platform.place, "keys", "list", "--json").stdout)}
    assert set(names) <= listed
