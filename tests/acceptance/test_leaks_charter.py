"""What the charter's programs leave, and why they run out of time: told by kind, line, invocation and fate (V1)."""

from typing import Any

import pytest
from tests.acceptance.conftest import Deploy
from tests.acceptance.functions import PROGRAMS, Deployed
from tests.acceptance.neighbours import ObjectStore
from tests.acceptance.test_leaks import ONE_CPU, every_generation, leaks_of

callback_generation = pytest.mark.parametrize("runtime", ["nodejs20.x", "nodejs22.x"])

BLOCKS = """exports.handler = async (event) => {
  for (;;) if (Date.now() < 0) return;
};
"""


def settings(store: ObjectStore) -> dict[str, Any]:
    """A function that calls the store and need not wait for its share of the CPU."""
    return {"Environment": {"Variables": {"STORE_URL": store.url}}, "MemorySize": ONE_CPU}


def line_with(program: str, fragment: str) -> tuple[str, int]:
    """File and line of a program that have this text."""
    for file in sorted((PROGRAMS / program).iterdir()):
        for number, line in enumerate(file.read_text().splitlines(), 1):
            if fragment in line:
                return file.name, number
    raise AssertionError(fragment)


def timeout_of(function: Deployed) -> dict[str, Any]:
    """The newest explanation of a timeout."""
    told: dict[str, Any] = function.server.own(f"leaks?function={function.name}")["timeouts"][0]
    return told


def one_leak(function: Deployed) -> tuple[Any, ...]:
    """Kind, place and origin of the only leak."""
    function.wait_frozen()
    (leak,) = leaks_of(function)
    return leak["kind"], (leak["source"]["file"], leak["source"]["line"]), leak["origin"]


# What is left


@every_generation
def test_put_that_is_not_awaited(deployed: Deploy, store: ObjectStore, runtime: str) -> None:
    """A2: the request that waits for leave, then, still unseen by anyone, the PUT."""
    function = deployed("a02-forgotten-await", runtime, **settings(store))
    store.hold("/uploads/1")
    first = function.invoke({"id": 1})
    place = line_with("a02-forgotten-await", "/uploads/")
    assert one_leak(function) == ("fetch", place, first.request_id)
    store.let_go("/uploads/1")
    store.hold("/later")
    call = function.begin({"id": 2, "after": "/later"})
    store.wait_object("/invoices/1")
    store.let_go("/later")
    second = call.result()
    function.wait_frozen()
    leak = leaks_of(function)[-1]
    assert (leak["fate"], leak["seenIn"], leak["finished"]) == ("continued", [second.request_id], True)


@every_generation
def test_old_style_call_in_an_async_handler(deployed: Deploy, store: ObjectStore, runtime: str) -> None:
    """A7"""
    function = deployed("a07-callback-in-async", runtime, **settings(store))
    store.hold("/credentials")
    first = function.invoke({"id": 1})
    place = line_with("a07-callback-in-async", "http.request(")
    kind, where, origin = one_leak(function)
    assert (kind, origin) == ("http", first.request_id)
    assert where in (place, line_with("a07-callback-in-async", "call('POST'"))
    store.let_go("/credentials")


@every_generation
@pytest.mark.parametrize("program", ["a09-late-timer", "a10-late-timer-with-id"])
def test_late_timer(deployed: Deploy, runtime: str, program: str) -> None:
    """A9, A10: whether 20 ms are over before the freeze is a race, as on Lambda; that it was left is none."""
    function = deployed(program, runtime, MemorySize=ONE_CPU)
    first = function.invoke()
    assert one_leak(function) == ("timer", line_with(program, "setTimeout"), first.request_id)


@every_generation
def test_post_that_is_not_awaited(deployed: Deploy, store: ObjectStore, runtime: str) -> None:
    """A11"""
    function = deployed("a11-forgotten-post", runtime, **settings(store))
    store.hold("/events")
    first = function.invoke({"id": 1})
    assert one_leak(function) == ("fetch", line_with("a11-forgotten-post", "fetch(`"), first.request_id)
    assert leaks_of(function)[0]["description"] == f"POST {store.url}/events"
    store.let_go("/events")


@callback_generation
def test_put_that_the_callback_does_not_wait_for(deployed: Deploy, store: ObjectStore, runtime: str) -> None:
    """C6, its fate never"""
    function = deployed("c06-put-not-waited", runtime, **settings(store))
    store.objects["/rates"] = b"1"
    store.hold("/uploads/1")
    first = function.invoke({"id": 1})
    kind, (file, _), origin = one_leak(function)
    assert (kind, file, origin) == ("http", "index.js", first.request_id)
    assert leaks_of(function)[0]["description"] == f"POST {store.url}/uploads/1"
    function.renew()
    assert leaks_of(function)[0]["fate"] == "never"
    store.let_go("/uploads/1")


@callback_generation
@pytest.mark.parametrize("program", ["c01-callback-value", "c03-put-then-callback", "c03-timer-then-callback"])
def test_callback_that_waits_for_everything_leaves_nothing(
    deployed: Deploy, store: ObjectStore, runtime: str, program: str
) -> None:
    """C1, C3"""
    function = deployed(program, runtime, **settings(store))
    function.invoke({"path": "/orders/1", "order": 1})
    function.wait_frozen()
    assert leaks_of(function) == []


# Why it ran out of time


@callback_generation
def test_interval_that_stays(deployed: Deploy, runtime: str) -> None:
    """C4"""
    function = deployed("c04-interval-stays", runtime, timeout_s=1, MemorySize=ONE_CPU)
    answer = function.invoke()
    told = timeout_of(function)
    assert (told["requestId"], told["blocked"]) == (answer.request_id, False)
    assert 0 <= told["answeredMs"] < 900
    (waiting,) = told["waiting"]
    assert waiting["description"] == "interval (every 50 ms)"
    assert (waiting["source"]["file"], waiting["source"]["line"]) == line_with("c04-interval-stays", "setInterval")
    assert waiting["origin"] == answer.request_id


@callback_generation
def test_polling_socket_that_stays(deployed: Deploy, store: ObjectStore, runtime: str) -> None:
    """C4"""
    function = deployed("c04-polling-socket-stays", runtime, timeout_s=1, **settings(store))
    store.hold("/news")
    function.invoke()
    (waiting,) = timeout_of(function)["waiting"]
    assert waiting["description"] == f"GET {store.url}/news"
    assert (waiting["source"]["file"], waiting["source"]["line"]) == line_with("c04-polling-socket-stays", "http.get(")


@callback_generation
def test_call_of_a_slower_function(deployed: Deploy, store: ObjectStore, runtime: str) -> None:
    """C5"""
    slower = deployed("c05-slower-function", runtime, **settings(store))
    caller = deployed("c05-calls-slower-function", runtime, timeout_s=1, MemorySize=ONE_CPU)
    store.hold("/slow")
    caller.invoke({"callee": slower.name})
    told = timeout_of(caller)
    assert told["answeredMs"] is not None
    (waiting,) = told["waiting"]
    assert waiting["description"].endswith(f"/2015-03-31/functions/{slower.name}/invocations")
    store.let_go("/slow")


@callback_generation
def test_forgotten_branch(deployed: Deploy, store: ObjectStore, runtime: str) -> None:
    """C10"""
    function = deployed("c10-forgotten-branch", runtime, timeout_s=1, **settings(store))
    function.invoke({"id": 7})
    told = timeout_of(function)
    assert told["answeredMs"] is None
    places = {waiting["source"]["line"] for waiting in told["waiting"] if waiting["source"]}
    assert line_with("c10-forgotten-branch", "setInterval")[1] in places


@every_generation
def test_blocked_loop_is_told_and_the_next_time_where(deployed: Deploy, runtime: str) -> None:
    function = deployed({"index.js": BLOCKS}, runtime, timeout_s=1, MemorySize=ONE_CPU)
    function.invoke()
    assert (timeout_of(function)["blocked"], timeout_of(function)["stack"]) == (True, [])
    for _ in range(4):  # on a busy machine the second thread may not get to look in time
        function.invoke()
        told = timeout_of(function)
        assert told["blocked"]
        if told["stack"]:
            break
    assert told["stack"][0].startswith("exports.handler (index.js:2:")


@every_generation
def test_diagnosis_is_no_line_of_the_functions_log(deployed: Deploy, runtime: str) -> None:
    function = deployed({"index.js": BLOCKS}, runtime, timeout_s=1, MemorySize=ONE_CPU)
    answer = function.invoke(tail=True)
    assert answer.log is not None
    assert "blocked" not in answer.log
    assert not [line for line in function.log_lines() if "blocked" in line]
