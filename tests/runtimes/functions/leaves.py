"""Leaves what its event names; another event lets it go on, and waits until it is over."""

import asyncio
import functools
import http.client
import multiprocessing
import os
import signal
import subprocess
import sys
import threading
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from multiprocessing.pool import ThreadPool

loop = asyncio.new_event_loop()
beside = asyncio.new_event_loop()
threading.Thread(target=beside.run_forever, name="loop", daemon=True).start()  # line of: init
one_at_a_time = ThreadPoolExecutor(1)
many = ThreadPoolExecutor(4)
threads = ThreadPool(1)
gate = threading.Event()
over = []


def held(text=None):
    gate.wait(20)
    if text:
        print(text)


def boom():
    gate.wait(20)
    raise ValueError("boom")


class Poller(threading.Thread):
    def run(self):
        held()


async def held_task():
    while not gate.is_set():
        await asyncio.sleep(0.005)


async def talking_task():
    await held_task()
    print("late task")


async def failing_task():
    await held_task()
    raise ValueError("boom")


async def exiting_task():
    await held_task()
    sys.exit(3)


def begun(thread):
    thread.start()  # line of: begun
    over.append(thread.join)


def thread():
    begun(threading.Thread(target=held))


def daemon_thread():
    begun(threading.Thread(target=held, daemon=True, name="uploader"))


def thread_of_a_subclass():
    begun(Poller())


def thread_that_prints():
    begun(threading.Thread(target=held, args=("late thread",)))


def thread_that_fails():
    begun(threading.Thread(target=boom))


def thread_that_exits():
    begun(threading.Thread(target=lambda: held() or os._exit(7)))


def timer():
    timer = threading.Timer(0.1, held)
    timer.start()  # line of: timer
    over.append(timer.join)


def executor():
    over.append(many.submit(functools.partial(held, "late call")).result)  # line of: executor


def several():
    for _ in range(3):
        begun(threading.Thread(target=held))


def queued():
    over.append(one_at_a_time.submit(held).result)
    over.append(one_at_a_time.submit(held).result)  # line of: queued


def process_pool():
    pool = ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("fork"))
    reading, writing = os.pipe()
    future = pool.submit(os.read, reading, 1)  # line of: process pool
    over.append(lambda: (os.write(writing, b"x"), future.result(), pool.shutdown()))


def thread_pool():
    over.append(threads.apply_async(held).get)  # line of: thread pool


def task():
    async def start():
        work = loop.create_task(held_task())  # line of: task
        over.append(lambda: loop.run_until_complete(work))

    loop.run_until_complete(start())


def task_that(coroutine):
    async def start():
        work = asyncio.ensure_future(coroutine())
        over.append(lambda: loop.run_until_complete(asyncio.wait([work])))

    loop.run_until_complete(start())


def task_that_prints():
    task_that(talking_task)


def task_that_fails():
    task_that(failing_task)


def task_that_exits():
    task_that(exiting_task)


def task_beside():
    over.append(asyncio.run_coroutine_threadsafe(held_task(), beside).result)  # line of: task beside


def command():
    child = subprocess.Popen(["cat"], stdin=subprocess.PIPE)  # line of: command
    over.append(lambda: (child.stdin.close(), child.wait()))


def process():
    reading, writing = os.pipe()
    child = multiprocessing.get_context("fork").Process(target=os.read, args=(reading, 1))
    child.start()  # line of: process
    over.append(lambda: (os.write(writing, b"x"), child.join()))


def fork():
    pid = os.fork()  # line of: fork
    if pid == 0:
        signal.pause()
    over.append(lambda: (os.kill(pid, signal.SIGKILL), os.waitpid(pid, 0)))


def request(address):
    connection = http.client.HTTPConnection(*address)
    connection.request("GET", "/held?key=secret")
    connection.getresponse().read()


def thread_in_a_request(address, sent):
    begun(threading.Thread(target=request, args=(address,)))
    os.read(os.open(sent, os.O_RDONLY), 1)  # until the other end has read the request


def handler(event, context):
    if "leave" in event:
        gate.clear()
        globals()[event["leave"]](*event.get("given", []))
    if "finish" in event:
        gate.set()
        while over:
            over.pop(0)()
    return "ok"
