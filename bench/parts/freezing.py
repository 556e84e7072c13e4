"""What freezing adds to a call: Neve as it is, beside Neve that does not freeze between these calls."""

import http.client
import time
from statistics import median

from bench.figures import Collected
from bench.load import wrk
from bench.parts.effort import Effort, opened
from bench.peers import Neve, Target
from bench.programs import LANGUAGES, program

TITLE = "Freeze and thaw"
FROZEN, AWAKE = "Neve", "Neve that never freezes"
_PAUSE_S = 0.005


def measure(effort: Effort, collected: Collected) -> None:
    """Milliseconds of calls with a pause before each, in which the environment freezes or does not; and of calls without."""
    programs = {
        language: program("no-op", language) for language in LANGUAGES if effort.wants(f"after a pause, {language}")
    }
    if not programs:
        return
    peers = [Neve(FROZEN), Neve(AWAKE, "--freeze-grace-ms", "3600000")]
    with opened(peers, list(programs.values())) as found:
        for language, each in programs.items():
            effort.begins(f"after a pause, {language}")
            for targets in found.values():
                wrk.run([targets[each.name]], 1, 1)
            for _ in range(effort.rounds):
                for peer, targets in found.items():
                    target = targets[each.name]
                    collected.add(f"after a pause, {language}", peer, "p50", "ms", paused(target, effort.seconds))
                    collected.add(
                        f"at once, {language}", peer, "p50", "ms", wrk.run([target], 1, effort.seconds).ms[50]
                    )


def paused(target: Target, seconds: float) -> float:
    """The median of calls that come a while after the last answer: whoever freezes has frozen by then."""
    connection = http.client.HTTPConnection(target.host, target.port, timeout=10)
    times = []
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        time.sleep(_PAUSE_S)
        began = time.perf_counter()
        connection.request("POST", target.path, target.body)
        connection.getresponse().read()
        times.append(time.perf_counter() - began)
    connection.close()
    return median(times) * 1000
