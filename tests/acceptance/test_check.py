"""`neve check` over the charter's programs: what leaks is found with its line, what is clean is clean."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from tests.acceptance.conftest import Deploy
from tests.acceptance.functions import PROGRAMS, zipped
from tests.acceptance.neighbours import object_store
from tests.acceptance.server import NeveServer, clean_environment

BOUND_S = 270  # some 10 s where nothing else runs
pytestmark = pytest.mark.timeout(BOUND_S + 20)
EVENT = {"id": 1, "path": "/orders/1", "order": 1, "name": "Ada", "callee": "c05-slower-function"}

# Program, runtime, the kind of what is found, a fragment of its line, a part of the advice.
FOUND = [
    (
        "a02-forgotten-await",
        "nodejs24.x",
        "leak",
        "/uploads/",
        "await saveInvoice(event.id) in src/a02",
    ),
    ("a07-callback-in-async", "nodejs24.x", "leak", "http.request(", "callback of table.put(…)"),
    ("a09-late-timer", "nodejs24.x", "leak", "setTimeout", "clearTimeout()"),
    ("a10-late-timer-with-id", "nodejs22.x", "leak", "setTimeout", "clearTimeout()"),
    ("a11-forgotten-post", "nodejs24.x", "leak", "fetch(`", "await fetch(…).then(…)"),
    ("c04-interval-stays", "nodejs22.x", "timeout", "setInterval", "clearInterval()"),
    ("c04-polling-socket-stays", "nodejs22.x", "timeout", "http.get(", "callbackWaitsForEmptyEventLoop"),
    ("c05-calls-slower-function", "nodejs22.x", "timeout", "http.request(", "callbackWaitsForEmptyEventLoop"),
    ("c06-put-not-waited", "nodejs22.x", "leak", "http.request(", "callbackWaitsForEmptyEventLoop"),
    ("c10-forgotten-branch", "nodejs22.x", "timeout", "setInterval", "every path"),
]
CLEAN = [
    ("a03-awaited-put-http", "nodejs24.x"),
    ("c01-callback-value", "nodejs22.x"),
    ("c03-put-then-callback", "nodejs22.x"),
]
BESIDE = [("c05-slower-function", "nodejs22.x")]


@dataclass(frozen=True)
class Run:
    """One run of the command."""

    status: int
    output: str
    errors: str
    folder: Path

    @property
    def functions(self) -> dict[str, Any]:
        """What `--json` says, by function."""
        return {each["name"]: each for each in json.loads(self.output)["functions"]}


def check(folder: Path, *arguments: str, **environment: str) -> Run:
    environ = {**clean_environment(), "NEVE_INIT_SECONDS": "60", "NO_COLOR": "1", **environment}
    run = subprocess.run(
        [str(Path(sys.executable).with_name("neve")), "check", *arguments],
        cwd=folder,
        env=environ,
        capture_output=True,
        text=True,
        timeout=BOUND_S,
        check=False,
    )
    return Run(run.returncode, run.stdout, run.stderr, folder)


def lay_out(folder: Path, url: str) -> None:
    """The programs as a repository."""
    (folder / "events").mkdir(parents=True)
    (folder / ".git").mkdir()
    tables = []
    for name, runtime in [*((each[0], each[1]) for each in FOUND), *CLEAN, *BESIDE]:
        shutil.copytree(PROGRAMS / name, folder / "src" / name)
        event = {"id": 7} if name.startswith("c10") else EVENT
        (folder / "events" / f"{name}.json").write_text(json.dumps(event))
        # What is to time out shall, and soon; the others wait for a busy machine.
        timeout = 1 if name[:3] in ("c04", "c10") or name == "c05-calls-slower-function" else 20
        variables = f'{{ STORE_URL = "{url}" }}'
        tables.append(
            f'[functions.{name}]\npath = "src/{name}"\nruntime = "{runtime}"\ntimeout = {timeout}\nenvironment = {variables}\n'
        )
    (folder / "neve.toml").write_text("\n".join(tables))


@pytest.fixture(scope="module")
def charter(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Run]:
    folder = tmp_path_factory.mktemp("charter") / "repository"
    with object_store() as store:
        store.objects["/rates"] = b"1"
        store.slow_down("/slow", 2.0)
        store.slow_down("/news", 2.0)
        lay_out(folder, store.url)
        only = [argument for name, *_ in (*FOUND, *CLEAN) for argument in ("--only", name)]
        yield check(folder, ".", *only, "--json", "--junit", "junit.xml", "--sarif", "check.sarif")


def line_with(program: str, fragment: str) -> list[tuple[str, int]]:
    """Where a program has this text."""
    return [
        (f"src/{program}/{file.name}", number)
        for file in sorted((PROGRAMS / program).iterdir())
        for number, line in enumerate(file.read_text().splitlines(), 1)
        if fragment in line
    ]


@pytest.mark.parametrize(("program", "runtime", "kind", "fragment", "advice"), FOUND, ids=[each[0] for each in FOUND])
def test_what_leaks_is_found_with_its_line(
    charter: Run, program: str, runtime: str, kind: str, fragment: str, advice: str
) -> None:
    assert charter.status == 1, charter.errors
    told = charter.functions[program]["findings"]
    (finding,) = [each for each in told if (each["file"], each["line"]) in line_with(program, fragment)]
    assert finding["kind"] == kind
    assert advice in finding["advice"]


@pytest.mark.parametrize("program", [each[0] for each in CLEAN])
def test_what_is_clean_has_no_findings(charter: Run, program: str) -> None:
    assert charter.functions[program]["findings"] == []
    assert {fate["forced"] for fate in charter.functions[program]["fates"].values()} == {True}


def test_request_that_is_never_made_is_told_by_what_it_does_in_time(charter: Run) -> None:
    """A2: the PUT is made by nobody when the environment is reclaimed."""
    (finding,) = charter.functions["a02-forgotten-await"]["findings"]
    assert [each["what"].partition(" ")[0] for each in finding["effects"][:2]] == ["POST", "PUT"]
    assert finding["fates"]["thawed"]["outcome"] in ("late", "luck")  # the freeze of a busy machine may come after it
    assert finding["fates"]["reclaimed"]["outcome"] in ("lost", "luck")
    assert finding["fates"]["in time"]["outcome"] == "done"


def test_junit_has_a_case_for_each_function_and_fate(charter: Run) -> None:
    root = ElementTree.parse(charter.folder / "junit.xml").getroot()
    cases = {(case.get("classname"), case.get("name")): case for case in root.iter("testcase")}
    assert sum(fate != "code" for _, fate in cases) == 3 * (len(FOUND) + len(CLEAN))
    assert len(cases) == int(root.get("tests", "0"))
    thawed = cases["a09-late-timer", "thawed"]
    assert thawed.find("failure") is not None
    assert (thawed.get("file"), thawed.get("line")) == ("src/a09-late-timer/index.mjs", "3")
    assert cases["a09-late-timer", "in time"].find("failure") is None
    assert cases["c01-callback-value", "thawed"].find("failure") is None


def test_sarif_points_into_the_repository(charter: Run) -> None:
    (run,) = json.loads((charter.folder / "check.sarif").read_text())["runs"]
    rules = [rule["id"] for rule in run["tool"]["driver"]["rules"]]
    for result in run["results"]:
        assert rules[result["ruleIndex"]] == result["ruleId"]
        (location,) = result["locations"]
        assert (charter.folder / location["physicalLocation"]["artifactLocation"]["uri"]).is_file()
    (timer,) = [each for each in run["results"] if each["properties"]["function"] == "a09-late-timer"]
    assert timer["locations"][0]["physicalLocation"]["region"]["startLine"] == 3


def test_clean_functions_exit_0_and_say_so(tmp_path: Path) -> None:
    (tmp_path / "greet").mkdir()
    (tmp_path / "greet" / "index.mjs").write_text("export const handler = async (event) => `Hello, ${event.name}!`;\n")
    (tmp_path / "greet" / "event.json").write_text('{"name": "Ada"}')
    run = check(tmp_path, "greet")
    assert run.status == 0, run.errors
    assert run.output.startswith("✓ greet  nodejs24.x, event greet/event.json")
    assert "1 function in three fates each: all clean" in run.output


def test_failing_function_is_found_and_setups_run_before_each_fate(tmp_path: Path) -> None:
    (tmp_path / "index.mjs").write_text("export const handler = async (event) => {\n  return event.order.id;\n};\n")
    run = check(tmp_path, ".", "--setup", f'echo "$AWS_ACCESS_KEY_ID" >> {tmp_path}/accounts', PATH=os.environ["PATH"])
    assert run.status == 1, run.errors
    assert "ERROR TypeError: Cannot read properties of undefined (reading 'id')" in run.output
    assert "index.mjs:2:22" in run.output
    assert "put its event into" in run.output
    assert len(set((tmp_path / "accounts").read_text().split())) == 3


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["empty"], "No function in empty"),
        (["."], "is no JSON"),
        ([".", "--only", "nobody"], "There is no function nobody"),
        (["nobody", "--endpoint", "http://127.0.0.1:1"], "No Neve answers"),
    ],
)
def test_what_cannot_be_checked_exits_2_with_a_sentence(tmp_path: Path, arguments: list[str], sentence: str) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "greet").mkdir()
    (tmp_path / "greet" / "index.mjs").write_text("export const handler = async () => 1;\n")
    (tmp_path / "greet" / "event.json").write_text("{" if arguments == ["."] else "{}")
    run = check(tmp_path, *arguments)
    assert run.status == 2
    assert run.output == ""
    assert sentence in run.errors
    assert run.errors.count("\n") == 1


# Blocks its event loop without taking the processor from anybody: in the first worlds, or in all. Those of the function that
# comes first are numbered from 1.
BLOCKED = """
export const handler = async (event, context) => {
  const world = Number(context.invokedFunctionArn.split(':')[4].slice(-3));
  if (world <= event.last) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
  return 'done';
};
"""


def test_fate_in_which_the_event_loop_was_blocked_is_tried_again_before_that_is_told(tmp_path: Path) -> None:
    names = {"briefly": 3, "forever": 999}
    (tmp_path / "neve.toml").write_text(
        "".join(f"[functions.{name}]\npath = '{name}'\ntimeout = 2\n" for name in names)
    )
    for name, last in names.items():
        (tmp_path / name).mkdir()
        (tmp_path / name / "index.mjs").write_text(BLOCKED)
        (tmp_path / name / "event.json").write_text(json.dumps({"last": last}))
    run = check(tmp_path, ".", "--json", "--setup", f"echo x >> {tmp_path}/tries", PATH=os.environ["PATH"])
    assert run.status == 1, run.errors
    assert run.functions["briefly"]["findings"] == []
    (finding,) = run.functions["forever"]["findings"]
    assert (finding["kind"], finding["title"]) == ("timeout", "it runs out of its 2 s")
    assert finding["advice"].startswith("Give the event loop a pause")
    assert (tmp_path / "tries").read_text().count("x") == len(names) * 3 * 2


def test_function_of_a_server_is_checked_as_a_copy_with_its_layers_and_variables(
    neve: NeveServer, deployed: Deploy, tmp_path: Path
) -> None:
    def layer(name: str) -> str:
        modules = {
            "nodejs/node_modules/greeting/index.js": f"exports.hello = '{name}';",
            f"nodejs/node_modules/{name}/index.js": f"exports.name = '{name}';",
        }
        published = neve.client("lambda").publish_layer_version(LayerName=name, Content={"ZipFile": zipped(modules)})
        return str(published["LayerVersionArn"])

    program = """
exports.handler = async (event) => {
  setTimeout(() => console.log('late'), 100);
  return [process.env.WHOSE, require('first').name, require('greeting').hello, event.order];
};
"""
    function = deployed(
        {"index.js": program},
        "nodejs24.x",
        Layers=[layer("first"), layer("second")],
        Environment={"Variables": {"WHOSE": "mine"}},
    )
    (tmp_path / "order.json").write_text('{"order": 7}')
    run = check(tmp_path, function.name, "--endpoint", neve.url, "--event", "order.json", "--json")
    assert run.status == 1, run.errors
    checked = run.functions[function.name]
    payload = json.dumps(["mine", "first", "second", 7], separators=(",", ":"))
    answers = [answer for fate in checked["fates"].values() for answer in fate["answers"]]
    assert [answer["payload"] for answer in answers] == [payload] * 5
    (finding,) = checked["findings"]
    assert (finding["kind"], finding["file"], finding["line"]) == ("leak", "index.js", 3)
    assert checked["event"] == "order.json"
    assert function.log_lines() == []  # what is deployed was not invoked


def test_function_that_nobody_has_is_said_to_be_neither_a_folder_nor_a_function(
    neve: NeveServer, tmp_path: Path
) -> None:
    run = check(tmp_path, "nobody", "--endpoint", neve.url)
    assert run.status == 2
    assert f"There is no folder nobody, and no function of that name on {neve.url}" in run.errors
