"""Quotas that an operator set: refused at the number that is set, in the service's words, and told by GetAccountSettings."""

import io
import json
import os
import zipfile
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from tests.api.furnished import Furnished, encoded
from tests.api.hostile import HOME, Sent
from tests.api.house import GIVEN, zipped

from neve.domain.limits import THE_SERVICES, Quotas
from neve.settings import load

SMALL = Quotas(code_storage=4_000, code_zipped=100_000, code_unzipped=1_200, layers=1, environment=1_024, policy=600)


@pytest.fixture
async def small(tmp_path: Path) -> AsyncIterator[Furnished]:
    made = await Furnished.open(tmp_path, SMALL)
    await made.furnish()
    yield made
    await made.close()


async def refused(door: Furnished, method: str, path: str, members: Mapping[str, Any]) -> tuple[int, str, str]:
    answer = await door.ask(Sent(method, path, "", (), json.dumps(members).encode()))
    told = json.loads(answer.body)
    return answer.status, answer.headers["x-amzn-errortype"], told.get("message") or told["Message"]


def function(text: str, **members: Any) -> dict[str, Any]:
    return {**GIVEN, "FunctionName": "n", "Code": {"ZipFile": encoded(zipped(text))}, **members}


def random_text(size: int) -> str:
    """Text that does not get smaller when it is packed."""
    return os.urandom(size // 2).hex()


def test_without_settings_the_quotas_are_the_services() -> None:
    assert load({}, {}).quotas == THE_SERVICES


async def test_the_account_tells_them(small: Furnished) -> None:
    told = json.loads((await small.ask(Sent("GET", "/2016-08-19/account-settings", "", (), b""))).body)
    sizes = {name: told["AccountLimit"][name] for name in ("TotalCodeSize", "CodeSizeZipped", "CodeSizeUnzipped")}
    assert sizes == {"TotalCodeSize": 4_000, "CodeSizeZipped": 100_000, "CodeSizeUnzipped": 1_200}


async def test_code_that_is_too_large_zipped(small: Furnished) -> None:
    members = function("x", Code={"ZipFile": encoded(zipped() + b"\0" * 100_000)})
    assert await refused(small, "POST", "/2015-03-31/functions", members) == (
        413,
        "RequestEntityTooLargeException",
        "Zipped size must be smaller than 100000 bytes",
    )


async def test_a_request_that_is_too_large_for_any_code(small: Furnished) -> None:
    members = function("x", Code={"ZipFile": "A" * 140_000})
    assert await refused(small, "POST", "/2015-03-31/functions", members) == (
        413,
        "RequestEntityTooLargeException",
        f"Request must be smaller than {SMALL.code_request} bytes for the CreateFunction operation",
    )


async def test_code_that_is_too_large_unzipped(small: Furnished) -> None:
    layers = "/2018-10-31/layers/large/versions"
    assert (await refused(small, "POST", layers, {"Content": {"ZipFile": encoded(_packed("x" * 1_201))}}))[2] == (
        "Unzipped size must be smaller than 1200 bytes"
    )


async def test_code_and_layers_that_are_too_large_together(small: Furnished) -> None:
    await small.made(
        "POST", "/2018-10-31/layers/large/versions", {"Content": {"ZipFile": encoded(_packed("x" * 1_190))}}
    )
    members = {"Layers": [f"{HOME}:layer:large:1"]}
    size = 1_190 + len("exports.handler = async () => 1")
    assert (await refused(small, "PUT", "/2015-03-31/functions/f/configuration", members))[2] == (
        "Function code combined with layers exceeds the maximum allowed size of 1200 bytes. "
        f"The actual size is {size} bytes."
    )


async def test_storage_that_is_full(small: Furnished) -> None:
    text = random_text(800)
    for number in range(4):
        answer = await small.ask(
            Sent(
                "POST", "/2015-03-31/functions", "", (), json.dumps(function(text, FunctionName=f"n{number}")).encode()
            )
        )
    assert answer.status == 400
    assert answer.headers["x-amzn-errortype"] == "CodeStorageExceededException"


async def test_storage_that_is_full_has_no_room_for_a_version(small: Furnished) -> None:
    await small.made("POST", "/2015-03-31/functions", function(random_text(800), FunctionName="n"))
    codes = []
    for number in range(4):
        await small.made("PUT", "/2015-03-31/functions/n/configuration", {"Description": str(number)})
        answer = await small.ask(Sent("POST", "/2015-03-31/functions/n/versions", "", (), b"{}"))
        codes.append(answer.headers.get("x-amzn-errortype"))
    assert codes == [None, None, "CodeStorageExceededException", "CodeStorageExceededException"]


async def test_more_layers_than_one_function_may_use(small: Furnished) -> None:
    members = {"Layers": [f"{HOME}:layer:l:1", f"{HOME}:layer:m:1"]}
    assert (await refused(small, "PUT", "/2015-03-31/functions/f/configuration", members))[2] == (
        "Cannot reference more than 1 layers."
    )


async def test_an_environment_that_is_too_large(small: Furnished) -> None:
    members = {"Environment": {"Variables": {"Ab": "x" * 1_024}}}
    text = (await refused(small, "PUT", "/2015-03-31/functions/f/configuration", members))[2]
    assert "exceeded the 1KB limit. String measured: " in text


async def test_a_policy_that_is_too_large(small: Furnished) -> None:
    grant = {"StatementId": "other" * 19, "Action": "lambda:InvokeFunction", "Principal": "s3.amazonaws.com"}
    status, code, text = await refused(
        small, "POST", "/2015-03-31/functions/f/policy", {**grant, "SourceArn": "arn:aws:s3:::" + "b" * 90}
    )
    assert (status, code) == (400, "PolicyLengthExceededException")
    assert text.endswith("is bigger than the limit (600).")


def _packed(text: str) -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as target:
        target.writestr(zipfile.ZipInfo("index.js"), text, zipfile.ZIP_DEFLATED)
    return content.getvalue()
