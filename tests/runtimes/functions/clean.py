"""Leaves nothing: what is started is waited for, or rests."""

import asyncio
import logging
import logging.handlers
import multiprocessing
import pickle
import queue
import subprocess
import sys
import threading
import traceback
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor, as_completed
from multiprocessing.pool import ThreadPool

kept = ThreadPoolExecutor(3)
kept_loop = asyncio.new_event_loop()
kept_threads = ThreadPool(2)
lines = queue.SimpleQueue()
listener = logging.handlers.QueueListener(lines, logging.NullHandler())
listener.start()
log = logging.getLogger("beside")
log.addHandler(logging.handlers.QueueHandler(lines))
lazily = None


def joined_thread():
    thread = threading.Thread(target=sum, args=([1, 2],))
    thread.start()
    thread.join()


def cancelled_timer():
    timer = threading.Timer(60, print)
    timer.start()
    timer.cancel()


def kept_executor():
    assert sum(future.result() for future in as_completed([kept.submit(abs, n) for n in range(4)])) == 6


def executor_of_its_own():
    with ThreadPoolExecutor(2) as own:
        assert list(own.map(abs, [1, 2])) == [1, 2]


def executor_made_by_the_first_invocation():
    global lazily
    lazily = lazily or ThreadPoolExecutor(2)
    assert lazily.submit(abs, -1).result() == 1


def pool_of_threads():
    assert kept_threads.map(abs, [-1, 2]) == [1, 2]


async def step(n):
    await asyncio.sleep(0)
    return n


async def steps():
    cancelled = asyncio.ensure_future(asyncio.sleep(60))
    found = await asyncio.gather(*(step(n) for n in range(5)), asyncio.wait_for(step(5), 10))
    cancelled.cancel()
    await asyncio.gather(cancelled, return_exceptions=True)
    return sum(found)


def loop_of_its_own():
    assert asyncio.run(steps()) == 15


def loop_that_is_kept():
    assert kept_loop.run_until_complete(steps()) == 15


def log_of_a_listener():
    log.warning("told")


def command():
    assert subprocess.run([sys.executable, "-c", ""]).returncode == 0


def child():
    process = multiprocessing.get_context("fork").Process(target=abs, args=(1,))
    process.start()
    process.join()


processes = None


def process_pool():
    global processes
    processes = processes or ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("fork"))
    assert processes.submit(abs, -1).result() == 1


def nothing_looks_different():
    thread = threading.Thread(target=lambda: None)
    assert (thread.name.partition("-")[0], isinstance(thread, threading.Thread)) == ("Thread", True)
    assert "diagnosis" not in str(threading.enumerate())
    assert pickle.loads(pickle.dumps(ValueError("x"))).args == ("x",)
    thread.start()
    thread.join()
    for call, kind in (
        (thread.start, RuntimeError),
        (lambda: subprocess.Popen(["/nowhere"]), FileNotFoundError),
        (lambda: kept_loop.create_task(None), TypeError),
    ):
        try:
            call()
        except kind as error:
            files = [frame.filename for frame in traceback.extract_tb(error.__traceback__)]
            assert not [file for file in files if "neve_runtime" in file], files


FEW = (command, child, process_pool)
MANY = (
    joined_thread,
    cancelled_timer,
    kept_executor,
    executor_of_its_own,
    executor_made_by_the_first_invocation,
    pool_of_threads,
    loop_of_its_own,
    loop_that_is_kept,
    log_of_a_listener,
    nothing_looks_different,
)


def handler(event, context):
    n = event["n"]
    programs = FEW if n % 20 == 0 else MANY
    programs[n // 20 % len(FEW) if n % 20 == 0 else n % len(MANY)]()
