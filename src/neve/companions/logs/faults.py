"""The errors of CloudWatch Logs, with its codes and sentences. Sentences that no source records are our own."""

from neve.domain.errors import ResourceNotFound, ServiceSpecific


def no_group() -> ResourceNotFound:
    """The log group is not there."""
    return ResourceNotFound("The specified log group does not exist.")


def no_stream() -> ResourceNotFound:
    """The log stream is not there."""
    return ResourceNotFound("The specified log stream does not exist.")


def exists(what: str) -> ServiceSpecific:
    """The `log group` or `log stream` is there already."""
    return ServiceSpecific("ResourceAlreadyExistsException", f"The specified {what} already exists")


def invalid(message: str) -> ServiceSpecific:
    """A member is wrong, or wrong together with another."""
    return ServiceSpecific("InvalidParameterException", message)


def invalid_token() -> ServiceSpecific:
    """A token that this service did not give."""
    return invalid("The specified nextToken is invalid.")
