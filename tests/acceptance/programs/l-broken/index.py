"""Counts, leaves a file behind, and breaks in the way that the event names."""

import os
import signal
import sys
import threading
from pathlib import Path

count = 0


def handler(event, context):
    global count
    count += 1
    file, how = Path(event["file"]), event.get("how")
    found = file.exists()
    file.write_text("kept")
    print(f"broken by {how}")
    if how == "exit 0":
        sys.exit()
    if how == "exit 3":
        sys.exit(3)
    if how == "killed":
        os.kill(os.getpid(), signal.SIGKILL)
    if how == "uncaught":
        raise GeneratorExit("nobody catches this")
    if how == "timeout":
        threading.Event().wait()
    return {"count": count, "found": found, "stream": os.environ["AWS_LAMBDA_LOG_STREAM_NAME"]}
