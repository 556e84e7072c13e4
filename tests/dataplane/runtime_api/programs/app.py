"""Functions for AWS's own Python client."""


def echo(event: object, context: object) -> dict[str, object]:
    facts = ("aws_request_id", "invoked_function_arn", "tenant_id")
    return {"event": event, **{name: getattr(context, name, None) for name in facts}}


def fail(event: object, context: object) -> None:
    raise KeyError("é")


def large(event: object, context: object) -> str:
    return "x" * 6_400_000
