"""Logs one line of each level, then does as the event says."""

import logging
import os
import time


def handler(event, context):
    for level in ("debug", "info", "warning", "error", "critical"):
        getattr(logging.getLogger(), level)("a %s", level)
    if event.get("how") == "throw":
        raise ValueError("on purpose")
    if event.get("how") == "hang":
        time.sleep(60)
    if event.get("how") == "exit":
        os._exit(3)
    return os.environ.get("_X_AMZN_TRACE_ID")
