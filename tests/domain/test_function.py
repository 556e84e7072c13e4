"""Rules of a function's settings, in the service's own sentences."""

from collections.abc import Callable

import pytest

from neve.domain import function, runtime_names
from neve.domain.errors import CallerError, InvalidParameterValue, ValidationFailed


def refusal(check: Callable[[], None]) -> CallerError:
    with pytest.raises(CallerError) as caught:
        check()
    return caught.value


def test_long_name() -> None:
    function.check_name("n" * 64)
    error = refusal(lambda: function.check_name("n" * 65))
    assert isinstance(error, InvalidParameterValue)
    assert error.message == (
        f"1 validation error detected: Value '{'n' * 65}' at 'functionName' failed to satisfy constraint: "
        "Member must have length less than or equal to 64"
    )


def test_unknown_runtime_is_not_quoted() -> None:
    error = refusal(lambda: function.check_runtime("nodejs99.x", refuse_deprecated=False))
    assert error.message.startswith(
        "Value nodejs99.x at 'runtime' failed to satisfy constraint: Member must satisfy enum value set: "
        "[nodejs20.x, python3.14, provided.al2023, "
    )
    assert error.message.endswith("] or be a valid ARN")


def test_deprecated_runtime_is_refused_only_when_asked() -> None:
    function.check_runtime("nodejs14.x", refuse_deprecated=False)
    error = refusal(lambda: function.check_runtime("nodejs14.x", refuse_deprecated=True))
    assert error.message.startswith("The runtime parameter of nodejs14.x is no longer supported for creating or")


def test_no_runtime_is_both_accepted_and_deprecated() -> None:
    assert not runtime_names.DEPRECATED.intersection(runtime_names.ACCEPTED)
    assert len(set(runtime_names.ACCEPTED)) == len(runtime_names.ACCEPTED)


def test_sizes_of_managed_instances_are_refused() -> None:
    function.check_sizes(10_240, 900)
    memory = refusal(lambda: function.check_sizes(10_241, 900))
    assert memory.message == (
        "'MemorySize' value failed to satisfy constraint: Member must have value less than or equal to 10240"
    )
    timeout = refusal(lambda: function.check_sizes(128, 901))
    assert isinstance(timeout, ValidationFailed)
    assert timeout.message == (
        "1 validation error detected: Value '901' at 'timeout' failed to satisfy constraint: "
        "Member must have value less than or equal to 900"
    )


def test_reserved_variables_are_named_in_their_order() -> None:
    error = refusal(lambda: function.check_environment({"AWS_REGION": "x", "MINE": "y", "_HANDLER": "z"}))
    assert error.message.endswith("Reserved keys used in this request: AWS_REGION, _HANDLER")


@pytest.mark.parametrize("value", ["v" * 4_088, "é" * 2_044])
def test_environment_is_measured_as_json_in_bytes(value: str) -> None:
    function.check_environment({"K": value})  # {"K":"…"} adds eight bytes
    error = refusal(lambda: function.check_environment({"K": value + "v"}))
    assert error.message.endswith(f'exceeded the 4KB limit. String measured: {{"K":"{value}v"}}')


def test_fifty_tags_are_enough() -> None:
    function.check_tags({str(number): "" for number in range(50)})
    error = refusal(lambda: function.check_tags({str(number): "" for number in range(51)}))
    assert error.message == "Number of tags exceeds resource tag limit."
