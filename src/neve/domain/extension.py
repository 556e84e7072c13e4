"""Extensions: processes or modules beside the runtime that take part in an environment's life.

Two tables' worth of rules: which moves an extension may make, and who may register. Source: runtime-api facts §2. An
external extension is a process that Neve started from a file; an internal one lives in the runtime's own process.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from enum import Enum

from neve.domain.runtime_state import RefusedMove

MAXIMUM_EXTENSIONS = 10


class ExtensionState(Enum):
    """Where an extension is. The value is the service's name, which its refusals and records tell."""

    STARTED = "Started"  # its process is there, it has not registered
    LAUNCH_ERROR = "LaunchError"
    REGISTERED = "Registered"
    READY = "Ready"  # asked for its next event
    RUNNING = "Running"  # has an event
    INIT_ERROR = "InitError"
    EXIT_ERROR = "ExitError"
    EXITED = "Exited"


class Phase(Enum):
    """What an extension can register for."""

    INVOKE = "INVOKE"
    SHUTDOWN = "SHUTDOWN"


_S = ExtensionState

MOVES: dict[ExtensionState, frozenset[ExtensionState]] = {
    _S.STARTED: frozenset({_S.REGISTERED, _S.LAUNCH_ERROR, _S.EXITED}),
    _S.LAUNCH_ERROR: frozenset(),
    _S.REGISTERED: frozenset({_S.READY, _S.INIT_ERROR, _S.EXIT_ERROR, _S.EXITED}),
    # From Ready to Ready: a client whose connection broke asks again.
    _S.READY: frozenset({_S.READY, _S.RUNNING, _S.EXIT_ERROR, _S.EXITED}),
    _S.RUNNING: frozenset({_S.READY, _S.EXIT_ERROR, _S.EXITED}),
    _S.INIT_ERROR: frozenset({_S.EXITED}),
    _S.EXIT_ERROR: frozenset({_S.EXITED}),
    _S.EXITED: frozenset(),
}


_FAILED = (_S.INIT_ERROR, _S.EXIT_ERROR)
_TAKING_PART = (_S.REGISTERED, _S.READY, _S.RUNNING)


class RegistrationRefused(Exception):
    """The register call is refused: `code` is the service's error type, the text its message."""

    def __init__(self, code: str, text: str) -> None:
        super().__init__(text)
        self.code = code


@dataclass(slots=True, eq=False)
class Extension:
    """One extension. `phases` are in the order of its registration; `identifier` is empty before that."""

    name: str
    external: bool
    state: ExtensionState = ExtensionState.STARTED
    phases: tuple[Phase, ...] = ()
    identifier: str = ""
    error_type: str | None = None  # why it failed, as it says itself

    @property
    def takes_part(self) -> bool:
        """Whether it has registered and is there."""
        return self.state in _TAKING_PART

    def move(self, target: ExtensionState) -> None:
        """Go there, when the table allows it; RefusedMove otherwise."""
        if target not in MOVES[self.state]:
            raise RefusedMove(self.state, target, f"extension {self.name}")
        self.state = target

    def leave(self) -> None:
        """Its process is gone. One that has said why keeps that state."""
        if ExtensionState.EXITED in MOVES[self.state] and self.state not in _FAILED:
            self.state = ExtensionState.EXITED

    def refuse(self, error_type: str) -> None:
        """Its file cannot be executed."""
        self.move(ExtensionState.LAUNCH_ERROR)
        self.error_type = error_type


@dataclass(slots=True)
class Extensions:
    """Everything of one environment that is, or is about to be, an extension."""

    _by_name: dict[str, Extension] = field(default_factory=dict)
    _internal_open: bool = True
    _open: bool = True

    def __iter__(self) -> Iterator[Extension]:
        return iter(self._by_name.values())

    def __len__(self) -> int:
        return len(self._by_name)

    def expect(self, names: Iterable[str]) -> None:
        """External extensions with these names are being started: file names, without a folder."""
        for name in names:
            self._by_name[name] = Extension(name, external=True)

    def named(self, name: str) -> Extension | None:
        """The extension of this name."""
        return self._by_name.get(name)

    @property
    def all_registered(self) -> bool:
        """Whether every external one has registered and is there: only then the runtime starts."""
        return all(each.takes_part for each in self if each.external)

    def identified(self, identifier: str) -> Extension | None:
        """The registered extension with this identifier."""
        return next((each for each in self if each.identifier == identifier), None)

    def register(self, name: str, events: Sequence[str], identifier: str) -> Extension:
        """Take it in. RegistrationRefused, or RefusedMove for an external one that is registered already."""
        known = self._by_name.get(name)
        external = known is not None and known.external
        phases = parse_phases(events, external)
        if known is None:
            known = self._admit(name)
        elif not known.external:
            raise RegistrationRefused("Extension.InvalidExtensionState", "Extension with this name already registered")
        elif not self._open:
            raise _closed()
        known.move(ExtensionState.REGISTERED)
        known.phases, known.identifier = phases, identifier
        self._by_name.pop(name, None)  # from now on they are told in the order in which they came
        self._by_name[name] = known
        return known

    def close_for_internal(self) -> None:
        """The runtime asked for its first event: its own modules had their chance."""
        self._internal_open = False

    def close(self) -> None:
        """The init phase is over: nobody registers any more."""
        self._internal_open = self._open = False

    def _admit(self, name: str) -> Extension:
        if not self._internal_open:
            raise _closed()
        if len(self) >= MAXIMUM_EXTENSIONS:
            raise RegistrationRefused("Extension.TooManyExtensions", f"Extension limit ({MAXIMUM_EXTENSIONS}) reached")
        return Extension(name, external=False)


def parse_phases(events: Sequence[str], external: bool) -> tuple[Phase, ...]:
    """What was registered for, each once. RegistrationRefused for an unknown one, or one only external extensions get."""
    phases: dict[Phase, None] = {}
    for event in events:
        if event not in Phase.__members__:
            raise RegistrationRefused("Extension.InvalidEventType", f"{event}: ErrorInvalidEventType")
        if event == Phase.SHUTDOWN.value and not external:
            raise RegistrationRefused(
                "Extension.InvalidEventType", "SHUTDOWN: ShutdownEventNotSupportedForInternalExtension"
            )
        phases[Phase[event]] = None
    return tuple(phases)


def _closed() -> RegistrationRefused:
    return RegistrationRefused("Extension.RegistrationClosed", "Extension registration closed already")
