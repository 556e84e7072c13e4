"""The first process of an environment as its parent sees it: that it runs, how it ended, what it used."""

import asyncio
import os
import resource
import sys
import threading
from collections.abc import Callable

from neve.dataplane.sandbox.sandbox import Exit


class FirstProcess:
    """A child of ours and how it ended: seen by its descriptor where the system has those, else by a waiting thread."""

    def __init__(self, pid: int, read_status: Callable[[int], Exit]) -> None:
        self.pid = pid
        self._read_status = read_status
        self.peak_bytes = self.cpu_us = 0
        self._loop = asyncio.get_running_loop()
        self.ended: asyncio.Future[Exit] = self._loop.create_future()
        self._descriptor = _open_process(pid)
        if self._descriptor is None:
            threading.Thread(target=self._wait, name=f"neve-wait-{pid}", daemon=True).start()
        else:
            self._loop.add_reader(self._descriptor, self._reap)

    @property
    def running(self) -> bool:
        return not self.ended.done()

    def signal(self, number: int) -> None:
        if not self.running:
            return
        try:
            os.kill(self.pid, number)  # the pid is ours until we reap it
        except ProcessLookupError:
            return

    def _reap(self) -> None:
        pid, status, used = os.wait4(self.pid, os.WNOHANG)
        if pid == 0 or self._descriptor is None:
            return
        self._loop.remove_reader(self._descriptor)
        os.close(self._descriptor)
        self._descriptor = None
        self._end(status, used)

    def _wait(self) -> None:
        _, status, used = os.wait4(self.pid, 0)
        try:
            self._loop.call_soon_threadsafe(self._end, status, used)
        except RuntimeError:  # the loop is closed: nobody waits any more
            return

    def _end(self, status: int, used: resource.struct_rusage) -> None:
        self.cpu_us = int((used.ru_utime + used.ru_stime) * 1e6)
        # A spawned process inherits our own peak as its lowest: only a higher one is its own.
        if used.ru_maxrss > resource.getrusage(resource.RUSAGE_SELF).ru_maxrss:
            self.peak_bytes = used.ru_maxrss * (1 if sys.platform == "darwin" else 1024)
        if not self.ended.done():
            self.ended.set_result(self._read_status(status))


# A shell, and bwrap, ends with 128 + n when signal n ended what it ran, and with the status itself when that exited. The
# ends that a kernel or a `kill` causes are told as signals; Node's own 128 and 129 stay exits. A program that exits with one
# of these numbers means the same by it, as shells do.
_SIGNALS = frozenset({4, 5, 6, 7, 8, 9, 11, 15, 31})


def exit_of_shell(code: int) -> Exit:
    """What the status of a shell says of the program that it ran."""
    return Exit(None, code - 128) if code - 128 in _SIGNALS else Exit(code, None)


def exit_of(status: int) -> Exit:
    """What a wait status says."""
    code = os.waitstatus_to_exitcode(status)
    return Exit(code, None) if code >= 0 else Exit(None, -code)


def _open_process(pid: int) -> int | None:
    opener = getattr(os, "pidfd_open", None)
    try:
        return int(opener(pid)) if opener else None
    except OSError:  # a kernel before 5.3, or a filter that does not know the call
        return None
