"""Every error that Neve raises on purpose, by whose fault it is.

    NeveError
    ├── CallerError                     the request is wrong; the caller can change it
    │   ├── ValidationFailed            the service model refuses a member
    │   ├── InvalidParameterValue       a member is legal alone and wrong here
    │   ├── InvalidRequestContent       the body is not what the operation takes
    │   ├── SignatureRefused            who calls is not proven
    │   ├── AccessDenied                another account's, and nothing allows it
    │   ├── ResourceNotFound
    │   ├── ResourceConflict            it exists already, or is busy
    │   ├── PreconditionFailed          the revision moved on
    │   ├── RequestTooLarge
    │   ├── TooManyRequests             throttled: no room now
    │   ├── RecursiveInvocation         the function runs too often in one chain
    │   ├── UnsupportedOperation        a real operation that Neve cannot do (yet)
    │   └── ServiceSpecific             an error that only one neighbour knows, with its own code
    ├── PlatformError                   our fault
    │   ├── StorageUnavailable
    │   └── SandboxFailed               an environment could not be made
    └── OperatorError                   the person who starts Neve can mend it; one sentence that says how

A function that fails is no exception: its failure is a result (`domain/invocation.py`).
The door (`api/errors.py`) is the only place that knows statuses and bodies.
"""


class NeveError(Exception):
    """The root. `code` is the service's own name of the error, `message` its text."""

    code = "ServiceException"

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


class CallerError(NeveError):
    """The request is wrong; the caller can change it."""


class ValidationFailed(CallerError):
    code = "ValidationException"


class InvalidParameterValue(CallerError):
    code = "InvalidParameterValueException"


class InvalidRequestContent(CallerError):
    code = "InvalidRequestContentException"


class AccessDenied(CallerError):
    code = "AccessDeniedException"


class SignatureRefused(CallerError):
    """Who calls is not proven. `code` is what Lambda calls it; services of other protocols have other names for the same."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class ResourceNotFound(CallerError):
    code = "ResourceNotFoundException"


class ResourceConflict(CallerError):
    code = "ResourceConflictException"


class PreconditionFailed(CallerError):
    code = "PreconditionFailedException"


class RequestTooLarge(CallerError):
    code = "RequestEntityTooLargeException"


class TooManyRequests(CallerError):
    """Throttled. `reason` is one of the service's `ThrottleReason` values; `retry_after_s` becomes the header Retry-After."""

    code = "TooManyRequestsException"

    def __init__(self, reason: str, message: str = "Rate Exceeded.", retry_after_s: int | None = None) -> None:
        super().__init__(message)
        self.reason = reason
        self.retry_after_s = retry_after_s


class RecursiveInvocation(CallerError):
    code = "RecursiveInvocationException"


class UnsupportedOperation(CallerError):
    code = "NotImplementedException"


class ServiceSpecific(CallerError):
    """An error of one neighbour (`ResourceAlreadyExistsException` of the logs, say), named by its code."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class PlatformError(NeveError):
    """Our fault. The text may be shown to a caller: no paths, no tracebacks."""


class StorageUnavailable(PlatformError):
    """A read or a write did not happen: disk full, database locked or damaged."""


class SandboxFailed(PlatformError):
    """An execution environment could not be made or moved."""


class ExtensionRefused(SandboxFailed):
    """An extension (`name`) cannot be started. `error_type` is the service's: `PermissionDenied`, `UnknownError`."""

    def __init__(self, name: str, message: str, error_type: str) -> None:
        super().__init__(message)
        self.name = name
        self.error_type = error_type


class OperatorError(NeveError):
    """The person who starts Neve can mend it: the message is one sentence that says how."""
