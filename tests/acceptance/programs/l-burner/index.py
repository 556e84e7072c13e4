"""Leaves behind what never rests: a thread, a child process, and a daemon (a grandchild in a session of its own)."""

import os
import subprocess
import sys
import threading
import urllib.request

BURN = "while True: pass"
DAEMON = f"""
import subprocess, sys
subprocess.Popen([sys.executable, "-c", {BURN!r}, sys.argv[1] + "-daemon"], start_new_session=True)
"""


def burn():
    while True:
        pass


def handler(event, context):
    if "mark" in event:
        threading.Thread(target=burn, daemon=True).start()
        subprocess.Popen([sys.executable, "-c", BURN, event["mark"] + "-child"])
        subprocess.run([sys.executable, "-c", DAEMON, event["mark"]], check=True)
    if "url" in event:
        urllib.request.urlopen(urllib.request.Request(event["url"], b"here", method="PUT")).close()
    return os.getpid()
