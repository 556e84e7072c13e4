"""Why curves bend where they do: found with a profile of Neve while it did it, and checked against the figures of the page.

Most of what grows costs a call something once, and something for each line or byte of it. Such a sum bends where the second
passes the first; `fitted` says how well the figures of a page agree.
"""

from collections.abc import Mapping, Sequence

from bench.charts import number
from bench.figures import Curve

_FITS = 0.4

_LINES = (
    "a call costs Neve something once and something for each line, as the curve of its processor time says; where the lines"
    " have become more than the call, lines per second stay and calls per second fall as lines grow. In a profile of 1,000 "
    "lines a call 84% are for reading what was printed: 33% to cut it into lines, 44% to pass each on as a record of its "
    "own, of which keeping it is 14%."
)
_PAYLOAD = (
    "a call costs Neve something once and something for each byte, as the curve of its processor time says; until about 100"
    " KB the call is more. In a profile of calls with a megabyte a fifth is copying (from the socket, into a frame, to the "
    "runtime and back) and 5% the look whether it is JSON; most of the time of such a call is the runtime's, which parses "
    "and prints it. At 6 MB another sixth goes to memory that the system hands out and takes back for each call."
)
_PAYLOAD_MEMORY = (
    "a caller's bytes are there several times: as they came, as the frame to the runtime, as the answer that came back and "
    "as what the caller has not taken yet (16 callers with 6 MB: about 3.5 times). Until that is much beside Neve itself, "
    "the curve is level."
)
_FUNCTIONS = (
    "it has no direction. With one function its 16 environments serve the 16 callers; from ten on ten are called by turns, "
    "which have up to 40 environments: more processes share the processors, environments freeze in between (0.02 ms of "
    "Neve's work for a call), and some are still started while it is measured."
)
BENDS: Mapping[str, str] = {
    "functions-tail": _FUNCTIONS,
    **dict.fromkeys(("lines", "lines-kept", "lines-tail"), _LINES),
    **dict.fromkeys(("payload", "payload-moved", "payload-tail"), _PAYLOAD),
    "payload-memory": _PAYLOAD_MEMORY,
}
"""By the name of the curve."""


def explanation(curve: Curve) -> str | None:
    """Why this curve bends; None when nobody knows."""
    if curve.name.endswith("-work"):
        return fitted(curve)
    return BENDS.get(curve.name)


def fitted(curve: Curve) -> str | None:
    """What each call costs and what each of x does, when that is all; None when it is not."""
    told = []
    for name, points in curve.series.items():
        fixed, each, off = fit(points)
        if off > _FITS or each <= 0:
            return None
        told.append(
            f"{name} {number(fixed)} ms and {number(each * 1e6)} ns for each of the {curve.x}, right within {off:.0%}"
        )
    return "a call costs something once and something for each: " + "; ".join(told) + "."


def fit(points: Sequence[tuple[float, float]]) -> tuple[float, float, float]:
    """y = fixed + each · x with the least sum of squares of relative errors; and the largest relative error."""
    ones = sum(1 / y**2 for _, y in points)
    xs, xxs = sum(x / y**2 for x, y in points), sum(x * x / y**2 for x, y in points)
    ys, xys = sum(1 / y for _, y in points), sum(x / y for x, y in points)
    determinant = ones * xxs - xs * xs
    each = (ones * xys - xs * ys) / determinant
    fixed = (ys - each * xs) / ones
    return fixed, each, max(abs(fixed + each * x - y) / y for x, y in points)
