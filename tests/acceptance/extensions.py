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


def layer(neve: NeveServer, extensions: Mapping[str, str], name: str = "extensions") -> str:
    """The ARN of a layer with these extensions."""
    files = {f"extensions/{each}": text for each, text in extensions.items()}
    content = {"ZipFile": zipped(files, executable=True)}
    arn: str = neve.client("lambda").publish_layer_version(LayerName=name, Content=content)["LayerVersionArn"]
    return arn


def words(lines: Sequence[str], name: str) -> list[str]:
    """What one extension wrote down."""
    return [line.removeprefix(f"{name}: ") for line in lines if line.startswith(f"{name}: ")]
