"""An invocation as the runtime gets it, and what it says of it as its caller gets it."""

import time
from collections.abc import Mapping
from typing import Any

from neve.dataplane import channel as frames
from neve.dataplane import failures
from neve.dataplane.run import Run
from neve.dataplane.runtime_api.listener import Event
from neve.dataplane.sandbox.sandbox import Exit
from neve.domain.invocation import InvocationResult, Status
from neve.domain.limits import STREAMED_RESPONSE_BYTES, SYNC_RESPONSE_BYTES


def event_of(run: Run, left_s: float) -> Event:
    """The event; `left_s` is what is left of the function's time."""
    invocation = run.invocation
    return Event(
        request_id=invocation.request_id,
        body=invocation.payload,
        deadline_ms=int((time.time() + left_s) * 1000),
        invoked_arn=invocation.invoked_arn,
        trace_id=invocation.trace_id,
        client_context=invocation.client_context,
        identity=invocation.identity,
    )


def result_of(kind: int, header: Mapping[str, Any], body: bytes, version: str) -> InvocationResult:
    """A response or an error of the runtime; a caller gets no more than the service's limit."""
    if len(body) > SYNC_RESPONSE_BYTES:
        return InvocationResult(Status.FAILURE, failures.too_large(), version, failures.TOO_LARGE)
    if kind == frames.ERROR:
        error_type = str(header.get("type", failures.RUNTIME_UNKNOWN))
        return InvocationResult(Status.FAILURE, body, version, error_type)
    return InvocationResult(Status.SUCCESS, body, version)


def take_chunk(run: Run, chunk: bytes) -> bool:
    """Pass a part of a streamed response on, or collect it, no further than a caller may get.

    False when a stream gets longer than that.
    """
    run.produced_bytes += len(chunk)
    if run.stream is None:
        if len(run.streamed) <= SYNC_RESPONSE_BYTES:
            run.streamed += chunk
        return True
    if run.produced_bytes > STREAMED_RESPONSE_BYTES:
        return False
    run.stream.put(chunk)
    return True


def slow_caller(request_id: str) -> Mapping[str, Any]:
    """Why an invocation ran out of time whose response nobody read, as a runtime client would say it (`docs/frames.md`)."""
    text = "its caller, who did not read the response"
    return {"waiting": [{"kind": "stream", "description": text, "origin": request_id}]}


def no_answer(run: Run, version: str) -> InvocationResult:
    """The runtime asked for the next event without an answer to this one, runtime-api facts §1."""
    payload = failures.exited(Exit(0, None)).payload(run.request_id)
    return InvocationResult(Status.ERROR, payload, version, failures.EXIT)
