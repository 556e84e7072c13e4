"""Every operation succeeds, and fails with every error that its model documents, or says why it cannot (`operation_cases.py`)."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import botocore.parsers
import pytest
from tests.api.answers import check_error, check_success
from tests.api.furnished import Answer, Loop
from tests.api.hostile import SERVICE, Sent
from tests.api.operation_cases import CASES, ELSEWHERE, NEVER, NEVER_HERE, Call, Fails
from tests.api.test_wire import LAMBDA_OF_BOTOCORE, flat, written

from neve.api import families

HERE = [name for name in SERVICE.operations if name not in families.REFUSED]
FAILING = [(name, code) for name, row in CASES.items() for code in row.errors]
ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def loop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Loop]:
    made = Loop(tmp_path_factory.mktemp("cases"))
    yield made
    made.close()


def ask(loop: Loop, call: Call, wait: bool = True, headers: Mapping[str, str] | None = None) -> Answer:
    """A request as botocore writes it."""
    raw = written(LAMBDA_OF_BOTOCORE, *call)
    path, _, inline = raw["url_path"].partition("?")
    given = raw["query_string"]
    pairs = list(given.items()) if isinstance(given, dict) else list(given or ())
    body = raw["body"].encode() if isinstance(raw["body"], str) else bytes(raw["body"])
    all_headers = {**raw["headers"], **(headers or {})}
    sent = Sent(
        raw["method"],
        path,
        "&".join([*filter(None, [inline]), *flat(pairs)]),
        tuple((name.lower().encode(), str(value).encode()) for name, value in all_headers.items()),
        body,
    )
    return loop.run(loop.door.ask(sent, wait))


def prepared(loop: Loop, before: tuple[Call, ...], holds: bool = False) -> None:
    loop.run(loop.door.furnish())
    for index, call in enumerate(before, 1):
        answer = ask(loop, call, wait=not (holds and index == len(before)))
        assert answer.status < 300, (call, answer)


def parsed(operation: str, answer: Answer) -> Any:
    """The answer as botocore reads it."""
    parser = botocore.parsers.create_parser("rest-json")
    shape = LAMBDA_OF_BOTOCORE.operation_model(operation).output_shape
    whole = {"status_code": answer.status, "headers": dict(answer.headers), "body": answer.body}
    return parser.parse(whole, shape)


# The table itself


@pytest.mark.parametrize("operation", HERE)
def test_an_operation_has_a_success_and_each_of_its_errors(operation: str) -> None:
    assert operation in CASES, f"tests/api/operation_cases.py has no row for {operation}"
    for code in SERVICE.operations[operation].errors:
        if code == "ServiceException":
            continue
        tested = code in CASES[operation].errors or (operation, code) in ELSEWHERE
        assert tested or code in NEVER or (operation, code) in NEVER_HERE, f"{operation} has no test of {code}"


def test_the_table_names_nothing_that_is_not_there() -> None:
    assert set(CASES) == set(HERE)
    for operation, code in [*FAILING, *ELSEWHERE, *NEVER_HERE]:
        assert code in SERVICE.operations[operation].errors, f"{operation} documents no {code}"
    for operation, code in NEVER_HERE:
        assert code not in CASES[operation].errors
    for file in ELSEWHERE.values():
        assert (ROOT / file).exists()


def test_the_page_tells_what_is_tested() -> None:
    page = (ROOT / "docs" / "operations.md").read_text()
    for reason in {*NEVER.values(), *NEVER_HERE.values()}:
        assert reason in page


# What it says


@pytest.mark.parametrize("operation", CASES)
def test_success(loop: Loop, operation: str) -> None:
    row = CASES[operation]
    prepared(loop, row.before)
    answer = ask(loop, (operation, row.members))
    assert answer.status == (204 if operation == "DeleteFunction" else SERVICE.operations[operation].status), answer
    check_success(operation, answer.status, answer.body)
    if operation == "InvokeWithResponseStream":
        return  # a stream, which tests/api/test_invoke_stream.py reads
    assert parsed(operation, answer)["ResponseMetadata"]["RequestId"] == answer.headers["x-amzn-requestid"]


@pytest.mark.parametrize(("operation", "code"), FAILING)
def test_error(loop: Loop, operation: str, code: str) -> None:
    case: Fails = CASES[operation].errors[code]
    prepared(loop, case.before, case.while_changing)
    answer = ask(loop, (operation, case.members), headers=case.headers)
    assert check_error(operation, *answer) == code
    error = parsed(operation, answer)["Error"]
    assert error["Code"] == code
    told = json.loads(answer.body)
    assert error["Message"] == (told.get("message") or told["Message"])


@pytest.mark.parametrize("operation", families.REFUSED)
def test_a_refused_operation_says_so(loop: Loop, operation: str) -> None:
    shape = SERVICE.shapes[SERVICE.operations[operation].input or ""]
    uri = {name: "a" for name, raw in shape["members"].items() if raw.get("location") == "uri"}
    answer = ask(loop, (operation, uri))
    assert (answer.status, answer.headers["x-amzn-errortype"]) == (501, "NotImplementedException")


@pytest.mark.parametrize("operation", [name for name in HERE if name not in families.raw_operations(None)])  # type: ignore[arg-type]
def test_when_the_storage_fails_it_is_the_services_fault(broken: Loop, operation: str) -> None:
    answer = ask(broken, (operation, CASES[operation].members))
    assert (answer.status, answer.headers["x-amzn-errortype"]) == (500, "ServiceException")
    assert json.loads(answer.body)["Type"] == "Service"


@pytest.fixture(scope="module")
def broken(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Loop]:
    """A door whose storage is closed."""
    made = Loop(tmp_path_factory.mktemp("broken"))
    made.run(made.door.close())
    yield made
    made.close()
