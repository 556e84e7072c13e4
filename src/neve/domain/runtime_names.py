"""The runtime identifiers of the service, as data.

Sources: control-api facts §3; the order is the one in which the service printed the set in March 2026 (it is the order
of a hash set: keep it, clients compare texts). Names that its model has gained since are at the end.
"""

import hashlib
from collections.abc import Mapping

ACCEPTED: tuple[str, ...] = (
    "nodejs20.x",
    "python3.14",
    "provided.al2023",
    "python3.12",
    "python3.13",
    "nodejs24.x",
    "nodejs22.x",
    "java25",
    "python3.10",
    "python3.11",
    "java21",
    "ruby3.3",
    "ruby3.4",
    "ruby3.2",
    "python3.8",
    "python3.9",
    "java17",
    "nodejs16.x",
    "dotnet10",
    "dotnet8",
    "java11",
    "dotnet6",
    "nodejs18.x",
    "provided.al2",
    "java8.al2",
    "ruby4.0",
    "nodejs26.x",
    "python3.15",
    "java8.al2023",
    "java11.al2023",
    "java17.al2023",
)

DEPRECATED: frozenset[str] = frozenset(
    {
        "nodejs",
        "nodejs4.3",
        "nodejs4.3-edge",
        "nodejs6.10",
        "nodejs8.10",
        "nodejs10.x",
        "nodejs12.x",
        "nodejs14.x",
        "java8",
        "python2.7",
        "python3.6",
        "python3.7",
        "dotnetcore1.0",
        "dotnetcore2.0",
        "dotnetcore2.1",
        "dotnetcore3.1",
        "go1.x",
        "ruby2.5",
        "ruby2.7",
        "provided",
    }
)


DEPRECATED_ON: Mapping[str, str] = {
    "nodejs6.10": "2019-08-12",
    "nodejs8.10": "2020-03-06",
    "nodejs10.x": "2021-07-30",
    "nodejs12.x": "2023-03-31",
    "nodejs14.x": "2023-12-04",
    "nodejs16.x": "2024-06-12",
    "nodejs18.x": "2025-09-01",
    "nodejs20.x": "2026-04-30",
    "nodejs22.x": "2027-04-30",
    "nodejs24.x": "2028-04-30",
    "python2.7": "2021-07-15",
    "python3.6": "2022-07-18",
    "python3.7": "2023-12-04",
    "python3.8": "2024-10-14",
    "python3.9": "2025-12-15",
    "python3.10": "2026-10-31",
    "python3.11": "2027-06-30",
    "python3.12": "2028-10-31",
    "python3.13": "2029-06-30",
    "python3.14": "2029-06-30",
    "provided": "2024-01-08",
    "provided.al2": "2026-07-31",
    "provided.al2023": "2029-06-30",
}
"""The day from which the service gives no more patches, as its documentation tells or plans it; it blocks new functions
later (`DEPRECATED`). What is not here has no day, or runs nowhere in Neve."""


def is_deprecated(runtime: str, today: str) -> bool:
    """Whether the service has given it up; `today` is a date like `2026-11-21`."""
    return runtime in DEPRECATED or DEPRECATED_ON.get(runtime, "9999") <= today


def deprecation(runtime: str, today: str) -> str | None:
    """A sentence for who uses a deprecated runtime; None for one that is not."""
    if not is_deprecated(runtime, today):
        return None
    since = f" since {DEPRECATED_ON[runtime]}" if runtime in DEPRECATED_ON else ""
    blocked = " and takes no functions with it any more" if runtime in DEPRECATED else ""
    return f"{runtime} is deprecated{since}: AWS Lambda does not patch it{blocked}."


def unknown_text(runtime: str) -> str:
    """What the service says to a name that it never had. The value is not quoted there."""
    return (
        f"Value {runtime} at 'runtime' failed to satisfy constraint: "
        f"Member must satisfy enum value set: [{', '.join(ACCEPTED)}] or be a valid ARN"
    )


def deprecated_text(runtime: str) -> str:
    """What the service says to a name that it no longer takes."""
    return (
        f"The runtime parameter of {runtime} is no longer supported for creating or updating AWS Lambda functions. "
        "We recommend you use a supported runtime while creating or updating functions."
    )


def version_arn(region: str, runtime: str) -> str:
    """A stable stand-in for the service's `RuntimeVersionArn`: 64 hex digits that depend on the identifier alone."""
    return f"arn:aws:lambda:{region}::runtime:{hashlib.sha256(runtime.encode()).hexdigest()}"
