"""Function URLs: an HTTP door of one function or alias, under an id of its own. Source: http-frontends facts §1."""

from dataclasses import dataclass
from enum import Enum

from neve.domain.arn import function_arn
from neve.domain.errors import ResourceConflict, ResourceNotFound
from neve.domain.world import World

ID_LETTERS = "abcdefghijklmnopqrstuvwxyz0123456789"
ID_LENGTH = 32


class AuthType(Enum):
    """Who may call: everybody whom the resource policy lets, or who signed and is allowed to."""

    NONE = "NONE"
    AWS_IAM = "AWS_IAM"


class InvokeMode(Enum):
    """Whether the answer is sent when it is whole, or as it is written."""

    BUFFERED = "BUFFERED"
    RESPONSE_STREAM = "RESPONSE_STREAM"


@dataclass(frozen=True, slots=True)
class Cors:
    """What browsers of other origins may do; None was not given. `max_age_s` in seconds."""

    allow_credentials: bool | None = None
    allow_headers: tuple[str, ...] | None = None
    allow_methods: tuple[str, ...] | None = None
    allow_origins: tuple[str, ...] | None = None
    expose_headers: tuple[str, ...] | None = None
    max_age_s: int | None = None


@dataclass(frozen=True, slots=True)
class FunctionUrl:
    """`id` names it in its host name, for its whole life, and is the only one in all worlds.

    `alias` None means the function. Times in UTC milliseconds.
    """

    world: World
    function_name: str
    alias: str | None
    id: str
    auth_type: AuthType
    created_ms: int
    modified_ms: int
    invoke_mode: InvokeMode = InvokeMode.BUFFERED
    cors: Cors | None = None

    @property
    def function_arn(self) -> str:
        """The ARN of what is called, without a qualifier for a function."""
        return function_arn(self.world, self.function_name, self.alias)


def taken(url: FunctionUrl) -> ResourceConflict:
    """What has a URL gets no second one."""
    return ResourceConflict(
        f"Failed to create function url config for [functionArn = {url.function_arn}]. "
        "Error message:  FunctionUrlConfig exists for this Lambda function"
    )


def no_function() -> ResourceNotFound:
    """The function or alias that was named is not there."""
    return ResourceNotFound("Function does not exist")


def missing() -> ResourceNotFound:
    """What was named has no URL."""
    return ResourceNotFound("The resource you requested does not exist.")
