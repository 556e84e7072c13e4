"""Log groups and streams as the SDKs see them."""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from neve.domain.errors import CallerError, ResourceNotFound
from neve.domain.world import World
from neve.storage.sqlite.logs import SqliteLogStore
from neve.storage.store import LogLine

Ask = Callable[..., Awaitable[dict[str, Any]]]
NOW = 1_800_000_000_000
G = "/aws/lambda/f"
ARN = f"arn:aws:logs:us-east-1:000000000000:log-group:{G}"


async def refusal(asked: Awaitable[Any]) -> tuple[str, str]:
    with pytest.raises(CallerError) as raised:
        await asked
    return raised.value.code, raised.value.message


async def test_created_group_is_described(ask: Ask) -> None:
    await ask("CreateLogGroup", logGroupName=G)
    assert await ask("DescribeLogGroups") == {
        "logGroups": [
            {
                "logGroupName": G,
                "creationTime": NOW,
                "arn": f"{ARN}:*",
                "metricFilterCount": 0,
                "storedBytes": 0,
                "logGroupClass": "STANDARD",
                "logGroupArn": ARN,
            }
        ]
    }


async def test_group_is_created_once(ask: Ask) -> None:
    await ask("CreateLogGroup", logGroupName=G)
    assert await refusal(ask("CreateLogGroup", logGroupName=G)) == (
        "ResourceAlreadyExistsException",
        "The specified log group already exists",
    )


async def test_reserved_name_is_refused(ask: Ask) -> None:
    assert (await refusal(ask("CreateLogGroup", logGroupName="AWS/mine")))[0] == "InvalidParameterException"


@pytest.mark.parametrize(
    ("operation", "members"),
    [
        ("DeleteLogGroup", {"logGroupName": G}),
        ("CreateLogStream", {"logGroupName": G, "logStreamName": "s"}),
        ("DeleteLogStream", {"logGroupName": G, "logStreamName": "s"}),
        ("DescribeLogStreams", {"logGroupName": G}),
        ("GetLogEvents", {"logGroupName": G, "logStreamName": "s"}),
        ("FilterLogEvents", {"logGroupName": G}),
        ("FilterLogEvents", {"logGroupIdentifier": "arn:aws:logs:eu-west-1:000000000000:log-group:x"}),
        ("PutLogEvents", {"logGroupName": G, "logStreamName": "s", "logEvents": [{"timestamp": NOW, "message": "m"}]}),
        ("PutRetentionPolicy", {"logGroupName": G, "retentionInDays": 7}),
        ("DeleteRetentionPolicy", {"logGroupName": G}),
        ("ListTagsForResource", {"resourceArn": ARN}),
    ],
)
async def test_missing_group_is_not_found(ask: Ask, operation: str, members: dict[str, Any]) -> None:
    assert await refusal(ask(operation, **members)) == (
        "ResourceNotFoundException",
        "The specified log group does not exist.",
    )


@pytest.mark.parametrize(
    ("operation", "members"),
    [
        ("DeleteLogStream", {}),
        ("GetLogEvents", {}),
        ("PutLogEvents", {"logEvents": [{"timestamp": NOW, "message": "m"}]}),
    ],
)
async def test_missing_stream_is_not_found(ask: Ask, operation: str, members: dict[str, Any]) -> None:
    await ask("CreateLogGroup", logGroupName=G)
    assert await refusal(ask(operation, logGroupName=G, logStreamName="s", **members)) == (
        "ResourceNotFoundException",
        "The specified log stream does not exist.",
    )


async def test_groups_are_paged_in_order_of_their_names(ask: Ask) -> None:
    for number in range(5):
        await ask("CreateLogGroup", logGroupName=f"/p/{number}")
    names: list[str] = []
    token: dict[str, str] = {}
    pages = 0
    while pages == 0 or token:
        answer = await ask("DescribeLogGroups", logGroupNamePrefix="/p/", limit=2, **token)
        names += [group["logGroupName"] for group in answer["logGroups"]]
        token = {"nextToken": answer["nextToken"]} if "nextToken" in answer else {}
        pages += 1
    assert (pages, names) == (3, [f"/p/{number}" for number in range(5)])


async def test_pattern_finds_parts_of_names_and_answers_with_less(ask: Ask) -> None:
    await ask("CreateLogGroup", logGroupName=G)
    await ask("CreateLogGroup", logGroupName="/other")
    found = (await ask("DescribeLogGroups", logGroupNamePattern="lambda"))["logGroups"]
    assert found == [{"logGroupName": G, "creationTime": NOW, "arn": f"{ARN}:*"}]
    code, _ = await refusal(ask("DescribeLogGroups", logGroupNamePattern="a", logGroupNamePrefix="/"))
    assert code == "InvalidParameterException"


async def test_groups_are_found_by_identifiers(ask: Ask) -> None:
    for name in (G, "/other", "/third"):
        await ask("CreateLogGroup", logGroupName=name)
    found = await ask("DescribeLogGroups", logGroupIdentifiers=[f"{ARN}:*", "/third", "/none"])
    assert [group["logGroupName"] for group in found["logGroups"]] == [G, "/third"]


@pytest.mark.parametrize("token", ["x", "bm9uc2Vuc2U=", "WyJzdHJlYW1zIiwgMV0=", "ü", "W10="])
async def test_foreign_token_is_refused(ask: Ask, token: str) -> None:
    assert await refusal(ask("DescribeLogGroups", nextToken=token)) == (
        "InvalidParameterException",
        "The specified nextToken is invalid.",
    )


async def test_retention_is_shown_until_it_is_deleted(ask: Ask) -> None:
    await ask("CreateLogGroup", logGroupName=G)
    await ask("PutRetentionPolicy", logGroupName=G, retentionInDays=14)
    assert (await ask("DescribeLogGroups"))["logGroups"][0]["retentionInDays"] == 14
    await ask("DeleteRetentionPolicy", logGroupName=G)
    assert "retentionInDays" not in (await ask("DescribeLogGroups"))["logGroups"][0]


async def test_odd_retention_is_refused(ask: Ask) -> None:
    await ask("CreateLogGroup", logGroupName=G)
    code, message = await refusal(ask("PutRetentionPolicy", logGroupName=G, retentionInDays=13))
    assert code == "InvalidParameterException"
    assert "'13' at 'retentionInDays'" in message


async def test_tags_are_empty(ask: Ask) -> None:
    await ask("CreateLogGroup", logGroupName=G)
    assert await ask("ListTagsForResource", resourceArn=ARN) == {"tags": {}}


async def test_worlds_have_their_own_groups(ask: Ask) -> None:
    await ask("CreateLogGroup", logGroupName=G)
    assert await ask("DescribeLogGroups", world=World("111111111111", "eu-west-1")) == {"logGroups": []}


async def test_streams_are_described_with_the_times_of_their_events(ask: Ask, store: SqliteLogStore) -> None:
    await ask("CreateLogGroup", logGroupName=G)
    await ask("CreateLogStream", logGroupName=G, logStreamName="a")
    assert await refusal(ask("CreateLogStream", logGroupName=G, logStreamName="a")) == (
        "ResourceAlreadyExistsException",
        "The specified log stream already exists",
    )
    store.append_nowait(LogLine(World(), G, "2026/01/01/[$LATEST]b", NOW - 5, "m"))
    streams = (await ask("DescribeLogStreams", logGroupIdentifier=ARN))["logStreams"]
    assert [stream["logStreamName"] for stream in streams] == ["2026/01/01/[$LATEST]b", "a"]
    assert streams[0]["firstEventTimestamp"] == streams[0]["lastEventTimestamp"] == NOW - 5
    assert streams[0]["lastIngestionTime"] == NOW
    assert streams[0]["arn"] == f"{ARN}:log-stream:2026/01/01/[$LATEST]b"
    assert streams[0]["storedBytes"] == 0
    assert "firstEventTimestamp" not in streams[1]


async def test_streams_come_newest_first_when_asked_and_in_pages(ask: Ask, store: SqliteLogStore) -> None:
    for number in range(3):
        store.append_nowait(LogLine(World(), G, f"s{number}", NOW + number, "m"))
    order: dict[str, Any] = {"orderBy": "LastEventTime", "descending": True, "limit": 2}
    first = await ask("DescribeLogStreams", logGroupName=G, **order)
    second = await ask("DescribeLogStreams", logGroupName=G, nextToken=first["nextToken"], **order)
    names = [stream["logStreamName"] for stream in first["logStreams"] + second["logStreams"]]
    assert names == ["s2", "s1", "s0"]
    assert "nextToken" not in second


@pytest.mark.parametrize(
    "members",
    [
        {"logGroupName": G, "orderBy": "LastEventTime", "logStreamNamePrefix": "a"},
        {"logGroupName": G, "logGroupIdentifier": G},
        {},
        {"logGroupIdentifier": "arn:aws:s3:::bucket"},
    ],
)
async def test_members_that_do_not_go_together_are_refused(ask: Ask, members: dict[str, Any]) -> None:
    await ask("CreateLogGroup", logGroupName=G)
    assert (await refusal(ask("DescribeLogStreams", **members)))[0] == "InvalidParameterException"


async def test_deleted_stream_and_group_are_gone(ask: Ask, store: SqliteLogStore) -> None:
    store.append_nowait(LogLine(World(), G, "s", NOW, "m"))
    await ask("DeleteLogStream", logGroupName=G, logStreamName="s")
    assert await ask("DescribeLogStreams", logGroupName=G) == {"logStreams": []}
    await ask("DeleteLogGroup", logGroupName=G)
    with pytest.raises(ResourceNotFound):
        await ask("DescribeLogStreams", logGroupName=G)
