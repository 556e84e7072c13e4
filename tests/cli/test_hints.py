"""What the code says without being run: the rules one by one, what they leave alone, and which call an await is missing at."""

import io
import zipfile
from pathlib import Path

import pytest

from neve.cli.checking.code import FLOATING, parse, shown, value_of
from neve.cli.checking.culprit import culprit
from neve.cli.checking.hints import hints
from neve.cli.checking.targets import Target, in_path

PROGRAMS = Path(__file__).parents[1] / "acceptance" / "programs"


def target(code: str, runtime: str = "nodejs24.x", file: str = "index.mjs") -> Target:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr(file, code)
    return Target("f", runtime, {"Handler": "index.handler"}, buffer.getvalue())


def rules(code: str, runtime: str = "nodejs24.x", file: str = "index.mjs") -> list[tuple[str, int]]:
    return [(each.rule, each.line) for each in hints(target(code, runtime, file))]


def handler(body: str, parameters: str = "event, context") -> str:
    return f"export const handler = async ({parameters}) => {{\n{body}\n}};\n"


@pytest.mark.parametrize(
    ("program", "rule", "line"),
    [
        ("a02-forgotten-await", "floating-promise", 9),
        ("a07-callback-in-async", "callback-in-async", 7),
        ("a09-late-timer", "floating-timer", 3),
        ("a11-forgotten-post", "floating-promise", 4),
        ("c06-put-not-waited", "empty-event-loop", 21),
        ("c08-context-methods", "context-done", 7),
        ("c01-callback-value", "callback-handler", 1),
    ],
)
def test_what_the_charter_wants_to_be_found_without_running(program: str, rule: str, line: int) -> None:
    """V3"""
    (found,) = in_path(PROGRAMS / program, None)  # for nodejs24.x
    assert (rule, line) in [(each.rule, each.line) for each in hints(found)]


@pytest.mark.parametrize(
    "program", ["a03-awaited-put", "a04-stream-in-a-promise", "a05-two-queries", "a08-promise-in-async"]
)
def test_what_waits_for_everything_has_no_hints(program: str) -> None:
    (found,) = in_path(PROGRAMS / program, None)
    assert hints(found) == []


@pytest.mark.parametrize(
    ("body", "rule"),
    [
        ("fetch(url)", "floating-promise"),
        ("fetch(url).then((a) => a.text()).catch(report)", "floating-promise"),
        ("items.forEach(async (each) => { await fetch(each) })", "async-for-each"),
        ("setInterval(beat, 50)", "floating-timer"),
        ("fs.readFile(name, (err, text) => { log(text) })", "callback-in-async"),
        ("Promise.all([fetch(a), fetch(b)])", "floating-promise"),
    ],
)
def test_in_an_async_handler_is_found(body: str, rule: str) -> None:
    assert {each for each, _ in rules(handler(body))} == {rule}


@pytest.mark.parametrize(
    "body",
    [
        "await fetch(url)",
        "return fetch(url)",
        "const later = fetch(url); await later",
        "await Promise.all([fetch(a), fetch(b)])",
        "await Promise.all(items.map(async (each) => fetch(each)))",
        "await new Promise((resolve) => { setTimeout(resolve, 5) })",
        "const timer = setTimeout(stop, 5); clearTimeout(timer)",
        "stream.on('error', (err, more) => { log(err) })",
        "items.forEach((each) => log(each))",
        "context.other = false; if (context.callbackWaitsForEmptyEventLoop === false) log(1)",
        "await new Promise((resolve, reject) => { fs.readFile(name, (err, text) => resolve(text)) })",
    ],
)
def test_in_an_async_handler_is_left_alone(body: str) -> None:
    assert rules(handler(body)) == []


def test_names_that_mean_something_else_here_are_left_alone() -> None:
    assert rules("import fetch from './mine.mjs';\n" + handler("fetch(url)")) == []
    assert rules("import { setTimeout } from './mine.mjs';\n" + handler("setTimeout(url)")) == []
    assert rules("async function save() {}\nfunction other(save) {}\n" + handler("save()")) == []


SDK = "import { PutObjectCommand } from '@aws-sdk/client-s3';\n"


@pytest.mark.parametrize(
    ("code", "found"),
    [
        (SDK + handler("s3.send(new PutObjectCommand({}));"), [("floating-promise", 3)]),
        (SDK + handler("await s3.send(new PutObjectCommand({}));"), []),
        (SDK + handler("s3.send(new PutObjectCommand({}), done);"), []),
        (SDK + handler("bus.send(new OrderCommand());"), []),
        (
            "const { PutObjectCommand } = require('@aws-sdk/client-s3');\n"
            + handler("s3.send(new PutObjectCommand({}));"),
            [("floating-promise", 3)],
        ),
    ],
    ids=["floating", "awaited", "with a callback", "of another bus", "required"],
)
def test_command_of_the_sdk_that_nobody_awaits_is_found(code: str, found: list[tuple[str, int]]) -> None:
    assert rules(code) == found


def test_module_level_belongs_to_no_invocation() -> None:
    assert rules("fetch(url);\nsetInterval(beat, 50);\n" + handler("return 1")) == []


@pytest.mark.parametrize(
    "code",
    [
        "exports.handler = function (event, context, callback) {}",
        "module.exports = { handler: (event, context, callback) => {} }",
        "module.exports = { handler(event, context, callback) {} }",
        "const handler = (event, context, callback) => {};\nmodule.exports = { handler }",
        "function main(event, context, callback) {}\nexports.handler = main",
    ],
)
def test_handler_is_found_however_it_is_exported(code: str) -> None:
    assert [rule for rule, _ in rules(code, file="index.js")] == ["callback-handler"]
    assert rules(code, "nodejs22.x", "index.js") == []


def test_what_another_function_makes_a_handler_of_is_not_judged() -> None:
    assert rules("exports.handler = middy((event, context, callback) => {})", file="index.js") == []


def test_flag_says_what_it_does_in_this_runtime() -> None:
    code = "exports.handler = (event, context, callback) => { context.callbackWaitsForEmptyEventLoop = false }"
    (old,) = hints(target(code, "nodejs22.x", "index.js"))
    assert "waits for nothing" in old.text
    (new,) = hints(target(handler("context.callbackWaitsForEmptyEventLoop = false")))
    assert "no effect" in new.text


def test_what_no_person_wrote_is_left_alone() -> None:
    assert parse(b"x" * 400_000) is None
    assert parse(b"const a = {;") is None
    assert rules("/* " + "x" * 3_000 + " */" + handler("fetch(url)")) == []


def test_other_runtimes_have_no_hints() -> None:
    assert rules("setTimeout(1)", "python3.13") == []


# Culprits


def test_await_is_missing_where_a_promise_is_dropped_and_not_where_the_work_began() -> None:
    code = b"async function save(id) {\n  await fetch(url);\n}\nexport const handler = async () => {\n  save(7);\n};\n"
    stack = ["save (a.mjs:2:9)", "handler (a.mjs:5:3)"]
    assert culprit(stack, lambda file: parse(code)) == ("save(7)", "a.mjs", 5)


def test_executor_of_a_promise_is_passed_on_the_way_out() -> None:
    code = b"""function put(id) {
  return new Promise((resolve) => {
    http.request(url).on('end', resolve);
  });
}
exports.handler = async () => {
  put(7).then(log);
};
"""
    stack = ["<anonymous> (a.js:3:10)", "put (a.js:2:10)", "exports.handler (a.js:7:3)"]
    assert culprit(stack, lambda file: parse(code)) == ("put(7).then(log)", "a.js", 7)


def test_call_that_gives_no_promise_is_no_culprit() -> None:
    code = b"function put(id) {\n  http.request(url).end();\n}\nexports.handler = async () => {\n  put(7);\n};\n"
    stack = ["put (a.js:2:8)", "exports.handler (a.js:5:3)"]
    assert culprit(stack, lambda file: parse(code)) is None


def test_columns_count_in_utf_16() -> None:
    module = parse("const s = '😀é'; fetch(url);\n".encode())
    assert module is not None
    call = module.call_at(1, len("const s = '😀é'; ".encode("utf-16-le")) // 2 + 1)
    assert call is not None
    assert (shown(call), value_of(call)[0]) == ("fetch(url)", FLOATING)
