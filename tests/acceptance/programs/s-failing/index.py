"""Fails in the way that the event names."""

import os
import threading


def handler(event, context):
    if event["how"] == "error":
        raise LookupError("out of range")
    if event["how"] == "exit":
        os._exit(1)
    threading.Event().wait()  # 'timeout'
