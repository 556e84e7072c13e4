"""An external extension, as one finds them: registers, subscribes, takes its events, says on stdout what it saw."""

import http.server
import json
import os
import socket
import sys
import threading
import urllib.request

BASE = f"http://{os.environ['AWS_LAMBDA_RUNTIME_API']}"
NAME, PROTOCOL = sys.argv[1], sys.argv[2]
lock = threading.Lock()


def say(**members: object) -> None:
    with lock:
        sys.stdout.write(json.dumps(members) + "\n")
        sys.stdout.flush()


class Receiver(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        for event in json.loads(self.rfile.read(int(self.headers["Content-Length"]))):
            say(telemetry=event["record"])
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


def listen_http() -> dict[str, object]:
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Receiver)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return {"protocol": "HTTP", "URI": f"http://sandbox.localdomain:{server.server_port}"}


def listen_tcp() -> dict[str, object]:
    listening = socket.create_server(("127.0.0.1", 0))

    def read() -> None:
        connection, _ = listening.accept()
        for line in connection.makefile():
            say(telemetry=json.loads(line)["record"])

    threading.Thread(target=read, daemon=True).start()
    return {"protocol": "TCP", "port": listening.getsockname()[1]}


def call(method: str, path: str, body: object = None, **headers: str) -> tuple[dict[str, str], bytes]:
    data = None if body is None else json.dumps(body).encode()
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    with urllib.request.urlopen(urllib.request.Request(BASE + path, data, named, method=method)) as answer:
        return dict(answer.headers), answer.read()


answered = call(
    "POST", "/2020-01-01/extension/register", {"events": ["INVOKE", "SHUTDOWN"]}, Lambda_Extension_Name=NAME
)[0]
identifier = answered["Lambda-Extension-Identifier"]
destination = listen_http() if PROTOCOL == "HTTP" else listen_tcp()
subscription = {
    "schemaVersion": "2022-12-13",
    "types": ["function"],
    "buffering": {"timeoutMs": 25},
    "destination": destination,
}
call("PUT", "/2022-07-01/telemetry", subscription, Lambda_Extension_Identifier=identifier)
while True:
    told = call("GET", "/2020-01-01/extension/event/next", Lambda_Extension_Identifier=identifier)[1]
    event = json.loads(told)
    say(event=event["eventType"], reason=event.get("shutdownReason"))
    if event["eventType"] == "SHUTDOWN":
        break
