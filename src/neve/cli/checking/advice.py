"""What to change, by what was left and how the function's runtime ends an invocation. Pure.

With callbacks (up to nodejs22.x) an answer waits for the event loop, unless `callbackWaitsForEmptyEventLoop` is false or the
handler is async; from nodejs24.x on nothing ever waits.
"""

import re

from neve.cli.checking.compare import DIFFERENCE, LEAK, TIMEOUT, Finding

_NODE = re.compile(r"nodejs(\d+)\.")
_FIRST_WITHOUT_CALLBACKS = 24
_REQUESTS = ("fetch", "http")
TIMERS = ("timer", "immediate")
"""Work that has a promise only where somebody made one of it."""


def advice(finding: Finding, runtime: str, awaitable: str | None = None) -> str:
    """One or two sentences. `awaitable` is the call that nothing waits for, where the code tells: `saveInvoice(…) in a.mjs:9`."""
    if finding.kind == LEAK:
        return _of_leak(finding, runtime, awaitable)
    if finding.kind == TIMEOUT:
        return _of_timeout(finding) if runtime.startswith("nodejs") else _of_python_timeout(finding)
    return (
        "Mend what is left unfinished above: it reaches into other invocations." if finding.kind == DIFFERENCE else ""
    )


def has_callbacks(runtime: str) -> bool:
    """Whether handlers may have callbacks."""
    found = _NODE.match(runtime)
    return found is not None and int(found[1]) < _FIRST_WITHOUT_CALLBACKS


def _of_leak(finding: Finding, runtime: str, awaitable: str | None) -> str:
    table = _NODE_LEAKS if runtime.startswith("nodejs") else _PYTHON_LEAKS
    if awaitable is not None and finding.work in (*_REQUESTS, *TIMERS, "promise", "file", "crypto", "dns"):
        return f"await {awaitable}, or return its promise."
    text = table.get(finding.work, table["work"])
    if runtime.startswith("nodejs") and has_callbacks(runtime) and finding.work in _AWAITABLE:
        return f"{text} {_WITH_CALLBACKS}"
    return text


_AWAITABLE = (*_REQUESTS, "promise", "file", "crypto", "dns", "timer", "call", "line", "work")
_WITH_CALLBACKS = (
    "In a handler with a callback: call it when this is done, and leave context.callbackWaitsForEmptyEventLoop true."
)
_AWAIT = "Add await, or return the promise, on the way from here to the handler."

_NODE_LEAKS = {
    "fetch": _AWAIT,
    "http": "Wrap the request in a promise that resolves when its response has ended, and await that.",
    "promise": _AWAIT,
    "file": "Use node:fs/promises and await the operation.",
    "crypto": "Use the promise of this operation (util.promisify), and await it.",
    "dns": "Use node:dns/promises and await the lookup.",
    "timer": "Await it (`await setTimeout(ms)` of node:timers/promises), or clearTimeout() it before you answer.",
    "immediate": "Await it (`await setImmediate()` of node:timers/promises), or clearImmediate() it before you answer.",
    "interval": "Call clearInterval() before you answer.",
    "child process": "Wait for its end (`await once(child, 'close')`, or the promise of execFile), or kill it before you answer.",
    "worker thread": "Wait for its end (`await once(worker, 'exit')`), or `await worker.terminate()` before you answer.",
    "socket": "End it and wait for 'close' before you answer; one that is to be reused is opened outside of the handler.",
    "server": "Close it before you answer: `await server[Symbol.asyncDispose]()`, or server.close().",
    "file watcher": "Close it before you answer: watcher.close().",
    "call": "Somebody calls this after the answer: await it.",
    "line": "Something prints this after the answer: await what prints it.",
    "work": _AWAIT,
}

_PYTHON_LEAKS = {
    "thread": "Call thread.join() before the handler returns.",
    "executor": "Call future.result(), or use `with ThreadPoolExecutor() as pool`, which waits for its threads.",
    "http": "Make the request, and read its answer, before the handler returns.",
    "timer": "Call timer.join(), or timer.cancel(), before the handler returns.",
    "process": "Call process.join(), or process.wait(), before the handler returns.",
    "child process": "Wait for its end with process.wait() or subprocess.run() before the handler returns.",
    "task": "Await the task (asyncio.gather, asyncio.TaskGroup) inside of what asyncio.run() runs.",
    "call": "Something makes this call after the handler has returned: join the thread, or await the task, that does.",
    "line": "Something prints this after the handler has returned: join the thread, or await the task, that does.",
    "work": "Wait for it before the handler returns.",
}


def _of_timeout(finding: Finding) -> str:
    if finding.blocked:
        return "Give the event loop a pause: nothing else can run while this does."
    if finding.answered:
        return _AFTER_CALLBACK.get(finding.work, _AFTER_CALLBACK["work"])
    if finding.work == "interval":
        return "Call the callback (or return) on every path, and clearInterval() there."
    if finding.work:
        return "Call the callback (or return) on every path, errors included, or give the function more time."
    return "Give the function more time, or find what it waits for: call the callback, or return, on every path."


def _of_python_timeout(finding: Finding) -> str:
    if finding.work == "http":
        return "Give the request a timeout that is shorter than the function's, or give the function more time."
    return "Give the function more time, or what it waits for a limit: it was still at work when its time was over."


_AFTER_CALLBACK = {
    "interval": "Call clearInterval() before the callback; with context.callbackWaitsForEmptyEventLoop = false it would freeze "
    "with the environment, and go on in the next invocation.",
    "socket": "End the connection before the callback, or open it outside of the handler and set "
    "context.callbackWaitsForEmptyEventLoop = false.",
    "work": "End it before the callback is called. context.callbackWaitsForEmptyEventLoop = false answers without it, but then "
    "it may be lost.",
}
