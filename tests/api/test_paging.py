"""Pages of every list: one at a time they are the whole, and a marker is good for its own list only."""

import json
from typing import Any, NamedTuple
from urllib.parse import quote

import pytest
from tests.api.furnished import Furnished, encoded
from tests.api.hostile import ACCOUNT, HOME, REGION, Sent
from tests.api.house import GIVEN, ROLE, zipped


class List(NamedTuple):
    """Where a list is, and the member that has its items."""

    path: str
    items: str


F = "/2015-03-31/functions/f"
LISTS = {
    "ListFunctions": List("/2015-03-31/functions/", "Functions"),
    "ListVersionsByFunction": List(f"{F}/versions", "Versions"),
    "ListAliases": List(f"{F}/aliases", "Aliases"),
    "ListEventSourceMappings": List("/2015-03-31/event-source-mappings", "EventSourceMappings"),
    "ListLayers": List("/2018-10-31/layers", "Layers"),
    "ListLayerVersions": List("/2018-10-31/layers/l/versions", "LayerVersions"),
    "ListFunctionEventInvokeConfigs": List(
        "/2019-09-25/functions/f/event-invoke-config/list", "FunctionEventInvokeConfigs"
    ),
    "ListFunctionUrlConfigs": List("/2021-10-31/functions/f/urls", "FunctionUrlConfigs"),
    "ListProvisionedConcurrencyConfigs": List(
        "/2019-09-30/functions/f/provisioned-concurrency?List=ALL", "ProvisionedConcurrencyConfigs"
    ),
    "ListCodeSigningConfigs": List("/2020-04-22/code-signing-configs", "CodeSigningConfigs"),
    "ListFunctionsByCodeSigningConfig": List(
        f"/2020-04-22/code-signing-configs/{quote(HOME)}:code-signing-config:csc-0123456789abcdefg/functions",
        "FunctionArns",
    ),
    "ListCapacityProviders": List("/2025-11-30/capacity-providers", "CapacityProviders"),
    "ListFunctionVersionsByCapacityProvider": List(
        "/2025-11-30/capacity-providers/p1/function-versions", "FunctionVersions"
    ),
}


@pytest.fixture
async def full(furnished: Furnished) -> Furnished:
    """Two or three of everything that there are lists of."""
    code = {"ZipFile": encoded(zipped())}
    csc = f"{HOME}:code-signing-config:csc-0123456789abcdefg"
    for name in ("p1", "p2"):
        await furnished.made(
            "POST",
            "/2025-11-30/capacity-providers",
            {
                "CapacityProviderName": name,
                "VpcConfig": {"SubnetIds": ["subnet-1"], "SecurityGroupIds": ["sg-1"]},
                "PermissionsConfig": {"CapacityProviderOperatorRoleArn": ROLE},
            },
        )
    provider = {"LambdaManagedInstancesCapacityProviderConfig": {"CapacityProviderArn": f"{HOME}:capacity-provider:p1"}}
    for name in ("g", "h"):
        members = {**GIVEN, "FunctionName": name, "Code": code, "CodeSigningConfigArn": csc, "Publish": True}
        await furnished.made("POST", "/2015-03-31/functions", {**members, "CapacityProviderConfig": provider})
    for number in ("2", "3"):
        await furnished.made("PUT", f"{F}/configuration", {"Description": number})
        await furnished.made("POST", f"{F}/versions", {})
        await furnished.made("POST", f"{F}/aliases", {"Name": f"a{number}", "FunctionVersion": number})
        await furnished.made("POST", f"/2021-10-31/functions/f/url?Qualifier=a{number}", {"AuthType": "NONE"})
        await furnished.made(
            "PUT", f"/2019-09-25/functions/f/event-invoke-config?Qualifier=a{number}", {"MaximumRetryAttempts": 1}
        )
        await furnished.made(
            "PUT",
            f"/2019-09-30/functions/f/provisioned-concurrency?Qualifier={number}",
            {"ProvisionedConcurrentExecutions": 1},
        )
        queue = f"arn:aws:sqs:{REGION}:{ACCOUNT}:q{number}"
        await furnished.made(
            "POST", "/2015-03-31/event-source-mappings", {"FunctionName": "f", "EventSourceArn": queue}
        )
        for layer in ("l", f"l{number}"):
            await furnished.made("POST", f"/2018-10-31/layers/{layer}/versions", {"Content": code})
        publishers = [f"arn:aws:signer:{REGION}:{ACCOUNT}:/signing-profiles/p/1"]
        await furnished.made(
            "POST", "/2020-04-22/code-signing-configs", {"AllowedPublishers": {"SigningProfileVersionArns": publishers}}
        )
    return furnished


async def page(door: Furnished, of: List, query: str = "") -> tuple[int, Any]:
    path, _, fixed = of.path.partition("?")
    answer = await door.ask(Sent("GET", path, "&".join(filter(None, [fixed, query])), (), b""))
    return answer.status, json.loads(answer.body)


async def test_one_at_a_time_they_are_the_whole_and_markers_are_of_one_list(full: Furnished) -> None:
    markers: dict[str, str | None] = {}
    for name, of in LISTS.items():
        status, whole = await page(full, of)
        assert status == 200, name
        assert "NextMarker" not in whole
        found, query = [], "MaxItems=1"
        while query:
            _, part = await page(full, of, query)
            assert len(part[of.items]) == 1, name
            found += part[of.items]
            query = f"MaxItems=1&Marker={quote(part['NextMarker'])}" if "NextMarker" in part else ""
            markers.setdefault(name, part.get("NextMarker"))
        assert found == whole[of.items], name
        assert len(found) >= 2, name
    for name, of in LISTS.items():
        for other, marker in markers.items():
            status, said = await page(full, of, f"Marker={quote(marker or '')}")
            assert status == (200 if other == name else 400), (name, other, said)


async def test_a_marker_holds_its_place_when_its_item_is_gone(furnished: Furnished) -> None:
    for name in ("a", "b", "c"):
        await furnished.made("POST", f"{F}/aliases", {"Name": name, "FunctionVersion": "1"})
    _, first = await page(furnished, LISTS["ListAliases"], "MaxItems=2")
    assert [each["Name"] for each in first["Aliases"]] == ["a", "b"]
    await furnished.ask(Sent("DELETE", f"{F}/aliases/b", "", (), b""))
    _, second = await page(furnished, LISTS["ListAliases"], f"Marker={quote(first['NextMarker'])}")
    assert [each["Name"] for each in second["Aliases"]] == ["c", "live"]


@pytest.mark.parametrize("given", ["0", "10001", "x", "-1"])
async def test_the_size_of_a_page_has_bounds(furnished: Furnished, given: str) -> None:
    status, said = await page(furnished, LISTS["ListFunctions"], f"MaxItems={given}")
    assert status == 400
    assert said["message"]
