"""Extensions: the table of their moves walked pair by pair, and who may register."""

import itertools

import pytest

from neve.domain.extension import (
    MOVES,
    Extension,
    Extensions,
    ExtensionState,
    Phase,
    RegistrationRefused,
    parse_phases,
)
from neve.domain.runtime_state import RefusedMove


@pytest.mark.parametrize(("source", "target"), list(itertools.product(ExtensionState, ExtensionState)))
def test_every_pair_moves_as_the_table_says_or_is_refused(source: ExtensionState, target: ExtensionState) -> None:
    extension = Extension("agent", external=True, state=source)
    if target in MOVES[source]:
        extension.move(target)
        assert extension.state is target
        return
    with pytest.raises(RefusedMove) as refusal:
        extension.move(target)
    assert str(refusal.value) == (
        f"State transition from {source.value} to {target.value} failed for extension agent. "
        "Error: State transition is not allowed"
    )
    assert extension.state is source


def test_every_state_can_be_reached() -> None:
    reached = {ExtensionState.STARTED}
    for _ in ExtensionState:
        reached |= {target for source in reached for target in MOVES[source]}
    assert reached == set(ExtensionState)


def refused(extensions: Extensions, name: str, *events: str) -> tuple[str, str]:
    with pytest.raises(RegistrationRefused) as refusal:
        extensions.register(name, events, f"id-{name}")
    return refusal.value.code, str(refusal.value)


def test_an_expected_extension_registers_as_an_external_one() -> None:
    extensions = Extensions()
    extensions.expect(["agent"])
    assert extensions.identified("id") is None
    extension = extensions.register("agent", ["SHUTDOWN", "INVOKE", "SHUTDOWN"], "id")
    assert extension.external
    assert extension.phases == (Phase.SHUTDOWN, Phase.INVOKE)
    assert extensions.identified("id") is extension


def test_an_unexpected_one_is_internal_and_gets_no_shutdown() -> None:
    extensions = Extensions()
    assert not extensions.register("module", ["INVOKE"], "id").external
    assert refused(extensions, "other", "SHUTDOWN") == (
        "Extension.InvalidEventType",
        "SHUTDOWN: ShutdownEventNotSupportedForInternalExtension",
    )
    assert extensions.named("other") is None


def test_an_external_one_registers_once() -> None:
    extensions = Extensions()
    extensions.expect(["agent"])
    extensions.register("agent", [], "id")
    with pytest.raises(RefusedMove, match="from Registered to Registered failed for extension agent"):
        extensions.register("agent", [], "other")
    assert extensions.identified("id") is not None


def test_an_internal_name_is_used_once() -> None:
    extensions = Extensions()
    extensions.register("module", [], "id")
    assert refused(extensions, "module") == (
        "Extension.InvalidExtensionState",
        "Extension with this name already registered",
    )


def test_the_eleventh_is_refused() -> None:
    extensions = Extensions()
    extensions.expect(["agent"])
    for number in range(9):
        extensions.register(f"module-{number}", [], f"id-{number}")
    assert refused(extensions, "one-more") == ("Extension.TooManyExtensions", "Extension limit (10) reached")
    extensions.register("agent", [], "id")


def test_internal_ones_are_too_late_after_the_runtime_asked_and_external_ones_after_the_init_phase() -> None:
    closed = ("Extension.RegistrationClosed", "Extension registration closed already")
    extensions = Extensions()
    extensions.expect(["early", "late"])
    extensions.close_for_internal()
    assert refused(extensions, "module") == closed
    extensions.register("early", [], "id")
    extensions.close()
    assert refused(extensions, "late") == closed


def test_unknown_events_are_refused() -> None:
    with pytest.raises(RegistrationRefused, match=r"^FOO: ErrorInvalidEventType$"):
        parse_phases(["INVOKE", "FOO"], external=True)
