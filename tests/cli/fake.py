"""A small Neve for the commands: answers like the real one's contract, over real sockets, and remembers what was asked."""

import base64
import hashlib
import json
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit


@dataclass
class House:
    """What the small Neve knows."""

    functions: dict[str, dict[str, Any]] = field(default_factory=dict)
    archives: dict[str, bytes] = field(default_factory=dict)
    invocations: list[dict[str, Any]] = field(default_factory=list)
    answer: tuple[int, dict[str, str], bytes] = (200, {}, b"null")
    environments: list[dict[str, Any]] = field(default_factory=list)
    prestarted: list[dict[str, Any]] = field(default_factory=list)
    events: list[dict[str, Any]] = field(default_factory=list)
    records: list[dict[str, Any]] = field(default_factory=list)
    calls: list[str] = field(default_factory=list)
    scopes: set[str] = field(default_factory=set)
    now: float = 1_700_000_000.0
    virtual: bool = True
    pending: int = 0
    queue: list[dict[str, Any]] = field(default_factory=list)
    dropped: list[dict[str, Any]] = field(default_factory=list)
    asked: list[dict[str, Any]] = field(default_factory=list)
    costs: dict[str, Any] = field(default_factory=lambda: {"prices": {}, "functions": []})
    traces: list[dict[str, Any]] = field(default_factory=list)
    picture: dict[str, Any] = field(default_factory=dict)
    leaks: dict[str, Any] = field(default_factory=lambda: {"leaks": [], "init": [], "groups": [], "timeouts": []})
    left_over_lines: list[dict[str, Any]] = field(default_factory=list)


RUNTIMES: list[dict[str, Any]] = [
    {
        "runtime": "nodejs20.x",
        "path": "/wheel/node",
        "version": "24.19.0",
        "from": "with Neve",
        "mismatch": "nodejs20.x runs on Node.js 24.19.0.",
        "installable": True,
        "deprecatedOn": "2026-04-30",
        "deprecation": "nodejs20.x is deprecated since 2026-04-30.",
    },
    {
        "runtime": "nodejs24.x",
        "path": "/wheel/node",
        "version": "24.19.0",
        "from": "with Neve",
        "mismatch": None,
        "installable": True,
        "deprecatedOn": "2028-04-30",
        "deprecation": None,
    },
    {
        "runtime": "provided.al2023",
        "path": None,
        "version": None,
        "from": None,
        "mismatch": None,
        "installable": False,
        "deprecatedOn": None,
        "deprecation": None,
    },
]

Reply = tuple[int, dict[str, Any] | bytes, dict[str, str]]


class Door(BaseHTTPRequestHandler):
    """One request."""

    protocol_version = "HTTP/1.1"
    house: House

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        """Say nothing."""

    def do_GET(self) -> None:
        self._answer()

    do_POST = do_PUT = do_DELETE = do_GET  # noqa: N815

    def _answer(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        url = urlsplit(self.path)
        self.house.calls.append(f"{self.command} {url.path}")
        self.house.scopes.add(self.headers.get("Authorization", ""))
        if url.path == "/":
            status, reply, headers = self._logs(json.loads(body))
        elif url.path.startswith("/_neve/records"):
            return self._records()
        elif url.path.startswith("/_neve"):
            status, reply, headers = self._own(url.path[6:], parse_qs(url.query), body)
        else:
            status, reply, headers = self._lambda(url.path, url.query, body)
        self._send(status, reply, headers)
        return None

    def _send(self, status: int, reply: dict[str, Any] | bytes, headers: dict[str, str]) -> None:
        data = reply if isinstance(reply, bytes) else json.dumps(reply).encode()
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def _records(self) -> None:
        self.send_response(200)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        for record in self.house.records:
            line = json.dumps(record).encode() + b"\n"
            self.wfile.write(f"{len(line):x}\r\n".encode() + line + b"\r\n")
        self.wfile.write(b"0\r\n\r\n")

    def _own(self, path: str, query: dict[str, list[str]], body: bytes) -> Reply:
        house = self.house
        if path == "/environments":
            wanted = query.get("function")
            found = [one for one in house.environments if wanted is None or one["function"] in wanted]
            return 200, {"environments": found, "prestarted": house.prestarted}, {}
        if path == "/costs":
            house.asked.append({name: values[0] for name, values in query.items()})
            return 200, house.costs, {}
        if path.startswith("/traces"):
            house.asked.append({"path": path} | {name: values[0] for name, values in query.items()})
            if path.endswith(".svg"):
                return 200, b"<svg/>", {}
            return 200, {"traces": house.traces} if path == "/traces" else house.picture, {}
        if path == "/leaks/lines":
            return 200, {"lines": house.left_over_lines}, {}
        if path == "/leaks":
            house.asked.append({name: values[0] for name, values in query.items()})
            return 200, house.leaks, {}
        if path.startswith("/queue"):
            return self._queue(path, query, body)
        if path == "/clock/advance":
            if not house.virtual:
                return 409, {"message": "this clock is real; start Neve with --virtual-clock to move it"}, {}
            house.now += json.loads(body)["seconds"]
        if path.startswith("/clock"):
            return 200, {"now": house.now, "virtual": house.virtual}, {}
        if path == "/runtimes/look":
            query = {"runtime": [json.loads(body)["runtime"]]}
        if path.startswith("/runtimes"):
            wanted = query.get("runtime")
            return 200, {"runtimes": [one for one in RUNTIMES if wanted is None or one["runtime"] in wanted]}, {}
        if path == "/doctor":
            items = [
                {"name": "bubblewrap", "ok": True, "found": "0.10", "advice": None},
                {"name": "cgroups", "ok": False, "found": "none", "advice": "mount cgroup2"},
            ]
            return 200, {"items": items}, {}
        return 404, {"message": "nothing here"}, {}

    def _queue(self, path: str, query: dict[str, list[str]], body: bytes) -> Reply:
        house = self.house
        if body:
            house.asked.append(json.loads(body))
            asked = {"function": house.asked[-1]["function"], "region": house.asked[-1]["region"]}
            meant = [one for one in house.queue if asked.items() <= one.items()]
            if path == "/queue/retry":
                return 200, {"moved": sum(one["retrying"] for one in meant)}, {}
            return 200, {"purged": sum(one["waiting"] + one["retrying"] for one in meant)}, {}
        wanted = query.get("function")
        found = [one for one in house.queue if wanted is None or one["function"] in wanted]
        return 200, {"functions": found, **({"lastDropped": house.dropped} if wanted else {})}, {}

    def _logs(self, members: dict[str, Any]) -> Reply:
        if not self.house.events:
            return 400, {"__type": "ResourceNotFoundException", "message": "The log group does not exist."}, {}
        first = int(members.get("nextToken", 0))
        reply: dict[str, Any] = {"events": self.house.events[first : first + 2]}
        if first + 2 < len(self.house.events):
            reply["nextToken"] = str(first + 2)
        return 200, reply, {}

    def _lambda(self, path: str, query: str, body: bytes) -> Reply:
        parts = [unquote(part) for part in path.split("/")[2:]]
        members = json.loads(body) if body and parts[-1] != "invocations" else {}
        if self.command == "POST" and len(parts) == 1:
            return self._create(members)
        name = parts[1]
        if name not in self.house.functions:
            message = f"Function not found: arn:aws:lambda:us-east-1:000000000000:function:{name}"
            return 404, {"Type": "User", "Message": message}, {"x-amzn-ErrorType": "ResourceNotFoundException"}
        if parts[-1] == "invocations":
            self.house.invocations.append({"body": body, "query": query, "headers": dict(self.headers)})
            status, headers, answer = self.house.answer
            return status, answer, headers
        return self._change(name, parts[-1], members)

    def _create(self, members: dict[str, Any]) -> Reply:
        name = members["FunctionName"]
        if members["Runtime"] == "nodejs4.3":
            return 400, {"message": "The runtime parameter of nodejs4.3 is no longer supported."}, {
                "x-amzn-ErrorType": "InvalidParameterValueException"
            }  # fmt: skip
        archive = base64.b64decode(members.pop("Code")["ZipFile"])
        self._store(name, archive)
        self.house.functions[name] |= {"Timeout": 3, "MemorySize": 128, **members, "State": "Pending"}
        self.house.pending = 2
        return 201, self.house.functions[name], {}

    def _change(self, name: str, what: str, members: dict[str, Any]) -> Reply:
        function = self.house.functions[name]
        if self.command == "DELETE":
            del self.house.functions[name]
            return 204, b"", {}
        if self.command == "PUT" and what == "code":
            self._store(name, base64.b64decode(members["ZipFile"]))
        elif self.command == "PUT":
            function |= members
        elif self.house.pending:
            self.house.pending -= 1
        else:
            function |= {"State": "Active", "LastUpdateStatus": "Successful"}
        return 200, function, {}

    def _store(self, name: str, archive: bytes) -> None:
        digest = base64.b64encode(hashlib.sha256(archive).digest()).decode()
        self.house.archives[name] = archive
        self.house.functions.setdefault(name, {})["CodeSha256"] = digest


def open_house() -> tuple[ThreadingHTTPServer, House, str]:
    """A server that runs, what it knows, and its URL."""
    house = House()
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Door", (Door,), {"house": house}))
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    return server, house, f"http://127.0.0.1:{server.server_address[1]}"
