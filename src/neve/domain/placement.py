"""Which environment an invocation gets. Pure: the pool tells what there is."""

from enum import Enum


class Placement(Enum):
    """What to do with an invocation for which no environment is free."""

    START = "start"  # a new environment, now
    WAIT_A_MOMENT = "wait a moment"  # one that has answered will be free at once
    WAIT = "wait"  # enough environments are being started already


def place(waiting: int, starting: int, draining: int) -> Placement:
    """`waiting` invocations have no environment; `starting` environments have no invocation yet.

    An environment that has answered its caller usually asks for the next event within a fraction of a millisecond: a
    caller that comes back that soon must not cost a cold start.
    """
    if waiting <= starting:
        return Placement.WAIT
    if waiting <= starting + draining:
        return Placement.WAIT_A_MOMENT
    return Placement.START
