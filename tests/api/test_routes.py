"""Every operation of the model is found by its own URI, and only by it."""

import pytest

from neve.api import model
from neve.api.model import OperationModel
from neve.api.routes import Routes
from neve.domain.errors import ServiceSpecific

LAMBDA = model.load("lambda")
ROUTES = Routes(LAMBDA.operations.values())
FULL_ARN = "arn:aws:lambda:us-east-1:123456789012:function:f:blue"


def filled(operation: OperationModel) -> tuple[str, bytes, dict[str, str]]:
    """The path and query of an operation with its labels filled in, and the labels."""
    path, _, query = operation.uri.partition("?")
    labels = {part[1:-1]: f"value-{part[1:-1]}" for part in path.split("/") if part.startswith("{")}
    for name, value in labels.items():
        path = path.replace(f"{{{name}}}", value)
    return path, query.encode(), labels


@pytest.mark.parametrize("operation", LAMBDA.operations.values(), ids=lambda each: each.name)
def test_every_operation_is_found(operation: OperationModel) -> None:
    path, query, labels = filled(operation)
    for each in (path, path + "/"):
        assert ROUTES.match(operation.method, each, query) == (operation.name, labels)


def test_the_model_has_as_many_operations_as_were_tested() -> None:
    assert len(LAMBDA.operations) >= 91


@pytest.mark.parametrize("name", ["f", "f:blue", FULL_ARN, FULL_ARN.replace(":", "%3A"), "f%3a%24LATEST"])
def test_a_function_name_may_be_an_arn_encoded_or_not(name: str) -> None:
    match = ROUTES.match("POST", f"/2015-03-31/functions/{name}/invocations", b"Qualifier=blue")
    assert match.operation == "Invoke"
    assert match.labels["FunctionName"] == name.replace("%3A", ":").replace("%3a", ":").replace("%24", "$")


def test_labels_are_decoded_once() -> None:
    assert ROUTES.match("GET", "/2015-03-31/functions/a%252Fb", b"").labels == {"FunctionName": "a%2Fb"}


def test_an_encoded_slash_stays_in_its_label() -> None:
    assert ROUTES.match("GET", "/2017-03-31/tags/a%2Fb", b"").labels == {"Resource": "a/b"}


@pytest.mark.parametrize(
    ("query", "operation"),
    [
        (b"", "GetProvisionedConcurrencyConfig"),
        (b"Qualifier=1", "GetProvisionedConcurrencyConfig"),
        (b"List=ALL", "ListProvisionedConcurrencyConfigs"),
        (b"MaxItems=5&List=ALL", "ListProvisionedConcurrencyConfigs"),
    ],
)
def test_a_query_tells_apart(query: bytes, operation: str) -> None:
    assert ROUTES.match("GET", "/2019-09-30/functions/f/provisioned-concurrency", query).operation == operation


def test_find_tells_a_layer_by_arn_from_a_list() -> None:
    assert ROUTES.match("GET", "/2018-10-31/layers", b"find=LayerVersion&Arn=x").operation == "GetLayerVersionByArn"
    assert ROUTES.match("GET", "/2018-10-31/layers", b"").operation == "ListLayers"


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/"),
        ("GET", "//"),
        ("GET", "*"),
        ("GET", "/2015-03-31/nothing"),
        ("POST", "/2015-03-31/functions//invocations"),
        ("PATCH", "/2015-03-31/functions/f"),
        ("OPTIONS", "/2015-03-31/functions"),
        ("GET", "/2015-03-31/functions/f/invocations"),
        ("POST", "/2015-03-31/functions/f/invocations/more"),
        ("GET", "/2015-03-31/" + "a/" * 2000),
    ],
)
def test_what_the_model_does_not_have_is_unknown(method: str, path: str) -> None:
    with pytest.raises(ServiceSpecific) as caught:
        ROUTES.match(method, path, b"")
    assert caught.value.code == "UnknownOperationException"


def test_a_greedy_label_takes_slashes() -> None:
    routes = Routes([OperationModel("Get", "GET", "/things/{Key+}/tail", 200, None, None, ())])
    assert routes.match("GET", "/things/a/b%20c/tail", b"").labels == {"Key": "a/b c"}
