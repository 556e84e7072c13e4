"""What every answer of the door has to be, whatever was asked: the service's shape of errors, or what the model promises."""

import json
from collections.abc import Mapping
from typing import Any

from neve.api import model

SERVICE = model.load("lambda")

BEYOND_THE_MODEL = {
    "ValidationException": 400,
    "SerializationException": 400,
    "InvalidRequestContentException": 400,
    "AccessDeniedException": 403,
    "InvalidSignatureException": 403,
    "UnknownOperationException": 404,
    "RequestEntityTooLargeException": 413,
    "UnsupportedMediaTypeException": 415,
    "NotImplementedException": 501,
}
"""What any operation may answer, though the model does not list it there."""

MAY_BE_EMPTY = ("GetFunctionCodeSigningConfig",)
"""The service answers `{}` when there is nothing, whatever its model says of required members."""

BEYOND_THE_ENUMS = {"LastUpdateStatusReasonCode": ("Creating",)}
"""Values that the service was recorded to send, and its model does not have."""

_TYPES: Mapping[str, tuple[type, ...]] = {
    "structure": (dict,),
    "map": (dict,),
    "list": (list,),
    "string": (str,),
    "blob": (str,),
    "boolean": (bool,),
    "integer": (int,),
    "long": (int,),
    "double": (int, float),
    "float": (int, float),
}


def check_error(operation: str | None, status: int, headers: Mapping[str, str], body: bytes) -> str:
    """The code of a refusal. AssertionError when it does not have the service's shape."""
    code = headers["x-amzn-errortype"]
    told = json.loads(body)
    assert isinstance(told, dict)
    words = [name for name in ("message", "Message") if name in told]
    assert len(words) == 1, told
    assert isinstance(told[words[0]], str)
    assert told[words[0]]
    assert told.get("Type", "User") in ("User", "Service")
    assert "Traceback" not in told[words[0]]
    assert status < 500 or code == "NotImplementedException", f"{status} {code}: {told}"
    if operation is not None and code in SERVICE.operations[operation].errors:
        assert status == SERVICE.shapes[code]["error"]["httpStatusCode"]
        assert set(told) <= set(SERVICE.shapes[code]["members"])
    else:
        assert BEYOND_THE_MODEL.get(code) == status, f"{operation} does not answer {code} ({status}): {told}"
    return code


def check_success(operation: str, status: int, body: bytes) -> None:
    """AssertionError when an answer is not what the model says of this operation."""
    of = SERVICE.operations[operation]
    assert status == of.status or operation in ("DeleteFunction", "Invoke"), status
    if status == 204 or of.output is None:
        assert body == b""
        return
    shape = SERVICE.shapes[of.output]
    inside = {name: raw for name, raw in shape["members"].items() if "location" not in raw}
    if "payload" in shape or not (inside or body):
        return
    required = [name for name in shape.get("required", ()) if name in inside and operation not in MAY_BE_EMPTY]
    check_value({"type": "structure", "members": inside, "required": required}, json.loads(body), operation)


def check_value(shape: Mapping[str, Any], value: Any, path: str) -> None:
    """AssertionError when a JSON value is not of the shape: unknown or missing members, null, another type, no enum value."""
    kind = shape["type"]
    if kind != "timestamp":
        assert isinstance(value, _TYPES[kind]), f"{path}: {value!r} is no {kind}"
        assert not isinstance(value, bool) or kind == "boolean", f"{path}: {value!r} is no {kind}"
    else:
        assert isinstance(value, int | float), f"{path}: {value!r} is no timestamp"
    if kind == "structure":
        assert set(value) <= set(shape["members"]), f"{path} has {set(value) - set(shape['members'])}"
        assert set(shape.get("required", ())) <= set(value), f"{path} lacks {set(shape['required']) - set(value)}"
        for name, each in value.items():
            check_value(SERVICE.shapes[shape["members"][name]["shape"]], each, f"{path}.{name}")
    elif kind == "list":
        for index, each in enumerate(value):
            check_value(SERVICE.shapes[shape["member"]["shape"]], each, f"{path}[{index}]")
    elif kind == "map":
        for key, each in value.items():
            check_value(SERVICE.shapes[shape["value"]["shape"]], each, f"{path}[{key}]")
    elif "enum" in shape:
        allowed = [*shape["enum"], *BEYOND_THE_ENUMS.get(path.rpartition(".")[2], ())]
        assert value in allowed, f"{path}: {value!r} is none of {shape['enum']}"
