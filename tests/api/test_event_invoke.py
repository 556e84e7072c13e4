"""Event invoke configs and recursive loop detection through the real door."""

import asyncio
import json
import time
from typing import Any

import pytest
from tests.api.house import ARN, Lambda

INVALID = "InvalidParameterValueException"
MISSING = "ResourceNotFoundException"
PATH = "/2019-09-25/functions/f/event-invoke-config"
QUEUE = "arn:aws:sqs:eu-west-1:123456789012:q"
TOPIC = "arn:aws:sns:eu-west-1:123456789012:t"
BUS = "arn:aws:events:eu-west-1:123456789012:event-bus/b"
BUCKET = "arn:aws:s3:::b"
OTHER = ARN[:-1] + "g"
NOWHERE: dict[str, Any] = {"OnSuccess": {}, "OnFailure": {}}


def plain(reply: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in reply.items() if name not in ("ResponseMetadata", "LastModified")}


def to(success: str | None = None, failure: str | None = None) -> dict[str, Any]:
    """A DestinationConfig with what is not None."""
    given = {"OnSuccess": success, "OnFailure": failure}
    return {name: {"Destination": arn} for name, arn in given.items() if arn is not None}


@pytest.fixture
async def live(aws: Lambda) -> Lambda:
    """A function with the version 1 and the alias `live`."""
    await aws.create(Publish=True)
    await aws("create_alias", FunctionName="f", Name="live", FunctionVersion="1")
    return aws


async def test_put_replaces_everything(aws: Lambda) -> None:
    await aws.create()
    first = await aws(
        "put_function_event_invoke_config",
        FunctionName="f",
        MaximumRetryAttempts=1,
        MaximumEventAgeInSeconds=111,
        DestinationConfig=to(QUEUE, TOPIC),
    )
    assert first["ResponseMetadata"]["HTTPStatusCode"] == 200
    assert plain(first) == {
        "FunctionArn": f"{ARN}:$LATEST",
        "MaximumRetryAttempts": 1,
        "MaximumEventAgeInSeconds": 111,
        "DestinationConfig": to(QUEUE, TOPIC),
    }
    assert abs(first["LastModified"].timestamp() - time.time()) < 60
    assert await aws("get_function_event_invoke_config", FunctionName="f") | {"ResponseMetadata": 0} == first | {
        "ResponseMetadata": 0
    }
    second = await aws("put_function_event_invoke_config", FunctionName="f", MaximumRetryAttempts=0)
    expected = {"FunctionArn": f"{ARN}:$LATEST", "MaximumRetryAttempts": 0, "DestinationConfig": NOWHERE}
    assert plain(second) == expected
    assert plain(await aws("get_function_event_invoke_config", FunctionName="f", Qualifier="$LATEST")) == expected


async def test_update_merges_each_setting_and_each_destination(aws: Lambda) -> None:
    await aws.create()
    await aws("put_function_event_invoke_config", FunctionName="f", MaximumRetryAttempts=2)
    expected: dict[str, Any] = {"FunctionArn": f"{ARN}:$LATEST", "MaximumRetryAttempts": 2}
    for given, destinations in (
        ({"DestinationConfig": to(QUEUE)}, to(QUEUE) | {"OnFailure": {}}),
        ({"DestinationConfig": to(failure=BUCKET)}, to(QUEUE, BUCKET)),
        (
            {"DestinationConfig": {"OnSuccess": {"Destination": ""}, "OnFailure": {}}},
            {"OnSuccess": {}} | to(None, BUCKET),
        ),
        ({"MaximumEventAgeInSeconds": 60}, {"OnSuccess": {}} | to(None, BUCKET)),
        ({"DestinationConfig": to(BUS)}, to(BUS, BUCKET)),
    ):
        reply = await aws("update_function_event_invoke_config", FunctionName="f", **given)
        if "MaximumEventAgeInSeconds" in given:
            expected |= given
        assert plain(reply) == expected | {"DestinationConfig": destinations}
        assert plain(await aws("get_function_event_invoke_config", FunctionName="f")) == plain(reply)


async def test_answer_on_the_wire(aws: Lambda) -> None:
    """Members in the order of the service, times as seconds with a fraction; what was never set is absent."""
    await aws.create()
    put = await aws.wire("PUT", PATH, {"MaximumRetryAttempts": 1, "DestinationConfig": to(QUEUE)})
    assert (put.status, put.headers["content-type"]) == (200, "application/json")
    answer = json.loads(put.body)
    assert list(answer) == ["LastModified", "FunctionArn", "MaximumRetryAttempts", "DestinationConfig"]
    assert list(answer["DestinationConfig"]) == ["OnSuccess", "OnFailure"]
    assert isinstance(answer["LastModified"], float)
    merged = json.loads((await aws.wire("POST", PATH, {"MaximumEventAgeInSeconds": 90})).body)
    assert list(merged)[2:4] == ["MaximumRetryAttempts", "MaximumEventAgeInSeconds"]
    listed = json.loads((await aws.wire("GET", f"{PATH}/list")).body)
    assert listed == {"FunctionEventInvokeConfigs": [merged]}
    gone = await aws.wire("DELETE", PATH)
    assert (gone.status, gone.body) == (204, b"")
    refusal = await aws.wire("DELETE", PATH)
    assert refusal.status == 404
    assert refusal.headers["x-amzn-errortype"] == MISSING
    assert json.loads(refusal.body) == {
        "Type": "User",
        "Message": f"The function {ARN}:$LATEST doesn't have an EventInvokeConfig",
    }


@pytest.mark.parametrize("operation", ["get", "delete", "update"])
async def test_a_function_without_a_config_and_no_function_are_told_alike(live: Lambda, operation: str) -> None:
    given = {"MaximumRetryAttempts": 1} if operation == "update" else {}
    for name, qualifier, arn in (
        ("f", None, f"{ARN}:$LATEST"),
        ("f", "live", f"{ARN}:live"),
        ("f:1", None, f"{ARN}:1"),
        ("f", "9", f"{ARN}:9"),
        ("g", None, f"{OTHER}:$LATEST"),
    ):
        qualified = {} if qualifier is None else {"Qualifier": qualifier}
        refusal = await live.refused(
            f"{operation}_function_event_invoke_config", FunctionName=name, **qualified, **given
        )
        assert refusal == (404, MISSING, f"The function {arn} doesn't have an EventInvokeConfig")


@pytest.mark.parametrize(("name", "qualifier"), [("g", None), ("f", "9"), ("f", "other"), ("f:other", None)])
async def test_put_wants_a_function_that_is_there(aws: Lambda, name: str, qualifier: str | None) -> None:
    await aws.create()
    qualified = {} if qualifier is None else {"Qualifier": qualifier}
    refusal = await aws.refused(
        "put_function_event_invoke_config", FunctionName=name, MaximumRetryAttempts=1, **qualified
    )
    assert refusal == (404, MISSING, "The function doesn't exist.")


async def test_list_wants_a_function_that_is_there(aws: Lambda) -> None:
    refusal = await aws.refused("list_function_event_invoke_configs", FunctionName="g")
    assert refusal == (404, MISSING, "The function doesn't exist.")


@pytest.mark.parametrize("operation", ["put", "update"])
@pytest.mark.parametrize("given", [{}, {"DestinationConfig": {}}])
async def test_nothing_to_set(aws: Lambda, operation: str, given: dict[str, Any]) -> None:
    await aws.create()
    refusal = await aws.refused(f"{operation}_function_event_invoke_config", FunctionName="f", **given)
    assert refusal == (
        400,
        INVALID,
        "You must specify at least one of error handling or destination setting.",
    )


@pytest.mark.parametrize("operation", ["put", "update"])
@pytest.mark.parametrize(
    ("destinations", "shown"),
    [
        (to(BUCKET), f"onSuccess=OnSuccess(destination={BUCKET}), onFailure=null"),
        (to(f"{QUEUE}.fifo"), f"onSuccess=OnSuccess(destination={QUEUE}.fifo), onFailure=null"),
        (
            to(QUEUE, f"{TOPIC}.fifo"),
            f"onSuccess=OnSuccess(destination={QUEUE}), onFailure=OnFailure(destination={TOPIC}.fifo)",
        ),
        (
            to(None, "arn:aws:iam::123456789012:role/r"),
            "onSuccess=null, onFailure=OnFailure(destination=arn:aws:iam::123456789012:role/r)",
        ),
        (to(None, "kafka://topic"), "onSuccess=null, onFailure=OnFailure(destination=kafka://topic)"),
        (to(None, f"{ARN[:-10]}layer:l"), f"onSuccess=null, onFailure=OnFailure(destination={ARN[:-10]}layer:l)"),
    ],
)
async def test_destination_of_another_kind(
    aws: Lambda, operation: str, destinations: dict[str, Any], shown: str
) -> None:
    await aws.create()
    await aws("put_function_event_invoke_config", FunctionName="f", MaximumRetryAttempts=1)
    refusal = await aws.refused(
        f"{operation}_function_event_invoke_config", FunctionName="f", DestinationConfig=destinations
    )
    assert refusal == (400, INVALID, f"The provided destination config DestinationConfig({shown}) is invalid.")


async def test_function_as_a_destination(live: Lambda) -> None:
    put = "put_function_event_invoke_config"
    for missing in (OTHER, f"{OTHER}:live", ARN.replace("eu-west-1", "eu-west-2")):
        refusal = await live.refused(put, FunctionName="f", DestinationConfig=to(missing))
        assert refusal == (400, INVALID, f"The destination ARN {missing} is invalid.")
    for itself in (ARN, f"{ARN}:live"):
        refusal = await live.refused(put, FunctionName="f", Qualifier="1", DestinationConfig=to(None, itself))
        assert refusal == (400, INVALID, "You can't specify the function as a destination for itself.")
    await live.create(FunctionName="g")
    reply = await live(put, FunctionName="f", DestinationConfig=to(OTHER, f"{OTHER}:live"))
    assert reply["DestinationConfig"] == to(OTHER, f"{OTHER}:live")


@pytest.mark.parametrize(
    ("members", "path", "sentence"),
    [
        ({"MaximumRetryAttempts": 3}, "'3' at 'maximumRetryAttempts'", "have value less than or equal to 2"),
        ({"MaximumRetryAttempts": -1}, "'-1' at 'maximumRetryAttempts'", "have value greater than or equal to 0"),
        (
            {"MaximumEventAgeInSeconds": 59},
            "'59' at 'maximumEventAgeInSeconds'",
            "have value greater than or equal to 60",
        ),
        (
            {"MaximumEventAgeInSeconds": 21601},
            "'21601' at 'maximumEventAgeInSeconds'",
            "have value less than or equal to 21600",
        ),
        (
            {"DestinationConfig": to(None, "https://q")},
            "'https://q' at 'destinationConfig.onFailure.destination'",
            r"satisfy regular expression pattern: $|kafka://([^.]([a-zA-Z0-9\-_.]{0,248}))|arn:(aws[a-zA-Z0-9-]*):"
            r"([a-zA-Z0-9\-])+:((eusc-)?[a-z]{2}((-gov)|(-iso([a-z]?)))?-[a-z]+-\d{1})?:(\d{12})?:(.*)",
        ),
    ],
)
async def test_out_of_range_is_refused_by_the_model(
    aws: Lambda, members: dict[str, Any], path: str, sentence: str
) -> None:
    await aws.create()
    refusal = await aws.refused("put_function_event_invoke_config", FunctionName="f", **members)
    assert refusal == (
        400,
        "ValidationException",
        f"1 validation error detected: Value {path} failed to satisfy constraint: Member must {sentence}",
    )


async def test_each_qualifier_has_its_own_and_they_are_listed(live: Lambda) -> None:
    await live("put_function_event_invoke_config", FunctionName="f", MaximumRetryAttempts=0)
    await live("put_function_event_invoke_config", FunctionName=f"{ARN}:live", MaximumRetryAttempts=1)
    await live("put_function_event_invoke_config", FunctionName="f:1", Qualifier="1", MaximumRetryAttempts=2)
    pages = await asyncio.to_thread(
        lambda: list(
            live.client.get_paginator("list_function_event_invoke_configs").paginate(
                FunctionName="f", PaginationConfig={"PageSize": 2}
            )
        )
    )
    found = [
        [(each["FunctionArn"], each["MaximumRetryAttempts"]) for each in page["FunctionEventInvokeConfigs"]]
        for page in pages
    ]
    assert found == [[(f"{ARN}:$LATEST", 0), (f"{ARN}:1", 2)], [(f"{ARN}:live", 1)]]
    await live("delete_function_event_invoke_config", FunctionName="f", Qualifier="live")
    assert (await live("get_function_event_invoke_config", FunctionName="f:1"))["MaximumRetryAttempts"] == 2


@pytest.mark.parametrize("operation", ["put", "update", "get", "delete"])
async def test_two_qualifiers_that_differ(live: Lambda, operation: str) -> None:
    given = {"MaximumRetryAttempts": 1} if operation in ("put", "update") else {}
    refusal = await live.refused(
        f"{operation}_function_event_invoke_config", FunctionName="f:live", Qualifier="1", **given
    )
    assert refusal == (
        400,
        INVALID,
        "The derived qualifier from the function name does not match the specified qualifier.",
    )


async def test_config_goes_with_what_has_it(live: Lambda) -> None:
    for qualifier in ("$LATEST", "1", "live"):
        await live("put_function_event_invoke_config", FunctionName="f", Qualifier=qualifier, MaximumRetryAttempts=1)

    async def left() -> list[str]:
        listed = await live("list_function_event_invoke_configs", FunctionName="f")
        return [each["FunctionArn"].removeprefix(f"{ARN}:") for each in listed["FunctionEventInvokeConfigs"]]

    assert await left() == ["$LATEST", "1", "live"]
    await live("delete_alias", FunctionName="f", Name="live")
    assert await left() == ["$LATEST", "1"]
    await live("delete_function", FunctionName="f", Qualifier="1")
    assert await left() == ["$LATEST"]
    await live("delete_function", FunctionName="f")
    await live.create()
    assert await left() == []


async def test_other_accounts_and_regions_have_their_own(aws: Lambda) -> None:
    await aws.create()
    await aws("put_function_event_invoke_config", FunctionName="f", MaximumRetryAttempts=1)
    for elsewhere in ({"account": "999999999999"}, {"region": "eu-west-2"}):
        assert (await aws.wire("GET", PATH, **elsewhere)).status == 404
        assert (await aws.wire("PUT", PATH, {"MaximumRetryAttempts": 0}, **elsewhere)).status == 404
        assert (await aws.wire("DELETE", PATH, **elsewhere)).status == 404
    assert (await aws("get_function_event_invoke_config", FunctionName="f"))["MaximumRetryAttempts"] == 1


async def test_recursive_loops_are_ended_unless_they_are_allowed(aws: Lambda) -> None:
    created = await aws.create()
    assert plain(await aws("get_function_recursion_config", FunctionName="f")) == {"RecursiveLoop": "Terminate"}
    before = await aws("get_function_configuration", FunctionName="f")
    for wanted in ("Allow", "Terminate", "Allow"):
        reply = await aws("put_function_recursion_config", FunctionName=ARN, RecursiveLoop=wanted)
        assert plain(reply) == {"RecursiveLoop": wanted}
        assert plain(await aws("get_function_recursion_config", FunctionName="f")) == {"RecursiveLoop": wanted}
    assert created["FunctionArn"] == before["FunctionArn"]
    after = await aws("get_function_configuration", FunctionName="f")
    assert after["RevisionId"] == before["RevisionId"]
    await aws("delete_function", FunctionName="f")
    await aws.create()
    assert plain(await aws("get_function_recursion_config", FunctionName="f")) == {"RecursiveLoop": "Terminate"}


async def test_recursive_loops_of_nothing_or_of_another_kind(aws: Lambda) -> None:
    for operation, given in (("get", {}), ("put", {"RecursiveLoop": "Allow"})):
        refusal = await aws.refused(f"{operation}_function_recursion_config", FunctionName="f", **given)
        assert refusal == (404, MISSING, f"Function not found: {ARN}")
    await aws.create()
    refusal = await aws.refused("put_function_recursion_config", FunctionName="f", RecursiveLoop="Stop")
    assert refusal == (
        400,
        "ValidationException",
        "1 validation error detected: Value 'Stop' at 'recursiveLoop' failed to satisfy constraint: "
        "Member must satisfy enum value set: [Allow, Terminate]",
    )
    status, code, message = await aws.refused("get_function_recursion_config", FunctionName="f:1")
    assert (status, code) == (400, "ValidationException")
    assert "at 'functionName' failed to satisfy constraint: Member must satisfy regular expression" in message
