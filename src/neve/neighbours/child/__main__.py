"""The process of the neighbours: moto's server on a socket that Neve has bound already.

    python -m neve.neighbours.child FD NEVE_URL

Prints `ready` when it accepts. Standard input stays open as long as Neve lives: its end is the end of this process, too,
however Neve died. SIGINT is Neve's business, which lets functions finish their calls first.
"""

import logging
import os
import signal
import sys
import threading
from functools import partial

from moto.moto_server.werkzeug_app import DomainDispatcherApplication, MotoRequestHandler
from werkzeug.serving import make_server

from neve.neighbours.child import bridge
from neve.neighbours.child.closed import PASSWORD, closed_to_others
from neve.neighbours.child.refusals import create_known, say_what_is_missing


class _Handler(MotoRequestHandler):
    """moto's, without a line for each request; a client that went away is not worth a traceback."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Say nothing."""

    def connection_dropped(self, error: BaseException, environ: object = None) -> None:
        """Say nothing."""


def _end_with_neve() -> None:
    while os.read(0, 1):
        pass
    os._exit(0)


def main(fd: int, url: str) -> None:
    """Serve for ever."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_neve, name="end with Neve", daemon=True).start()
    logging.basicConfig(level=logging.ERROR, stream=sys.stderr)
    first = bridge.install(url)
    password = os.environ.pop(PASSWORD, None)
    known = DomainDispatcherApplication(partial(create_known, first))
    app = closed_to_others(say_what_is_missing(known), password)
    server = make_server("127.0.0.1", 0, app, threaded=True, request_handler=_Handler, fd=fd)
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    server.serve_forever()


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2])
