"""Functions of container images: kept, shown as the service shows them, and never run."""

import hashlib
import json
from typing import Any

import pytest
from tests.api.furnished import Furnished, encoded
from tests.api.hostile import Sent
from tests.api.house import GIVEN, ROLE, Lambda, zipped

URI = "123456789012.dkr.ecr.eu-west-1.amazonaws.com/repository:tag"
DIGEST = hashlib.sha256(URI.encode()).hexdigest()
IMAGE: dict[str, Any] = {"FunctionName": "f", "PackageType": "Image", "Role": ROLE, "Code": {"ImageUri": URI}}
OF_ZIP = "Please don't provide Handler or Runtime or Layer when the intended function PackageType is Image."


async def create(aws: Lambda, **members: Any) -> dict[str, Any]:
    reply = await aws("create_function", **IMAGE, **members)
    await aws.functions.wait_idle()
    return reply


async def test_an_image_has_no_runtime_and_no_handler(aws: Lambda) -> None:
    made = await create(aws, ImageConfig={"Command": ["a.b"]})
    assert made["PackageType"] == "Image"
    assert made["ImageConfigResponse"] == {"ImageConfig": {"Command": ["a.b"]}}
    assert (made["CodeSize"], made["CodeSha256"]) == (0, DIGEST)
    assert {"Runtime", "Handler", "RuntimeVersionConfig", "ImageConfig"}.isdisjoint(made)


async def test_an_image_is_shown_where_it_is(aws: Lambda) -> None:
    await create(aws)
    found = await aws("get_function", FunctionName="f")
    assert found["Configuration"]["State"] == "Active"
    assert found["Code"] == {
        "RepositoryType": "ECR",
        "ImageUri": URI,
        "ResolvedImageUri": f"{URI.removesuffix(':tag')}@sha256:{DIGEST}",
    }


async def test_the_digest_of_an_image_is_that_of_its_uri(aws: Lambda) -> None:
    made = await aws("create_function", **{**IMAGE, "Code": {"ImageUri": f"host:5000/r@sha256:{'a' * 64}"}})
    assert made["CodeSha256"] == "a" * 64


async def test_an_image_is_replaced_published_and_deleted(aws: Lambda) -> None:
    await create(aws)
    await aws("update_function_code", FunctionName="f", ImageUri=f"{URI}2")
    await aws.functions.wait_idle()
    assert (await aws("publish_version", FunctionName="f"))["PackageType"] == "Image"
    await aws.functions.wait_idle()
    assert (await aws("get_function", FunctionName="f:1"))["Code"]["ImageUri"] == f"{URI}2"
    await aws("delete_function", FunctionName="f")


@pytest.mark.parametrize(
    ("members", "message"),
    [
        ({"PackageType": "Zip"}, "Please don't provide ImageUri when creating a function with packageType Zip."),
        (
            {"Code": {"ZipFile": zipped()}},
            "Please provide ImageUri when creating a function with packageType Image.",
        ),
        ({"Runtime": "nodejs24.x"}, OF_ZIP),
        ({"Handler": "a.b"}, OF_ZIP),
    ],
)
async def test_create_refuses_what_does_not_belong_together(aws: Lambda, members: Any, message: str) -> None:
    assert await aws.refused("create_function", **{**IMAGE, **members}) == (
        400,
        "InvalidParameterValueException",
        message,
    )


async def test_updates_refuse_what_does_not_belong_together(aws: Lambda) -> None:
    await create(aws)
    assert (await aws.refused("update_function_code", FunctionName="f", ZipFile=zipped()))[2] == (
        "Please provide ImageUri when updating a function with packageType Image."
    )
    assert (await aws.refused("update_function_configuration", FunctionName="f", Handler="a.b"))[2] == OF_ZIP


async def test_nothing_is_provisioned_for_an_image(aws: Lambda) -> None:
    await create(aws, Publish=True)
    status, code, _ = await aws.refused(
        "put_provisioned_concurrency_config", FunctionName="f", Qualifier="1", ProvisionedConcurrentExecutions=1
    )
    assert (status, code) == (501, "NotImplementedException")


@pytest.mark.parametrize("kind", [b"RequestResponse", b"Event", b"DryRun"])
async def test_an_invocation_of_an_image_says_that_it_cannot_run(furnished: Furnished, kind: bytes) -> None:
    await furnished.made("POST", "/2015-03-31/functions", {**IMAGE, "FunctionName": "i"})
    await furnished.verbs.wait_idle()
    headers = ((b"x-amz-invocation-type", kind),)
    answer = await furnished.ask(Sent("POST", "/2015-03-31/functions/i/invocations", "", headers, b"{}"))
    assert answer.status == 501
    assert b"does not run them" in answer.body


async def test_a_zip_stays_a_zip(furnished: Furnished) -> None:
    members = {**GIVEN, "FunctionName": "z", "Code": {"ZipFile": encoded(zipped()), "ImageUri": URI}}
    answer = await furnished.ask(Sent("POST", "/2015-03-31/functions", "", (), json.dumps(members).encode()))
    assert answer.status == 400
    assert (await furnished.ask(Sent("GET", "/2015-03-31/functions/z", "", (), b""))).status == 404
