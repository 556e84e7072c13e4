"""What three fates tell when they are compared, what to do about it, and how it is written down; from records made here."""

import io
import json
import zipfile
from collections.abc import Mapping, Sequence
from typing import Any
from xml.etree import ElementTree

import pytest
from tests.cli.conftest import Cli

from neve.cli.checking.advice import advice
from neve.cli.checking.compare import (
    DIFFERENCE,
    DONE,
    ENDLESS,
    ERROR,
    KINDS,
    LATE,
    LEAK,
    LOST,
    LUCK,
    TIMEOUT,
    Finding,
    findings,
)
from neve.cli.checking.fates import Fate, Seen, nothing_open
from neve.cli.checking.junit import junit_xml
from neve.cli.checking.observed import bare_line, observe
from neve.cli.checking.report import Checked, as_plain, explain
from neve.cli.checking.sarif import sarif_json
from neve.cli.checking.show import show
from neve.cli.checking.targets import Target
from neve.cli.checking.traces import place_in_trace
from neve.cli.checking.witness import Witness
from neve.cli.checking.worlds import Worlds
from neve.cli.client import Answer, Client

ENDPOINT = "http://127.0.0.1:4566"
FIRST, SECOND = "11111111-1111-4111-8111-111111111111", "22222222-2222-4222-8222-222222222222"
CODE = "export const handler = async () => {\n  fetch(url);\n};\n"
ACCOUNTS = {Fate.THAWED: "900000000001", Fate.RECLAIMED: "900000000002", Fate.IN_TIME: "900000000003"}

Told = Mapping[str, Any]


def told(record: str, request_id: str | None = None, /, **members: Any) -> Told:
    return {"type": record, "requestId": request_id, "record": members}


def left(leak: str = "e.1", kind: str = "fetch", description: str = "PUT http://h:1/p", origin: str = FIRST) -> Told:
    source = {"file": "index.mjs", "line": 2, "column": 3}
    stack = ["handler (index.mjs:2:3)"]
    return told(
        "neve.leak",
        origin,
        leakId=leak,
        kind=kind,
        description=description,
        count=1,
        origin=origin,
        source=source,
        stack=stack,
    )


def request(what: str, inside: str | None = None, status: int = 200) -> Told:
    """Over: `METHOD HOST/PATH`, with the target of a service in brackets."""
    method, url, *target = what.split(" ")
    host, _, path = url.partition("/")
    return told(
        "neve.call",
        inside,
        leakId="e.1",
        method=method,
        host=host,
        path=f"/{path}",
        target=f"Table.{target[0][1:-1]}" if target else None,
        durationMs=1.0,
        status=status,
        source=None,
    )


def finished(inside: str | None = None) -> Told:
    return told("neve.leakFinished", inside, leakId="e.1", requestId=inside)


def resumed() -> Told:
    return told("neve.leakResumed", SECOND, leakId="e.1", requestId=SECOND)


def report(request_id: str = FIRST, status: str = "success") -> Told:
    return told("platform.report", request_id, status=status, metrics={"durationMs": 1000.0})


def called(service: str, operation: str, path: str = "/") -> Told:
    return told("neve.serviceCall", "x", service=service, operation=operation, method="POST", path=path, status=200)


def answer(request_id: str, body: str = "1", error: str | None = None) -> Answer:
    headers = {"x-amzn-requestid": request_id} | ({"x-amz-function-error": error} if error else {})
    return Answer(200, headers, body.encode())


def seen(fate: Fate, before: Sequence[Told], after: Sequence[Told] = (), **members: Any) -> Seen:
    second = None if fate is Fate.RECLAIMED else answer(SECOND)
    given = {"first": answer(FIRST), "second": second, **members}
    return Seen(fate=fate, account=ACCOUNTS[fate], records=[*before, *after], turned=len(before), **given)


def found(thawed: Seen, reclaimed: Seen, in_time: Seen) -> list[Finding]:
    return findings(observe([thawed, reclaimed, in_time], ENDPOINT))


def words(finding: Finding) -> dict[Fate, str]:
    return {fate: outcome.word for fate, outcome in finding.fates.items()}


def zip_of(code: str) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("index.mjs", code)
    return buffer.getvalue()


def put_that_is_lost() -> list[Seen]:
    """The request freezes; what the answer to it would have led to is a second request."""
    first, then = request("PUT h:1/p", SECOND), request("POST h:1/q", SECOND)
    return [
        seen(Fate.THAWED, [left(), report()], [resumed(), first, then, finished(SECOND), report(SECOND)]),
        seen(Fate.RECLAIMED, [left(), report()]),
        seen(Fate.IN_TIME, [left(), report(), request("PUT h:1/p"), request("POST h:1/q"), finished()]),
    ]


# Leaks


def test_leak_is_late_lost_and_done() -> None:
    (finding,) = found(*put_that_is_lost())
    assert words(finding) == {Fate.THAWED: LATE, Fate.RECLAIMED: LOST, Fate.IN_TIME: DONE}
    assert finding.title == "PUT h:1/p is lost in 1 of 3 fates, late in 1"
    assert finding.fates[Fate.RECLAIMED].text == "lost: PUT h:1/p, POST h:1/q"
    assert finding.fates[Fate.IN_TIME].text == "comes to its end: PUT h:1/p → 200, POST h:1/q → 200"


def test_leak_that_was_over_before_the_freeze_was_lucky() -> None:
    over = [left(), finished(), report()]
    (finding,) = found(seen(Fate.THAWED, over), seen(Fate.RECLAIMED, over), seen(Fate.IN_TIME, over))
    assert words(finding) == {Fate.THAWED: LUCK, Fate.RECLAIMED: LUCK, Fate.IN_TIME: DONE}
    assert finding.title == "PUT h:1/p is left unfinished"


def test_interval_is_endless() -> None:
    beats = [left(kind="interval", description="interval (every 50 ms)"), report()]
    (finding,) = found(seen(Fate.THAWED, beats, [resumed()]), seen(Fate.RECLAIMED, beats), seen(Fate.IN_TIME, beats))
    assert words(finding)[Fate.IN_TIME] == ENDLESS


def test_error_of_left_over_work_is_told_with_what_it_ends() -> None:
    three = put_that_is_lost()
    failed = told("neve.leakFailed", SECOND, leakId="e.1", requestId=SECOND, error="Error: boom")
    (finding,) = found(seen(Fate.THAWED, [left(), report()], [resumed(), failed]), *three[1:])
    assert finding.fates[Fate.THAWED].text == "its error ends the next invocation: Error: boom"


def test_lines_of_the_first_invocation_are_told_and_those_of_the_second_are_not() -> None:
    late = told("function", SECOND, text=f"2026-01-01T00:00:00.000Z\t{FIRST}\tINFO\tdrew 5", leftOverFrom=FIRST)
    own = told("function", SECOND, text="own")
    three = put_that_is_lost()
    (finding,) = found(seen(Fate.THAWED, [left(), report()], [resumed(), late, own]), *three[1:])
    assert finding.fates[Fate.THAWED].text == 'goes on inside the next invocation: log "drew 5"'


def test_ids_and_accounts_do_not_make_a_difference() -> None:
    def lines(fate: Fate) -> list[Told]:
        text = f"{ACCOUNTS[fate]} {FIRST}"
        return [report(), told("function", None, text=text)]

    (finding,) = found(*(seen(fate, lines(fate)) for fate in Fate))
    assert finding.subject == 'log "000000000000 …"'


# Calls of services


def test_call_that_is_not_made_when_the_environment_is_reclaimed_is_found_without_a_leak_watch() -> None:
    put = called("dynamodb", "PutItem")
    (finding,) = found(
        seen(Fate.THAWED, [report()], [put]), seen(Fate.RECLAIMED, [report()]), seen(Fate.IN_TIME, [report(), put])
    )
    assert (finding.kind, finding.subject) == (LEAK, "dynamodb PutItem")
    assert words(finding) == {Fate.THAWED: LATE, Fate.RECLAIMED: LOST, Fate.IN_TIME: DONE}


def test_request_of_a_leak_for_our_own_endpoint_is_the_call_that_it_is() -> None:
    put = called("dynamodb", "PutItem")
    leak = left(kind="http", description=f"POST {ENDPOINT}/ (PutItem)")
    (finding,) = found(
        seen(Fate.THAWED, [leak, report()], [resumed(), finished(SECOND), put]),
        seen(Fate.RECLAIMED, [leak, report()]),
        seen(
            Fate.IN_TIME,
            [leak, report(), request(f"POST {ENDPOINT.removeprefix('http://')}/ (PutItem)"), finished(), put],
        ),
    )
    assert finding.title == "dynamodb PutItem is lost in 1 of 3 fates, late in 1"
    assert finding.fates[Fate.RECLAIMED].text == "lost: dynamodb PutItem"


def test_calls_that_are_made_in_every_fate_are_no_finding() -> None:
    put = called("dynamodb", "PutItem")
    assert found(*(seen(fate, [put, report()], [put] if fate is not Fate.RECLAIMED else []) for fate in Fate)) == []


@pytest.mark.parametrize("keys", [("a-1795265998247", "a-1795265998311", "a-1795265999002"), ("kqx", "zvw", "mte")])
def test_calls_before_the_answer_whose_names_differ_each_time_are_no_finding(keys: Sequence[str]) -> None:
    puts = {fate: called("s3", f"PUT /photos/{key}") for fate, key in zip(Fate, keys, strict=True)}
    assert found(*(seen(fate, [puts[fate], report()]) for fate in Fate)) == []


def test_call_after_the_answer_whose_name_differs_each_time_is_found_under_one_name() -> None:
    thawed, in_time = called("s3", "PUT /photos/a-1795265998247"), called("s3", "PUT /photos/a-1795265999002")
    (finding,) = found(
        seen(Fate.THAWED, [report()], [thawed]),
        seen(Fate.RECLAIMED, [report()]),
        seen(Fate.IN_TIME, [report(), in_time]),
    )
    assert finding.subject == "s3 PUT /photos/a-…"
    assert words(finding) == {Fate.THAWED: LATE, Fate.RECLAIMED: LOST, Fate.IN_TIME: DONE}


def test_deploying_and_invoking_it_ourselves_are_no_calls_of_the_function() -> None:
    path = "/2015-03-31/functions/f/invocations"
    ours = {**called("lambda", "Invoke", path), "requestId": FIRST}
    (invoked, *_) = observe(
        [seen(Fate.IN_TIME, [called("lambda", "CreateFunction"), ours, called("lambda", "Invoke", path)])], ""
    )
    assert [effect.what for _, effect in invoked.calls] == ["invoke f"]


def test_call_of_a_thread_is_told_as_what_the_thread_does() -> None:
    """Python tells that a thread has ended between two invocations, too."""
    put = called("dynamodb", "PutItem")
    thread = left(kind="thread", description="thread (save)")
    (finding,) = found(
        seen(Fate.THAWED, [thread, report()], [put, finished()]),
        seen(Fate.RECLAIMED, [thread, report()]),
        seen(Fate.IN_TIME, [thread, report(), put, finished()]),
    )
    assert words(finding) == {Fate.THAWED: LATE, Fate.RECLAIMED: LOST, Fate.IN_TIME: DONE}
    assert finding.fates[Fate.RECLAIMED].text == "lost: dynamodb PutItem"


# Timeouts, errors, differences


def test_timeout_tells_what_it_waited_for_and_is_told_once() -> None:
    waiting = {
        "kind": "interval",
        "description": "interval (every 50 ms)",
        "count": 1,
        "source": {"file": "index.js", "line": 3, "column": 3},
        "stack": ["exports.handler (index.js:3:3)"],
        "origin": FIRST,
    }
    diagnosis = told(
        "neve.diagnosis",
        FIRST,
        requestId=FIRST,
        family="nodejs",
        timeoutSeconds=3.0,
        answeredMs=1.0,
        waiting=[waiting],
        blocked=False,
        stack=[],
    )
    records = [report(status="timeout"), diagnosis]
    gone: dict[str, Any] = {
        "unforced": "the invocation ended with its processes",
        "second": None,
        "first": answer(FIRST, "{}", "Unhandled"),
    }
    (finding,) = found(*(seen(fate, records, **gone) for fate in Fate))
    assert (finding.kind, finding.title, finding.place) == (TIMEOUT, "it runs out of its 3 s", ("index.js", 3, 3))
    assert finding.details[0] == "its callback was called after 1 ms, but then it waited"
    assert "clearInterval() before the callback" in advice(finding, "nodejs22.x")


def test_error_has_the_place_that_its_trace_names() -> None:
    trace = [
        "TypeError: no",
        "    at Object.parse (node:internal:1:1)",
        "    at handler (file:///var/task/src/a.mjs:2:22)",
    ]
    body = json.dumps({"errorType": "TypeError", "errorMessage": "no", "trace": trace})
    failed = answer(FIRST, body, "Unhandled")
    (finding,) = found(*(seen(fate, [report()], first=failed) for fate in Fate))
    assert (finding.kind, finding.title, finding.place) == (ERROR, "TypeError: no", ("src/a.mjs", 2, 22))


def test_stack_of_an_error_has_no_frames_of_runtimes() -> None:
    frames = [
        "handler (file:///var/task/a.mjs:2:22)",
        "watched (file:///var/runtime/watching.mjs:1:1)",
        "node:internal:1:1",
    ]
    trace = ["Error: no", "Require stack:", "- /var/task/a.mjs", *(f"    at {each}" for each in frames)]
    failed = answer(FIRST, json.dumps({"errorType": "Error", "errorMessage": "no", "trace": trace}), "Unhandled")
    (finding,) = found(*(seen(fate, [report()], first=failed) for fate in Fate))
    assert finding.stack == frames[:1]


@pytest.mark.parametrize(("inside", "hinted"), [([], True), ([FIRST], False)])
def test_event_is_asked_for_only_where_the_handler_got_one(
    inside: Sequence[str], hinted: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    inits = [told("platform.initRuntimeDone", each, status="error", errorType="E") for each in inside]
    failed = answer(FIRST, '{"errorType": "E", "errorMessage": "no"}', "Unhandled")
    observed = observe([seen(fate, [*inits, report()], first=failed) for fate in Fate], ENDPOINT)
    target = Target("f", "nodejs24.x", {"Handler": "index.handler"}, zip_of(CODE), folder="src/f")
    show(explain(target, findings(observed), observed, 0.5), KINDS)
    assert ("put its event into events/f.json" in capsys.readouterr().out) is hinted


@pytest.mark.parametrize(
    ("code", "message", "place"),
    [
        ("export const handler = async () => {\n  const x = ;\n};\n", "Unexpected token ';'", ("src/f/index.mjs", 2)),
        (
            "export const handler = async () => {\n  f('a';\n};\n",
            "missing ) after argument list",
            ("src/f/index.mjs", 2),
        ),
        ("import { a } from 'node:fs';\n", "The requested module 'node:fs' does not provide …", (None, 0)),
    ],
)
def test_place_of_a_syntax_error_is_where_the_code_cannot_be_read(
    code: str, message: str, place: tuple[str | None, int]
) -> None:
    target = Target("f", "nodejs24.x", {"Handler": "index.handler"}, zip_of(code), folder="src/f")
    finding = Finding(ERROR, f"Runtime.UserCodeSyntaxError: SyntaxError: {message}", in_init=True)
    (only,) = explain(target, [finding], [], 0.5).told
    assert (only.file, only.line) == place


def test_place_in_a_trace_of_python_is_the_innermost_of_the_users() -> None:
    places = [("/var/task/app.py", 3), ("/var/task/save.py", 9), ("/usr/lib/x.py", 1)]
    trace = [f'  File "{file}", line {line}, in f\n' for file, line in places]
    assert place_in_trace(trace) == ("save.py", 9, 0)
    assert place_in_trace(['  File "/var/task/app.py" Line 1\n    def f()\n']) == ("app.py", 1, 0)


@pytest.mark.parametrize(("firsts", "kinds"), [(("1", "1", "1"), [DIFFERENCE]), (("1", "2", "3"), [])])
def test_answers_are_compared_only_of_functions_that_give_the_same_ones(
    firsts: Sequence[str], kinds: list[str]
) -> None:
    three = put_that_is_lost()
    changed = [
        seen(each.fate, each.records, first=answer(FIRST, first), second=each.second and answer(SECOND, second))
        for each, first, second in zip(three, firsts, ("other", "", "same"), strict=True)
    ]
    assert [each.kind for each in found(*changed) if each.kind != LEAK] == kinds


def test_what_is_not_over_is_waited_for_but_no_interval() -> None:
    assert not nothing_open([left()])
    assert nothing_open([left(), finished()])
    assert nothing_open([left(kind="interval")])
    assert nothing_open([left(), told("neve.environmentStopped")])


@pytest.mark.parametrize(
    ("text", "bare"),
    [
        (f"2026-01-01T00:00:00.000Z\t{FIRST}\tINFO\thello", "hello"),
        (f"[WARNING]\t2026-01-01T00:00:00.000Z\t{FIRST}\thello", "hello"),
        ("printed 12:00Z\tas it is", "printed 12:00Z\tas it is"),
    ],
)
def test_columns_before_a_line_are_taken_away(text: str, bare: str) -> None:
    assert bare_line(text) == bare


# Advice


@pytest.mark.parametrize(
    ("work", "runtime", "fragments"),
    [
        ("fetch", "nodejs24.x", ["await"]),
        ("http", "nodejs22.x", ["promise", "callbackWaitsForEmptyEventLoop true"]),
        ("interval", "nodejs22.x", ["clearInterval()"]),
        ("child process", "nodejs24.x", ["once(child, 'close')"]),
        ("worker thread", "nodejs24.x", ["'exit'"]),
        ("thread", "python3.13", ["thread.join()"]),
        ("something new", "python3.13", ["before the handler returns"]),
    ],
)
def test_advice_is_for_the_work_and_the_runtime(work: str, runtime: str, fragments: list[str]) -> None:
    text = advice(Finding(LEAK, "x", work), runtime)
    assert all(each in text for each in fragments), text


def test_advice_on_callbacks_is_not_given_where_there_are_none() -> None:
    assert "callback" not in advice(Finding(LEAK, "x", "http"), "nodejs24.x")


SLEEP = "const sleep = (ms) => new Promise((done) => setTimeout(done, ms));\n"
SAVE = "const save = async () => {\n  %s;\n};\nexport const handler = async () => {\n  save();\n};\n"


@pytest.mark.parametrize(
    ("code", "stack", "fragment"),
    [
        (
            SLEEP + SAVE % "await sleep(80)",
            [
                "<anonymous> (index.mjs:1:46)",
                "sleep (index.mjs:1:23)",
                "save (index.mjs:3:9)",
                "handler (index.mjs:6:3)",
            ],
            "await save() in src/f/index.mjs:6,",
        ),
        (
            SAVE % "await setTimeout(80)",
            ["save (index.mjs:2:9)", "handler (index.mjs:5:3)"],
            "await save() in src/f/index.mjs:5,",
        ),
        (SAVE % "setTimeout(print, 80)", ["save (index.mjs:2:3)", "handler (index.mjs:5:3)"], "or clearTimeout() it"),
    ],
    ids=["slept", "of promises", "of nobody"],
)
def test_call_that_waits_for_a_timer_is_to_be_awaited(code: str, stack: list[str], fragment: str) -> None:
    target = Target("f", "nodejs24.x", {"Handler": "index.handler"}, zip_of(code), folder="src/f")
    finding = Finding(LEAK, "timer (80 ms)", "timer", ("index.mjs", 1, 46), stack)
    (only, *_) = explain(target, [finding], [], 0.5).told
    assert fragment in only.advice


@pytest.mark.parametrize(
    ("code", "calls"),
    [("import { S3Client } from '@aws-sdk/client-s3';", ["POST /"]), ("export const handler = async () => 1;", [])],
    ids=["an SDK", "none"],
)
def test_other_services_are_woken_before_functions_whose_code_may_call_them(
    cli: Cli, code: str, calls: list[str]
) -> None:
    worlds = Worlds(cli.url, Witness(Client(cli.url)))
    worlds.prepare([Target("f", "nodejs24.x", {"Handler": "index.handler"}, zip_of(code))])
    assert cli.house.calls == calls
    assert not any(
        f"/{service}/aws4_request" in scope for scope in cli.house.scopes for service in ("sqs", "s3", "sts")
    )


def test_leak_below_a_command_of_the_sdk_is_advised_to_await_that() -> None:
    imports = "import { PutItemCommand } from '@aws-sdk/client-dynamodb';\n"
    code = f"{imports}export const handler = async () => {{\n  db.send(new PutItemCommand({{}}));\n}};\n"
    target = Target("f", "nodejs24.x", {"Handler": "index.handler"}, zip_of(code), folder="src/f")
    stack = ["handle (/var/packages/node_modules/@smithy/handler/index.js:3:5)", "handler (index.mjs:3:3)"]
    (only,) = explain(target, [Finding(LEAK, "PUT h:1/p", "http", ("index.mjs", 3, 3), stack)], [], 0.5).told
    assert only.advice.endswith("await db.send(new PutItemCommand({})), or return its promise.")


# For machines


@pytest.fixture
def checked() -> Checked:
    target = Target("f", "nodejs24.x", {"Handler": "index.handler"}, zip_of(CODE), folder="src/f")
    observed = observe(put_that_is_lost(), ENDPOINT)
    return explain(target, findings(observed), observed, 0.5)


def test_json_has_the_line_of_the_code(checked: Checked) -> None:
    plain = json.loads(json.dumps(as_plain([checked], KINDS)))
    (function,) = plain["functions"]
    (finding,) = function["findings"]
    assert not plain["ok"]
    assert (finding["file"], finding["line"], finding["code"]) == ("src/f/index.mjs", 2, "fetch(url);")
    assert finding["fates"]["reclaimed"]["outcome"] == LOST
    assert function["fates"]["in time"]["answers"][0] == {"requestId": FIRST, "payload": "1", "failed": False}


def test_kinds_that_do_not_count_are_ok_no_failure_and_a_note(checked: Checked) -> None:
    assert as_plain([checked], ["timeout"])["ok"]
    root = ElementTree.fromstring(junit_xml([checked], ["timeout"]))
    assert root.get("failures") == "0"
    assert len(list(root.iter("system-out"))) == 2
    (result,) = json.loads(sarif_json([checked], ["timeout"]))["runs"][0]["results"]
    assert result["level"] == "note"


def test_junit_counts_the_fates_in_which_something_goes_wrong(checked: Checked) -> None:
    root = ElementTree.fromstring(junit_xml([checked], KINDS))
    assert (root.get("tests"), root.get("failures"), root.get("skipped")) == ("3", "2", "0")
    failing = [case.get("name") for case in root.iter("testcase") if case.find("failure") is not None]
    assert failing == ["thawed", "reclaimed"]


def test_sarif_has_what_code_hosts_want(checked: Checked) -> None:
    document = json.loads(sarif_json([checked], KINDS))
    assert (document["version"], document["$schema"].endswith("sarif-2.1.0.json")) == ("2.1.0", True)
    (run,) = document["runs"]
    rules = run["tool"]["driver"]["rules"]
    assert all(rule["help"]["text"] and rule["shortDescription"]["text"] for rule in rules)
    (result,) = run["results"]
    assert (result["ruleId"], rules[result["ruleIndex"]]["id"], result["level"]) == ("leak-request",) * 2 + ("error",)
    assert result["locations"][0]["physicalLocation"]["region"] == {
        "startLine": 2,
        "startColumn": 3,
        "snippet": {"text": "fetch(url);"},
    }
    assert result["partialFingerprints"]["neveFinding/v1"]


def test_timeout_of_python_is_not_advised_of_callbacks() -> None:
    assert "timeout that is shorter" in advice(Finding(TIMEOUT, "x", "http"), "python3.13")
    assert "callback" not in advice(Finding(TIMEOUT, "x", ""), "python3.13")


def test_call_that_an_executor_still_has_is_waited_for_by_its_result() -> None:
    assert "future.result()" in advice(Finding(LEAK, "x", "executor"), "python3.13")
