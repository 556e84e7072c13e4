"""The Extensions API: registration, events, refusals, and who counts when everything waits."""

import uuid

import pytest
from tests.dataplane.runtime_api.stage import EVENT_NEXT, NEXT, REGISTER, Stage, event

from neve.domain.extension import ExtensionState

INIT_FAILED = "/2020-01-01/extension/init/error"
EXIT_FAILED = "/2020-01-01/extension/exit/error"
TYPE = {"Lambda-Extension-Function-Error-Type": "Extension.Reason"}
NOT_ALLOWED = "Error: State transition is not allowed"


async def test_registering_tells_the_function(stage: Stage) -> None:
    stage.api.extensions.expect(["agent"])
    answer = await stage.call("POST", REGISTER, b'{"events":["INVOKE","SHUTDOWN"]}', {"Lambda-Extension-Name": "agent"})
    assert answer.status == 200
    assert answer.json() == {"functionName": "f", "functionVersion": "$LATEST", "handler": "index.handler"}
    uuid.UUID(answer.headers["lambda-extension-identifier"])
    extension = stage.told.extensions["agent"]
    assert extension.external
    assert [phase.value for phase in extension.phases] == ["INVOKE", "SHUTDOWN"]


async def test_the_account_is_told_to_who_asks(stage: Stage) -> None:
    headers = {"Lambda-Extension-Name": "agent", "Lambda-Extension-Accept-Feature": "x, accountId"}
    answer = await stage.call("POST", REGISTER, b'{"events":[]}', headers)
    assert answer.json()["accountId"] == "000000000000"


@pytest.mark.parametrize(
    ("name", "body", "error_type", "text"),
    [
        ("", b"{}", "Extension.InvalidExtensionName", "Empty extension name"),
        ("a", b'{"events":["FOO"]}', "Extension.InvalidEventType", "FOO: ErrorInvalidEventType"),
        (
            "a",
            b'{"events":["SHUTDOWN"]}',
            "Extension.InvalidEventType",
            "SHUTDOWN: ShutdownEventNotSupportedForInternalExtension",
        ),
        (
            "a",
            b'{"events":[],"configurationKeys":["x"]}',
            "InvalidRequestFormat",
            "configurationKeys are deprecated; use environment variables instead",
        ),
        ("a", b"[]", "InvalidRequestFormat", "events must be a list of event names"),
        ("a", b'{"events":[1]}', "InvalidRequestFormat", "events must be a list of event names"),
        ("a", b'{"events":{}}', "InvalidRequestFormat", "events must be a list of event names"),
    ],
)
async def test_wrong_registrations_are_refused(
    stage: Stage, name: str, body: bytes, error_type: str, text: str
) -> None:
    answer = await stage.call("POST", REGISTER, body, {"Lambda-Extension-Name": name})
    assert answer.refused == (403, error_type, text)
    assert stage.told.calls == []


@pytest.mark.parametrize("body", [b"", b"{", b"\xff", b"[" * 100_000])
async def test_a_registration_that_is_no_json_is_refused(stage: Stage, body: bytes) -> None:
    answer = await stage.call("POST", REGISTER, body, {"Lambda-Extension-Name": "a"})
    assert answer.refused[:2] == (403, "InvalidRequestFormat")


async def test_an_external_extension_registers_once(stage: Stage) -> None:
    await stage.registered("agent", external=True)
    answer = await stage.call("POST", REGISTER, b"{}", {"Lambda-Extension-Name": "agent"})
    text = f"State transition from Registered to Registered failed for extension agent. {NOT_ALLOWED}"
    assert answer.refused == (403, "Extension.InvalidExtensionState", text)


async def test_an_internal_name_is_used_once(stage: Stage) -> None:
    await stage.registered("module")
    answer = await stage.call("POST", REGISTER, b"{}", {"Lambda-Extension-Name": "module"})
    text = "Extension with this name already registered"
    assert answer.refused == (403, "Extension.InvalidExtensionState", text)


async def test_the_eleventh_extension_is_refused(stage: Stage) -> None:
    for number in range(10):
        await stage.registered(f"module-{number}")
    answer = await stage.call("POST", REGISTER, b"{}", {"Lambda-Extension-Name": "one-more"})
    assert answer.refused == (403, "Extension.TooManyExtensions", "Extension limit (10) reached")


async def test_nobody_registers_after_the_init_phase(stage: Stage) -> None:
    await stage.running()
    answer = await stage.call("POST", REGISTER, b"{}", {"Lambda-Extension-Name": "late"})
    assert answer.refused == (403, "Extension.RegistrationClosed", "Extension registration closed already")


@pytest.mark.parametrize(("method", "path"), [("GET", EVENT_NEXT), ("POST", INIT_FAILED), ("POST", EXIT_FAILED)])
@pytest.mark.parametrize(
    ("headers", "error_type", "text"),
    [
        ({}, "Extension.MissingExtensionIdentifier", "Missing Lambda-Extension-Identifier header"),
        (
            {"Lambda-Extension-Identifier": "me"},
            "Extension.InvalidExtensionIdentifier",
            "Invalid Lambda-Extension-Identifier",
        ),
    ],
)
async def test_extensions_say_who_they_are(
    stage: Stage, method: str, path: str, headers: dict[str, str], error_type: str, text: str
) -> None:
    assert (await stage.call(method, path, None, headers)).refused == (403, error_type, text)


async def test_unknown_identifiers_are_refused(stage: Stage) -> None:
    unknown = str(uuid.uuid4())
    headers = {"Lambda-Extension-Identifier": unknown, **TYPE}
    error_type = "Extension.UnknownExtensionIdentifier"
    answer = await stage.call("GET", EVENT_NEXT, None, headers)
    assert answer.refused == (403, error_type, f"Unknown extension {unknown}")
    for path in (INIT_FAILED, EXIT_FAILED):
        answer = await stage.call("POST", path, b"", headers)
        assert answer.refused == (403, error_type, "Unknown Lambda-Extension-Identifier")


async def test_everything_waits_only_when_the_runtime_and_every_extension_do(stage: Stage) -> None:
    first = await stage.registered("first", external=True)
    second = await stage.registered("second", "[]", external=True)
    clients = [await stage.connect() for _ in range(3)]
    clients[0].send("GET", NEXT)
    await stage.told.wait("runtime_waits")
    assert not stage.api.everything_waits
    clients[1].send("GET", EVENT_NEXT, None, first)
    await stage.told.wait("extension_waits")
    assert not stage.api.everything_waits
    clients[2].send("GET", EVENT_NEXT, None, second)
    await stage.told.wait("extension_waits", 2)
    assert stage.api.everything_waits


async def test_an_expected_extension_that_has_not_registered_does_not_wait(stage: Stage) -> None:
    stage.api.extensions.expect(["agent"])
    stage.api.runtime_asked_by_frame()
    assert not stage.api.everything_waits
    agent = await stage.registered("agent")
    (await stage.connect()).send("GET", EVENT_NEXT, None, agent)
    await stage.told.wait("extension_waits")
    assert stage.api.everything_waits


async def test_an_invocation_reaches_the_extensions_that_want_it(stage: Stage) -> None:
    wanting = await stage.registered("wanting")
    other = await stage.registered("other", "[]")
    clients = [await stage.connect() for _ in range(2)]
    for client, headers in zip(clients, (wanting, other), strict=True):
        client.send("GET", EVENT_NEXT, None, headers)
    await stage.told.wait("extension_waits", 2)
    stage.api.runtime_asked_by_frame()
    stage.api.deliver(event("r1", trace_id="Root=1-0"), by_frame=True)
    answer = await clients[0].answer()
    assert answer.json() == {
        "eventType": "INVOKE",
        "deadlineMs": 1_700_000_000_000,
        "requestId": "r1",
        "invokedFunctionArn": "arn:aws:lambda:us-east-1:000000000000:function:f",
        "tracing": {"type": "X-Amzn-Trace-Id", "value": "Root=1-0"},
    }
    uuid.UUID(answer.headers["lambda-extension-event-identifier"])
    stage.api.runtime_asked_by_frame()
    assert not stage.api.everything_waits, "the extension is still at work"
    clients[0].send("GET", EVENT_NEXT, None, wanting)
    await stage.told.wait("extension_waits", 3)
    assert stage.api.everything_waits


async def test_shutdown_reaches_the_extensions_that_want_it(stage: Stage) -> None:
    wanting = await stage.registered("wanting", '["SHUTDOWN"]', external=True)
    client = await stage.connect()
    client.send("GET", EVENT_NEXT, None, wanting)
    await stage.told.wait("extension_waits")
    stage.api.shut_down("spindown", 676051)
    answer = await client.answer()
    assert answer.json() == {"eventType": "SHUTDOWN", "shutdownReason": "spindown", "deadlineMs": 676051}


async def test_shutdown_waits_for_an_extension_that_is_at_work(stage: Stage) -> None:
    agent = await stage.registered("agent", '["INVOKE","SHUTDOWN"]', external=True)
    client = await stage.connect()
    client.send("GET", EVENT_NEXT, None, agent)
    await stage.told.wait("extension_waits")
    stage.api.runtime_asked_by_frame()
    stage.api.deliver(event(), by_frame=True)
    assert (await client.answer()).json()["eventType"] == "INVOKE"
    stage.api.shut_down("timeout", 1)
    assert (await client.call("GET", EVENT_NEXT, None, agent)).json()["shutdownReason"] == "timeout"
    assert stage.told.names().count("extension_waits") == 1


async def test_an_init_error_is_told(stage: Stage) -> None:
    agent = await stage.registered("agent", external=True)
    answer = await stage.call("POST", INIT_FAILED, b'{"errorMessage":"m"}', {**agent, **TYPE})
    assert (answer.status, answer.json()) == (202, {"status": "OK"})
    assert stage.told.calls[-1] == ("extension_failed", "agent", "Extension.Reason", b'{"errorMessage":"m"}')
    assert stage.told.extensions["agent"].state is ExtensionState.INIT_ERROR
    refused = await stage.call("GET", EVENT_NEXT, None, agent)
    text = f"State transition from InitError to Ready failed for extension agent. {NOT_ALLOWED}"
    assert refused.refused == (403, "Extension.InvalidExtensionState", text)


async def test_an_init_error_after_next_is_refused(stage: Stage) -> None:
    agent = await stage.registered("agent")
    (await stage.connect()).send("GET", EVENT_NEXT, None, agent)
    await stage.told.wait("extension_waits")
    answer = await stage.call("POST", INIT_FAILED, b"", {**agent, **TYPE})
    text = f"State transition from Ready to InitError failed for extension agent. {NOT_ALLOWED}"
    assert answer.refused == (403, "Extension.InvalidExtensionState", text)


@pytest.mark.parametrize("path", [INIT_FAILED, EXIT_FAILED])
async def test_an_error_needs_a_type(stage: Stage, path: str) -> None:
    agent = await stage.registered("agent")
    answer = await stage.call("POST", path, b"", agent)
    text = "Lambda-Extension-Function-Error-Type not found"
    assert answer.refused == (403, "Extension.MissingHeader", text)


async def test_an_extension_that_gave_up_gets_no_event_and_holds_nobody_else_back(stage: Stage) -> None:
    gone, well = await stage.registered("gone"), await stage.registered("well")
    clients = [await stage.connect() for _ in range(2)]
    for client, headers in zip(clients, (gone, well), strict=True):
        client.send("GET", EVENT_NEXT, None, headers)
    await stage.told.wait("extension_waits", 2)
    assert (await stage.call("POST", EXIT_FAILED, b"", {**gone, **TYPE})).status == 202
    stage.api.runtime_asked_by_frame()
    assert not stage.api.everything_waits
    stage.api.deliver(event(), by_frame=True)
    assert (await clients[1].answer()).json()["eventType"] == "INVOKE"
