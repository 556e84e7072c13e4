"""Execution leaks of Python functions through a real server: told by line and fate, and what a timeout was doing."""

from typing import Any

from tests.acceptance.conftest import Deploy
from tests.acceptance.functions import Deployed
from tests.acceptance.neighbours import ObjectStore
from tests.acceptance.records import followed
from tests.acceptance.test_leaks import ONE_CPU, leaks_of

RUNTIME = "python3.11"

LEAVES = """import asyncio, logging, os, threading, time, urllib.request

loop = asyncio.new_event_loop()

def put(path, request_id):
    urllib.request.urlopen(os.environ["URL"] + path).read()
    print("late", request_id)
    raise ValueError("boom")

async def steps():
    while True:
        await asyncio.sleep(0.001)

async def begin():
    loop.create_task(steps())
    await asyncio.sleep(0)

def spin():
    while True:
        pass

def handler(event, context):
    print("begun", flush=True)
    if "leave" in event:
        threading.Thread(target=put, args=(event["leave"], context.aws_request_id)).start()
    if "task" in event:
        loop.run_until_complete(begin())
    if "spin" in event:
        spin()
    if "sleep" in event:
        time.sleep(event["sleep"])
    if "after" in event:
        urllib.request.urlopen(os.environ["URL"] + event["after"]).read()
"""


def line_with(fragment: str) -> int:
    """The line of the program that has this text."""
    return next(number for number, line in enumerate(LEAVES.splitlines(), 1) if fragment in line)


def leaving(deployed: Deploy, store: ObjectStore, **settings: Any) -> Deployed:
    """A function that leaves what its event names."""
    variables = {"Variables": {"URL": store.url}}
    settings = {"MemorySize": ONE_CPU, "Environment": variables, **settings}
    return deployed({"index.py": LEAVES}, RUNTIME, **settings)


def timeout_of(function: Deployed) -> dict[str, Any]:
    """The newest explanation of a timeout."""
    told: dict[str, Any] = function.server.own(f"leaks?function={function.name}")["timeouts"][0]
    return told


def test_thread_goes_on_in_another_invocation_and_fails_there(deployed: Deploy, store: ObjectStore) -> None:
    function = leaving(deployed, store)
    store.objects["/held"] = store.objects["/after"] = b"1"
    store.hold("/held")
    with followed(function.server) as records:
        first = function.invoke({"leave": "/held"})
        function.wait_frozen()
        (leak,) = leaks_of(function)
        assert (leak["kind"], leak["source"]["line"]) == ("thread", line_with("threading.Thread"))
        assert (leak["origin"], leak["fate"]) == (first.request_id, "pending")
        store.hold("/after")
        call = function.begin({"after": "/after"})
        store.wait_request("GET", "/after")
        store.let_go("/held")
        inside = records.wait("neve.leakFailed", lambda each: each["record"]["leakId"] == leak["id"])
        line = records.wait("function", lambda each: f"late {first.request_id}" in each["record"]["text"])
        store.let_go("/after")
        second = call.result()
    assert (line["record"]["leftOverFrom"], line["requestId"]) == (first.request_id, second.request_id)
    assert (inside["record"]["requestId"], inside["record"]["fatal"]) == (second.request_id, False)
    assert second.error is None
    function.wait_frozen()
    (leak,) = leaks_of(function)
    assert (leak["fate"], leak["seenIn"]) == ("continued", [second.request_id])
    assert (leak["failed"], leak["error"]) == (second.request_id, "ValueError: boom")


def test_task_on_a_kept_loop_never_goes_on_when_its_environment_ends(deployed: Deploy, store: ObjectStore) -> None:
    function = leaving(deployed, store)
    function.invoke({"task": 1})
    function.wait_frozen()
    function.renew()
    (leak,) = leaks_of(function)
    assert (leak["kind"], leak["description"], leak["fate"]) == ("task", "task (steps)", "never")
    assert leak["source"]["line"] == line_with("loop.create_task")


def test_timeout_tells_the_line_of_a_loop_and_the_request_of_a_thread(deployed: Deploy, store: ObjectStore) -> None:
    function = leaving(deployed, store, timeout_s=1)
    store.hold("/held")
    answer = function.invoke({"leave": "/held", "spin": 1}, tail=True)
    told = timeout_of(function)
    assert (told["requestId"], told["family"], told["blocked"]) == (answer.request_id, "python", False)
    assert [line.partition(":")[0] for line in told["stack"]] == ["spin (index.py", "handler (index.py"]
    (thread,) = told["waiting"]
    assert thread["description"].startswith(f"thread (put), in GET {store.url}")
    assert (thread["source"]["line"], thread["origin"]) == (line_with("urlopen"), answer.request_id)
    assert answer.log is not None
    assert "spin" not in answer.log


def test_timeout_in_a_call_that_waits_with_little_processor_time(deployed: Deploy, store: ObjectStore) -> None:
    function = leaving(deployed, store, timeout_s=1, MemorySize=128)
    function.invoke({"sleep": 60})
    told = timeout_of(function)
    assert told["stack"] == [f"handler (index.py:{line_with('time.sleep')}:9)"]


def test_boto3_and_a_pool_at_rest_are_no_leaks(deployed: Deploy, store: ObjectStore) -> None:
    """Clients, their connections and transfers in parts; an executor whose workers wait."""
    code = """import asyncio, io, threading
from concurrent.futures import ThreadPoolExecutor
import boto3
from boto3.s3.transfer import TransferConfig
pool = ThreadPoolExecutor(2)
parts = TransferConfig(multipart_threshold=5 << 20, multipart_chunksize=5 << 20)
s3, sqs = boto3.client("s3"), boto3.client("sqs")
def handler(event, context):
    if event["n"] == 0:
        s3.create_bucket(Bucket=event["bucket"])
        s3.upload_fileobj(io.BytesIO(b"x" * (11 << 20)), event["bucket"], "large", Config=parts)
    s3.put_object(Bucket=event["bucket"], Key="small", Body=b"1")
    s3.download_fileobj(event["bucket"], "small", io.BytesIO())
    names = pool.map(lambda _: sqs.list_queues()["ResponseMetadata"]["HTTPStatusCode"], range(3))
    asyncio.run(asyncio.wait_for(asyncio.to_thread(s3.list_buckets), 20))
    return list(names)
"""
    function = deployed({"index.py": code}, RUNTIME, MemorySize=ONE_CPU, timeout_s=60)
    for number in range(10):
        answer = function.invoke({"n": number, "bucket": f"clean-{function.name}".lower()[:60]})
        assert answer.value == [200, 200, 200]
    function.wait_frozen()
    assert leaks_of(function) == []
