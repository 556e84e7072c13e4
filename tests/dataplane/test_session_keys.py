"""The credentials of functions live as long as their environment."""

import dataclasses

from neve.dataplane.session_keys import FUNCTION_POLICY, SessionKeys
from neve.domain import record as kinds
from neve.domain.function import Code, Function, LoggingConfig
from neve.domain.identity_policy import Verdict
from neve.domain.record import Origin, Record
from neve.domain.world import World

FUNCTION = Function(
    world=World("111111111111", "eu-west-1"),
    name="shop",
    runtime="nodejs24.x",
    handler="app.handler",
    role="arn:aws:iam::111111111111:role/path/shop",
    code=Code("", 0),
    logging=LoggingConfig("/aws/lambda/shop"),
    last_modified_ms=0,
    revision_id="",
)
ORIGIN = Origin(FUNCTION.world, "shop", "$LATEST", "e", "/aws/lambda/shop", "stream")


def test_an_environment_keeps_its_credentials_over_restarts_of_its_processes() -> None:
    keys = SessionKeys(checked=True)
    given = keys.give(FUNCTION, "stream")
    assert keys.give(FUNCTION, "stream") == given
    other = keys.give(FUNCTION, "another")
    assert not set(given) & set(other)
    found = keys.find(given.access_key)
    assert found is not None
    assert (found.secret, found.token, found.principal.account) == (given.secret, given.token, "111111111111")
    assert found.principal.arn == "arn:aws:sts::111111111111:assumed-role/shop/shop"


def test_they_end_with_it() -> None:
    keys = SessionKeys(checked=True)
    given, other = keys.give(FUNCTION, "stream"), keys.give(FUNCTION, "another")
    keys(Record(kinds.END, 0, ORIGIN, None, {}), None)
    assert keys.find(given.access_key) is not None
    keys(Record(kinds.ENVIRONMENT_STOPPED, 0, ORIGIN, None, {}), None)
    assert keys.find(given.access_key) is None
    assert keys.has_ended(given.access_key)
    assert keys.find(other.access_key) is not None
    keys(Record(kinds.ENVIRONMENT_STOPPED, 0, dataclasses.replace(ORIGIN, log_stream="never"), None, {}), None)


def test_without_authorization_the_account_is_the_key() -> None:
    assert SessionKeys(checked=False).give(FUNCTION, "stream") == ("111111111111", "neve", "neve")
    assert SessionKeys(checked=True).give(FUNCTION, "") == ("111111111111", "neve", "neve")


def test_functions_do_not_run_neve() -> None:
    assert FUNCTION_POLICY.decide("lambda:InvokeFunction", "*", {}) is Verdict.ALLOWED
    assert FUNCTION_POLICY.decide("s3:*", "*", {}) is Verdict.ALLOWED
    assert FUNCTION_POLICY.decide("neve:PurgeEvents", "*", {}) is Verdict.DENIED
