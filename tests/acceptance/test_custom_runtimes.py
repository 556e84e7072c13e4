"""Functions that bring their own runtime, layers and wrappers: what they see and what they may start."""

import json

from tests.acceptance.conftest import Deploy
from tests.acceptance.functions import zipped
from tests.acceptance.server import NeveServer

PYTHON_BOOTSTRAP = """#!/usr/bin/env python3
import json, os, urllib.request
api = "http://" + os.environ["AWS_LAMBDA_RUNTIME_API"] + "/2018-06-01/runtime"
count = 0
print("custom runtime is up", flush=True)
while True:
    with urllib.request.urlopen(api + "/invocation/next") as answer:
        request_id, event = answer.headers["Lambda-Runtime-Aws-Request-Id"], json.load(answer)
    count += 1
    if event.get("fail"):
        path, body = "/error", {"errorMessage": "as asked", "errorType": "Function.Asked"}
    else:
        path, body = "/response", {"echo": event, "count": count, "handler": os.environ["_HANDLER"]}
    data = json.dumps(body).encode()
    urllib.request.urlopen(urllib.request.Request(api + "/invocation/" + request_id + path, data=data)).read()
"""
WRAPPER = '#!/bin/sh\nexport FROM_WRAPPER="$1 and more"\nexec "$@"\n'
NODE = """
exports.handler = async (event) => ({
  layer: require('greeting').hello,
  file: require('node:fs').readFileSync(process.env.LAYER_FILE ?? '/opt/data.txt', 'utf8'),
  wrapper: process.env.FROM_WRAPPER,
});
"""


def test_a_bootstrap_of_its_own_answers_fails_and_keeps_its_state(neve: NeveServer, deployed: Deploy) -> None:
    function = deployed({"bootstrap": PYTHON_BOOTSTRAP}, "provided.al2023", "main.run", executable=True)
    first = function.invoke({"n": 1}, tail=True)
    assert (first.error, first.value) == (None, {"echo": {"n": 1}, "count": 1, "handler": "main.run"})
    failed = function.invoke({"fail": True}, tail=True)
    assert (failed.error, failed.payload) == (
        "Unhandled",
        b'{"errorMessage": "as asked", "errorType": "Function.Asked"}',
    )
    assert function.invoke({"n": 3}, tail=True).value["count"] == 3
    assert "custom runtime is up" in function.log_lines()
    assert len(function.environments()) == 1


def test_a_function_without_a_bootstrap_says_what_is_missing(deployed: Deploy) -> None:
    function = deployed({"nothing.txt": "here"}, "provided.al2023", "x")
    answer = function.invoke()
    assert answer.error == "Unhandled"
    assert answer.value["errorType"] == "Runtime.InvalidEntrypoint"
    assert answer.value["errorMessage"].endswith("/bootstrap: no such file or directory")


def test_the_modules_of_a_layer_are_found(neve: NeveServer, deployed: Deploy) -> None:
    files = {
        "nodejs/node_modules/greeting/index.js": "exports.hello = 'from the layer';",
        "python/greeting.py": "hello = 'from the layer'\n",
    }
    layer = neve.client("lambda").publish_layer_version(LayerName="modules", Content={"ZipFile": zipped(files)})
    node = "exports.handler = async () => require('greeting').hello;"
    module = "import greeting from 'greeting'; export const handler = async () => greeting.hello;"
    python = "import greeting\ndef handler(event, context):\n    return greeting.hello\n"
    for runtime, file, program in (
        ("nodejs22.x", "index.js", node),
        ("nodejs24.x", "index.mjs", module),
        ("python3.11", "index.py", python),
    ):
        function = deployed({file: program}, runtime, Layers=[layer["LayerVersionArn"]])
        assert function.invoke().value == "from the layer"


def test_layers_are_merged_and_a_wrapper_starts_the_runtime(neve: NeveServer, deployed: Deploy) -> None:
    client = neve.client("lambda")
    base = {"nodejs/node_modules/greeting/index.js": "exports.hello = 'from the layer';", "data.txt": "one"}
    first = client.publish_layer_version(LayerName="base", Content={"ZipFile": zipped(base)})
    second = client.publish_layer_version(
        LayerName="above", Content={"ZipFile": zipped({"data.txt": "two", "wrapper.sh": WRAPPER}, executable=True)}
    )
    function = deployed(
        {"index.js": NODE},
        "nodejs22.x",
        Layers=[first["LayerVersionArn"], second["LayerVersionArn"]],
        Environment={"Variables": {"AWS_LAMBDA_EXEC_WRAPPER": "/opt/wrapper.sh"}},
    )
    value = function.invoke().value
    if neve.own("health")["sandbox"] == "bare":  # nothing is mounted there
        assert value["errorType"] == "Runtime.InvalidEntrypoint"
        return
    assert (value["layer"], value["file"]) == ("from the layer", "two")
    assert json.dumps(value["wrapper"]).endswith('and more"')
