"""One case for each thing that a Python runtime client decides: the event names the case."""

import collections
import datetime
import decimal
import logging
import os
import sys
import threading

logger = logging.getLogger("shop.orders")
Point = collections.namedtuple("Point", "x y")
CASES = {}


class Odd(Exception):
    """An exception of the function's own."""


def case(function):
    CASES[function.__name__] = function
    return function


def handler(event, context):
    return CASES[event["case"]](event, context)


# Results


@case
def nothing(event, context):
    return None


@case
def raw_bytes(event, context):
    return b"\xff\x00raw"


@case
def scripts(event, context):
    return {"né": "☃ 🎉", "control": "\x00\x1f\u2028", "lone": "\ud800"} if event.get("lone") else {"né": "☃ 🎉\u2028"}


@case
def numbers(event, context):
    decimals = [decimal.Decimal(text) for text in ("1.10", "1E+3", "NaN")]
    return [*decimals, float("inf"), 1e22, 0.1, -0.0, 2**70, True]


@case
def shapes(event, context):
    return {1: Point(1, (2, 3)), None: [], False: {}, 2.5: "", "order": {"z": 1, "a": 2}}


@case
def a_set(event, context):
    return {1, 2}


@case
def a_date(event, context):
    return datetime.datetime(2026, 1, 1)


@case
def a_circle(event, context):
    circle = []
    circle.append(circle)
    return circle


@case
def a_generator(event, context):
    return (n for n in range(2))


@case
def keys_that_are_none(event, context):
    return {("a", 1): 2}


@case
def echoes(event, context):
    return event


@case
def large(event, context):
    return "x" * 2_000_000


# Failures


@case
def raises(event, context):
    deeper("wrong")


def deeper(text):
    raise Odd(text)


@case
def raises_without_a_message(event, context):
    raise ValueError


@case
def raises_a_key(event, context):
    return {}["né"]


@case
def raises_of_a_cause(event, context):
    try:
        int("nought")
    except ValueError as error:
        raise Odd("above\nand below") from error


@case
def raises_while_another_is_handled(event, context):
    try:
        int("x")
    except ValueError:
        undefined_name  # noqa: B018, F821


@case
def recurses(event, context):
    return recurses(event, context)


@case
def raises_several_arguments(event, context):
    raise OSError(2, "no such thing", "file.txt")


@case
def raises_of_generated_code(event, context):
    exec("def made():\n    raise Odd('made')\nmade()", {"Odd": Odd})


# Ends of the process


@case
def leaves(event, context):
    sys.exit(event["status"])


@case
def leaves_at_once(event, context):
    os._exit(event["status"])


@case
def is_interrupted(event, context):
    raise KeyboardInterrupt


# Logs


@case
def prints(event, context):
    print("one line")
    print("two\nlines, ☃")
    print("", "\ttabs\t", "", sep="|")
    sys.stderr.write("on standard error\n")
    print("flushed", end="")
    print(" together")
    return "printed"


@case
def logs(event, context):
    for level in ("debug", "info", "warning", "error", "critical"):
        getattr(logger, level)("at %s: %d", level, 7)
    logger.warning("two\nlines")
    logger.setLevel(logging.DEBUG)
    logger.debug("deeper")
    logger.setLevel(logging.NOTSET)
    logging.warning("at the root")
    return "logged"


@case
def logs_an_exception(event, context):
    try:
        deeper("seen")
    except Odd:
        logger.exception("it failed")
    return "logged"


@case
def logs_with_members(event, context):
    logger.warning("with more", extra={"order": 7, "nothing": None, "who": Point(1, 2)})
    return "logged"


@case
def configures_in_vain(event, context):
    logging.basicConfig(level=logging.DEBUG, format="mine %(message)s")
    logging.getLogger().setLevel(logging.INFO)
    logger.info("as before")
    logging.getLogger().setLevel(logging.WARNING)
    return "logged"


@case
def logs_by_the_context(event, context):
    context.log("without a newline; ")
    context.log("with one\n")
    return "logged"


@case
def fails_in_a_thread(event, context):
    thread = threading.Thread(target=deeper, args=("in a thread",), name="other")
    thread.start()
    thread.join()
    return "went on"


# What is around it


@case
def shows_its_context(event, context):
    names = [name for name in dir(context) if not name.startswith("_")]
    values = {name: getattr(context, name) for name in names if isinstance(getattr(context, name), str | None)}
    return {"names": names, "values": {name: None if name in ("aws_request_id", "log_stream_name", "function_name",
            "log_group_name", "invoked_function_arn") else value for name, value in values.items()}}  # fmt: skip


@case
def shows_its_identity(event, context):
    return [
        sorted(vars(context.identity)),
        hasattr(context.identity, "cognito_identity_id"),
        0 < context.get_remaining_time_in_millis() <= 20_000,
    ]


@case
def shows_its_client(event, context):
    client = context.client_context
    return [client.custom, client.env, vars(client.client) if client.client else None]


@case
def shows_its_trace(event, context):
    trace = os.environ.get("_X_AMZN_TRACE_ID", "")
    return [part.split("=")[0] for part in trace.split(";")]


@case
def shows_its_path(event, context):
    return [
        sys.path[0],
        os.getcwd(),
        sys.stdout.encoding,
        logging.getLogger().handlers[0].formatter._fmt,
    ]
