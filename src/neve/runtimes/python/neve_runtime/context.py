"""The second argument of a handler (facts §6)."""

from __future__ import annotations

import json
import os
import time

from . import output
from .faults import Fault

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

_CLIENT = ("installation_id", "app_title", "app_version_name", "app_version_code", "app_package_name")

_W3C = ("traceparent", "tracestate", "baggage")


class Client:
    """The mobile client that a client context names."""

    __slots__ = _CLIENT

    def __init__(self, members: Mapping[str, Any]) -> None:
        for name in _CLIENT:
            setattr(self, name, members.get(name))

    def __repr__(self) -> str:
        return _show(self, _CLIENT)


class ClientContext:
    """What the caller sent as its client context."""

    __slots__ = ("client", "custom", "env")

    def __init__(self, members: Mapping[str, Any]) -> None:
        self.custom = members.get("custom")
        self.env = members.get("env")
        client = members.get("client")
        self.client = None if client is None else Client(client)

    def __repr__(self) -> str:
        return _show(self, ("custom", "env", "client"))


class CognitoIdentity:
    """Who called; the attributes do not exist when nobody was named."""

    __slots__ = ("cognito_identity_id", "cognito_identity_pool_id")

    def __init__(self, members: Mapping[str, Any] | None) -> None:
        if members is not None:
            self.cognito_identity_id = members.get("cognitoIdentityId")
            self.cognito_identity_pool_id = members.get("cognitoIdentityPoolId")

    def __repr__(self) -> str:
        return _show(self, self.__slots__)


class LambdaContext:
    """The invocation as its handler sees it."""

    def __init__(self, header: Mapping[str, Any]) -> None:
        self.aws_request_id = header["id"]
        self.log_group_name = os.environ.get("AWS_LAMBDA_LOG_GROUP_NAME")
        self.log_stream_name = os.environ.get("AWS_LAMBDA_LOG_STREAM_NAME")
        self.function_name = os.environ.get("AWS_LAMBDA_FUNCTION_NAME")
        self.memory_limit_in_mb = os.environ.get("AWS_LAMBDA_FUNCTION_MEMORY_SIZE")
        self.function_version = os.environ.get("AWS_LAMBDA_FUNCTION_VERSION")
        self.invoked_function_arn = header.get("arn")
        self.tenant_id = header.get("tenant")
        context = _parse("Client Context", header.get("clientContext"))
        self._w3c = _take_w3c(context)
        self.client_context = None if context is None else ClientContext(context)
        self.identity = CognitoIdentity(_parse("Cognito Identity", header.get("identity")))
        self._deadline_ms = header["deadline"]

    def get_remaining_time_in_millis(self) -> int:
        """The time until the function is stopped, never below 0."""
        return max(int(self._deadline_ms - time.time() * 1000), 0)

    def w3c(self) -> dict[str, str]:
        """The W3C trace context that came with the client context."""
        return dict(self._w3c)

    def log(self, message: str) -> None:
        """One log event of that text as it is: no prefix."""
        output.write_event(str(message), 0)

    def __repr__(self) -> str:
        names = [name for name in vars(self) if not name.startswith("_")]
        return _show(self, names)


def _parse(what: str, text: str | None) -> dict[str, Any] | None:
    """The object in a member of the request. Fault when it is none."""
    if not text:
        return None
    try:
        members = json.loads(text)
        if members is not None and not isinstance(members, dict):
            raise ValueError("it is not an object")
    except ValueError as error:
        message = f"Unable to parse {what} JSON: {error}"
        raise Fault("Runtime.LambdaContextUnmarshalError", message) from None
    return members


def _take_w3c(context: dict[str, Any] | None) -> dict[str, str]:
    """The fields of a trace context, which are taken out of the client context. What is no text is left out."""
    found = None if context is None else context.pop("w3c", None)
    fields = found if isinstance(found, dict) else {}
    return {name: fields[name] for name in _W3C if isinstance(fields.get(name), str)}


def _show(thing: object, names: Any) -> str:
    members = ",".join(f"{name}={getattr(thing, name, None)!r}" for name in names)
    return f"{type(thing).__name__}([{members}])"
