"""`python -m bench [PART …]`: measure, keep the figures in docs/benchmarks.json, and write the page.

python -m bench                      everything (about 35 minutes on 2 quiet cores)
python -m bench warm cold            these parts; the others stay as they were measured
python -m bench warm --only python   those workloads of a part that have this in their name; the others stay
python -m bench --missing            what has not been measured yet on a quiet machine
python -m bench report               the page anew from the figures that there are
python -m bench quick                the committed ratios again (at most a minute); writes nothing

What was measured is kept workload by workload: after Ctrl-C, `--missing` goes on.
"""

import argparse
import signal
import sys
import time
import traceback
from pathlib import Path
from types import FrameType
from typing import NoReturn

from bench import figures, guard, machine, report
from bench.figures import Collected, Part, Run
from bench.load import wrk
from bench.parts import PARTS
from bench.parts.effort import Effort, say
from bench.peers import Missing, everybody


def main() -> None:
    asked = arguments()
    if "quick" in asked.what:
        sys.exit(guard.main())
    for each in (signal.SIGINT, signal.SIGTERM):
        signal.signal(each, _ended)
    parts = [each for each in asked.what if each != "report"] or ([] if asked.what else list(PARTS))
    broken: list[str] = []
    try:
        peers = versions() if parts else {}
        broken += [name for name in parts if not Going(name, asked, peers).measure()]
    finally:
        if asked.into == figures.RESULTS:
            for page in report.write(figures.read()):
                say(f"wrote {page}")
    if broken:
        sys.exit(f"Not whole: {', '.join(broken)}; see above.")


def arguments() -> argparse.Namespace:
    """What is asked for."""
    parser = argparse.ArgumentParser(
        prog="python -m bench", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("what", nargs="*", metavar="PART", help="parts, `report` or `quick`; all parts without")
    parser.add_argument("--rounds", type=int, default=3, help="how often each is measured, in turns [3]")
    parser.add_argument("--seconds", type=float, default=1.0, help="how long one measurement lasts [1]")
    parser.add_argument(
        "--scale", type=float, default=1.0, help="below 1: leave out the largest sizes of what grows [1]"
    )
    parser.add_argument("--only", default="", metavar="TEXT", help="only workloads with this in their name")
    parser.add_argument("--missing", action="store_true", help="only what has no figure of a quiet machine yet")
    parser.add_argument(
        "--wait",
        type=float,
        default=30.0,
        metavar="S",
        help="wait so long for idle processors before each workload [30]",
    )
    parser.add_argument(
        "--busy", action="store_true", help="measure even while others use the machine; the report says so"
    )
    parser.add_argument(
        "--into", type=Path, default=figures.RESULTS, metavar="FILE", help="keep the figures there, and write no page"
    )
    asked = parser.parse_args()
    if unknown := [each for each in asked.what if each not in (*PARTS, "report", "quick")]:
        parser.error(f"there is no part {unknown[0]}; the parts are {', '.join(PARTS)}")
    return asked


class Going:
    """One part on its way: before each workload the machine is to be quiet, and what there is is kept."""

    def __init__(self, name: str, asked: argparse.Namespace, peers: dict[str, str]) -> None:
        self._name, self._asked, self._peers = name, asked, peers
        self._before = figures.read(asked.into).parts.get(name, Part())
        self._effort = Effort(
            asked.rounds,
            asked.seconds,
            asked.scale,
            asked.only,
            frozenset(self._before.settled if asked.missing else ()),
            self.before,
        )
        self._began = figures.utc()
        self._run = Run(asked.rounds, asked.seconds, round(machine.load(), 2))
        self._collected = Collected()

    def measure(self) -> bool:
        """Whether nothing was in the way. What is not a peer's failure is told, and the next part goes on."""
        began, whole = time.monotonic(), False
        say(f"--- {PARTS[self._name].title}")
        try:
            PARTS[self._name].measure(self._effort, self._collected)
            whole = True
        except Exception:  # noqa: BLE001 (whatever is wrong with this part, the others can be measured)
            traceback.print_exc()
        finally:
            self.keep(whole and self._effort.whole)
        if not self._run.others:
            say(
                f"No workload of {self._name} {f'has {self._asked.only!r} in its name' if self._asked.only else 'is missing'}."
            )
        say(f"{PARTS[self._name].title}: {time.monotonic() - began:.0f} s")
        return whole

    def before(self) -> None:
        """A workload begins."""
        self.keep(whole=False)
        busy = machine.wait_until_quiet(0 if self._asked.busy else self._asked.wait, say)
        if busy > machine.QUIET and not self._asked.busy:
            sys.exit(
                f"This machine is busy: {busy:.0%} of its processors are in use while nothing is measured; figures would say"
                " nothing. Try again when it is quiet, wait longer with --wait 600, or measure anyway with --busy; then the page"
                " tells of it. What was measured until now is kept: `--missing` goes on."
            )
        self._run.others.append(round(busy, 3))

    def keep(self, whole: bool) -> None:
        """Into the file, with what was there of others."""
        if not self._collected.figures and not self._collected.curves:
            return
        results = figures.read(self._asked.into)
        results.machine, results.peers = machine.describe(), self._peers
        results.parts[self._name] = self._before.with_run(self._began, self._run, self._collected, whole)
        figures.write(results, self._asked.into)


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


def _ended(number: int, frame: FrameType | None) -> NoReturn:
    """As an exception, so that peers are ended and figures are kept."""
    say("Stopped. What was measured until now is kept: `--missing` goes on.")
    raise SystemExit(128 + number)


if __name__ == "__main__":
    main()
