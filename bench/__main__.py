"""`python -m bench [PART …]`: measure, keep the figures in docs/benchmarks.json, and write the page.

python -m bench                   everything (about an hour)
python -m bench warm cold         these parts; the others stay as they were measured
python -m bench report            the page anew from the figures that there are
python -m bench quick             the committed ratios again (at most a minute); writes nothing
"""

import argparse
import sys
import time

from bench import guard, machine, report
from bench.figures import Part, read, utc, write
from bench.load import wrk
from bench.parts import PARTS
from bench.parts.effort import Effort, say
from bench.peers import Missing, everybody


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench", description="Neve beside what people use today.")
    parser.add_argument(
        "what", nargs="*", choices=[*PARTS, "report", "quick", []], help="parts, `report` or `quick`; all parts without"
    )
    parser.add_argument("--rounds", type=int, default=3, help="how often each is measured, in turns [3]")
    parser.add_argument("--seconds", type=float, default=2.0, help="how long one measurement lasts [2]")
    parser.add_argument(
        "--scale", type=float, default=1.0, help="below 1: leave out the largest sizes of what grows [1]"
    )
    parser.add_argument(
        "--wait", type=float, default=0.0, metavar="S", help="wait so long for a quiet machine before each part [0]"
    )
    parser.add_argument(
        "--busy", action="store_true", help="measure even while others use the machine; the report says so"
    )
    asked = parser.parse_args()
    if "quick" in asked.what:
        sys.exit(guard.main())
    parts = [each for each in asked.what if each != "report"] or ([] if asked.what else list(PARTS))
    if parts:
        measure(parts, Effort(asked.rounds, asked.seconds, asked.scale), asked.wait, asked.busy)
    for page in report.write(read()):
        say(f"wrote {page}")


def measure(parts: list[str], effort: Effort, wait_s: float, even_busy: bool) -> None:
    """Each part is kept as soon as it is there."""
    peers = versions()
    for name in parts:
        if not machine.wait_until_quiet(wait_s) and not even_busy:
            sys.exit(
                f"This machine is busy (load {machine.load():.1f}): figures would say nothing. Try again when it is quiet,"
                " wait with --wait 600, or measure anyway with --busy; then the report tells of the load."
            )
        before, began = machine.load(), time.monotonic()
        collected = PARTS[name].measure(effort)
        results = read()
        results.machine, results.peers = machine.describe(), peers
        results.parts[name] = Part(
            taken=utc(),
            load_before=round(before, 2),
            load_after=round(machine.load(), 2),
            rounds=effort.rounds,
            seconds=effort.seconds,
            figures=collected.figures,
            curves=collected.curves,
        )
        write(results)
        say(f"{PARTS[name].title}: {time.monotonic() - began:.0f} s")


def versions() -> dict[str, str]:
    """What each is; or why it is not there. Installs what is not."""
    found = {}
    for peer in everybody():
        try:
            found[peer.name] = peer.install()
        except Missing as missing:
            found[peer.name] = f"missing: {missing}"
        say(f"{peer.name}: {found[peer.name]}")
    try:
        found["wrk"] = wrk.version()
    except Missing as missing:
        sys.exit(str(missing))
    return found


if __name__ == "__main__":
    main()
