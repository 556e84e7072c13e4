"""Resource policies of functions, versions and aliases through the real door."""

import json
from typing import Any
from urllib.parse import quote

import pytest
from tests.api.house import ARN, Lambda

INVALID = "InvalidParameterValueException"
MISSING = "ResourceNotFoundException"
GRANT = {"StatementId": "s3", "Action": "lambda:InvokeFunction", "Principal": "s3.amazonaws.com"}
STATEMENT = {
    "Sid": "s3",
    "Effect": "Allow",
    "Principal": {"Service": "s3.amazonaws.com"},
    "Action": "lambda:InvokeFunction",
    "Resource": ARN,
}
REVISION = (
    412,
    "PreconditionFailedException",
    "The Revision Id provided does not match the latest Revision Id. "
    "Call the GetPolicy API to retrieve the latest Revision Id",
)
UNKNOWN = "00000000-0000-4000-8000-000000000000"


@pytest.fixture
async def live(aws: Lambda) -> Lambda:
    """A function with the version 1 and the alias `live`."""
    await aws.create(Publish=True)
    await aws("create_alias", FunctionName="f", Name="live", FunctionVersion="1")
    return aws


def policy(*statements: dict[str, Any]) -> dict[str, Any]:
    return {"Version": "2012-10-17", "Id": "default", "Statement": list(statements)}


async def test_permission_is_added_shown_and_removed(aws: Lambda) -> None:
    await aws.create()
    added = await aws("add_permission", FunctionName="f", **GRANT)
    assert added["ResponseMetadata"]["HTTPStatusCode"] == 201
    assert added["Statement"] == json.dumps(STATEMENT, separators=(",", ":"))
    await aws("add_permission", FunctionName=ARN, **GRANT | {"StatementId": "other"})
    shown = await aws("get_policy", FunctionName="f")
    assert json.loads(shown["Policy"]) == policy(STATEMENT, STATEMENT | {"Sid": "other"})
    assert shown["RevisionId"] == (await aws("get_function", FunctionName="f"))["Configuration"]["RevisionId"]
    removed = await aws("remove_permission", FunctionName="f", StatementId="s3", RevisionId=shown["RevisionId"])
    assert removed["ResponseMetadata"]["HTTPStatusCode"] == 204
    assert json.loads((await aws("get_policy", FunctionName="f"))["Policy"]) == policy(STATEMENT | {"Sid": "other"})
    await aws("remove_permission", FunctionName="f", StatementId="other")
    assert await aws.refused("get_policy", FunctionName="f") == (
        404,
        MISSING,
        "The resource you requested does not exist.",
    )


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"Principal": "*"}, "*"),
        ({"Principal": "111111111111"}, {"AWS": "arn:aws:iam::111111111111:root"}),
        ({"Principal": "arn:aws:iam::111111111111:role/a/b"}, {"AWS": "arn:aws:iam::111111111111:role/a/b"}),
        ({"Principal": "events.amazonaws.com"}, {"Service": "events.amazonaws.com"}),
        ({"Principal": "alexa-appkit.amazon.com"}, {"Service": "alexa-appkit.amazon.com"}),
    ],
)
async def test_principals(aws: Lambda, given: dict[str, str], expected: object) -> None:
    await aws.create()
    added = await aws("add_permission", FunctionName="f", **GRANT | given)
    assert json.loads(added["Statement"])["Principal"] == expected


@pytest.mark.parametrize("principal", ["nobody", "s3.example.org", "11111111111", "arn:aws:s3:::bucket", "arn:x"])
async def test_principal_that_is_none(aws: Lambda, principal: str) -> None:
    await aws.create()
    assert await aws.refused("add_permission", FunctionName="f", **GRANT | {"Principal": principal}) == (
        400,
        INVALID,
        "The provided principal was invalid. Please check the principal and try again.",
    )


@pytest.mark.parametrize(
    ("given", "condition"),
    [
        ({"SourceArn": "arn:aws:s3:::b*"}, {"ArnLike": {"AWS:SourceArn": "arn:aws:s3:::b*"}}),
        (
            {"SourceArn": "arn:aws:s3:::b", "SourceAccount": "111111111111"},
            {
                "StringEquals": {"AWS:SourceAccount": "111111111111"},
                "ArnLike": {"AWS:SourceArn": "arn:aws:s3:::b"},
            },
        ),
        ({"EventSourceToken": "t"}, {"StringEquals": {"lambda:EventSourceToken": "t"}}),
        ({"PrincipalOrgID": "o-0123456789"}, {"StringEquals": {"aws:PrincipalOrgID": "o-0123456789"}}),
        (
            {"Action": "lambda:InvokeFunctionUrl", "FunctionUrlAuthType": "NONE"},
            {"StringEquals": {"lambda:FunctionUrlAuthType": "NONE"}},
        ),
        ({"InvokedViaFunctionUrl": True}, {"Bool": {"lambda:InvokedViaFunctionUrl": "true"}}),
    ],
)
async def test_conditions(aws: Lambda, given: dict[str, Any], condition: dict[str, Any]) -> None:
    await aws.create()
    added = await aws("add_permission", FunctionName="f", **GRANT | given)
    assert json.loads(added["Statement"])["Condition"] == condition


async def test_function_versions_and_aliases_have_their_own_policies(live: Lambda) -> None:
    for name, qualifier, resource in (("f", None, ARN), ("f:1", None, f"{ARN}:1"), ("f", "live", f"{ARN}:live")):
        qualified = {} if qualifier is None else {"Qualifier": qualifier}
        added = await live("add_permission", FunctionName=name, **GRANT, **qualified)
        assert json.loads(added["Statement"])["Resource"] == resource
    for name in ("f", "f:1", "f:live"):
        shown = json.loads((await live("get_policy", FunctionName=name))["Policy"])
        assert len(shown["Statement"]) == 1
    before = (await live("get_alias", FunctionName="f", Name="live"))["RevisionId"]
    assert (await live("get_policy", FunctionName="f:live"))["RevisionId"] == before
    await live("remove_permission", FunctionName="f", Qualifier="live", StatementId="s3")
    assert (await live("get_alias", FunctionName="f", Name="live"))["RevisionId"] != before
    assert (await live.refused("get_policy", FunctionName="f:live"))[0] == 404
    assert (await live("get_policy", FunctionName="f:1"))["ResponseMetadata"]["HTTPStatusCode"] == 200
    assert (await live("get_policy", FunctionName="f"))["ResponseMetadata"]["HTTPStatusCode"] == 200


async def test_policy_is_no_change_of_the_function_and_is_not_published(aws: Lambda) -> None:
    await aws.create(Publish=True)
    await aws("add_permission", FunctionName="f", **GRANT)
    assert (await aws("publish_version", FunctionName="f"))["Version"] == "1"
    assert (await aws.refused("get_policy", FunctionName="f:1"))[0] == 404
    await aws("update_function_configuration", FunctionName="f", Timeout=9)
    await aws.functions.wait_idle()
    assert (await aws("publish_version", FunctionName="f"))["Version"] == "2"
    await aws.functions.wait_idle()
    assert (await aws.refused("get_policy", FunctionName="f:2"))[0] == 404
    assert json.loads((await aws("get_policy", FunctionName="f"))["Policy"]) == policy(STATEMENT)


async def test_the_refusals_of_add(live: Lambda) -> None:
    add = "add_permission"
    for name, qualifier in (("f", "$LATEST"), ("f:$LATEST", None)):
        qualified = {} if qualifier is None else {"Qualifier": qualifier}
        assert await live.refused(add, FunctionName=name, **GRANT, **qualified) == (
            400,
            INVALID,
            "We currently do not support adding policies for $LATEST.",
        )
    other = ARN[:-1] + "g"
    assert await live.refused(add, FunctionName="g", **GRANT) == (404, MISSING, f"Function not found: {other}")
    assert await live.refused(add, FunctionName="f:9", **GRANT) == (404, MISSING, f"Function not found: {ARN}:9")
    no_alias = (404, MISSING, f"Cannot find alias arn: {ARN}:x")
    assert await live.refused(add, FunctionName="f:x", **GRANT) == no_alias
    assert await live.refused(add, FunctionName="f:live", Qualifier="1", **GRANT) == (
        400,
        INVALID,
        "The derived qualifier from the function name does not match the specified qualifier.",
    )
    await live(add, FunctionName="f", **GRANT)
    assert await live.refused(add, FunctionName="f", **GRANT) == (
        409,
        "ResourceConflictException",
        "The statement id (s3) provided already exists. "
        "Please provide a new statement id, or remove the existing statement.",
    )
    assert await live.refused(add, FunctionName="f", **GRANT | {"StatementId": "n"}, RevisionId=UNKNOWN) == REVISION
    assert await live.refused(add, FunctionName="f", **GRANT | {"StatementId": "n", "FunctionUrlAuthType": "NONE"}) == (
        400,
        INVALID,
        "FunctionUrlAuthType is only supported for lambda:InvokeFunctionUrl action",
    )


@pytest.mark.parametrize(
    ("given", "at"),
    [
        ({"StatementId": "a b"}, "'a b' at 'statementId'"),
        ({"Action": "s3:GetObject"}, "'s3:GetObject' at 'action'"),
        ({"Principal": "a b"}, "'a b' at 'principal'"),
        ({"SourceAccount": "1"}, "'1' at 'sourceAccount'"),
        ({"SourceArn": "bucket"}, "'bucket' at 'sourceArn'"),
        ({"FunctionUrlAuthType": "ALL"}, "'ALL' at 'functionUrlAuthType'"),
    ],
)
async def test_what_the_model_refuses(aws: Lambda, given: dict[str, str], at: str) -> None:
    await aws.create()
    status, code, message = await aws.refused("add_permission", FunctionName="f", **GRANT | given)
    assert (status, code) == (400, "ValidationException")
    assert message.startswith(f"1 validation error detected: Value {at} failed to satisfy constraint: Member must ")


async def test_a_policy_that_grows_too_long(aws: Lambda) -> None:
    await aws.create()
    long = GRANT | {"SourceArn": "arn:aws:s3:::" + "b" * 9900}
    for number in range(2):
        await aws("add_permission", FunctionName="f", **long | {"StatementId": str(number)})
    status, code, message = await aws.refused("add_permission", FunctionName="f", **long)
    assert (status, code) == (400, "PolicyLengthExceededException")
    assert message.endswith("is bigger than the limit (20480).")


async def test_the_refusals_of_remove_and_get(live: Lambda) -> None:
    remove = "remove_permission"
    other = ARN[:-1] + "g"
    none = (404, MISSING, "No policy is associated with the given resource.")
    assert await live.refused(remove, FunctionName="g", StatementId="s") == (
        404,
        MISSING,
        f"No policy found for: {other}",
    )
    assert await live.refused("get_policy", FunctionName="g") == (404, MISSING, f"Function not found: {other}")
    assert await live.refused(remove, FunctionName="f", StatementId="s") == none
    assert await live.refused("get_policy", FunctionName="f:x") == (404, MISSING, f"Cannot find alias arn: {ARN}:x")
    await live("add_permission", FunctionName="f", **GRANT)
    assert await live.refused(remove, FunctionName="f:1", StatementId="s3") == none
    assert await live.refused(remove, FunctionName="f", StatementId="X") == (
        404,
        MISSING,
        "Statement X is not found in resource policy.",
    )
    assert await live.refused(remove, FunctionName="f", StatementId="s3", RevisionId=UNKNOWN) == REVISION


async def test_policy_goes_with_what_has_it(live: Lambda) -> None:
    for name in ("f", "f:1", "f:live"):
        await live("add_permission", FunctionName=name, **GRANT)
    await live("delete_alias", FunctionName="f", Name="live")
    await live("create_alias", FunctionName="f", Name="live", FunctionVersion="1")
    assert (await live.refused("get_policy", FunctionName="f:live"))[0] == 404
    await live("delete_function", FunctionName="f")
    await live.create()
    assert (await live.refused("get_policy", FunctionName="f"))[0] == 404


async def test_an_alias_keeps_its_policy_when_it_points_elsewhere(live: Lambda) -> None:
    await live("add_permission", FunctionName="f:live", **GRANT)
    await live("update_alias", FunctionName="f", Name="live", FunctionVersion="$LATEST")
    assert json.loads((await live("get_policy", FunctionName="f:live"))["Policy"])["Statement"][0]["Sid"] == "s3"


async def test_another_account_or_region_sees_no_policy(aws: Lambda) -> None:
    await aws.create()
    await aws("add_permission", FunctionName="f", **GRANT)
    path = "/2015-03-31/functions/f/policy"
    for elsewhere in ({"account": "999999999999"}, {"region": "eu-west-2"}):
        assert (await aws.wire("GET", path, **elsewhere)).status == 404
        assert (await aws.wire("DELETE", f"{path}/s3", **elsewhere)).status == 404
        assert (await aws.wire("POST", path, GRANT | {"StatementId": "n"}, **elsewhere)).status == 404
    theirs = await aws.wire("GET", f"/2015-03-31/functions/{quote(ARN, safe='')}/policy", account="999999999999")
    assert (theirs.status, theirs.headers["x-amzn-errortype"]) == (403, "AccessDeniedException")


# Whole policies


async def test_whole_policy_is_put_read_and_deleted(live: Lambda) -> None:
    for arn in (ARN, f"{ARN}:1", f"{ARN}:live"):
        statement = {
            "Effect": "Deny",
            "Principal": {"AWS": ["111111111111", "222222222222"]},
            "Action": ["lambda:InvokeFunction", "lambda:GetFunction"],
            "Resource": f"{arn}*",
        }
        given = json.dumps({"Version": "2012-10-17", "Statement": statement})
        put = await live("put_resource_policy", ResourceArn=arn, Policy=given)
        assert json.loads(put["Policy"]) == {"Version": "2012-10-17", "Statement": [statement]}
        shown = await live("get_resource_policy", ResourceArn=arn)
        assert (shown["Policy"], shown["RevisionId"]) == (put["Policy"], put["RevisionId"])
        assert (await live("get_policy", FunctionName=arn))["Policy"] == put["Policy"]
        replaced = await live(
            "put_resource_policy",
            ResourceArn=arn,
            Policy=json.dumps(policy(STATEMENT | {"Resource": arn})),
            RevisionId=put["RevisionId"],
        )
        assert replaced["RevisionId"] != put["RevisionId"]
        for operation, members in (("put_resource_policy", {"Policy": given}), ("delete_resource_policy", {})):
            refusal = await live.refused(operation, ResourceArn=arn, RevisionId=put["RevisionId"], **members)
            assert refusal == REVISION
        await live("remove_permission", FunctionName=arn, StatementId="s3")
        await live("add_permission", FunctionName=arn, **GRANT)
        deleted = await live("delete_resource_policy", ResourceArn=arn)
        assert deleted["ResponseMetadata"]["HTTPStatusCode"] == 204
        assert await live.refused("get_resource_policy", ResourceArn=arn) == (
            404,
            MISSING,
            "The resource you requested does not exist.",
        )
        assert await live.refused("delete_resource_policy", ResourceArn=arn) == (
            404,
            MISSING,
            "No policy is associated with the given resource.",
        )


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("{", "it is no JSON ("),
        ("[]", "it is no JSON object."),
        ('{"Version":"2012-10-17","Statements":[]}', "it has the unknown element Statements."),
        (json.dumps(policy(STATEMENT) | {"Version": "2020"}), "its Version is not 2012-10-17."),
        (json.dumps(policy()), "it has no Statement."),
        (json.dumps({"Statement": "s"}), "a Statement is no JSON object."),
        (json.dumps(policy(STATEMENT, STATEMENT)), "two statements have the same Sid."),
        (json.dumps(policy(STATEMENT | {"Effect": "Maybe"})), "the Effect of a statement is neither Allow nor Deny."),
        (json.dumps(policy({k: v for k, v in STATEMENT.items() if k != "Principal"})), "a statement has no Principal."),
        (
            json.dumps(policy(STATEMENT | {"Action": "s3:GetObject"})),
            "the Action of a statement is not one of Lambda's",
        ),
        (json.dumps(policy(STATEMENT | {"Resource": f"{ARN}:7"})), f"the Resource of a statement is not {ARN}."),
        (
            json.dumps(policy(STATEMENT | {"Condition": {"NumericEquals": {"a": 1}}})),
            "Neve does not know the condition operator NumericEquals.",
        ),
        (json.dumps(policy(STATEMENT | {"Principal": {}})), "a statement has no Principal."),
        (json.dumps(policy(STATEMENT | {"Condition": []})), "the Condition of a statement is no JSON object"),
    ],
)
async def test_text_that_is_no_policy(aws: Lambda, text: str, reason: str) -> None:
    await aws.create()
    status, code, message = await aws.refused("put_resource_policy", ResourceArn=ARN, Policy=text)
    assert (status, code) == (400, INVALID)
    assert message.startswith(f"The provided policy is invalid: {reason}")


async def test_whole_policies_of_what_is_not_there(live: Lambda) -> None:
    given = json.dumps(policy(STATEMENT))
    for operation, members in (
        ("put_resource_policy", {"Policy": given}),
        ("get_resource_policy", {}),
        ("delete_resource_policy", {}),
    ):
        for arn, message in (
            (ARN[:-1] + "g", f"Function not found: {ARN[:-1]}g"),
            ("arn:aws:lambda:eu-west-1:123456789012:runtime/r", "The resource you requested does not exist."),
        ):
            assert await live.refused(operation, ResourceArn=arn, **members) == (404, MISSING, message)
        status, code, _ = await live.refused(operation, ResourceArn="f", **members)
        assert (status, code) == (400, "ValidationException")
    assert (await live.refused("put_resource_policy", ResourceArn=f"{ARN}:$LATEST", Policy=given))[2] == (
        "We currently do not support adding policies for $LATEST."
    )
