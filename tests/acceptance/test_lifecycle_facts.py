"""Facts of the life of an environment that no scenario tells: what survives a freeze, what a reset is and what is none."""

import sys
from pathlib import Path
from typing import Any

import pytest
from tests.acceptance.conftest import Deploy
from tests.acceptance.functions import deploy
from tests.acceptance.lines import inside, report_of
from tests.acceptance.machine import turns
from tests.acceptance.neighbours import ObjectStore
from tests.acceptance.records import followed
from tests.acceptance.server import NeveServer, running
from tests.acceptance.test_concurrency import provision
from tests.acceptance.test_versions import publish

PYTHON = f"python3.{sys.version_info[1]}"
KEEPS = {
    "nodejs24.x": """
import { spawn } from 'node:child_process';
import { openSync, readFileSync, writeSync } from 'node:fs';
import http from 'node:http';

const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
let file, child, calls = 0;

const put = (url) => new Promise((resolve, reject) => {
  const request = http.request(url, { method: 'PUT', agent }, (answer) => {
    answer.resume().on('end', () => resolve(request.reusedSocket));
  });
  request.on('error', reject).end('body');
});

export const handler = async ({ url }) => {
  calls += 1;
  file ??= openSync('/tmp/kept', 'w+');
  child ??= spawn('/bin/cat');
  writeSync(file, `${calls}`);
  const said = new Promise((resolve) => child.stdout.once('data', resolve));
  child.stdin.write(`${calls}`);
  return { calls, child: child.pid, said: `${await said}`, file: readFileSync('/tmp/kept', 'utf8'), reused: await put(url) };
};
""",
    PYTHON: """
import http.client, os, subprocess
from urllib.parse import urlsplit

calls, file, child, connection, socket = 0, None, None, None, None

def handler(event, context):
    global calls, file, child, connection, socket
    calls += 1
    if file is None:
        file = open("/tmp/kept", "w+")
        child = subprocess.Popen(["/bin/cat"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0)
        connection = http.client.HTTPConnection(urlsplit(event["url"]).netloc)
    file.write(str(calls))
    file.flush()
    child.stdin.write(str(calls).encode())
    connection.request("PUT", urlsplit(event["url"]).path, b"body")
    connection.getresponse().read()
    reused, socket = socket is not None and socket is connection.sock, connection.sock
    return {"calls": calls, "child": child.pid, "said": os.read(child.stdout.fileno(), 9).decode(),
            "file": open("/tmp/kept").read(), "reused": reused}
""",
}
THROWS = {
    "nodejs24.x": "let n = 0; export const handler = async ({ fail }) => { n += 1; if (fail) throw new Error('no'); return n; };",
    PYTHON: """
n = 0
def handler(event, context):
    global n
    n += 1
    if event.get("fail"):
        raise ValueError("no")
    return n
""",
}
ANSWERS_EARLY = """#!/usr/bin/env python3
import json, os, urllib.request
api = "http://" + os.environ["AWS_LAMBDA_RUNTIME_API"] + "/2018-06-01/runtime/invocation/"
while True:
    with urllib.request.urlopen(api + "next") as answer:
        request_id, event = answer.headers["Lambda-Runtime-Aws-Request-Id"], json.load(answer)
    urllib.request.urlopen(urllib.request.Request(api + request_id + "/response", b"1")).read()
    urllib.request.urlopen(urllib.request.Request(event["url"], b"late", method="PUT")).read()
    print("after the answer", flush=True)
"""
SLOW_ONCE = {
    "index.py": """
import os, time
if not os.path.exists("/tmp/been"):
    open("/tmp/been", "w").close()
    time.sleep(60)
def handler(event, context):
    return os.environ["AWS_LAMBDA_INITIALIZATION_TYPE"]
"""
}


def program(runtime: str, text: str) -> dict[str, str]:
    return {"index.mjs" if runtime.startswith("nodejs") else "index.py": text}


@pytest.mark.parametrize("runtime", KEEPS)
def test_files_sockets_and_child_processes_survive_a_freeze(deployed: Deploy, store: ObjectStore, runtime: str) -> None:
    function = deployed(program(runtime, KEEPS[runtime]), runtime)
    answers = []
    for _ in range(3):
        answers.append(function.invoke({"url": f"{store.url}/kept"}).value)
        with function.motionless():
            pass
    assert [each["calls"] for each in answers] == [1, 2, 3]
    assert len({each["child"] for each in answers}) == 1
    assert [each["said"] for each in answers] == ["1", "2", "3"]
    assert answers[-1]["file"] == "123"
    assert [each["reused"] for each in answers] == [False, True, True]


@pytest.mark.parametrize("runtime", THROWS)
def test_an_error_that_is_thrown_is_no_reset(deployed: Deploy, runtime: str) -> None:
    function = deployed(program(runtime, THROWS[runtime]), runtime)
    assert function.invoke().value == 1
    process = function.wait_frozen()["pid"]
    assert function.invoke({"fail": True}).error == "Unhandled"
    assert function.invoke().value == 3
    assert function.wait_frozen()["pid"] == process


def test_a_provisioned_environment_is_frozen_before_anybody_has_used_it(deployed: Deploy) -> None:
    function = deployed({"index.mjs": "setInterval(() => {}, 1); export const handler = async () => 1;"}, "nodejs24.x")
    publish(function)
    provision(function, 1)
    environment = function.wait_frozen()
    assert (environment["invocations"], environment["provisioned"]) == (0, True)
    before = turns(environment["pid"])
    assert function.environments() == [environment]
    assert turns(environment["pid"]) == before


def test_the_answer_alone_freezes_nothing(neve: NeveServer, deployed: Deploy, store: ObjectStore) -> None:
    function = deployed({"bootstrap": ANSWERS_EARLY}, "provided.al2023", "x", executable=True)
    store.hold("/late")
    with followed(neve) as records:
        answer = function.invoke({"url": f"{store.url}/late"})
        assert answer.value == 1
        store.wait_request("PUT", "/late")  # it runs on, behind its answer
        assert [each["state"] for each in function.environments()] == ["draining"]
        store.let_go("/late")
        records.wait("neve.freeze", lambda record: record["function"] == function.name)
    lines = function.log_lines()
    assert inside(lines, answer.request_id) == ["after the answer"]
    assert report_of(lines, answer.request_id).status is None


def test_an_init_phase_that_takes_too_long_is_repeated_inside_the_invocation(tmp_path: Path) -> None:
    with running(tmp_path / "data", "--init-seconds", "0.5") as server:
        function = deploy(server, SLOW_ONCE, PYTHON, timeout_s=30)
        answer = function.invoke()
        assert answer.value == "on-demand"
        function.wait_line("REPORT")
        lines = function.log_lines()
    init = next(line for line in lines if line.startswith("INIT_REPORT"))
    assert init.startswith("INIT_REPORT Init Duration: ")
    assert init.endswith("\tPhase: init\tStatus: timeout")
    assert sum(line.startswith(("INIT_START", "INIT_REPORT")) for line in lines) == 2
    assert report_of(lines, answer.request_id).init_ms is None


def test_a_provisioned_init_phase_has_more_time(tmp_path: Path) -> None:
    with running(tmp_path / "data", "--init-seconds", "0.5") as server:
        text = SLOW_ONCE["index.py"].replace("time.sleep(60)", "time.sleep(1.5)")
        function = deploy(server, {"index.py": text}, PYTHON)
        publish(function)
        provision(function, 1)
        assert function.wait_frozen()["invocations"] == 0
        assert function.invoke(Qualifier="1").value == "provisioned-concurrency"
        assert not [line for line in function.log_lines() if "Status: timeout" in line]


LOOKS = """
import os, pwd

def handler(event, context):
    owner = os.stat("/var/task/index.py")
    return {
        "user": (os.getuid(), os.getgid(), pwd.getpwuid(os.getuid()).pw_name),
        "home": os.environ.get("HOME"),
        "cwd": os.getcwd(),
        "code": (owner.st_uid, owner.st_gid, oct(owner.st_mode & 0o777)),
        "names": sorted(os.environ),
    }
"""


def test_what_a_function_finds_where_it_begins(neve: NeveServer, deployed: Deploy) -> None:
    assert neve.own("health")["sandbox"] == "bubblewrap", "this machine does not isolate: nothing of it can be seen"
    found: dict[str, Any] = deployed({"index.py": LOOKS}, PYTHON).invoke().value
    assert found["user"][0] == 993
    assert found["user"][2] == "sbx_user1051"
    assert found["home"] in (None, "/")
    assert found["cwd"] == "/var/task"
    assert found["code"][2] in ("0o644", "0o444")
    assert "_LAMBDA_TELEMETRY_LOG_FD" not in found["names"]
    assert not [name for name in found["names"] if name.startswith(("NEVE", "_NEVE", "VIRTUAL_ENV"))]
    assert {"_HANDLER", "_X_AMZN_TRACE_ID", "AWS_LAMBDA_RUNTIME_API", "LC_CTYPE"} <= set(found["names"])


def test_a_custom_runtime_logs_events_of_many_lines_through_the_descriptor(deployed: Deploy) -> None:
    bootstrap = """#!/usr/bin/env python3
import os, struct, urllib.request
api = "http://" + os.environ["AWS_LAMBDA_RUNTIME_API"] + "/2018-06-01/runtime/invocation/"
descriptor = int(os.environ["_LAMBDA_TELEMETRY_LOG_FD"])
while True:
    with urllib.request.urlopen(api + "next") as answer:
        request_id = answer.headers["Lambda-Runtime-Aws-Request-Id"]
    print("raw", flush=True)
    text = b"two\\nlines"
    os.write(descriptor, struct.pack(">IIQ", 0xA55A0003, len(text), 0) + text)
    os.write(descriptor, struct.pack(">II", 0xA55A0001, 3) + b"old")
    urllib.request.urlopen(urllib.request.Request(api + request_id + "/response", b"1")).read()
"""
    function = deployed({"bootstrap": bootstrap}, "provided.al2023", "x", executable=True)
    answer = function.invoke()
    function.wait_line("REPORT")
    assert inside(function.log_lines(), answer.request_id) == ["raw", "two\nlines", "old"]
