"""What the neighbours' process says when something of moto is missing."""

from collections.abc import Callable
from typing import Any

import pytest

from neve.neighbours.child.refusals import create_known, say_what_is_missing


def refused(error: Exception) -> tuple[str, str]:
    """Status and sentence for what an application raises."""
    told: list[tuple[str, dict[str, str]]] = []

    def app(environ: dict[str, Any], start_response: Callable[..., Any]) -> Any:
        raise error

    say_what_is_missing(app)({}, lambda status, headers: told.append((status, dict(headers))))
    return told[0][0], told[0][1]["x-neve-refused"]


@pytest.mark.parametrize(("missing", "extra"), [("openapi_spec_validator", "neve[stacks]"), ("xmltodict", "moto[all]")])
def test_a_missing_package_says_what_to_install(missing: str, extra: str) -> None:
    status, text = refused(ModuleNotFoundError(f"No module named {missing!r}", name=missing))
    assert status == "501 Refused"
    assert text == f"moto needs the package {missing} for this service: pip install '{extra}'."


def test_a_service_that_moto_has_not_is_said() -> None:
    with pytest.raises(NotImplementedError, match="does not have this service"):
        create_known({}, None)


def test_what_has_to_be_done_first_is_done_before_a_service_is_made() -> None:
    done = []
    create_known({"sts": lambda: done.append("first")}, "sts")
    assert done == ["first"]
