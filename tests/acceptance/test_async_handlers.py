"""Async handlers: what is awaited is there when the caller is answered; what is not leaks into another invocation."""

import json
import re
from functools import cache
from pathlib import Path

import pytest
from tests.acceptance.conftest import Deploy
from tests.acceptance.functions import PROGRAMS, Deployed
from tests.acceptance.lines import REQUEST_ID, Report, end_of, inside, logged, report_of, start_of, texts
from tests.acceptance.machine import cpu_seconds
from tests.acceptance.neighbours import ObjectStore
from tests.acceptance.packages import modules

LATE_BY_S = 0.2  # the timer of A9 and A10 here: with the charter's 20 ms a busy machine may be too late with its freeze
LATE = {"MemorySize": 1769, "Environment": {"Variables": {"LATE_MS": f"{LATE_BY_S * 1000:.0f}"}}}

every_generation = pytest.mark.parametrize("runtime", ["nodejs20.x", "nodejs22.x", "nodejs24.x"])
both_module_kinds = pytest.mark.parametrize("program", ["a01-ways-to-end", "a01-ways-to-end-esm"])


def with_store(store: ObjectStore) -> dict[str, dict[str, str]]:
    """The Environment of a function that calls the store."""
    return {"Variables": {"STORE_URL": store.url}}


# What a handler returns, throws, rejects


@every_generation
@both_module_kinds
def test_returned_value_is_the_answer(deployed: Deploy, runtime: str, program: str) -> None:
    """A1"""
    answer = deployed(program, runtime).invoke({"way": "return"})
    assert (answer.status, answer.error, answer.payload) == (200, None, b'{"way":"return"}')
    assert answer.headers["x-amz-executed-version"] == "$LATEST"
    assert "x-amz-function-error" not in answer.headers


@every_generation
@both_module_kinds
@pytest.mark.parametrize(
    ("way", "error_type", "message"), [("throw", "RangeError", "thrown"), ("reject", "Error", "rejected")]
)
def test_what_is_thrown_or_rejected_is_the_error(
    deployed: Deploy, runtime: str, program: str, way: str, error_type: str, message: str
) -> None:
    """A1"""
    function = deployed(program, runtime)
    answer = function.invoke({"way": way}, tail=True)
    assert (answer.status, answer.headers["x-amz-function-error"]) == (200, "Unhandled")
    assert answer.headers["x-amz-executed-version"] == "$LATEST"
    trace = rf'\["{error_type}: {message}","    at [^"]*/index\.m?js:\d+:\d+\)?"(,"    at [^"]+")+\]'
    payload = rf'\{{"errorType":"{error_type}","errorMessage":"{message}","trace":{trace}\}}'
    assert re.fullmatch(payload, answer.payload.decode()), answer.payload
    lines = function.log_lines()
    asked, failed = inside(lines, answer.request_id)
    assert re.fullmatch(logged("INFO", f"asked for {way}", answer.request_id), asked)
    told = rf'Invoke Error \t\{{"errorType":"{error_type}","errorMessage":"{message}","stack":{trace}\}}'
    assert re.fullmatch(logged("ERROR", told, answer.request_id), failed), failed
    assert report_of(lines, answer.request_id).status is None
    assert function.invoke({"way": "return"}, tail=True).value == {"way": "return"}
    assert function.wait_frozen()["invocations"] == 2  # an error of the function is no reason to end its environment


@every_generation
def test_log_of_a_cold_and_a_warm_success_is_as_on_the_service_line_by_line(deployed: Deploy, runtime: str) -> None:
    """A1"""
    function = deployed("a01-ways-to-end", runtime)
    cold, warm = (function.invoke({"way": "return"}, tail=True) for _ in range(2))
    major = runtime.removeprefix("nodejs").removesuffix(".x")
    before_the_first = "-" if runtime == "nodejs24.x" else "undefined"
    report = r"REPORT RequestId: {}\tDuration: \d+\.\d\d ms\tBilled Duration: \d+ ms\tMemory Size: 128 MB\t"
    report += r"Max Memory Used: \d\d MB\t"
    patterns = [
        rf"INIT_START Runtime Version: nodejs:{major}\.neve\.v\d+\.\d+\.\d+\t"
        rf"Runtime Version ARN: arn:aws:lambda:us-east-1::runtime:[0-9a-f]{{64}}",
        logged("INFO", "loading", before_the_first),
        re.escape(start_of(cold.request_id)),
        logged("INFO", "asked for return", cold.request_id),
        re.escape(end_of(cold.request_id)),
        report.format(cold.request_id) + r"Init Duration: \d+\.\d\d ms\t",
        re.escape(start_of(warm.request_id)),
        logged("INFO", "asked for return", warm.request_id),
        re.escape(end_of(warm.request_id)),
        report.format(warm.request_id),
    ]
    stream = function.wait_frozen()["logStream"]
    assert re.fullmatch(r"\d{4}/\d\d/\d\d/\[\$LATEST\][0-9a-f]{32}", stream)
    logs = function.server.client("logs")
    found = logs.get_log_events(logGroupName=f"/aws/lambda/{function.name}", logStreamName=stream, startFromHead=True)
    lines = [event["message"] for event in found["events"]]
    assert len(lines) == len(patterns), lines
    for pattern, line in zip(patterns, lines, strict=True):
        assert re.fullmatch(pattern, line), (pattern, line)
    assert re.fullmatch(REQUEST_ID, cold.request_id)


@every_generation
def test_figures_of_a_cold_and_a_warm_report_add_up(deployed: Deploy, runtime: str) -> None:
    """A1"""
    function = deployed("a01-ways-to-end", runtime)
    cold, warm = (function.invoke({"way": "return"}, tail=True) for _ in range(2))
    lines = function.log_lines()
    first, second = report_of(lines, cold.request_id), report_of(lines, warm.request_id)
    assert first.init_ms is not None
    assert 0 <= first.billed_ms - (first.duration_ms + first.init_ms) < 1.02  # rounded up; two decimals are printed
    assert 0 <= second.billed_ms - second.duration_ms < 1.01
    assert first.memory_mb == 128
    assert 10 < first.used_mb <= 128


# A PUT


@every_generation
def test_put_that_is_not_awaited_is_absent_until_the_next_invocation_thaws_it(
    deployed: Deploy, store: ObjectStore, runtime: str
) -> None:
    """A2"""
    function = deployed("a02-forgotten-await", runtime, Environment=with_store(store))
    bystander = deployed("a01-ways-to-end", runtime)
    store.hold("/uploads/1")
    answer = function.invoke({"id": 1})  # at once: the leave to upload is held
    assert (answer.error, answer.value) == (None, {"id": 1})
    with function.motionless() as environment:
        used = cpu_seconds(environment["pid"])
        store.let_go("/uploads/1")
        bystander.invoke({"way": "return"})  # somebody else's life goes on
        assert cpu_seconds(environment["pid"]) == used
    assert ("PUT", "/invoices/1") not in store.requests

    store.hold("/later")
    call = function.begin({"id": 2, "after": "/later"})
    assert store.wait_object("/invoices/1") == b"invoice 1"
    store.let_go("/later")
    assert call.result().value == {"id": 2}
    assert function.wait_frozen()["id"] == environment["id"]


@every_generation
def test_put_that_is_not_awaited_is_never_done_when_the_environment_is_gone(
    deployed: Deploy, store: ObjectStore, runtime: str
) -> None:
    """A2"""
    function = deployed("a02-forgotten-await", runtime, Environment=with_store(store))
    store.hold("/uploads/1")
    function.invoke({"id": 1})
    with function.motionless():
        store.let_go("/uploads/1")
    function.renew()
    assert function.invoke({"id": 2}).error is None
    assert ("PUT", "/invoices/1") not in store.requests


@every_generation
@pytest.mark.parametrize("program", ["a03-awaited-put", "a03-awaited-put-http"])
def test_awaited_put_is_done_when_the_caller_is_answered(
    deployed: Deploy, store: ObjectStore, runtime: str, program: str
) -> None:
    """A3"""
    function = deployed(program, runtime, Environment=with_store(store))
    store.hold("/notes/1")
    call = function.begin({"path": "/notes/1", "text": "milk"})
    store.wait_request("PUT", "/notes/1")
    assert [each["state"] for each in function.environments()] == ["invoking"]
    assert not call.done()
    store.let_go("/notes/1")
    assert call.result().value == {"status": 200}
    assert store.objects == {"/notes/1": b"milk"}


@every_generation
def test_stream_wrapped_in_a_promise_is_waited_for(deployed: Deploy, store: ObjectStore, runtime: str) -> None:
    """A4"""
    store.objects["/report.csv"] = b"one,two,three\n" * 20_000
    store.hold("/report.csv")
    function = deployed("a04-stream-in-a-promise", runtime, Environment=with_store(store))
    call = function.begin()
    store.wait_request("GET", "/report.csv")
    assert [each["state"] for each in function.environments()] == ["invoking"]
    store.let_go("/report.csv")
    assert call.result().value == {"lines": 20_000}


@every_generation
def test_queries_side_by_side_cost_one_query_less_than_in_a_row(
    deployed: Deploy, store: ObjectStore, runtime: str
) -> None:
    """A5"""
    store.objects |= {"/stock": b"7", "/prices": b"9"}
    function = deployed("a05-two-queries", runtime, Environment=with_store(store))
    function.invoke(tail=True)  # the cold one, which loads fetch
    store.slow_down("/stock", 0.1)
    store.slow_down("/prices", 0.1)

    def report(together: bool) -> Report:
        answer = function.invoke({"together": together}, tail=True)
        assert answer.payload == b'{"stock":"7","prices":"9"}'
        return report_of(function.log_lines(), answer.request_id)

    # A busy machine can only add to a duration: the least of a few tries is the one that counts.
    tries: list[tuple[Report, Report]] = []
    while not tries or (len(tries) < 10 and least(tries, 0) - 200 + least(tries, 1) - 100 > 30):
        tries.append((report(together=False), report(together=True)))
    assert least(tries, 0) >= 200
    assert least(tries, 1) >= 100
    assert least(tries, 0) - least(tries, 1) == pytest.approx(100, abs=30)
    for told in (told for each in tries for told in each):
        assert 0 <= told.billed_ms - told.duration_ms < 1.01


def least(tries: list[tuple[Report, Report]], which: int) -> float:
    """The shortest duration of the first or the second of each pair."""
    return min(each[which].duration_ms for each in tries)


@every_generation
def test_flag_of_the_context_changes_nothing_in_an_async_handler(
    deployed: Deploy, store: ObjectStore, runtime: str
) -> None:
    """A6"""
    function = deployed("a06-flag-in-async", runtime, Environment=with_store(store))
    store.hold("/slow")  # for as long as the test runs
    for count in (1, 2):
        answer = function.invoke()
        assert (answer.error, answer.value) == (None, "at once")
        assert function.wait_frozen()["invocations"] == count
    assert not any("slow answered" in line for line in function.log_lines())


# A callback inside an async handler


@pytest.fixture
def users(deployed: Deploy, store: ObjectStore, runtime: str) -> Deployed:
    """A function that puts an item with a callback; it has answered once and is frozen, its credentials are there now."""
    function = deployed("a07-callback-in-async", runtime, Environment=with_store(store))
    store.hold("/credentials")
    answer = function.invoke({"id": 1}, tail=True)
    assert (answer.status, answer.error, answer.value) == (200, None, {"statusCode": 200})
    with function.motionless():
        store.let_go("/credentials")
    assert inside(function.log_lines(), answer.request_id) == []
    assert "/users/1" not in store.objects
    return function


@every_generation
def test_callback_inside_an_async_handler_may_be_called_in_a_later_invocation(
    users: Deployed, store: ObjectStore, runtime: str
) -> None:
    """A7"""
    store.hold("/later")
    call = users.begin({"id": 2, "after": "/later"})
    assert store.wait_object("/users/1") == b'{"id":1}'
    users.wait_line("put user 1")
    store.let_go("/later")
    second = call.result()
    users.wait_frozen()
    assert "put user 1 {}" in texts(inside(users.log_lines(), second.request_id))


@every_generation
def test_callback_inside_an_async_handler_may_never_be_called(
    users: Deployed, store: ObjectStore, runtime: str
) -> None:
    """A7"""
    users.renew()
    assert ("PUT", "/users/1") not in store.requests
    assert not any("put user 1" in line for line in users.log_lines())


@every_generation
@pytest.mark.parametrize("table", ["takes it", "refuses it"])
def test_promise_inside_an_async_handler_is_done_when_the_caller_is_answered(
    deployed: Deploy, store: ObjectStore, runtime: str, table: str
) -> None:
    """A8"""
    function = deployed("a08-promise-in-async", runtime, Environment=with_store(store))
    if table == "refuses it":
        store.refuse("/users/1", 400)
    answer = function.invoke({"id": 1}, tail=True)
    told = texts(inside(function.log_lines(), answer.request_id))
    if table == "takes it":
        assert (answer.value, told) == ({"statusCode": 200}, ["put user 1 {}"])
        assert store.objects["/users/1"] == b'{"id":1}'
    else:
        assert (answer.value, told) == ({"statusCode": 500}, ["could not put the table answered 400"])
        assert "/users/1" not in store.objects


# A timer that is late


def invoke_three_times(function: Deployed) -> list[tuple[str, int]]:
    """Request id and number drawn of each, the timer of the one before being overdue at the next; the environment ends."""
    drawn = []
    for _ in range(3):
        answer = function.invoke()
        drawn.append((answer.request_id, answer.value))
        function.wait_overdue(LATE_BY_S)
    function.renew()
    return drawn


@every_generation
def test_timer_of_an_invocation_fires_inside_the_next_one(deployed: Deploy, runtime: str) -> None:
    """A9"""
    function = deployed("a09-late-timer", runtime, **LATE)
    (first, one), (second, two), (third, three) = invoke_three_times(function)
    lines = function.log_lines()
    assert inside(lines, first) == []
    assert texts(inside(lines, second)) == [f"drew {one}"]
    assert texts(inside(lines, third)) == [f"drew {two}"]
    assert not any(f"drew {three}" in line for line in lines)


@every_generation
def test_late_line_tells_the_invocation_that_it_came_from(deployed: Deploy, runtime: str) -> None:
    """A10"""
    function = deployed("a10-late-timer-with-id", runtime, **LATE)
    (first, one), (second, two), (third, three) = invoke_three_times(function)
    lines = function.log_lines()
    assert inside(lines, first) == []
    assert texts(inside(lines, second)) == [f"{first} drew {one}"]
    assert texts(inside(lines, third)) == [f"{second} drew {two}"]
    # The column has the invocation that thawed the timer, the text the one that set it: the telltale of a leak.
    assert [line.split("\t")[1] for line in inside(lines, second)] == [second]
    assert [line.split("\t")[1] for line in inside(lines, third)] == [third]
    assert not any(f"drew {three}" in line for line in lines)


# A POST that nobody awaits


@every_generation
@pytest.mark.parametrize("fate", ["another invocation", "never"])
def test_continuation_of_a_post_that_is_not_awaited_runs_in_another_invocation_or_never(
    deployed: Deploy, store: ObjectStore, runtime: str, fate: str
) -> None:
    """A11"""
    function = deployed("a11-forgotten-post", runtime, Environment=with_store(store))
    store.hold("/events")
    first = function.invoke({"id": 1})
    assert (first.error, first.value) == (None, "thanks")
    with function.motionless():
        store.let_go("/events")
    if fate == "never":
        function.renew()
        assert not any("posted" in line for line in function.log_lines())
        return
    store.hold("/later")
    call = function.begin({"id": 2, "after": "/later"})
    function.wait_line("event 1 posted: 200")
    store.let_go("/later")
    second = call.result()
    function.wait_frozen()
    lines = function.log_lines()
    assert inside(lines, first.request_id) == []
    assert "event 1 posted: 200" in texts(inside(lines, second.request_id))


# What people write


@every_generation
def test_promisified_function_of_node_is_awaited(deployed: Deploy, runtime: str) -> None:
    """A12"""
    function = deployed("a12-promisify", runtime)
    assert function.invoke({"name": "Grace"}).payload == b'"Welcome, Grace!"'


@every_generation
def test_es_module_with_a_handler_called_main(deployed: Deploy, runtime: str) -> None:
    """A13"""
    function = deployed("a13-es-module", runtime, handler="index.main")
    answer = function.invoke({"body": json.dumps({"name": "Grace"})}, tail=True)
    assert (answer.error, answer.value) == (None, {"statusCode": 200, "body": "Hello, Grace!"})
    assert texts(inside(function.log_lines(), answer.request_id)) == [f"saying hello for {function.name}"]


@cache
def program_with(program: str, package: str) -> dict[str, str]:
    """A program and the package that it needs."""
    files = {path.name: path.read_text() for path in Path(PROGRAMS / program).iterdir()}
    return files | modules(package)


@every_generation
@pytest.mark.parametrize(("program", "package"), [("a14-sdk-v2", "aws-sdk"), ("a14-sdk-v3", "@aws-sdk/client-lambda")])
def test_client_library_finds_neve_by_its_environment_alone(
    deployed: Deploy, runtime: str, program: str, package: str
) -> None:
    """A14"""
    callee = deployed("a12-promisify", runtime)
    caller = deployed(program_with(program, package), runtime, timeout_s=20)
    answer = caller.invoke({"callee": callee.name})
    version = program.removeprefix("a14-sdk-")
    assert (answer.error, answer.value) == (None, {"limit": 1000, "answer": f"Welcome, {version}!"})
