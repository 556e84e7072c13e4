"""A real run as a picture (V2): what was left behind goes on in the next invocation, seen through the door."""

import json
import re
import urllib.request
from pathlib import Path
from xml.etree import ElementTree

from tests.acceptance.conftest import Deploy
from tests.acceptance.functions import deploy
from tests.acceptance.machine import until
from tests.acceptance.neighbours import ObjectStore
from tests.acceptance.server import running

CODE = """
const wait = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
async function save(id) {
  await wait(50);
  await fetch(`${process.env.URL}/photos/${id}`, { method: 'PUT', body: 'x' });
}
exports.handler = async ({ id, stay }) => {
  await fetch(`${process.env.URL}/limits`);
  if (stay) await wait(500);
  else save(id);
  return id;
};
"""
ONE_CPU = 1769


def test_left_over_work_is_drawn_into_the_invocation_in_which_it_goes_on(deployed: Deploy, store: ObjectStore) -> None:
    store.objects["/limits"] = b"1"
    variables = {"URL": store.url}
    function = deployed({"index.js": CODE}, "nodejs24.x", MemorySize=ONE_CPU, Environment={"Variables": variables})
    first = function.invoke({"id": 1})
    function.wait_overdue(0.06)
    second = function.invoke({"stay": True})
    function.wait_frozen()  # what it called is told after its answer
    url = f"{function.server.url}/_neve/traces/{first.request_id}"
    picture = json.loads(urllib.request.urlopen(url).read())
    told = [row["text"] for row in picture["rows"]]
    assert told[:2] == [f"invoke {first.request_id[:8]}", picture["rows"][1]["text"]]
    again = told.index(f"invoke {second.request_id[:8]}")
    assert "GET /limits" in told[:again]
    assert any(text.startswith("left behind: timer (50 ms)") for text in told[:again])
    assert any(text.startswith("frozen") for text in told[:again])
    assert "goes on in this invocation" in told[again:]
    late = next(row for row in picture["rows"][again:] if row["text"] == "PUT /photos/1")
    assert (late["tone"], late["back"] or "200") == ("leak", "200")
    assert [thread["end"] for thread in picture["threads"]] == ["continued"]
    drawn = urllib.request.urlopen(f"{url}.svg")
    assert drawn.headers["content-type"] == "image/svg+xml"
    (cost,) = function.server.own(f"costs?function={function.name}")["functions"]
    assert cost["requests"] == 2
    assert 0 < cost["waiting"]["waitedMs"] < cost["waiting"]["ranMs"]
    assert cost["cost"]["total"] > 2 * 0.2e-6
    assert ElementTree.fromstring(drawn.read()).get("role") == "img"


def test_waiting_in_a_row_is_told_where_it_is_sure(store: ObjectStore, tmp_path: Path) -> None:
    """V4, on A5: two queries of 100 ms, one after the other, and side by side. Lines are known at level explain."""
    for name in ("stock", "prices"):
        store.slow_down(f"/{name}", 0.1)
        store.objects[f"/{name}"] = b"1"
    variables = {"STORE_URL": store.url}
    with running(tmp_path / "data", "--leaks", "explain") as server:
        function = deploy(
            server, "a05-two-queries", "nodejs24.x", MemorySize=ONE_CPU, Environment={"Variables": variables}
        )
        together, in_a_row = (function.invoke({"together": each}).request_id for each in (True, False))
        until(lambda: server.own(f"traces/{in_a_row}")["hints"], "no hint was given")
        (hint,) = server.own(f"traces/{in_a_row}")["hints"]
        assert re.match(r"index\.mjs:4 and :5 wait one after the other; side by side .* would take \d+ ms less", hint)
        assert server.own(f"traces/{together}")["hints"] == []
