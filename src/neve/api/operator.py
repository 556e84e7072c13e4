"""How `neve keys` reaches a running Neve: a socket in the data directory, which only who owns that can open.

So there is no first key that somebody would have to be given, and no key that could make others: who may read the directory has
the secrets anyway. One request a connection, a line of JSON each way; without a running Neve the same `answer` is given by
the command itself, on the database.
"""

import asyncio
import contextlib
import json
import os
import socket
import struct
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any

from neve import log
from neve.api import actions
from neve.control.keys import Keys
from neve.domain.access_key import AccessKey
from neve.domain.errors import InvalidParameterValue, NeveError, OperatorError
from neve.domain.identity_policy import IdentityPolicy, check_actions, document, parse
from neve.domain.system_log import iso_time
from neve.domain.world import DEFAULT_ACCOUNT

REQUEST_BYTES = 65_536
REQUEST_SECONDS = 10.0
ANSWER_SECONDS = 30.0

Members = Mapping[str, Any]


async def answer(keys: Keys, request: Members) -> dict[str, Any]:
    """What a request asks for: `do` is one of create, list, show, enable, disable, policy, delete, rotate. NeveError."""
    verb = _VERBS.get(str(request.get("do")))
    if verb is None:
        raise InvalidParameterValue(f"There is nothing to do by the name {request.get('do')!r}.")
    return await verb(keys, request)


async def _create(keys: Keys, request: Members) -> dict[str, Any]:
    key, secret = await keys.create(
        str(request.get("account") or DEFAULT_ACCOUNT),
        str(request.get("name")),
        str(request.get("description") or ""),
        _policy_of(request),
    )
    return {**_told(key), "secret": secret}


async def _list(keys: Keys, request: Members) -> dict[str, Any]:
    return {"keys": [_told(key) for key in keys.all()]}


async def _show(keys: Keys, request: Members) -> dict[str, Any]:
    return _told(keys.key(_which(request)))


async def _enable(keys: Keys, request: Members) -> dict[str, Any]:
    return _told(await keys.enable(_which(request), request["do"] == "enable"))


async def _policy(keys: Keys, request: Members) -> dict[str, Any]:
    """`policy` as text, None for full access."""
    return _told(await keys.set_policy(_which(request), _policy_of(request)))


def _policy_of(request: Members) -> IdentityPolicy | None:
    text = request.get("policy")
    if text is None:
        return None
    policy = parse(text)
    check_actions(policy, actions.names())
    return policy


async def _delete(keys: Keys, request: Members) -> dict[str, Any]:
    return _told(await keys.delete(_which(request)))


async def _rotate(keys: Keys, request: Members) -> dict[str, Any]:
    return {"sealed": await keys.rotate()}


_VERBS: Mapping[str, Callable[[Keys, Members], Awaitable[dict[str, Any]]]] = {
    "create": _create,
    "list": _list,
    "show": _show,
    "enable": _enable,
    "disable": _enable,
    "policy": _policy,
    "delete": _delete,
    "rotate": _rotate,
}


def _which(request: Members) -> str:
    return str(request.get("key"))


def _told(key: AccessKey) -> dict[str, Any]:
    used = key.last_used
    return {
        "id": key.id,
        "account": key.account,
        "name": key.name,
        "description": key.description,
        "enabled": key.enabled,
        "created": iso_time(key.created_ms),
        "lastUsed": used and {"at": iso_time(used.at_ms), "service": used.service, "region": used.region},
        "policy": json.loads(document(key.policy)) if key.policy is not None else None,
    }


# The socket


@contextlib.asynccontextmanager
async def listening(folder: Path, keys: Keys) -> AsyncIterator[None]:
    """Answer in this folder for the time of a `with`."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            async with asyncio.timeout(REQUEST_SECONDS + ANSWER_SECONDS):
                writer.write(await _reply(keys, reader, writer))
                await writer.drain()
        except (OSError, TimeoutError):
            return
        finally:
            writer.close()

    with _bound(folder) as listener:
        server = await asyncio.start_unix_server(serve, sock=listener, limit=REQUEST_BYTES)
        try:
            yield
        finally:
            server.close()


async def _reply(keys: Keys, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bytes:
    told: dict[str, Any]
    try:
        if not _is_owner(writer.get_extra_info("socket")):
            raise InvalidParameterValue("Only the user that runs Neve, and root, may manage its keys.")
        request = json.loads(await reader.readline())
        told = {"answer": await answer(keys, request)}
    except (NeveError, OperatorError) as error:
        told = {"error": error.message}
    except (ValueError, TypeError, AttributeError):
        told = {"error": "The request is no JSON object in one line."}
    except Exception as error:  # noqa: BLE001 - the edge: whatever it is, the command is told and Neve goes on
        log.failure("operator", error)
        told = {"error": "Neve failed at this; its log says why."}
    return json.dumps(told).encode() + b"\n"


def _is_owner(peer: Any) -> bool:
    credentials = peer.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
    return struct.unpack("3i", credentials)[1] in (0, os.getuid())


@contextlib.contextmanager
def _bound(folder: Path) -> Any:
    """A path of a socket has at most 107 bytes: by the folder's descriptor every folder has a short one."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    path = folder / NAME
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
    try:
        path.unlink(missing_ok=True)
        before = os.umask(0o177)
        try:
            listener.bind(f"/proc/self/fd/{descriptor}/{NAME}")
        finally:
            os.umask(before)
        listener.listen(16)
        yield listener
    finally:
        listener.close()
        os.close(descriptor)
        path.unlink(missing_ok=True)


NAME = "operator"


def ask(folder: Path, request: Members) -> dict[str, Any] | None:
    """From another process: the answer of the Neve that runs on this data directory; None when there is none.

    OperatorError with what it says is wrong.
    """
    try:
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    except OSError:
        return None
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
            connection.settimeout(ANSWER_SECONDS)
            try:
                connection.connect(f"/proc/self/fd/{descriptor}/{NAME}")
            except (FileNotFoundError, ConnectionRefusedError):
                return None
            connection.sendall(json.dumps(request).encode() + b"\n")
            with connection.makefile("rb") as stream:
                told = json.loads(stream.readline() or b"null")
    except (OSError, ValueError) as error:
        raise OperatorError(f"the neve that runs on {folder} does not answer ({error}); look at its log") from error
    finally:
        os.close(descriptor)
    if not isinstance(told, dict) or "answer" not in told:
        raise OperatorError(told["error"] if isinstance(told, dict) else f"the neve that runs on {folder} said nothing")
    found: dict[str, Any] = told["answer"]
    return found
