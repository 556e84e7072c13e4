"""The line below a picture's title: when, how it ended, how long it took, what it cost."""

from collections.abc import Sequence

from neve.analysis.history import Run
from neve.domain.picture import span
from neve.domain.price import Prices, cost_of, money, usage_of
from neve.domain.system_log import iso_time


def subtitle_of(runs: Sequence[Run], began_ms: float, prices: Prices) -> str:
    """Of all attempts of a run; figures are those of the last one, the price is that of all."""
    told = [f"{iso_time(began_ms)[:19].replace('T', ' ')} UTC"]
    if len(runs) > 1:
        told.append(f"{len(runs)} attempts")
    for run in runs[-1:]:
        metrics = run.metrics
        told.append(run.status or "running")
        if "billedDurationMs" in metrics:
            told.append(f"{span(metrics['durationMs'])}, billed {metrics['billedDurationMs']} ms")
            told.append(f"{metrics['maxMemoryUsedMB']} of {metrics['memorySizeMB']} MB")
        if "initDurationMs" in metrics:
            told.append(f"cold start, init {span(metrics['initDurationMs'])}")
    costs = [_cost(run, prices) for run in runs if "billedDurationMs" in run.metrics]
    if costs:
        told.append(f"${money(sum(costs))}")
    return " · ".join(told)


def _cost(run: Run, prices: Prices) -> float:
    metrics = run.metrics
    billed_ms, init_ms = metrics["billedDurationMs"], metrics.get("initDurationMs", 0.0)
    used = usage_of(billed_ms, init_ms, metrics["memorySizeMB"], run.storage_mb)
    return cost_of(used, run.architecture, prices).total
