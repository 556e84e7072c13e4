"""Who takes part in a picture, each named when it is first spoken of."""

from neve.analysis.story.words import brief
from neve.domain.outgoing import OutgoingCall, service_name
from neve.domain.picture import Participant

CALLER, QUEUE = "caller", "queue"
_MOST_OTHERS = 5
_REST = "to others"


class Cast:
    """The participants of the run with this id; `is_event` when the event queue had it."""

    def __init__(self, request_id: str, function: str, is_event: bool) -> None:
        self.request_id = request_id
        self._function = function
        self._is_event = is_event
        self._environments: dict[str, Participant] = {}
        self._others: dict[str, Participant] = {}
        self._targets: dict[str, Participant] = {}

    def participants(self) -> list[Participant]:
        """All of them, from the left to the right."""
        asked = [Participant(QUEUE, "queue", "Event queue")] if self._is_event else []
        return [
            Participant(CALLER, "caller", "Caller"),
            *asked,
            *self._environments.values(),
            *self._others.values(),
            *self._targets.values(),
        ]

    def asker(self, request_id: str) -> str:
        """Who asked for a run: of others than the one that is told it does not matter."""
        return QUEUE if self._is_event and request_id == self.request_id else CALLER

    def environment(self, environment_id: str) -> str:
        """An execution environment of the function."""
        key = f"environment {environment_id}"
        self._environments[key] = Participant(
            key, "environment", self._function, f"environment {brief(environment_id)}"
        )
        return key

    def other(self, call: OutgoingCall) -> str:
        """Whom an outgoing call is to; the last ones share a place."""
        key = f"to {call.service or call.host}"
        if key not in self._others:
            if len(self._others) >= _MOST_OTHERS:
                self._others.setdefault(_REST, Participant(_REST, "other", "Others", "further hosts"))
                return _REST
            self._others[key] = Participant(key, "other", call.to, call.host if call.service else "")
        return key

    def target(self, arn: str) -> str:
        """Whom a message is for; not every one is named by an ARN."""
        key = f"target {arn}"
        if key not in self._targets:
            parts = arn.split(":")
            service = service_name(parts[2]) if len(parts) > 5 else "target"
            name = ":".join(parts[6:]) or parts[-1] if len(parts) > 5 and parts[2] == "lambda" else parts[-1]
            self._targets[key] = Participant(key, "target", name.split("/")[-1], service)
        return key
