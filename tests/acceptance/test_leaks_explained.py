"""Level `explain` with the packages that people use: no false alarm, and of what is left the line that a person looks for.

`python -m bench.leak_clean` looks for false alarms on every major and level.
"""

from collections.abc import Iterator, Mapping

import pytest
from tests.acceptance.clean import FUNCTIONS, invoked, put_up, surroundings, told_of
from tests.acceptance.functions import deploy
from tests.acceptance.neighbours import object_store
from tests.acceptance.packages import modules
from tests.acceptance.records import followed
from tests.acceptance.server import NeveServer, running
from tests.acceptance.test_leaks_charter import line_with, settings

HEAVY = {"aws-sdk", "express", "tables"}  # 20 times, the others 49 times: 501 in all

FORGOTTEN = {
    "@aws-sdk/client-s3": """import { PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
const s3 = new S3Client({ forcePathStyle: true });
export const handler = async () => {
  s3.send(new PutObjectCommand({ Bucket: process.env.BUCKET, Key: 'k', Body: 'x' }));
};""",
    "axios": """import axios from 'axios';
const get = (path) => axios.get(process.env.STORE_URL + path);

export const handler = async () => void get('/a').catch(() => {});""",
    "pg": """import pg from 'pg';
const pool = new pg.Pool({ host: '127.0.0.1', port: Number(process.env.PG_PORT), user: 'app' });
const count = () =>
  pool.query('SELECT n FROM orders').then(({ rows }) => console.log(rows[0].n));
let known = false;
export const handler = async () => {
  if (known) await count();
  else count();
  known = true;
};""",
}
# axios takes turns before it sends: frozen in between, what is left is the promise.
LINES = {
    "@aws-sdk/client-s3": [("http", 4)],
    "axios": [("http", 2), ("promise", 4)],
    "pg": [("promise", 4)],
}

PROGRAMS = {
    "a02-forgotten-await": ("fetch", "/uploads/"),
    "a07-callback-in-async": ("http", "http.request("),
    "a09-late-timer": ("timer", "setTimeout"),
    "a11-forgotten-post": ("fetch", "fetch(`"),
    "c06-put-not-waited": ("http", "http.request("),
}


@pytest.fixture(scope="module")
def explaining(tmp_path_factory: pytest.TempPathFactory) -> Iterator[NeveServer]:
    """A server at this level."""
    folder = tmp_path_factory.mktemp("explaining")
    with running(folder / "data", "--neighbours", "--leaks", "explain") as server:
        yield server


@pytest.fixture(scope="module")
def variables(explaining: NeveServer) -> Iterator[Mapping[str, str]]:
    """What functions are told of the servers that they call."""
    with surroundings(explaining) as told:
        yield told


def test_nothing_is_told_of_functions_that_leave_nothing(explaining: NeveServer, variables: Mapping[str, str]) -> None:
    functions = {name: put_up(explaining, name, "nodejs24.x", variables) for name in FUNCTIONS}
    with followed(explaining) as records:
        invoked([function for name, function in functions.items() if name in HEAVY], 20)
        invoked([function for name, function in functions.items() if name not in HEAVY], 49)
        alarms = [leak for function in functions.values() for leak in told_of(function)["leaks"]]
    assert alarms == []
    assert not [each for each in records.seen if "leftOverFrom" in each["record"]]


@pytest.mark.parametrize("package", FORGOTTEN)
def test_call_of_a_package_that_is_not_awaited(
    explaining: NeveServer, variables: Mapping[str, str], package: str
) -> None:
    files = {"index.mjs": FORGOTTEN[package], **modules(package)}
    function = deploy(explaining, files, "nodejs24.x", MemorySize=1769, Environment={"Variables": dict(variables)})
    origin = function.invoke().request_id
    function.wait_frozen()
    function.invoke()  # what goes on without a request of its own is seen there
    leak = next(each for each in told_of(function)["leaks"] if each["origin"] == origin)
    assert leak["source"]["file"] == "index.mjs"
    assert (leak["kind"], leak["source"]["line"]) in LINES[package]


@pytest.mark.parametrize("program", PROGRAMS)
def test_what_the_charters_programs_leave_is_told_with_its_line(explaining: NeveServer, program: str) -> None:
    """V1: A2, A7, A9, A11, C6."""
    kind, fragment = PROGRAMS[program]
    with object_store() as store:
        store.objects["/rates"] = b"1"
        for path in ("/credentials", "/events", "/leave", "/uploads/1"):
            store.hold(path)
        function = deploy(explaining, program, "nodejs22.x", **settings(store))
        function.invoke({"id": 1})
        leaks = told_of(function)["leaks"]
    assert [(leak["kind"], leak["source"]["file"], leak["source"]["line"]) for leak in leaks] == [
        (kind, *line_with(program, fragment))
    ]
