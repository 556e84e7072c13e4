"""Where the code of a function comes from, as a caller says it."""

import hashlib
from dataclasses import dataclass

from neve.domain.errors import InvalidParameterValue, UnsupportedOperation


@dataclass(frozen=True, slots=True)
class CodeObject:
    """A code archive in a bucket; `version` of None is the newest."""

    bucket: str
    key: str
    version: str | None = None


@dataclass(frozen=True, slots=True)
class Image:
    """A container image by its URI. It is kept and never fetched."""

    uri: str

    @property
    def digest(self) -> str:
        """The SHA-256 in hex that the URI names; of one that names none, that of the URI stands for it."""
        return self.uri.partition("@sha256:")[2] or hashlib.sha256(self.uri.encode()).hexdigest()

    @property
    def resolved(self) -> str:
        """The URI by digest instead of by tag."""
        host, slash, name = self.uri.partition("@")[0].rpartition("/")
        return f"{host}{slash}{name.partition(':')[0]}@sha256:{self.digest}"


CodeSource = bytes | CodeObject | Image


def check_package(source: CodeSource, is_image: bool, changing: bool = False) -> None:
    """InvalidParameterValue for code of the other package type."""
    verb = "updating" if changing else "creating"
    if is_image and not isinstance(source, Image):
        raise InvalidParameterValue(f"Please provide ImageUri when {verb} a function with packageType Image.")
    if not is_image and isinstance(source, Image):
        raise InvalidParameterValue(f"Please don't provide ImageUri when {verb} a function with packageType Zip.")


def refuse_settings_of_zip() -> InvalidParameterValue:
    """The error for what an image says itself."""
    return InvalidParameterValue(
        "Please don't provide Handler or Runtime or Layer when the intended function PackageType is Image."
    )


def not_run(arn: str) -> UnsupportedOperation:
    """The error for an invocation of an image."""
    return UnsupportedOperation(
        f"Neve keeps functions of container images and does not run them: {arn} cannot be invoked. "
        "Deploy it with PackageType Zip."
    )
