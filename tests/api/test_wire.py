"""The codec: every operation's requests as botocore writes them, the service's sentences, responses as botocore reads them."""

import io
import json
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

import botocore.awsrequest
import botocore.loaders
import botocore.model
import botocore.parsers
import botocore.serialize
import pytest

from neve.api import constraints, model
from neve.api.http import Request, Response
from neve.api.model import OperationModel, ServiceModel
from neve.api.routes import Routes
from neve.api.wire import RECORDED_ORDER, Codec
from neve.domain.errors import InvalidRequestContent, OperatorError, ServiceSpecific, ValidationFailed

LAMBDA, LOGS = model.load("lambda"), model.load("logs")
ROUTES = Routes(LAMBDA.operations.values())
MOMENT = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
ROLE = "arn:aws:iam::123456789012:role/r"

# Strings that the models' patterns ask for; the first one that fits is taken.
CANDIDATES = [
    "a",
    "1",
    "abc",
    "abcdefghij" * 4,
    "aa",
    "$LATEST.PUBLISHED",
    "123456789012",
    "/mnt/a",
    "lambda:GetLayerVersion",
    "lambda:InvokeFunction",
    "o-0123456789",
    "sg-1",
    "subnet-1",
    "host:9092",
    "12345678-1234-1234-1234-123456789012",
    "AnException",
    "us-east-1",
    "arn:aws:s3:::bucket",
    ROLE,
    "arn:aws:lambda:us-east-1::runtime:abc",
    "arn:aws:lambda:us-east-1:123456789012:function:f",
    "arn:aws:lambda:us-east-1:123456789012:layer:l",
    "arn:aws:lambda:us-east-1:123456789012:layer:l:1",
    "arn:aws:lambda:us-east-1:123456789012:code-signing-config:csc-0123456789abcdefg",
    "arn:aws:lambda:us-east-1:123456789012:capacity-provider:c",
    "arn:aws:lambda:us-east-1:123456789012:event-source-mapping:12345678-1234-1234-1234-123456789012",
    "arn:aws:lambda:us-east-1:123456789012:function:f:1/durable-execution/a/b",
    "arn:aws:signer:us-east-1:123456789012:/signing-profiles/p/1",
    "arn:aws:elasticfilesystem:us-east-1:123456789012:access-point/fsap-0123456789abcdef0",
    "arn:aws:kms:us-east-1:123456789012:key/k",
    "arn:aws:secretsmanager:us-east-1:123456789012:secret:s",
    "arn:aws:lambda:us-east-1:123456789012:runtime/python3.13",
    "csc-0123456789abcdefg",
    "1.0",
    "vpce-0",
    "https://example.com",
    "s3://bucket/key",
]


def strings_of(shape: Mapping[str, Any]) -> list[str]:
    """Strings that a shape allows, at least one."""
    if "enum" in shape:
        return list(shape["enum"])
    rules = constraints.of(shape)
    fitting = [each for each in CANDIDATES if not constraints.broken(rules, each)]
    assert fitting, f"no candidate for {shape}"
    return fitting


def value_of(service: ServiceModel, name: str, everything: bool, above: tuple[str, ...] = ()) -> Any:
    """A legal value of a shape; `everything` fills optional members too, but no shape inside itself."""
    shape = service.shapes[name]
    kind = shape["type"]
    if kind == "structure":
        wanted = shape["members"] if everything else shape.get("required", ())
        if shape.get("union"):
            wanted = list(shape["members"])[:1]
        above = (*above, name)
        return {
            each: value_of(service, shape["members"][each]["shape"], everything, above)
            for each in wanted
            if shape["members"][each]["shape"] not in above
        }
    if kind == "list":
        return [value_of(service, shape["member"]["shape"], everything, above)] * max(1, shape.get("min", 0))
    if kind == "map":
        keys = strings_of(service.shapes[shape["key"]["shape"]])[: max(1, shape.get("min", 1))]
        return {key: value_of(service, shape["value"]["shape"], everything, above) for key in keys}
    return scalar_of(shape)


def scalar_of(shape: Mapping[str, Any]) -> Any:
    least = shape.get("min", 1)
    values = {
        "blob": b"\x00\xff",
        "timestamp": MOMENT,
        "boolean": True,
        "double": float(least),
        "integer": least,
        "long": least,
    }
    return strings_of(shape)[0] if shape["type"] == "string" else values[shape["type"]]


def botocore_model(service: ServiceModel) -> botocore.model.ServiceModel:
    return botocore.model.ServiceModel(botocore.loaders.Loader().load_service_model(service.name, "service-2"))


LAMBDA_OF_BOTOCORE, LOGS_OF_BOTOCORE = botocore_model(LAMBDA), botocore_model(LOGS)


def written(service: botocore.model.ServiceModel, operation: str, members: Mapping[str, Any]) -> dict[str, Any]:
    """A request as botocore puts it on the wire: method, path, query, headers, body."""
    serializer = botocore.serialize.create_serializer(service.metadata["protocol"], include_validation=False)
    raw = serializer.serialize_to_request(members, service.operation_model(operation))
    return dict(raw)


def request_of(raw: Mapping[str, Any]) -> tuple[str, str, Request]:
    path, _, inline = raw["url_path"].partition("?")
    given = raw["query_string"]
    pairs = list(given.items()) if isinstance(given, dict) else list(given or ())
    query = "&".join([*filter(None, [inline]), *flat(pairs)]).encode()
    body = raw["body"]
    body = body.read() if isinstance(body, io.IOBase) else body
    headers = {key.lower().encode(): str(value).encode() for key, value in raw["headers"].items()}
    match = ROUTES.match(raw["method"], path, query)
    plain = body.encode() if isinstance(body, str) else bytes(body)
    return match.operation, path, Request(raw["method"], match.operation, match.labels, query, headers, plain)


def flat(pairs: list[tuple[str, Any]]) -> Iterator[str]:
    for key, value in pairs:
        for each in value if isinstance(value, list) else [value]:
            yield f"{quote(key)}={quote(str(each))}"


@pytest.mark.parametrize("everything", [False, True], ids=["minimal", "everything"])
@pytest.mark.parametrize("name", sorted(LAMBDA.operations))
def test_a_request_of_every_lambda_operation_is_read_back(name: str, everything: bool) -> None:
    operation = LAMBDA.operations[name]
    members = value_of(LAMBDA, operation.input or "", everything)
    found, _, request = request_of(written(LAMBDA_OF_BOTOCORE, name, members))
    assert found == name
    parsed = Codec(LAMBDA, operation).parse(request)
    if parsed.get("Error") == {}:  # botocore sends `{}` for a payload that was not given
        members.setdefault("Error", {})
    assert parsed == members


@pytest.mark.parametrize("everything", [False, True], ids=["minimal", "everything"])
@pytest.mark.parametrize("name", sorted(LOGS.operations))
def test_a_request_of_every_logs_operation_is_read_back(name: str, everything: bool) -> None:
    operation = LOGS.operations[name]
    members = value_of(LOGS, operation.input or "", everything) if operation.input else {}
    raw = written(LOGS_OF_BOTOCORE, name, members)
    body = raw["body"]
    request = Request("POST", name, {}, b"", {}, body if isinstance(body, bytes) else body.encode())
    assert Codec(LOGS, operation).parse(request) == members


@pytest.mark.parametrize("name", sorted(LAMBDA.operations))
def test_a_response_of_every_lambda_operation_is_understood_by_botocore(name: str) -> None:
    operation = LAMBDA.operations[name]
    members = value_of(LAMBDA, operation.output, True) if operation.output else {}
    members = {key: value for key, value in members.items() if not is_outside_the_body(key, value)}
    response = Codec(LAMBDA, operation).render(members)
    assert response.status == operation.status
    if response.status != 204 and name != "InvokeWithResponseStream":
        assert understood(name, response) == members


def is_outside_the_body(name: str, value: Any) -> bool:
    """The status, and a stream of events: neither is a member that an operation has to give."""
    return name == "EventStream" or (name in ("Status", "StatusCode") and isinstance(value, int))


def understood(name: str, response: Response) -> dict[str, Any]:
    parser = botocore.parsers.create_parser("rest-json")
    headers = botocore.awsrequest.HeadersDict({key.decode(): value.decode() for key, value in response.headers})
    streaming = LAMBDA_OF_BOTOCORE.operation_model(name).has_streaming_output
    body: Any = io.BytesIO(response.body) if streaming else response.body
    parsed = parser.parse(
        {"status_code": response.status, "headers": headers, "body": body},
        LAMBDA_OF_BOTOCORE.operation_model(name).output_shape,
    )
    del parsed["ResponseMetadata"]
    if streaming and "Payload" in parsed:
        parsed["Payload"] = parsed["Payload"].read()
    return {key: value for key, value in parsed.items() if not is_outside_the_body(key, value)}


@pytest.mark.parametrize("service", [LAMBDA, LOGS], ids=lambda each: each.name)
def test_the_model_is_the_one_that_botocore_would_load(service: ServiceModel) -> None:
    raw = botocore.loaders.Loader().load_service_model(service.name, "service-2")
    assert list(service.operations) == list(raw["operations"])
    assert service.shapes == raw["shapes"]


def test_a_model_that_is_not_there_is_for_the_operator_to_mend() -> None:
    with pytest.raises(OperatorError, match="botocore has no model of the service nothing"):
        model.load("nothing")


# The service's sentences.


def ask(
    name: str,
    body: object = None,
    labels: Mapping[str, str] | None = None,
    query: bytes = b"",
    raw: bytes | None = None,
    service: ServiceModel = LAMBDA,
) -> dict[str, Any]:
    operation: OperationModel = service.operations[name]
    sent = raw if raw is not None else b"" if body is None else json.dumps(body).encode()
    return Codec(service, operation).parse(Request(operation.method, name, labels or {}, query, {}, sent))


def complaint(name: str, body: object = None, labels: Mapping[str, str] | None = None, query: bytes = b"") -> str:
    with pytest.raises(ValidationFailed) as caught:
        ask(name, body, labels, query)
    return caught.value.message


F = {"FunctionName": "f"}
NAME_PATTERN = (
    r"(arn:(aws[a-zA-Z-]*)?:lambda:)?((eusc-)?[a-z]{2}((-gov)|(-iso([a-z]?)))?-[a-z]+-\d{1}:)?(\d{12}:)?"
    r"(function:)?([a-zA-Z0-9-_]+)(:(\$LATEST|[a-zA-Z0-9-_]+))?"
)


def test_a_name_that_breaks_the_pattern() -> None:
    body = {"FunctionName": "a b", "Role": ROLE, "Code": {}}
    assert complaint("CreateFunction", body) == (
        "1 validation error detected: Value 'a b' at 'functionName' failed to satisfy constraint: "
        f"Member must satisfy regular expression pattern: {NAME_PATTERN}"
    )


def test_the_runtime_is_for_the_operation_to_judge() -> None:
    assert ask("UpdateFunctionConfiguration", {"Runtime": "cobol"}, F)["Runtime"] == "cobol"


def test_a_name_longer_than_the_model_allows() -> None:
    long = "x" * 141
    assert complaint("DeleteFunctionConcurrency", None, {"FunctionName": long}) == (
        f"1 validation error detected: Value '{long}' at 'functionName' failed to satisfy constraint: "
        "Member must have length less than or equal to 140"
    )


def test_several_errors_are_counted_and_told_in_the_order_of_the_model() -> None:
    body = {"Role": ROLE, "Code": {}, "Timeout": 0, "MemorySize": 1, "SnapStart": {"ApplyOn": "Now"}}
    assert complaint("CreateFunction", body) == (
        "4 validation errors detected: "
        "Value null at 'functionName' failed to satisfy constraint: Member must not be null; "
        "Value '0' at 'timeout' failed to satisfy constraint: Member must have value greater than or equal to 1; "
        "Value '1' at 'memorySize' failed to satisfy constraint: Member must have value greater than or equal to 128; "
        "Value 'Now' at 'snapStart.applyOn' failed to satisfy constraint: "
        "Member must satisfy enum value set: [PublishedVersions, None]"
    )


def test_a_missing_query_list() -> None:
    assert complaint("UntagResource", None, {"Resource": "arn:aws:lambda:us-east-1:123456789012:function:f"}) == (
        "1 validation error detected: Value null at 'tagKeys' failed to satisfy constraint: Member must not be null"
    )


def test_a_list_tells_all_rules_of_its_members_at_once() -> None:
    text = complaint("UpdateFunctionConfiguration", {"Layers": [""]}, F)
    assert text.startswith(
        "1 validation error detected: Value '[]' at 'layers' failed to satisfy constraint: Member must satisfy constraint: "
        "[Member must have length less than or equal to 2048, Member must have length greater than or equal to 1, "
        "Member must satisfy regular expression pattern: ("
    )
    assert text.endswith(", Member must not be null]")


def test_architectures_are_a_list_of_an_enum() -> None:
    assert complaint("UpdateFunctionCode", {"Architectures": ["X86_64", "arm64"]}, F) == (
        "2 validation errors detected: Value '[X86_64, arm64]' at 'architectures' failed to satisfy constraint: "
        "Member must have length less than or equal to 1; "
        "Value '[X86_64, arm64]' at 'architectures' failed to satisfy constraint: "
        "Member must satisfy constraint: [Member must satisfy enum value set: [x86_64, arm64], Member must not be null]"
    )


def test_a_map_tells_its_values() -> None:
    body = {"Name": "a", "FunctionVersion": "1", "RoutingConfig": {"AdditionalVersionWeights": {"2": 2}}}
    assert complaint("CreateAlias", body, F) == (
        "1 validation error detected: Value '{2=2.0}' at 'routingConfig.additionalVersionWeights' failed to satisfy "
        "constraint: Map value must satisfy constraint: [Member must have value less than or equal to 1.0, "
        "Member must have value greater than or equal to 0.0, Member must not be null]"
    )


def test_sensitive_values_are_not_repeated() -> None:
    assert complaint("UpdateFunctionConfiguration", {"Environment": {"Variables": {"A-B": "secret"}}}, F) == (
        "1 validation error detected: Value at 'environment.variables' failed to satisfy constraint: "
        "Map keys must satisfy constraint: [Member must satisfy regular expression pattern: [a-zA-Z]([a-zA-Z0-9_])+, "
        "Member must not be null]"
    )


def test_structures_in_lists_are_numbered_from_one() -> None:
    body = {"FileSystemConfigs": [{"Arn": "nowhere", "LocalMountPath": "/mnt/a"}]}
    assert "at 'fileSystemConfigs.1.member.arn' failed" in complaint("UpdateFunctionConfiguration", body, F)


def test_an_empty_qualifier_is_too_short() -> None:
    text = complaint("GetFunction", None, F, b"Qualifier=")
    assert (
        "Value '' at 'qualifier' failed to satisfy constraint: Member must have length greater than or equal to 1"
        in text
    )


def test_integers_of_a_query_are_text_on_the_wire() -> None:
    assert ask("ListFunctions", query=b"MaxItems=5&Marker=x%2By") == {"MaxItems": 5, "Marker": "x+y"}
    assert "at 'maxItems' failed" in complaint("ListFunctions", query=b"MaxItems=0")
    with pytest.raises(ServiceSpecific, match="STRING_VALUE can not be converted to an Integer"):
        ask("ListFunctions", query=b"MaxItems=many")


def test_logs_names_its_validation_error_otherwise() -> None:
    with pytest.raises(ServiceSpecific) as caught:
        ask("CreateLogGroup", {"logGroupName": "a b"}, service=LOGS)
    assert caught.value.code == "InvalidParameterException"
    assert caught.value.message.startswith("1 validation error detected: Value 'a b' at 'logGroupName' failed")


# Bodies of the wrong form.


@pytest.mark.parametrize(
    ("body", "text"),
    [
        ({"Timeout": "3"}, "STRING_VALUE can not be converted to an Integer"),
        ({"Timeout": True}, "TRUE_VALUE can not be converted to an Integer"),
        ({"Handler": 3}, "NUMBER_VALUE can not be converted to a String"),
        ({"Handler": {}}, "Start of structure or map found where not expected."),
        ({"Handler": []}, "Start of list found where not expected"),
        ({"TracingConfig": 5}, "NUMBER_VALUE can not be converted to a structure"),
        ({"Layers": "x"}, "STRING_VALUE can not be converted to a list"),
        ({"Environment": {"Variables": {"AB": 1}}}, "NUMBER_VALUE can not be converted to a String"),
        ([], "Start of list found where not expected"),
    ],
)
def test_wrong_types_come_before_constraints(body: Any, text: str) -> None:
    sent = body | {"MemorySize": 1} if isinstance(body, dict) else body
    with pytest.raises(ServiceSpecific) as caught:
        ask("UpdateFunctionConfiguration", sent, F)
    assert (caught.value.code, caught.value.message) == ("SerializationException", text)


def test_a_blob_that_is_not_base64_is_refused() -> None:
    with pytest.raises(ServiceSpecific, match="not base64"):
        ask("UpdateFunctionCode", {"ZipFile": "not base64!"}, F)


def test_unknown_members_are_ignored_and_null_counts_as_absent() -> None:
    body = {"Timeout": None, "Nothing": {"of": "ours"}, "MemorySize": 128.9}
    assert ask("UpdateFunctionConfiguration", body, F) == {"FunctionName": "f", "MemorySize": 128}


def test_a_missing_body_has_no_members() -> None:
    assert ask("PublishVersion", None, F) == ask("PublishVersion", raw=b" \n", labels=F) == {"FunctionName": "f"}


def test_a_body_that_is_not_json_is_told_in_the_parsers_words() -> None:
    with pytest.raises(InvalidRequestContent) as caught:
        ask("PublishVersion", raw=b'{"a":', labels=F)
    assert caught.value.message.startswith(
        "Could not parse request body into json: Unexpected end-of-input within/between Object entries\n at [Source: REDACTED"
    )
    with pytest.raises(ServiceSpecific) as of_logs:
        ask("CreateLogGroup", raw=b"{", service=LOGS)
    assert of_logs.value.code == "SerializationException"


@pytest.mark.parametrize(
    "raw", [b'{"Description":"\xff"}', b'{"a":' * 5000, b"[" * 100_000, b'{"Description":"\\ud800"}']
)
def test_hostile_bodies_are_refused_with_an_error_of_the_caller(raw: bytes) -> None:
    with pytest.raises((InvalidRequestContent, ServiceSpecific)):
        ask("UpdateFunctionConfiguration", raw=raw, labels=F)


# Responses.


def test_members_keep_the_order_of_the_operation_and_none_is_left_out() -> None:
    members = {"Version": "1", "FunctionName": "f", "Handler": None, "VpcConfig": {"VpcId": None}}
    response = Codec(LAMBDA, LAMBDA.operations["GetFunctionConfiguration"]).render(members)
    assert response.body == b'{"Version":"1","FunctionName":"f","VpcConfig":{}}'


def test_the_operation_may_set_the_status() -> None:
    response = Codec(LAMBDA, LAMBDA.operations["DeleteFunction"]).render({"StatusCode": 204})
    assert response == Response(204, [], b"")


def test_an_operation_without_output_answers_204_without_a_type() -> None:
    assert Codec(LAMBDA, LAMBDA.operations["DeleteAlias"]).render({}) == Response(204, [], b"")


def test_timestamps_are_epoch_seconds() -> None:
    members = {"UUID": "u", "LastModified": MOMENT}
    response = Codec(LAMBDA, LAMBDA.operations["GetEventSourceMapping"]).render(members)
    assert json.loads(response.body) == {"UUID": "u", "LastModified": MOMENT.timestamp()}


def test_a_member_that_the_model_does_not_have_is_a_mistake_of_ours() -> None:
    with pytest.raises(ValueError, match="FunctionConfiguration has no member Nmae"):
        Codec(LAMBDA, LAMBDA.operations["GetFunctionConfiguration"]).render({"Nmae": "f"})


def test_surrogates_survive_a_response() -> None:
    response = Codec(LAMBDA, LAMBDA.operations["GetFunctionConfiguration"]).render({"Description": "\ud800"})
    assert json.loads(response.body) == {"Description": "\ud800"}


# Patterns.


@pytest.mark.parametrize("service", [LAMBDA, LOGS], ids=lambda each: each.name)
def test_every_pattern_of_the_model_compiles(service: ServiceModel) -> None:
    patterns = {shape["pattern"] for shape in service.shapes.values() if "pattern" in shape}
    assert patterns
    for each in patterns:
        constraints.java_pattern(each)
        if r"\p{" in each:  # what the translation of these classes relies on
            assert all(part in each for part in (r"\p{L}", r"\p{N}", "_"))
            assert not any(part in each for part in (r"\d", r"\w", r"\s"))


@pytest.mark.parametrize(
    ("pattern", "good", "bad"),
    [
        (r"\d+", "12", "١٢"),
        (r"a.c", "a\tc", "a\u2028c"),
        (r"[\w-_]*", "a-_", "é"),
        (r"([\p{L}\p{Z}\p{N}_.:/=+\-@]*)", "ключ 1\u3000é@", "a#b"),
        (r"[^\s]+", "a", "a\u0020"),
        (r"(?!^[0-9]+$)([a-zA-Z0-9-_]+)", "a1", "11"),
        (r"a", "a", "a\n"),
        (r"[.]x", ".x", "ax"),
    ],
)
def test_java_patterns(pattern: str, good: str, bad: str) -> None:
    compiled = constraints.java_pattern(pattern)
    assert compiled.fullmatch(good)
    assert not compiled.fullmatch(bad)


def test_length_counts_utf_16_units() -> None:
    (rule,) = constraints.of({"type": "string", "max": 2})
    assert not rule.broken_by("😀")
    assert rule.broken_by("😀x")


def test_values_in_a_recorded_order_are_those_of_the_model() -> None:
    shapes = model.load("lambda").shapes
    assert {name: sorted(order) for name, order in RECORDED_ORDER.items()} == {
        name: sorted(shapes[name]["enum"]) for name in RECORDED_ORDER
    }
