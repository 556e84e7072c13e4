"""Callback handlers as people wrote them for ten years (nodejs20.x, nodejs22.x), and what nodejs24.x says to them."""

import json
import re
import time
from contextlib import ExitStack

import pytest
from tests.acceptance.conftest import Deploy
from tests.acceptance.functions import Answer, Deployed
from tests.acceptance.lines import end_of, inside, logged, report_of, reports, start_of, texts
from tests.acceptance.neighbours import ObjectStore, object_store

callback_generation = pytest.mark.parametrize("runtime", ["nodejs20.x", "nodejs22.x"])

REMOVED = (
    "ERROR: AWS Lambda has removed support for callback-based function handlers starting with Node.js 24. You need to "
    "modify this function to use a supported handler signature to use Node.js 24 or later. For more information see "
    "https://docs.aws.amazon.com/lambda/latest/dg/nodejs-handler.html."
)


def variables(**values: str) -> dict[str, dict[str, str]]:
    """The Environment of a function."""
    return {"Variables": values}


def assert_timed_out(function: Deployed, answer: Answer, timeout_s: int = 1) -> list[str]:
    """The answer and the report are those of a timeout; returns what the invocation printed."""
    message = f"RequestId: {answer.request_id} Error: Task timed out after {timeout_s}.00 seconds"
    expected = {"errorType": "Sandbox.Timedout", "errorMessage": message}
    assert (answer.status, answer.error) == (200, "Unhandled")
    assert answer.payload.decode() == json.dumps(expected, separators=(",", ":"))
    lines = function.log_lines()
    report = report_of(lines, answer.request_id)
    assert (report.duration_ms, report.status, report.error_type) == (timeout_s * 1000.0, "timeout", None)
    return texts(inside(lines, answer.request_id))


@callback_generation
@pytest.mark.parametrize("program", ["c01-callback-value", "c01-callback-value-esm"])
def test_callback_with_a_value_gives_the_value(deployed: Deploy, runtime: str, program: str) -> None:
    """C1"""
    answer = deployed(program, runtime).invoke({"name": "Ada"})
    assert (answer.status, answer.error, answer.payload) == (200, None, b'{"greeting":"Hello, Ada!"}')
    assert answer.headers["x-amz-executed-version"] == "$LATEST"
    assert "x-amz-function-error" not in answer.headers


@callback_generation
@pytest.mark.parametrize(
    ("event", "payload"),
    [
        (
            {},
            r'\{"errorType":"Error","errorMessage":"id is missing",'
            r'"trace":\["Error: id is missing","    at exports\.handler \(/[^"]*/index\.js:12:47\)"(,"    at [^"]+")+\]\}',
        ),
        (
            {"id": 200},
            r'\{"errorType":"OrderNotFound","errorMessage":"no order 200",'
            r'"trace":\["OrderNotFound: no order 200","    at exports\.handler \(/[^"]*/index\.js:13:39\)"(,"    at [^"]+")+\]\}',
        ),
        ({"id": -1}, r'\{"errorType":"string","errorMessage":"id is negative","trace":\[\]\}'),
    ],
    ids=["an Error", "an Error of the user's", "a string"],
)
def test_callback_with_an_error_gives_the_error(
    deployed: Deploy, runtime: str, event: dict[str, int], payload: str
) -> None:
    """C2"""
    answer = deployed("c02-callback-error", runtime).invoke(event)
    assert answer.status == 200
    assert answer.headers["x-amz-function-error"] == "Unhandled"
    assert answer.headers["x-amz-executed-version"] == "$LATEST"
    assert re.fullmatch(payload, answer.payload.decode()), answer.payload


@callback_generation
def test_environment_is_kept_after_an_error(deployed: Deploy, runtime: str) -> None:
    """C2"""
    function = deployed("c02-callback-error", runtime)
    failed = function.invoke({"id": 200})
    before = function.wait_frozen()
    assert function.invoke({"id": 1}).value == {"id": 1, "asked": 2}
    after = function.wait_frozen()
    assert (after["id"], after["pid"], after["invocations"]) == (before["id"], before["pid"], 2)
    lines = function.log_lines()
    assert report_of(lines, failed.request_id).status is None
    error = logged("ERROR", r'Invoke Error \t\{"errorType":"OrderNotFound",.*\}', failed.request_id)
    assert [bool(re.fullmatch(error, line)) for line in inside(lines, failed.request_id)] == [True]


@callback_generation
def test_callback_waits_for_a_put_that_is_running(deployed: Deploy, store: ObjectStore, runtime: str) -> None:
    """C3"""
    function = deployed("c03-put-then-callback", runtime, Environment=variables(STORE_URL=store.url))
    store.hold("/orders/1")
    call = function.begin({"path": "/orders/1", "order": {"id": 1}}, tail=True)
    store.wait_request("PUT", "/orders/1")
    since = time.perf_counter()
    assert [each["state"] for each in function.environments()] == ["invoking"]
    assert function.log_lines()[-1].startswith("START")
    assert not call.done()
    held_ms = (time.perf_counter() - since) * 1000.0
    store.let_go("/orders/1")
    answer = call.result()
    assert store.objects == {"/orders/1": b'{"id":1}'}
    assert (answer.error, answer.payload) == (None, b'"accepted"')
    lines = function.log_lines()
    assert texts(inside(lines, answer.request_id)) == ["/orders/1 stored: 200"]
    assert report_of(lines, answer.request_id).duration_ms >= held_ms


@callback_generation
def test_callback_waits_for_a_timer_and_the_first_call_counts(deployed: Deploy, runtime: str) -> None:
    """C3"""
    function = deployed("c03-timer-then-callback", runtime)
    answer = function.invoke(tail=True)
    assert answer.value == "accepted"
    lines = function.log_lines()
    assert [bool(re.fullmatch(logged("INFO", "timer over", answer.request_id), line)) for line in lines].count(
        True
    ) == 1
    assert texts(inside(lines, answer.request_id)) == ["timer over"]
    report = report_of(lines, answer.request_id)
    assert 300 <= report.duration_ms < 3000
    assert report.billed_ms >= 300


@callback_generation
def test_interval_that_stays_makes_a_function_time_out_that_called_its_callback(deployed: Deploy, runtime: str) -> None:
    """C4"""
    function = deployed("c04-interval-stays", runtime, timeout_s=1)
    assert assert_timed_out(function, function.invoke()) == ["callback was called"]


@callback_generation
def test_polling_socket_that_stays_makes_a_function_time_out_that_called_its_callback(
    deployed: Deploy, store: ObjectStore, runtime: str
) -> None:
    """C4"""
    function = deployed("c04-polling-socket-stays", runtime, timeout_s=1, Environment=variables(STORE_URL=store.url))
    store.hold("/news")
    call = function.begin()
    store.wait_request("GET", "/news")
    assert assert_timed_out(function, call.result()) == ["callback was called"]


@callback_generation
def test_call_of_a_slower_function_that_nobody_waits_for_makes_the_caller_time_out(
    deployed: Deploy, store: ObjectStore, runtime: str
) -> None:
    """C5"""
    slower = deployed("c05-slower-function", runtime, Environment=variables(STORE_URL=store.url))
    caller = deployed("c05-calls-slower-function", runtime, timeout_s=1)
    store.hold("/slow")
    call = caller.begin({"callee": slower.name})
    store.wait_request("GET", "/slow")
    assert assert_timed_out(caller, call.result()) == ["callback was called"]
    assert [each["state"] for each in slower.environments()] == ["invoking"]
    store.let_go("/slow")
    slower.wait_frozen()  # the platform does not end it when its caller is gone
    assert [report.status for report in reports(slower.log_lines())] == [None]


@pytest.fixture
def put_not_waited(deployed: Deploy, store: ObjectStore, runtime: str) -> Deployed:
    """A function that calls its callback while it waits for leave to upload, with the flag false."""
    return deployed("c06-put-not-waited", runtime, Environment=variables(STORE_URL=store.url))


def begin_and_leave(function: Deployed, store: ObjectStore) -> Answer:
    """One invocation that is answered before it may upload; its environment is frozen afterwards, the leave given."""
    store.objects["/rates"] = b"1"
    store.hold("/uploads/1")
    answer = function.invoke({"id": 1})
    assert (answer.error, answer.value) == (None, {"id": 1})
    with function.motionless():
        store.let_go("/uploads/1")
    return answer


@callback_generation
def test_put_that_nobody_waits_for_may_be_done_before_the_freeze(
    put_not_waited: Deployed, store: ObjectStore, runtime: str
) -> None:
    """C6"""
    store.objects["/rates"] = b"1"
    store.hold("/rates")
    call = put_not_waited.begin({"id": 1})
    store.wait_request("GET", "/rates")
    put_not_waited.wait_line("report 1: 200")
    assert not call.done()
    store.let_go("/rates")
    answer = call.result()
    put_not_waited.wait_frozen()
    assert store.objects["/reports/1"] == b"report 1"
    assert texts(inside(put_not_waited.log_lines(), answer.request_id)) == ["report 1: 200"]


@callback_generation
def test_put_that_nobody_waits_for_may_be_done_inside_a_later_invocation(
    put_not_waited: Deployed, store: ObjectStore, runtime: str
) -> None:
    """C6"""
    first = begin_and_leave(put_not_waited, store)
    assert "/reports/1" not in store.objects
    store.hold("/rates")
    call = put_not_waited.begin({"id": 2})
    assert store.wait_object("/reports/1") == b"report 1"
    put_not_waited.wait_line("report 1: 200")
    store.let_go("/rates")
    second = call.result()
    put_not_waited.wait_frozen()
    lines = put_not_waited.log_lines()
    assert inside(lines, first.request_id) == []
    assert "report 1: 200" in texts(inside(lines, second.request_id))


@callback_generation
@pytest.mark.parametrize("gone_by", ["update", "deletion"])
def test_put_that_nobody_waits_for_is_never_done_when_the_environment_is_gone(
    put_not_waited: Deployed, store: ObjectStore, runtime: str, gone_by: str
) -> None:
    """C6"""
    begin_and_leave(put_not_waited, store)
    if gone_by == "update":
        put_not_waited.renew()
        store.objects["/uploads/2"] = b""
        assert put_not_waited.invoke({"id": 2}).error is None  # another environment, which knows of nothing
    else:
        put_not_waited.delete()
        put_not_waited.wait_gone()
    assert "/reports/1" not in store.objects
    assert ("PUT", "/reports/1") not in store.requests


@callback_generation
def test_nothing_called_and_an_empty_loop_give_null(deployed: Deploy, runtime: str) -> None:
    """C7"""
    function = deployed("c07-nothing-called", runtime)
    for answer in (function.invoke(tail=True), function.invoke(tail=True)):
        assert (answer.status, answer.error, answer.payload) == (200, None, b"null")
        assert texts(inside(function.log_lines(), answer.request_id)) == ["read myself"]


@callback_generation
@pytest.mark.parametrize(
    ("method", "error", "payload"),
    [
        ("succeed", None, r'\{"by":"succeed"\}'),
        ("done", None, r'\{"by":"done"\}'),
        (
            "fail",
            "Unhandled",
            r'\{"errorType":"RangeError","errorMessage":"too far","trace":\["RangeError: too far",.*\]\}',
        ),
        (
            "done with an error",
            "Unhandled",
            r'\{"errorType":"TypeError","errorMessage":"not a number","trace":\["TypeError: not a number",.*\]\}',
        ),
    ],
)
def test_methods_of_the_context_complete_at_once(
    deployed: Deploy, store: ObjectStore, runtime: str, method: str, error: str | None, payload: str
) -> None:
    """C8"""
    function = deployed("c08-context-methods", runtime, Environment=variables(STORE_URL=store.url))
    store.hold("/slow")  # for as long as the test runs
    for count in (1, 2):
        answer = function.invoke({"method": method})
        assert (answer.status, answer.error) == (200, error)
        assert re.fullmatch(payload, answer.payload.decode()), answer.payload
        assert function.wait_frozen()["invocations"] == count


@callback_generation
@pytest.mark.parametrize("failing", ["none", "query", "put object", "put item"])
def test_nested_callbacks_give_the_right_answer_or_the_right_error(
    deployed: Deploy, runtime: str, failing: str
) -> None:
    """C9"""
    with ExitStack() as streets:
        orders, bills, table = (streets.enter_context(object_store()) for _ in range(3))
        orders.objects["/orders/7"] = b'{"customer":"Ada"}'
        environment = variables(ORDERS_URL=orders.url, STORE_URL=bills.url, TABLE_URL=table.url)
        function = deployed("c09-nested-callbacks", runtime, Environment=environment)
        if failing == "query":
            del orders.objects["/orders/7"]
        elif failing == "put object":
            bills.refuse("/bills/7.txt", 503)
        elif failing == "put item":
            table.refuse("/billed/7", 409)
        message = {
            "query": "GET /orders/7: 404",
            "put object": "PUT /bills/7.txt: 503",
            "put item": "PUT /billed/7: 409",
        }.get(failing)
        for count in (1, 2):
            answer = function.invoke({"id": 7})
            assert function.wait_frozen()["invocations"] == count
            if message is None:
                assert (answer.error, answer.value) == (None, {"id": 7, "bill": "Bill for Ada"})
            else:
                assert (answer.error, answer.value["errorMessage"]) == ("Unhandled", message)
        assert bills.objects == ({} if failing in ("query", "put object") else {"/bills/7.txt": b"Bill for Ada"})
        assert table.objects == ({"/billed/7": b'{"billed":true}'} if failing == "none" else {})


@callback_generation
def test_branch_that_forgets_the_callback_and_leaves_a_handle_times_out(
    deployed: Deploy, store: ObjectStore, runtime: str
) -> None:
    """C10"""
    store.objects["/orders/1"] = b"an order"
    function = deployed("c10-forgotten-branch", runtime, timeout_s=1, Environment=variables(STORE_URL=store.url))
    assert function.invoke({"id": 1}, tail=True).value == "an order"  # with its log: the environment is free again
    answer = function.invoke({"id": 2})
    assert assert_timed_out(function, answer) == ["no order 2", "still working", "still working"]


@callback_generation
def test_what_a_module_variable_holds_is_computed_once_for_each_environment(deployed: Deploy, runtime: str) -> None:
    """C11"""
    function = deployed("c11-module-cache", runtime)
    answers = [function.invoke(tail=True) for _ in range(3)]
    assert [answer.value["computed"] for answer in answers] == [1, 1, 1]
    assert [report.init_ms is not None for report in reports(function.log_lines())] == [True, False, False]
    function.renew()
    assert function.invoke(tail=True).value == answers[0].value
    cold = reports(function.log_lines())[-1]
    assert cold.init_ms is not None
    assert cold.billed_ms >= cold.duration_ms + cold.init_ms


@pytest.mark.parametrize("runtime", ["nodejs20.x", "nodejs22.x", "nodejs24.x"])
def test_what_a_module_computes_at_its_top_is_part_of_the_init_duration(deployed: Deploy, runtime: str) -> None:
    """C11"""
    function = deployed("c11-module-cache-esm", runtime)
    answers = [function.invoke(tail=True) for _ in range(2)]
    assert [answer.value["computed"] for answer in answers] == [1, 1]
    lines = function.log_lines()
    assert texts(lines[1:2]) == ["computing the key"]
    assert [report.init_ms is not None for report in reports(lines)] == [True, False]
    assert "Init Duration" in (answers[0].log or "")
    assert "Init Duration" not in (answers[1].log or "")


@callback_generation
def test_views_of_active_handles_show_the_users_and_not_the_runtimes(deployed: Deploy, runtime: str) -> None:
    """C12"""
    function = deployed("c12-active-handles", runtime)
    nothing: dict[str, list[str]] = {"handles": [], "requests": []}
    seen = {"before": nothing, "open": {"handles": ["Server"], "requests": ["FSReqCallback"]}, "after": nothing}
    assert [function.invoke(tail=True).value for _ in range(2)] == [seen, seen]


def test_callback_handler_is_refused_by_the_runtime_that_has_none(deployed: Deploy) -> None:
    """C13"""
    function = deployed("c01-callback-value", "nodejs24.x")
    answer = function.invoke({"name": "Ada"}, tail=True)
    assert (answer.status, answer.error, answer.headers["x-amz-function-error"]) == (200, "Unhandled", "Unhandled")
    name = "Runtime.CallbackHandlerDeprecated"
    start = f'{{"errorType":"{name}","errorMessage":"{REMOVED}","trace":["{name}: {REMOVED}","    at '
    assert answer.payload.decode().startswith(start)
    lines = function.log_lines()
    phases = [line for line in lines if line.startswith("INIT_REPORT")]
    assert len(phases) == 2
    for line, phase in zip(phases, ("init", "invoke"), strict=True):
        pattern = (
            rf"INIT_REPORT Init Duration: \d+\.\d\d ms\tPhase: {phase}\tStatus: error\tError Type: {re.escape(name)}"
        )
        assert re.fullmatch(pattern, line), line
    assert lines[-3:-1] == [start_of(answer.request_id), end_of(answer.request_id)]
    report = report_of(lines, answer.request_id)
    assert (report.status, report.error_type, report.init_ms) == ("error", name, None)


@callback_generation
def test_callback_handler_is_warned_of_its_end_by_the_runtimes_before(deployed: Deploy, runtime: str) -> None:
    """C13"""
    silence = "AWS_LAMBDA_NODEJS_DISABLE_CALLBACK_WARNING"
    warned, silent = (
        deployed("c01-callback-value", runtime, Environment=variables(**given)) for given in ({}, {silence: "1"})
    )
    for function in (warned, silent):
        assert function.invoke({"name": "Ada"}, tail=True).value == {"greeting": "Hello, Ada!"}
    text = "AWS Lambda plans to remove support for callback-based function handlers starting with Node.js 24\\. .*"
    assert re.fullmatch(logged("WARN", text, "undefined"), warned.log_lines()[1])
    assert not [line for line in silent.log_lines() if "\tWARN\t" in line]
