"""Stacks: templates of CloudFormation and SAM make functions of Neve, change them in order, and take them away again."""

import json
import uuid
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError
from tests.acceptance.functions import zipped
from tests.acceptance.server import ROLE, NeveServer

PROFILE = "arn:aws:signer:us-east-1:000000000000:/signing-profiles/p/1"
SOURCE = "exports.handler = async () => ({{ says: '{}', who: process.env.WHO }});"


@pytest.fixture(scope="module")
def bucket(neve: NeveServer) -> str:
    name = f"stacks-{uuid.uuid4()}"
    neve.client("s3").create_bucket(Bucket=name)
    return name


@pytest.fixture
def stack(neve: NeveServer) -> Iterator[str]:
    """The name of a stack, which is deleted with all that it made."""
    name = f"s{uuid.uuid4().hex[:10]}"
    yield name
    neve.client("cloudformation").delete_stack(StackName=name)


def put(neve: NeveServer, bucket: str, says: str) -> str:
    """The key of code that says it."""
    neve.client("s3").put_object(Bucket=bucket, Key=says, Body=zipped({"index.js": SOURCE.format(says)}))
    return says


def deploy(neve: NeveServer, stack: str, template: Any, kind: str) -> dict[str, str]:
    """As deployment tools do it, by a change set; the outputs."""
    stacks = neve.client("cloudformation")
    change = stacks.create_change_set(
        StackName=stack, ChangeSetName=f"c{uuid.uuid4().hex}", TemplateBody=json.dumps(template), ChangeSetType=kind
    )
    stacks.execute_change_set(ChangeSetName=change["Id"], StackName=stack)
    found = stacks.describe_stacks(StackName=stack)["Stacks"][0]
    assert found["StackStatus"] == f"{kind}_COMPLETE"
    return {each["OutputKey"]: each["OutputValue"] for each in found.get("Outputs", [])}


def said(neve: NeveServer, name: str) -> Any:
    return json.load(neve.client("lambda").invoke(FunctionName=name)["Payload"])


def sam(stack: str, bucket: str, key: str, who: str) -> Any:
    return {
        "Transform": "AWS::Serverless-2016-10-31",
        "Resources": {
            "Hello": {
                "Type": "AWS::Serverless::Function",
                "Properties": {
                    "FunctionName": stack,
                    "Runtime": "nodejs24.x",
                    "Handler": "index.handler",
                    "CodeUri": {"Bucket": bucket, "Key": key},
                    "AutoPublishAlias": "live",
                    "AutoPublishCodeSha256": key,
                    "FunctionUrlConfig": {"AuthType": "NONE"},
                    "Environment": {"Variables": {"WHO": who}},
                    "Tags": {"team": "a"},
                },
            }
        },
        "Outputs": {"Url": {"Value": {"Fn::GetAtt": ["HelloUrl", "FunctionUrl"]}}, "Name": {"Value": {"Ref": "Hello"}}},
    }


def test_a_template_of_sam_is_deployed_changed_and_deleted(neve: NeveServer, stack: str, bucket: str) -> None:
    outputs = deploy(neve, stack, sam(stack, bucket, put(neve, bucket, "one"), "Ada"), "CREATE")
    assert outputs["Name"] == stack
    assert (
        outputs["Url"]
        == neve.client("lambda").get_function_url_config(FunctionName=stack, Qualifier="live")["FunctionUrl"]
    )
    assert said(neve, f"{stack}:live") == {"says": "one", "who": "Ada"}
    deploy(neve, stack, sam(stack, bucket, put(neve, bucket, "two"), "Bob"), "UPDATE")
    assert said(neve, f"{stack}:live") == {"says": "two", "who": "Bob"}  # published of the new code
    assert neve.client("lambda").get_alias(FunctionName=stack, Name="live")["FunctionVersion"] == "2"
    neve.client("cloudformation").delete_stack(StackName=stack)
    with pytest.raises(ClientError, match="Function not found"):
        neve.client("lambda").get_function(FunctionName=stack)


def test_everything_of_lambda_is_made_by_a_template(neve: NeveServer, stack: str) -> None:
    name = {"Ref": "F"}
    template: dict[str, Any] = {
        "Resources": {
            "Queue": {"Type": "AWS::SQS::Queue", "Properties": {"QueueName": stack}},
            "Logs": {
                "Type": "AWS::Logs::LogGroup",
                "Properties": {"LogGroupName": f"/aws/lambda/{stack}", "RetentionInDays": "7"},
            },
            "F": {
                "Type": "AWS::Lambda::Function",
                "Properties": {
                    "FunctionName": stack,
                    "Runtime": "nodejs24.x",
                    "Handler": "index.handler",
                    "Role": ROLE,
                    "Timeout": "7",
                    "Code": {"ZipFile": SOURCE.format("inline")},
                    "ReservedConcurrentExecutions": 2,
                    "Tags": [{"Key": "team", "Value": "a"}],
                    "Layers": [{"Ref": "L"}],
                },
            },
            "L": {
                "Type": "AWS::Lambda::LayerVersion",
                "Properties": {"LayerName": stack, "Content": {"S3Bucket": stack, "S3Key": "layer"}},
            },
            "V": {"Type": "AWS::Lambda::Version", "Properties": {"FunctionName": name}},
            "A": {
                "Type": "AWS::Lambda::Alias",
                "Properties": {
                    "FunctionName": name,
                    "Name": "blue",
                    "FunctionVersion": {"Fn::GetAtt": ["V", "Version"]},
                },
            },
            "P": {
                "Type": "AWS::Lambda::Permission",
                "Properties": {
                    "FunctionName": {"Ref": "A"},
                    "Action": "lambda:InvokeFunction",
                    "Principal": "s3.amazonaws.com",
                },
            },
            "U": {"Type": "AWS::Lambda::Url", "Properties": {"TargetFunctionArn": name, "AuthType": "NONE"}},
            "S": {
                "Type": "AWS::Lambda::CodeSigningConfig",
                "Properties": {"AllowedPublishers": {"SigningProfileVersionArns": [PROFILE]}},
            },
            "LP": {
                "Type": "AWS::Lambda::LayerVersionPermission",
                "Properties": {"LayerVersionArn": {"Ref": "L"}, "Action": "lambda:GetLayerVersion", "Principal": "*"},
            },
            "E": {
                "Type": "AWS::Lambda::EventInvokeConfig",
                "Properties": {"FunctionName": name, "Qualifier": "$LATEST", "MaximumRetryAttempts": "1"},
            },
            "M": {
                "Type": "AWS::Lambda::EventSourceMapping",
                "Properties": {
                    "FunctionName": name,
                    "EventSourceArn": {"Fn::GetAtt": ["Queue", "Arn"]},
                    "Enabled": False,
                },
            },
        },
        "Outputs": {
            "Mapping": {"Value": {"Ref": "M"}},
            "Alias": {"Value": {"Ref": "A"}},
            "Signing": {"Value": {"Ref": "S"}},
            "Layer": {"Value": {"Ref": "L"}},
        },
    }
    s3, client = neve.client("s3"), neve.client("lambda")
    s3.create_bucket(Bucket=stack)
    s3.put_object(Bucket=stack, Key="layer", Body=zipped({"nodejs/a.js": ""}))
    outputs = deploy(neve, stack, template, "CREATE")
    assert said(neve, outputs["Alias"])["says"] == "inline"
    found = client.get_function(FunctionName=stack)
    assert found["Configuration"]["Timeout"] == 7
    assert found["Concurrency"] == {"ReservedConcurrentExecutions": 2}
    assert found["Tags"] == {"team": "a"}
    assert client.get_function_event_invoke_config(FunctionName=stack)["MaximumRetryAttempts"] == 1
    assert client.get_event_source_mapping(UUID=outputs["Mapping"])["State"] == "Disabled"
    assert client.get_code_signing_config(CodeSigningConfigArn=outputs["Signing"])
    assert client.get_layer_version_by_arn(Arn=outputs["Layer"])["Version"] == 1
    assert "GetLayerVersion" in client.get_layer_version_policy(LayerName=stack, VersionNumber=1)["Policy"]
    assert "s3.amazonaws.com" in client.get_policy(FunctionName=stack, Qualifier="blue")["Policy"]
    groups = neve.client("logs").describe_log_groups(logGroupNamePrefix=f"/aws/lambda/{stack}")["logGroups"]
    assert [each.get("retentionInDays") for each in groups] == [7]
    resources = template["Resources"]
    resources["P"]["Properties"]["Principal"] = "sns.amazonaws.com"
    resources["U"]["Properties"]["AuthType"] = "AWS_IAM"
    resources["A"]["Properties"]["Description"] = "changed"
    resources["M"]["Properties"]["BatchSize"] = "3"
    resources["F"]["Properties"].pop("ReservedConcurrentExecutions")
    del resources["E"]
    deploy(neve, stack, template, "UPDATE")
    policy = client.get_policy(FunctionName=stack, Qualifier="blue")["Policy"]
    assert ("s3.amazonaws.com" in policy, "sns.amazonaws.com" in policy) == (False, True)
    assert client.get_function_url_config(FunctionName=stack)["AuthType"] == "AWS_IAM"
    assert client.get_alias(FunctionName=stack, Name="blue")["Description"] == "changed"
    assert client.get_event_source_mapping(UUID=outputs["Mapping"])["BatchSize"] == 3
    assert "Concurrency" not in client.get_function(FunctionName=stack)
    with pytest.raises(ClientError, match="doesn't have an EventInvokeConfig"):
        client.get_function_event_invoke_config(FunctionName=stack)
    neve.client("cloudformation").delete_stack(StackName=stack)
    with pytest.raises(ClientError, match="does not exist"):
        client.get_layer_version(LayerName=stack, VersionNumber=1)


def test_what_neve_refuses_is_an_error_of_the_stack(neve: NeveServer, stack: str) -> None:
    template: dict[str, Any] = {
        "Resources": {
            "F": {
                "Type": "AWS::Lambda::Function",
                "Properties": {
                    "FunctionName": stack,
                    "Runtime": "nodejs1.x",
                    "Handler": "a.b",
                    "Role": ROLE,
                    "Code": {"ZipFile": "1"},
                },
            }
        }
    }
    with pytest.raises(ClientError, match=r"Value nodejs1\.x at 'runtime' failed") as caught:
        neve.client("cloudformation").create_stack(StackName=stack, TemplateBody=json.dumps(template))
    assert caught.value.response["Error"]["Code"] == "ValidationError"
