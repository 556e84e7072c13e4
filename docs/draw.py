"""Makes `docs/pictures/`: programs are deployed to a real `neve serve` of its own, run, and drawn as `neve trace` draws them.

The JSON of a picture is what the server told. A run that went the same way as the last time (same rows, other times) leaves
the old one, so that nothing changes without a reason; the SVG is always drawn anew from it.
"""

import json
import re
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

FOLDER = Path(__file__).parent / "pictures"
ROOT = FOLDER.parent.parent
sys.path.insert(0, str(ROOT))

from tests.acceptance.functions import Deployed, zipped  # noqa: E402 - the folder has to be known first
from tests.acceptance.machine import until  # noqa: E402
from tests.acceptance.neighbours import ObjectStore, object_store  # noqa: E402
from tests.acceptance.server import ROLE, NeveServer, running  # noqa: E402

from neve.domain.picture import Picture  # noqa: E402
from neve.pictures.draw import draw  # noqa: E402

_ONE_CPU = 1769


@dataclass(frozen=True)
class Stage:
    """A server, and what stands for the services that functions call."""

    neve: NeveServer
    store: ObjectStore

    def deploy(self, name: str, function: str, runtime: str = "nodejs24.x", **configuration: Any) -> Deployed:
        """A program of `docs/pictures/programs`, under a name that says something."""
        folder = FOLDER / "programs" / name
        client = self.neve.client("lambda")
        client.create_function(
            FunctionName=function,
            Runtime=runtime,
            Handler="index.handler",
            Role=ROLE,
            Code={"ZipFile": zipped({path.name: path.read_text() for path in folder.iterdir()})},
            MemorySize=_ONE_CPU,
            Environment={"Variables": {"STORE": f"http://127.0.0.1:{self.port}"}},
            **configuration,
        )
        client.get_waiter("function_active_v2").wait(FunctionName=function, WaiterConfig={"Delay": 0.01})
        until(lambda: self._is_booted(runtime), "no runtime waits for the function")
        return Deployed(self.neve, function)

    def _is_booted(self, runtime: str) -> bool:
        """Cold starts are then short, as they are on a machine that has nothing else to do."""
        waiting = self.neve.own("environments")["prestarted"]
        return any((each["runtime"], each["memory"]) == (runtime, _ONE_CPU) and each["pids"] for each in waiting)

    @property
    def port(self) -> int:
        """Of the services."""
        return int(self.store.url.rpartition(":")[2])

    def picture(self, request_id: str, sign: str, host: str = "photos.example") -> Mapping[str, Any]:
        """What the server tells of a run, once `sign` is in it: places are known only when source maps have been looked for.

        Whoever the function called gets a name that says something.
        """
        until(lambda: sign in json.dumps(self.neve.own(f"traces/{request_id}")), f"no {sign}")
        told = json.dumps(self.neve.own(f"traces/{request_id}"))
        found: Mapping[str, Any] = json.loads(told.replace(f"127.0.0.1:{self.port}", host))
        return found


def left_behind(stage: Stage) -> Mapping[str, Any]:
    """What a handler does not wait for goes on inside the next invocation."""
    stage.store.objects["/albums/7"] = b"album"
    stage.store.slow_down("/albums/7", 0.15)
    function = stage.deploy("left-behind", "photos")
    first = function.invoke({"photo": 1})
    function.wait_overdue(1.2)
    function.invoke({})
    function.wait_frozen()
    return stage.picture(first.request_id, "PUT /photos/1")


def never(stage: Stage) -> Mapping[str, Any]:
    """A request that was never sent: the environment is reclaimed before anybody thaws it."""
    function = stage.deploy("never", "photos-lost")
    answer = function.invoke({"photo": 1})
    function.wait_frozen()
    time.sleep(1.0)
    stage.neve.own("environments/reclaim", {"function": function.name})
    return stage.picture(answer.request_id, "never went on")


def callback(stage: Stage) -> Mapping[str, Any]:
    """A callback is called, and its answer waits for the empty event loop."""
    stage.store.slow_down("/photos/2", 0.3)
    function = stage.deploy("callback", "photos-callback", "nodejs22.x")
    answer = function.invoke({"photo": 2})
    function.wait_frozen()
    return stage.picture(answer.request_id, "PUT /photos/2")


def retries(stage: Stage) -> Mapping[str, Any]:
    """An event fails, is tried again after one minute and two, and lands in a dead-letter queue."""
    stage.store.refuse("/payments/8", 503)
    queue = stage.neve.client("sqs").create_queue(QueueName="orders-failed")["QueueUrl"]
    arn = f"arn:aws:sqs:us-east-1:000000000000:{queue.rpartition('/')[2]}"
    function = stage.deploy("retries", "orders", DeadLetterConfig={"TargetArn": arn})
    request_id = function.invoke({"order": 8}, InvocationType="Event").request_id

    def retrying() -> bool:
        return any(each["retrying"] for each in stage.neve.own("queue?function=orders")["functions"])

    for seconds in (60, 120):
        until(retrying, "the event was not tried")
        function.wait_frozen()
        stage.neve.own("clock/advance", {"seconds": seconds})
        until(lambda: not retrying(), "the event was not tried again")
    function.wait_frozen()
    return stage.picture(request_id, "dead-letter", "payments.example")


def timeout(stage: Stage) -> Mapping[str, Any]:
    """A timeout, what it was waiting for, and the init inside the next invocation."""
    stage.store.objects |= {"/albums/slow": b"album", "/albums/fast": b"album"}
    stage.store.hold("/albums/slow")
    function = stage.deploy("timeout", "albums", Timeout=3)
    answer = function.invoke({"album": "slow"})
    stage.store.let_go("/albums/slow")
    until(lambda: [each["state"] for each in function.environments()] == ["down"], "the processes did not end")
    function.invoke({"album": "fast"})
    function.wait_frozen()
    return stage.picture(answer.request_id, "GET /albums/fast")


def in_a_row(stage: Stage) -> Mapping[str, Any]:
    """Two queries, one after the other, that need nothing of each other."""
    for name in ("stock", "prices"):
        stage.store.objects[f"/{name}"] = b"1"
        stage.store.slow_down(f"/{name}", 0.1)
    function = stage.deploy("in-a-row", "shop")
    function.invoke()
    request_id = function.invoke().request_id  # what has to be loaded is there
    function.wait_frozen()
    return stage.picture(request_id, "Promise.all", "warehouse.example")


PICTURES: Mapping[str, Callable[[Stage], Mapping[str, Any]]] = {
    "left-behind": left_behind,
    "never": never,
    "callback": callback,
    "retries": retries,
    "timeout": timeout,
    "in-a-row": in_a_row,
}


def drawn(name: str) -> str:
    """The SVG of a picture that was told before."""
    return draw(msgspec.json.decode((FOLDER / f"{name}.json").read_bytes(), type=Picture))


def shape(picture: Mapping[str, Any]) -> Any:
    """What of a picture stays the same when the same happens again: no times, no ids, no order of what happens at once."""
    kinds = {each["id"]: each["kind"] for each in picture["participants"]}
    rows: list[Any] = []
    for row in picture["rows"]:
        there, back = kinds[row["source"]], kinds.get(row["target"])
        kind = "message" if row["kind"] == "exchange" else row["kind"]
        rows.append([kind, there, back, _plain(row["text"]), row["tone"].replace("answer", "plain"), row["arrives"]])
        if row["kind"] == "exchange":
            rows.append([kind, back, there, _plain(row["back"]), row["tone"], True])
    bars = [each["kind"] for each in picture["activities"]]
    return sorted(map(str, rows)), sorted(bars), [each["end"] for each in picture["threads"]], picture["legend"]


def _plain(text: str) -> str:
    return re.sub(r"[0-9a-f]{8}|\d+(\.\d+)? (ms|s)", "#", text)


def _make(stage: Stage, name: str) -> None:
    file = FOLDER / f"{name}.json"
    told = PICTURES[name](stage)
    if not file.exists() or shape(json.loads(file.read_text())) != shape(told):
        file.write_text(json.dumps(told, indent=1, ensure_ascii=False) + "\n")
        print(f"{name}: new", file=sys.stderr)  # noqa: T201


def main() -> None:
    """Run everything once and draw it."""
    with tempfile.TemporaryDirectory() as folder, object_store() as store:
        flags = ("--neighbours", "--virtual-clock", "--leaks", "explain")
        with running(Path(folder) / "data", *flags) as server:
            for name in PICTURES:
                _make(Stage(server, store), name)
    for name in PICTURES:
        (FOLDER / f"{name}.svg").write_text(drawn(name))


if __name__ == "__main__":
    main()
