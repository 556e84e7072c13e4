"""Who uses our own API. With authorization on everybody sees his own account alone, and does what his key's policy allows."""

import json
from collections.abc import Mapping

from neve.api.gate import Claim
from neve.api.http import CLAIM, STRANGER, Scope
from neve.api.scope import caller_of
from neve.domain.errors import AccessDenied, CallerError, ResourceNotFound
from neve.domain.world import World

ACCOUNT = "account"
ACTIONS: Mapping[tuple[str, str], str] = {
    ("GET", "environments"): "neve:ListEnvironments",
    ("GET", "doctor"): "neve:ReadMachine",
    ("GET", "runtimes"): "neve:ReadMachine",
    ("POST", "runtimes/look"): "neve:LookForRuntimes",
    ("GET", "clock"): "neve:ReadClock",
    ("POST", "clock/advance"): "neve:AdvanceClock",
    ("GET", "queue"): "neve:ReadQueue",
    ("POST", "queue/retry"): "neve:RetryEvents",
    ("POST", "queue/purge"): "neve:PurgeEvents",
    ("GET", "leaks"): "neve:ReadLeaks",
    ("GET", "leaks/lines"): "neve:ReadLeaks",
    ("GET", "records"): "neve:ReadRecords",
    ("GET", "traces"): "neve:ReadTraces",
    ("GET", "costs"): "neve:ReadCosts",
    ("POST", "environments/freezing"): "neve:FreezeEnvironments",
    ("POST", "environments/reclaim"): "neve:ReclaimEnvironments",
}
"""What a policy calls the parts of this API; code archives and layers are asked for by Lambda's own actions."""


class Visitor:
    """One request. Without a claim nobody checks who calls, and everything is everybody's; a stranger comes no further than to
    the health."""

    def __init__(self, world: World, claim: Claim | None, is_stranger: bool = False) -> None:
        self.world = world
        self._claim = claim
        self._is_stranger = is_stranger

    @property
    def may_read_machine(self) -> bool:
        """Whether he is told of the machine."""
        try:
            self.check_may("GET", "doctor")
        except AccessDenied:
            return False
        return not self._is_stranger

    @property
    def still_there(self) -> bool:
        """False when the key that let him in has been deleted or disabled since."""
        return self._claim is None or self._claim.credential.valid

    def check_may(self, method: str, path: str) -> None:
        """AccessDenied."""
        if self._claim is None or path.startswith(("code/", "layers/")) or path == "health":
            return
        action = ACTIONS.get((method, "traces" if path.startswith("traces/") else path))
        if action is None:
            raise ResourceNotFound(f"Neve has nothing for a key at {method} /_neve/{path}.")
        self._claim.principal.check_may(action, "*", self.world.region)

    def check_owns(self, world: World, action: str, resource: str) -> None:
        """AccessDenied for what belongs to another account."""
        if self._claim is None:
            return
        if world.account != self.world.account:
            raise AccessDenied(
                f"User: {self._claim.principal.arn} is not authorized to perform: {action} on resource: {resource}"
            )
        self._claim.principal.check_may(action, resource, world.region)

    def narrowed(self, query: dict[str, str]) -> dict[str, str]:
        """A query about his account, whatever it was about."""
        return query if self._claim is None else {**query, ACCOUNT: self.world.account}

    def narrowed_body(self, body: bytes) -> bytes:
        """The same for members; what is no JSON object is somebody else's to refuse."""
        if self._claim is None:
            return body
        try:
            members = json.loads(body)
        except (ValueError, RecursionError):
            return body
        return json.dumps({**members, ACCOUNT: self.world.account}).encode() if isinstance(members, dict) else body


def visitor_of(scope: Scope) -> Visitor:
    """Who calls, as far as the request says."""
    claim: Claim | None = scope.get(CLAIM)
    if claim is None:
        return Visitor(_said(scope), None, STRANGER in scope)
    return Visitor(World(claim.principal.account, claim.signature.region), claim)


def _said(scope: Scope) -> World:
    try:
        return caller_of(dict(scope["headers"]), scope["query_string"]).world
    except CallerError:
        return World()
