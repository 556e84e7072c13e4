"""Closed-loop load by `wrk`: each caller sends its next request when it has the answer to the last.

wrk lets a percentile count what it would have sent while an answer was late (its own correction, from the mean interval); where a
rate is fixed, see steady.py.
"""

import json
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.peers.peer import Missing, Target

PERCENTS = (50, 90, 99, 99.9)
_MARK = "neve-bench "
_DONE = """
done = function(summary, latency, requests)
  local errors = summary.errors
  io.write(string.format('neve-bench {"requests": %d, "duration_us": %d, "bytes": %d, "failed": %d, "max_us": %d',
    summary.requests, summary.duration, summary.bytes,
    errors.connect + errors.read + errors.write + errors.status + errors.timeout, latency.max))
  for _, percent in ipairs({PERCENTS}) do
    io.write(string.format(', "%g": %d', percent, latency:percentile(percent)))
  end
  io.write('}\\n')
end
""".replace("PERCENTS", ", ".join(map(str, PERCENTS)))


@dataclass(frozen=True)
class Load:
    """What callers saw: requests that were answered well in a second, and milliseconds by percent."""

    per_second: float
    ms: dict[float, float]
    failed: int
    requests: int

    @property
    def broken(self) -> bool:
        """Whether more than a hundredth failed: then it is no measure of speed."""
        return self.requests == 0 or self.failed > self.requests / 100

    def good(self) -> "Load":
        """Itself; Missing when it is broken."""
        if self.requests == 0:
            raise Missing("nothing was answered in time")
        if self.broken:
            raise Missing(f"{self.failed} of {self.requests} requests failed")
        return self

    def tells(self, percent: float) -> bool:
        """Whether a call at least is beyond this percentile: without one it would only be the slowest of all."""
        return self.requests * (100 - percent) >= 100


def version() -> str:
    """`4.1.0`; Missing without wrk."""
    if shutil.which("wrk") is None:
        raise Missing("wrk is not installed (Debian, Ubuntu: apt install wrk)")
    said = subprocess.run(["wrk", "--version"], capture_output=True, text=True, check=False).stdout
    return said.split()[1] if len(said.split()) > 1 else "unknown"


def run(targets: Sequence[Target], callers: int, seconds: float, timeout_s: float = 10) -> Load:
    """So many callers for so long, on the targets by turns (they are on one port)."""
    with tempfile.TemporaryDirectory() as folder:
        script = Path(folder, "calls.lua")
        script.write_bytes(script_of(targets, folder))
        command = [
            "wrk",
            "-t1",
            f"-c{callers}",
            f"-d{max(1, round(seconds))}s",
            f"--timeout={timeout_s:g}s",
            "-s",
            str(script),
        ]
        first = targets[0]
        # wrk waits for its last answers at most as long as its time limit
        try:
            done = subprocess.run(
                [*command, f"http://{first.host}:{first.port}"],
                capture_output=True,
                text=True,
                timeout=seconds + timeout_s + 30,
                check=False,
            )
        except subprocess.TimeoutExpired as stuck:
            raise Missing(f"wrk did not end within {stuck.timeout:g} s") from stuck
    return parse(done.stdout, done.stderr)


def script_of(targets: Sequence[Target], folder: str) -> bytes:
    """The program that wrk runs; bodies are in files, because a string of Lua has no megabytes."""
    lines = ['wrk.method = "POST"', "local requests = {}", "local at = 0", "init = function()"]
    for number, each in enumerate(targets):
        body = Path(folder, f"body-{number}")
        body.write_bytes(each.body)
        headers = ", ".join(f'["{name}"] = "{value}"' for name, value in each.headers.items())
        lines.append(f'  local file = io.open("{body}", "rb"); local body = file:read("*a"); file:close()')
        lines.append(f'  requests[{number + 1}] = wrk.format("POST", "{each.path}", {{{headers}}}, body)')
    lines.append("end")
    lines.append("request = function() at = at % #requests + 1; return requests[at] end")
    return ("\n".join(lines) + _DONE).encode()


def parse(output: str, errors: str = "") -> Load:
    """What our script printed at the end."""
    said = next((line for line in output.splitlines() if line.startswith(_MARK)), None)
    if said is None and "unable to connect" in errors:
        raise Missing("refuses connections")
    if said is None:
        raise Missing(f"wrk said nothing: {(errors or output).strip()[-200:]!r}")
    told = json.loads(said.removeprefix(_MARK))
    seconds = told["duration_us"] / 1e6
    ms = {each: told[f"{each:g}"] / 1000 for each in PERCENTS} | {100.0: told["max_us"] / 1000}
    good = max(0, told["requests"] - told["failed"])
    return Load(good / seconds if seconds else 0.0, ms, told["failed"], told["requests"])
