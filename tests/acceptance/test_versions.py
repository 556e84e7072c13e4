"""Scenario S6: versions and aliases are invoked, with real Node.js functions; an old version goes on as it was."""

import urllib.error
import urllib.request

import pytest
from tests.acceptance.conftest import Deploy
from tests.acceptance.functions import Deployed, deploy, zipped
from tests.acceptance.machine import until
from tests.acceptance.server import NeveServer, running

SAYS = """
let calls = 0;
export const handler = async (event, context) => ({
  says: '%s', call: ++calls, version: process.env.AWS_LAMBDA_FUNCTION_VERSION,
  told: context.functionVersion, arn: context.invokedFunctionArn,
});
"""


def saying(word: str) -> dict[str, str]:
    return {"index.mjs": SAYS % word}


def publish(function: Deployed) -> str:
    """Publish `$LATEST` and wait until the version can be invoked; its number."""
    client = function.server.client("lambda")
    number: str = client.publish_version(FunctionName=function.name)["Version"]
    client.get_waiter("published_version_active").wait(
        FunctionName=function.name, Qualifier=number, WaiterConfig={"Delay": 0.002, "MaxAttempts": 5000}
    )
    return number


def recode(function: Deployed, word: str) -> None:
    client = function.server.client("lambda")
    client.update_function_code(FunctionName=function.name, ZipFile=zipped(saying(word)))
    client.get_waiter("function_updated_v2").wait(
        FunctionName=function.name, WaiterConfig={"Delay": 0.002, "MaxAttempts": 5000}
    )


@pytest.fixture
def two(deployed: Deploy) -> Deployed:
    """Version 1 says `one`, version 2 `two`, `$LATEST` `three`."""
    function = deployed(saying("one"))
    assert publish(function) == "1"
    recode(function, "two")
    assert publish(function) == "2"
    recode(function, "three")
    return function


def test_s6_invoke_by_version(two: Deployed) -> None:
    for qualifier, says in (("1", "one"), ("2", "two"), ("$LATEST", "three")):
        answer = two.invoke(Qualifier=qualifier)
        assert (answer.version, answer.value["says"]) == (qualifier, says)
        assert (answer.value["version"], answer.value["told"]) == (qualifier, qualifier)
        assert answer.value["arn"].endswith(f":function:{two.name}:{qualifier}")
    assert two.invoke().version == "$LATEST"


def test_s6_invoke_by_alias_says_the_number(two: Deployed) -> None:
    client = two.server.client("lambda")
    client.create_alias(FunctionName=two.name, Name="live", FunctionVersion="1")
    for number, says in (("1", "one"), ("2", "two"), ("1", "one")):
        client.update_alias(FunctionName=two.name, Name="live", FunctionVersion=number)
        answer = two.invoke(Qualifier="live")
        assert (answer.version, answer.value["says"], answer.value["told"]) == (number, says, number)
        assert answer.value["arn"].endswith(f":function:{two.name}:live")


def test_s6_weights_reach_both_versions(two: Deployed) -> None:
    client = two.server.client("lambda")
    client.create_alias(
        FunctionName=two.name,
        Name="canary",
        FunctionVersion="1",
        RoutingConfig={"AdditionalVersionWeights": {"2": 0.5}},
    )
    reached = {two.invoke(Qualifier="canary").version for _ in range(60)}
    assert reached == {"1", "2"}, "one in 2^59 runs fails by chance"
    client.update_alias(FunctionName=two.name, Name="canary", RoutingConfig={"AdditionalVersionWeights": {"2": 1.0}})
    assert {two.invoke(Qualifier="canary").version for _ in range(10)} == {"2"}


def test_environments_of_a_version_live_on_while_latest_changes(two: Deployed) -> None:
    assert two.invoke(Qualifier="1").value["call"] == 1
    before = [each["id"] for each in two.environments() if each["version"] == "1"]
    for word in ("four", "five"):
        recode(two, word)
        assert two.invoke().value["says"] == word
    publish(two)
    assert two.invoke(Qualifier="1").value["call"] == 2, "the same environment"
    assert [each["id"] for each in two.environments() if each["version"] == "1"] == before


def test_versions_have_log_streams_and_environments_of_their_own(two: Deployed) -> None:
    for qualifier in ("1", "2"):
        assert two.invoke(Qualifier=qualifier, tail=True).log is not None
    streams = {each["version"]: each["logStream"] for each in two.environments()}
    for qualifier in ("1", "2"):
        assert f"/[{qualifier}]" in streams[qualifier]
        assert f" Version: {qualifier}\n" in (two.invoke(Qualifier=qualifier, tail=True).log or "")


def test_deleted_version_is_not_found_and_its_environments_go(two: Deployed) -> None:
    two.invoke(Qualifier="1")
    client = two.server.client("lambda")
    client.delete_function(FunctionName=two.name, Qualifier="1")
    with pytest.raises(client.exceptions.ResourceNotFoundException, match=f":function:{two.name}:1"):
        two.invoke(Qualifier="1")
    until(lambda: not [each for each in two.environments() if each["version"] == "1"], "environments of 1 are left")
    assert two.invoke(Qualifier="2").value["says"] == "two"


def test_versions_and_aliases_outlive_a_restart(tmp_path_factory: pytest.TempPathFactory) -> None:
    data_dir = tmp_path_factory.mktemp("versions") / "data"
    with running(data_dir) as neve:
        function = deploy(neve, saying("one"))
        publish(function)
        recode(function, "two")
        neve.client("lambda").create_alias(FunctionName=function.name, Name="live", FunctionVersion="1")
        neve.kill()
    with running(data_dir) as again:
        answer = Deployed(again, function.name).invoke(Qualifier="live")
        assert (answer.version, answer.value["says"]) == ("1", "one")


def test_layer_is_downloaded_from_where_it_is_said_to_be(neve: NeveServer) -> None:
    client = neve.client("lambda")
    archive = zipped({"nodejs/a.js": "1"})
    reply = client.publish_layer_version(LayerName="downloaded", Content={"ZipFile": archive})
    with urllib.request.urlopen(reply["Content"]["Location"], timeout=30) as answer:
        assert (answer.headers["content-type"], answer.read()) == ("application/zip", archive)
    client.delete_layer_version(LayerName="downloaded", VersionNumber=reply["Version"])
    for path in (reply["Content"]["Location"], f"{neve.url}/_neve/layers/a/b/c/x", f"{neve.url}/_neve/layers/a"):
        with pytest.raises(urllib.error.HTTPError) as caught:
            urllib.request.urlopen(path, timeout=30)
        with caught.value as refusal:
            assert refusal.code == 404
