"""The one codec of rest-json and json-1.1, from the service model: requests to members, members to responses (design D8).

A `Codec` is made for one operation and remembers, per member, a small reader; nothing of the model is looked up again.
Wrong JSON types are refused at once with SerializationException, before any constraint, as the service does; constraints
are collected and reported together. Members that the model does not know are ignored, null members count as absent.
"""

import base64
import binascii
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, NamedTuple

import msgspec

from neve.api import constraints
from neve.api.errors import REST_CONTENT_TYPE, RPC_CONTENT_TYPE, encode_json
from neve.api.http import Headers, Request, Response, parse_query
from neve.api.model import OperationModel, ServiceModel, Shape
from neve.domain import json_text
from neve.domain.errors import InvalidRequestContent, ServiceSpecific, ValidationFailed

Problems = list[str]
Reader = Callable[[Any, str, Problems], Any]
"""(JSON value, path for messages, problems so far) -> the member's value; SerializationException for a wrong type."""


class _Member(NamedTuple):
    name: str
    path: str
    wire_name: str
    location: str
    type: str
    reader: Reader


class Codec:
    """Reads the requests and writes the responses of one operation."""

    def __init__(self, service: ServiceModel, operation: OperationModel) -> None:
        self._service = service
        self._operation = operation
        shape = service.shapes[operation.input] if operation.input else None
        readers = _readers(service.name, service)
        self._members = readers.members(shape) if shape else ()
        self._required = frozenset(shape.get("required", ())) if shape else frozenset()
        self._payload: str | None = shape.get("payload") if shape else None
        self._reads_body = any(each.location == "body" for each in self._members)
        self._reads_query = any(each.location == "querystring" for each in self._members)

    def parse(self, request: Request) -> dict[str, Any]:
        """The members of a request, named as in the model, checked against it.

        ValidationFailed (or the operation's own InvalidParameterException), SerializationException,
        InvalidRequestContent for a body that is not JSON.
        """
        body = self._body(request.body)
        query = _grouped(request.query) if self._reads_query else {}
        problems: Problems = []
        members: dict[str, Any] = {}
        for member in self._members:
            raw = _located(member, request, query, body)
            if raw is not None:
                members[member.name] = member.reader(raw, member.path, problems)
            elif member.name in self._required:
                problems.append(constraints.problem("null", member.path, constraints.NOT_NULL))
        if problems:
            raise self._refusal(constraints.report(problems))
        return members

    def render(self, members: Mapping[str, Any]) -> Response:
        """The response of an operation's members; ValueError for a member that the model does not know."""
        rpc = self._service.json_rpc
        headers: Headers = [(b"content-type", RPC_CONTENT_TYPE if rpc else REST_CONTENT_TYPE)]
        if self._operation.output is None:
            return Response(self._operation.status, [] if self._operation.status == 204 else headers)
        shape = self._service.shapes[self._operation.output]
        status, body, payload = self._operation.status, {}, b""
        for name, value in members.items():
            if value is None:
                continue
            location = _known(shape, name, self._operation.output).get("location")
            if name == shape.get("payload"):
                payload = self._payload_of(shape["members"][name]["shape"], value)
            elif location == "statusCode":
                status = value
            elif location == "header":
                headers.append((shape["members"][name]["locationName"].lower().encode(), str(value).encode("latin-1")))
            else:
                body[name] = _to_json(self._service, shape["members"][name]["shape"], value)
        if status == 204:
            return Response(status, headers[1:])
        return Response(status, headers, payload if "payload" in shape else _encode(body))

    def _body(self, body: bytes) -> Any:
        """The JSON body as a mapping of its members, the raw payload, or nothing."""
        if self._payload is None:
            return self._object(body) if self._reads_body and body.strip() else {}
        kind = next(each.type for each in self._members if each.name == self._payload)
        if not body:
            return None
        return body if kind == "blob" else _decode(body, self._service)

    def _object(self, body: bytes) -> Mapping[str, Any]:
        value = _decode(body, self._service)
        if value is None:
            return {}
        if not isinstance(value, dict):
            raise _serialization(_out_of_place(value, "a structure"))
        return value

    def _payload_of(self, shape_name: str, value: Any) -> bytes:
        if self._service.shapes[shape_name]["type"] == "blob":
            return bytes(value)
        return _encode(_to_json(self._service, shape_name, value))

    def _refusal(self, text: str) -> Exception:
        """CloudWatch Logs names what breaks a constraint InvalidParameterException; Lambda ValidationException."""
        if self._service.json_rpc and "InvalidParameterException" in self._operation.errors:
            return ServiceSpecific("InvalidParameterException", text)
        return ValidationFailed(text)


# Requests: one reader for each shape.


RECORDED_ORDER: Mapping[str, tuple[str, ...]] = {
    "InvokeMode": ("RESPONSE_STREAM", "BUFFERED"),
    "EventSourcePosition": ("LATEST", "AT_TIMESTAMP", "TRIM_HORIZON"),
}
"""Values that the service lists in another order than its model has them."""


class _Readers:
    """The readers of one service's shapes, each made when it is first needed (shapes may contain themselves)."""

    def __init__(self, service: ServiceModel) -> None:
        self._shapes = service.shapes
        self._made: dict[str, Reader] = {}

    def members(self, shape: Shape) -> tuple[_Member, ...]:
        """The members of an input or nested structure."""
        payload = shape.get("payload")
        return tuple(self._member(name, raw, payload) for name, raw in shape["members"].items())

    def reader(self, shape_name: str) -> Reader:
        made = self._made.get(shape_name)
        if made is None:
            made = self._made[shape_name] = self._make(self._checked_here(shape_name))
        return made

    def _checked_here(self, shape_name: str) -> Shape:
        """The shape with the constraints that are the codec's: the operation has better words for a runtime."""
        shape = self._shapes[shape_name]
        if shape_name == "Runtime":
            return {key: value for key, value in shape.items() if key != "enum"}
        return {**shape, "enum": RECORDED_ORDER[shape_name]} if shape_name in RECORDED_ORDER else shape

    def _member(self, name: str, raw: Mapping[str, Any], payload: str | None) -> _Member:
        kind = self._shapes[raw["shape"]]["type"]
        location = "payload" if name == payload else raw.get("location", "body")
        text = location in ("uri", "querystring", "header")
        reader = self._from_text(raw["shape"], kind) if text else self._lazy(raw["shape"])
        if name == payload and kind == "blob":
            reader = _raw_blob
        return _Member(name, name[:1].lower() + name[1:], raw.get("locationName", name), location, kind, reader)

    def _lazy(self, shape_name: str) -> Reader:
        return lambda value, path, problems: self.reader(shape_name)(value, path, problems)

    def _from_text(self, shape_name: str, kind: str) -> Reader:
        """A reader for what a URI, query or header has as text."""
        convert = _TEXT.get(kind)
        inner = self._lazy(shape_name)
        if convert is None:
            return inner
        return lambda value, path, problems: inner(convert(value), path, problems)

    def _make(self, shape: Shape) -> Reader:
        kind = shape["type"]
        if kind == "structure":
            return self._structure(shape)
        if kind == "list":
            return self._list(shape)
        if kind == "map":
            return self._map(shape)
        return _scalar(shape, _SCALARS[kind])

    def _structure(self, shape: Shape) -> Reader:
        members = self.members(shape)
        required = frozenset(shape.get("required", ()))

        def read(value: Any, path: str, problems: Problems) -> dict[str, Any]:
            if not isinstance(value, dict):
                raise _serialization(_out_of_place(value, "a structure"))
            found: dict[str, Any] = {}
            for member in members:
                raw = value.get(member.wire_name)
                if raw is not None:
                    found[member.name] = member.reader(raw, f"{path}.{member.path}", problems)
                elif member.name in required:
                    problems.append(constraints.problem("null", f"{path}.{member.path}", constraints.NOT_NULL))
            return found

        return read

    def _list(self, shape: Shape) -> Reader:
        element = self._shapes[shape["member"]["shape"]]
        reader = self._lazy(shape["member"]["shape"])
        own, inner = constraints.of(shape), _inner_rules(element)

        def read(value: Any, path: str, problems: Problems) -> list[Any]:
            if not isinstance(value, list):
                raise _serialization(_out_of_place(value, "a list"))
            found: list[Any] = []
            quiet: Problems = []  # a scalar's problem is told once, for the whole list
            for index, each in enumerate(value, 1):
                told = problems if inner is None else quiet
                found.append(_element(reader, each, f"{path}.{index}.member", told))
            _tell(own, found, path, shape, problems)
            if quiet and inner is not None:
                problems.append(
                    constraints.problem(_shown(shape, found), path, f"Member must satisfy constraint: [{inner}]")
                )
            return found

        return read

    def _map(self, shape: Shape) -> Reader:
        key_shape, value_shape = self._shapes[shape["key"]["shape"]], self._shapes[shape["value"]["shape"]]
        key_reader, value_reader = self._lazy(shape["key"]["shape"]), self._lazy(shape["value"]["shape"])
        own, key_rules, inner = constraints.of(shape), _inner_rules(key_shape), _inner_rules(value_shape)

        def read(value: Any, path: str, problems: Problems) -> dict[str, Any]:
            if not isinstance(value, dict):
                raise _serialization(_out_of_place(value, "a map"))
            found: dict[str, Any] = {}
            bad_keys: Problems = []
            bad_values: Problems = []
            for key, each in value.items():
                told = problems if inner is None else bad_values
                found[key_reader(key, path, bad_keys)] = _element(value_reader, each, f"{path}.{key}.member", told)
            _tell(own, found, path, shape, problems)
            shown = _shown(shape, found) if bad_keys or bad_values else None
            if bad_keys:
                problems.append(constraints.problem(shown, path, f"Map keys must satisfy constraint: [{key_rules}]"))
            if bad_values and inner is not None:
                problems.append(constraints.problem(shown, path, f"Map value must satisfy constraint: [{inner}]"))
            return found

        return read


_all_readers: dict[str, _Readers] = {}


def _readers(name: str, service: ServiceModel) -> _Readers:
    """Readers are shared by all operations of a service."""
    found = _all_readers.get(name)
    if found is None:
        found = _all_readers[name] = _Readers(service)
    return found


def _element(reader: Reader, value: Any, path: str, problems: Problems) -> Any:
    if value is None:
        problems.append(constraints.problem("null", path, constraints.NOT_NULL))
        return None
    return reader(value, path, problems)


def _inner_rules(shape: Shape) -> str | None:
    """The rules of a list's or map's scalars, told as one; None for structures, lists and maps, which tell their own."""
    if shape["type"] in ("structure", "list", "map"):
        return None
    return ", ".join([*(each.sentence for each in constraints.of(shape)), constraints.NOT_NULL])


def _tell(rules: tuple[constraints.Constraint, ...], value: Any, path: str, shape: Shape, problems: Problems) -> None:
    for sentence in constraints.broken(rules, value):
        problems.append(constraints.problem(_shown(shape, value), path, sentence))


def _shown(shape: Shape, value: Any) -> str | None:
    return None if shape.get("sensitive") else f"'{constraints.text_of(value)}'"


def _scalar(shape: Shape, convert: Callable[[Any], Any]) -> Reader:
    rules = constraints.of(shape)

    def read(value: Any, path: str, problems: Problems) -> Any:
        converted = convert(value)
        if rules:
            _tell(rules, converted, path, shape, problems)
        return converted

    return read


def _raw_blob(value: Any, path: str, problems: Problems) -> Any:
    return value


def _located(member: _Member, request: Request, query: Mapping[str, list[str]], body: Any) -> Any:
    if member.location == "body":
        return body.get(member.wire_name)
    if member.location == "uri":
        return request.labels.get(member.wire_name)
    if member.location == "querystring":
        values = query.get(member.wire_name)
        return values if values is None or member.type == "list" else values[0]
    if member.location == "header":
        return request.header(member.wire_name.lower().encode())
    return body  # the payload


def _grouped(query: bytes) -> dict[str, list[str]]:
    grouped: dict[str, list[str]] = {}
    for key, value in parse_query(query):
        grouped.setdefault(key, []).append(value)
    return grouped


def _decode(body: bytes, service: ServiceModel) -> Any:
    try:
        return msgspec.json.decode(body)
    except RecursionError:
        raise _serialization("The request body is nested too deeply.") from None
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        text = json_text.explain(body) or str(error)
        if service.json_rpc:
            raise _serialization(text) from None
        raise InvalidRequestContent(json_text.BODY_PREFIX + text) from None


# Scalars of a JSON body. The texts are those of the service's JSON layer: TOKEN can not be converted to a TYPE.


def _serialization(text: str) -> ServiceSpecific:
    return ServiceSpecific("SerializationException", text)


def _token(value: Any) -> str:
    if isinstance(value, bool):
        return "TRUE_VALUE" if value else "FALSE_VALUE"
    return "STRING_VALUE" if isinstance(value, str) else "NUMBER_VALUE"


def _out_of_place(value: Any, wanted: str) -> str:
    if isinstance(value, dict):
        return "Start of structure or map found where not expected."
    if isinstance(value, list):
        return "Start of list found where not expected"
    return f"{_token(value)} can not be converted to {wanted}"


def _string(value: Any) -> str:
    if not isinstance(value, str):
        raise _serialization(_out_of_place(value, "a String"))
    return value


def _integer(value: Any) -> int:
    """A fraction is cut off: the service reads numbers as a `TruncatingBigNumber`."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise _serialization(_out_of_place(value, "an Integer"))
    return int(value)


def _double(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise _serialization(_out_of_place(value, "a Double"))
    try:
        return float(value)
    except OverflowError:
        raise _serialization("NUMBER_VALUE can not be converted to a Double") from None


def _boolean(value: Any) -> bool:
    if not isinstance(value, bool):
        raise _serialization(_out_of_place(value, "a Boolean"))
    return value


def _blob(value: Any) -> bytes:
    try:
        return base64.b64decode(_string(value).encode("ascii"), validate=True)
    except (binascii.Error, UnicodeEncodeError):
        raise _serialization("STRING_VALUE can not be converted to a Blob: it is not base64") from None


def _timestamp(value: Any) -> datetime:
    """Epoch seconds, as rest-json and json-1.1 have them in a body; a query has been read before."""
    if isinstance(value, datetime):
        return value
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise _serialization(_out_of_place(value, "milliseconds since epoch"))
    try:
        return datetime.fromtimestamp(value, UTC)
    except (OverflowError, ValueError, OSError):
        raise _serialization("NUMBER_VALUE can not be converted to milliseconds since epoch") from None


_SCALARS: dict[str, Callable[[Any], Any]] = {
    "string": _string,
    "integer": _integer,
    "long": _integer,
    "float": _double,
    "double": _double,
    "boolean": _boolean,
    "blob": _blob,
    "timestamp": _timestamp,
}


def _integer_text(value: str) -> int:
    try:
        if len(value) > 20 or "_" in value:
            raise ValueError(value)
        return int(value)
    except ValueError:
        raise _serialization("STRING_VALUE can not be converted to an Integer") from None


def _double_text(value: str) -> float:
    try:
        return float(value)
    except ValueError:
        raise _serialization("STRING_VALUE can not be converted to a Double") from None


def _boolean_text(value: str) -> bool:
    if value.lower() not in ("true", "false"):
        raise _serialization("STRING_VALUE can not be converted to a Boolean")
    return value.lower() == "true"


def _timestamp_text(value: str) -> datetime:
    """ISO 8601, as rest-json has it in a query."""
    try:
        moment = datetime.fromisoformat(value)
    except ValueError:
        raise _serialization("STRING_VALUE can not be converted to milliseconds since epoch") from None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


_TEXT: dict[str, Callable[[str], Any]] = {
    "integer": _integer_text,
    "long": _integer_text,
    "float": _double_text,
    "double": _double_text,
    "boolean": _boolean_text,
    "timestamp": _timestamp_text,
}


# Responses.


def _known(shape: Shape, name: str, shape_name: str) -> Mapping[str, Any]:
    member: Mapping[str, Any] | None = shape["members"].get(name)
    if member is None:
        raise ValueError(f"{shape_name} has no member {name}")
    return member


def _to_json(service: ServiceModel, shape_name: str, value: Any) -> Any:
    """A value of a shape as JSON can have it; None members are left out, None elements stay null."""
    shape = service.shapes[shape_name]
    kind = shape["type"]
    if value is None:
        return None
    if kind == "structure":
        return {
            name: _to_json(service, _known(shape, name, shape_name)["shape"], each)
            for name, each in value.items()
            if each is not None
        }
    if kind == "list":
        return [_to_json(service, shape["member"]["shape"], each) for each in value]
    if kind == "map":
        return {str(key): _to_json(service, shape["value"]["shape"], each) for key, each in value.items()}
    if kind == "blob":
        return base64.b64encode(value).decode()
    if kind == "timestamp" and isinstance(value, datetime):
        return value.timestamp()
    return value


def _encode(body: object) -> bytes:
    try:
        return msgspec.json.encode(body)
    except UnicodeEncodeError:
        return encode_json(body)
