"""Load the handler, then: ask for the next event, run it, answer (facts §2)."""

from __future__ import annotations

import _signal  # type: ignore[import-not-found]  # `signal` wraps it in enums, which cost milliseconds of a cold start
import os
import sys

from . import assignment, frames, identifier, logs, marshal, output, resolve, watching
from .context import LambdaContext
from .faults import describe

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

_CHANNEL = 3
_UNHANDLED = (
    "LAMBDA_WARNING: Unhandled exception. The most likely cause is an issue in the function code. However, in rare cases, "
    "a Lambda runtime update can cause unexpected function behavior. For functions using managed runtimes, runtime updates "
    "can be triggered by a function change, or can be applied automatically. To determine if the runtime has been updated, "
    "check the runtime version in the INIT_START log entry. If this error correlates with a change in the runtime version, "
    "you may be able to mitigate this error by temporarily rolling back to the previous runtime version. For more "
    "information, see https://docs.aws.amazon.com/lambda/latest/dg/runtimes-update.html\r"
)


def main() -> None:
    """Run until the channel ends, the handler cannot be loaded, or user code ends the process."""
    channel = frames.Channel(_CHANNEL)
    _be_a_site()
    if assignment.is_prestarted():
        try:
            assignment.wait(channel)
        except frames.ChannelEnded:
            os._exit(0)
    os.environ.pop("_LAMBDA_TELEMETRY_LOG_FD", None)  # not the function's, as on Lambda
    _set_path()
    output.unbuffer()
    logs.install_at_import()
    _watch(channel)
    handler = _load(channel)
    receive = frames.Channel.receive if identifier.minor() >= 12 else _receive_deaf
    try:
        channel.send(*watching.watch.end(), frames.NEXT_FRAME)
        while True:
            _serve(channel, receive(channel), handler)
    except frames.ChannelEnded:
        os._exit(0)  # nobody listens: neither `atexit` nor a thread that never ends may keep the process


def _be_a_site() -> None:
    """What programs expect of `site`, without what is installed on the machine (the interpreter starts with -S)."""
    if sys.flags.no_site:
        import site

        site.setquit()
        site.setcopyright()
        site.sethelper()
        site.execsitecustomize()


def _set_path() -> None:
    """The code first, then layers, the interpreter's own, the packages of the runtime; the client last: it hides nothing."""
    own = sys.path.pop(0)
    version = "{}.{}".format(*sys.version_info[:2])
    layers = [f"/opt/python/lib/python{version}/site-packages", "/opt/python"]
    sys.path[:0] = [os.environ.get("LAMBDA_TASK_ROOT", os.getcwd()), *layers]
    packages = sys._xoptions.get("neve_packages")
    sys.path += [packages, own] if packages else [own]


def _watch(channel: frames.Channel) -> None:
    """Watch for execution leaks if Neve wants it (`docs/leaks.md`); nothing of that is the function's to see."""
    level = os.environ.pop("_NEVE_LEAKS", None)
    os.environ.pop("_NEVE_WATCHDOG_MS", None)
    if level in ("detect", "explain"):
        from . import leak_watch

        watching.watch = leak_watch.start(channel, level, os.environ.get("LAMBDA_TASK_ROOT", os.getcwd()))


def _load(channel: frames.Channel) -> Any:
    """The handler; when there is none, say so and leave with status 1."""
    try:
        return resolve.load(os.environ["_HANDLER"])
    except Exception as error:
        _warn_unhandled()
        failure = describe(error)
        output.write_failure(failure, "")
        channel.send(frames.frame(frames.INIT_ERROR, {"type": failure.type}, failure.body("")))
        sys.exit(1)


def _warn_unhandled() -> None:
    import logging

    logging.warning(_UNHANDLED)  # through the root logger: the function's log level decides


def _serve(channel: frames.Channel, frame: tuple[int, dict[str, Any], bytes], handler: Any) -> None:
    """One event, from its arrival to the request for the next one."""
    kind, header, body = frame
    if kind != frames.INVOKE:
        return  # a kind of a later protocol
    _begin(header)
    watch = watching.watch
    watch.begin(header)
    try:
        context = LambdaContext(header)
        answer = frames.frame(
            frames.RESPONSE, {"id": header["id"]}, marshal.write_result(handler(marshal.read_event(body), context))
        )
    except Exception as error:
        answer = _failed(error, str(header["id"]))
    except BaseException as error:
        watch.dying(error)
        raise
    channel.send(answer, *watch.end(), frames.NEXT_FRAME)


def _begin(header: Mapping[str, Any]) -> None:
    logs.current_request_id = header["id"]
    logs.current_tenant_id = header.get("tenant")
    trace = header.get("trace")
    if trace is None:
        os.environ.pop("_X_AMZN_TRACE_ID", None)
    else:
        os.environ["_X_AMZN_TRACE_ID"] = trace


def _failed(error: Exception, request_id: str) -> bytes:
    failure = describe(error)
    output.write_failure(failure, request_id)
    header = {"id": request_id, "type": failure.type}
    cause = failure.cause()
    if cause is not None:
        header["cause"] = cause
    return frames.frame(frames.ERROR, header, failure.body(request_id))


def _receive_deaf(channel: frames.Channel) -> tuple[int, dict[str, Any], bytes]:
    """Wait as clients before Python 3.12 do: signal handlers of the function run when the next event has come."""
    if "signal" not in sys.modules:
        return channel.receive()  # nobody can have set one
    deaf = [number for number in range(1, _signal.NSIG) if callable(_signal.getsignal(number))]
    before = _signal.pthread_sigmask(_signal.SIG_BLOCK, deaf)
    try:
        return channel.receive()
    finally:
        _signal.pthread_sigmask(_signal.SIG_SETMASK, before)
