"""Small external extensions as people write them, and the layers that bring them."""

from collections.abc import Mapping, Sequence

from tests.acceptance.functions import zipped
from tests.acceptance.server import NeveServer

PYTHON = """#!/usr/bin/env python3
# Writes down what it hears: one line for each, as `NAME: WORD …`.
import http.client, json, os, sys, time

NAME = os.path.basename(sys.argv[0])
EVENTS = {events}
connection = http.client.HTTPConnection(os.environ["AWS_LAMBDA_RUNTIME_API"])

def call(method, path, body=None, **headers):
    connection.request(method, "/2020-01-01/extension/" + path, body, headers)
    answer = connection.getresponse()
    return answer.headers, json.loads(answer.read() or b"null")

def fail(path):
    call("POST", path, "{{}}", **me, **{{"Lambda-Extension-Function-Error-Type": "Extension.Asked"}})

def say(*words):
    print(NAME + ":", *words, flush=True)

def on_invoke(event):
    {on_invoke}

def on_shutdown(event):
    {on_shutdown}

{before}
headers, told = call("POST", "register", json.dumps({{"events": EVENTS}}), **{{"Lambda-Extension-Name": NAME}})
me = {{"Lambda-Extension-Identifier": headers["Lambda-Extension-Identifier"]}}
say("REGISTER", told["functionName"], told["functionVersion"], told["handler"])
{after}
while True:
    headers, event = call("GET", "event/next", **me)
    if event["eventType"] == "INVOKE":
        say("INVOKE", event["requestId"])
        on_invoke(event)
    else:
        say("SHUTDOWN", event["shutdownReason"], round(event["deadlineMs"] / 1000 - time.time(), 1))
        on_shutdown(event)
        break
"""

AGENT = """#!/usr/bin/env python3
# Subscribes to telemetry as vendors' agents do: a listener in a thread; after each invocation it waits for what is told of
# that one, works on it, and only then asks for the next event. It writes down what it hears of the platform.
import http.client, http.server, json, os, sys, threading

NAME = os.path.basename(sys.argv[0])
TYPES = {types}
heard = []
changed = threading.Condition()

def say(*words):
    print(NAME + ":", *words, flush=True)

class Listener(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        events = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        for event in events:
            if event["type"].startswith("platform."):
                say("heard", event["type"], event["record"].get("requestId", ""))
        with changed:
            heard.extend(events)
            changed.notify_all()
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_):
        pass

def is_done(request_id):
    done = [each["record"]["requestId"] for each in heard if each["type"] == "platform.runtimeDone"]
    return request_id in done

def call(method, path, body=None, **headers):
    connection = http.client.HTTPConnection(os.environ["AWS_LAMBDA_RUNTIME_API"])
    connection.request(method, path, body, headers)
    answer = connection.getresponse()
    text = answer.read()
    if answer.status != 200:
        raise SystemExit(text)
    return answer.headers, text

listener = http.server.ThreadingHTTPServer(("sandbox.localdomain", {port}), Listener)
threading.Thread(target=listener.serve_forever, daemon=True).start()
extension = "/2020-01-01/extension/"
headers, _ = call(
    "POST", extension + "register", '{{"events": ["INVOKE", "SHUTDOWN"]}}', **{{"Lambda-Extension-Name": NAME}}
)
me = {{"Lambda-Extension-Identifier": headers["Lambda-Extension-Identifier"]}}
uri = "http://sandbox.localdomain:%d/" % listener.server_port
subscription = {{
    "schemaVersion": "2022-12-13",
    "types": TYPES,
    "buffering": {{"maxItems": 1000, "maxBytes": 262144, "timeoutMs": 25}},
    "destination": {{"protocol": "HTTP", "URI": uri}},
}}
call("PUT", "/2022-07-01/telemetry", json.dumps(subscription), **me)
while True:
    event = json.loads(call("GET", extension + "event/next", **me)[1])
    if event["eventType"] == "SHUTDOWN":
        say("SHUTDOWN")
        own = [each["record"] for each in heard if each["type"] == "extension"]
        if own:
            say(len(own), "lines of its own, the first:", own[0])
        break
    say("INVOKE", event["requestId"])
    with changed:
        if "platform" in TYPES and not changed.wait_for(lambda: is_done(event["requestId"]), 10):
            say("was never told that the runtime is done")
"""

SHELL = """#!/bin/sh
name=${0##*/}
api="http://$AWS_LAMBDA_RUNTIME_API/2020-01-01/extension"
curl -sS -D "/tmp/$name.head" -o /dev/null -H "Lambda-Extension-Name: $name" -d '{"events":["INVOKE","SHUTDOWN"]}' "$api/register"
id=$(tr -d '\\r' < "/tmp/$name.head" | sed -n 's/^Lambda-Extension-Identifier: //Ip')
echo "$name: REGISTER"
while event=$(curl -sS -m 0 -H "Lambda-Extension-Identifier: $id" "$api/event/next"); do
  case $event in
    *'"INVOKE"'*) echo "$name: INVOKE" ;;
    *'"SHUTDOWN"'*) echo "$name: SHUTDOWN"; exit 0 ;;
    *) echo "$name: $event"; exit 1 ;;
  esac
done
"""


def python(
    events: str = '["INVOKE", "SHUTDOWN"]',
    on_invoke: str = "pass",
    on_shutdown: str = "pass",
    before: str = "",
    after: str = "",
) -> str:
    """An extension in Python; the arguments are statements of one line."""
    return PYTHON.format(events=events, on_invoke=on_invoke, on_shutdown=on_shutdown, before=before, after=after)


def agent(types: str = '["platform", "function"]', port: int = 0) -> str:
    """One that subscribes to telemetry, and listens on this port."""
    return AGENT.format(types=types, port=port)


def layer(neve: NeveServer, extensions: Mapping[str, str], name: str = "extensions") -> str:
    """The ARN of a layer with these extensions."""
    files = {f"extensions/{each}": text for each, text in extensions.items()}
    content = {"ZipFile": zipped(files, executable=True)}
    arn: str = neve.client("lambda").publish_layer_version(LayerName=name, Content=content)["LayerVersionArn"]
    return arn


def words(lines: Sequence[str], name: str) -> list[str]:
    """What one extension wrote down."""
    return [line.removeprefix(f"{name}: ") for line in lines if line.startswith(f"{name}: ")]
