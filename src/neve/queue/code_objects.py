"""Code archives that callers left in buckets, read from wherever S3 is."""

from contextlib import closing
from typing import Any

from neve.domain.code_source import CodeObject
from neve.domain.errors import AccessDenied, InvalidParameterValue, PlatformError
from neve.domain.world import World
from neve.queue.target import TargetUnreachable
from neve.queue.targets.clients import Clients

_PIECE = 1024 * 1024
_FORBIDDEN = 403


class CodeObjects:
    """In the buckets of every world; `url` is Neve's own door. `close` at the end."""

    def __init__(self, url: str, secret: str = "neve") -> None:
        self._clients = Clients(url, secret)

    async def content(self, world: World, wanted: CodeObject, limit: int) -> bytes:
        """An object of at most `limit` bytes.

        InvalidParameterValue in the service's words when it is not there or larger, AccessDenied; PlatformError when
        nobody answers in time.
        """
        try:
            return await self._clients.run(lambda: _content(self._clients, world, wanted, limit))
        except TargetUnreachable as error:
            raise PlatformError(f"The code in s3://{wanted.bucket}/{wanted.key} was not read: {error.reason}") from None

    def close(self) -> None:
        """Read no more."""
        self._clients.close()


def _content(clients: Clients, world: World, wanted: CodeObject, limit: int) -> bytes:
    from botocore.exceptions import BotoCoreError, ClientError

    asked = {"Bucket": wanted.bucket, "Key": wanted.key}
    if wanted.version is not None:
        asked["VersionId"] = wanted.version
    try:
        answer = clients.client("s3", world).get_object(**asked)
        if answer["ContentLength"] > limit:
            raise InvalidParameterValue(f"Unzipped size must be smaller than {limit} bytes")
        with closing(answer["Body"]) as body:
            return b"".join(body.iter_chunks(_PIECE))
    except ClientError as error:
        raise _refusal(error.response, wanted) from error
    except BotoCoreError as error:
        raise TargetUnreachable(" ".join(str(error).split())) from error


def _refusal(answer: Any, wanted: CodeObject) -> AccessDenied | InvalidParameterValue | TargetUnreachable:
    """What S3 said, as Lambda says it."""
    status = answer["ResponseMetadata"].get("HTTPStatusCode", 0)
    code, message = answer["Error"].get("Code", ""), answer["Error"].get("Message", "")
    said = f"S3 Error Code: {code}. S3 Error Message: {message}"
    if status == _FORBIDDEN:
        return AccessDenied(
            "Your access has been denied by S3, please make sure your request credentials have permission to GetObject "
            f"for {wanted.bucket}/{wanted.key}. {said}"
        )
    if status >= 500 and status != 501:
        return TargetUnreachable(said)
    return InvalidParameterValue(f"Error occurred while GetObject. {said}")
