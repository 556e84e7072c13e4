"""The smallest function in Python. Log lines carry the request id, printed ones do not."""

import logging

log = logging.getLogger()
log.setLevel(logging.INFO)
calls = 0  # lives as long as the environment does


def handler(event, context):
    """What it returns is the answer."""
    global calls
    calls += 1
    log.info("call %s of this environment", calls)
    if event.get("fail"):
        raise ValueError(event["fail"])
    return {"hello": event.get("name", "world"), "left_ms": context.get_remaining_time_in_millis()}
