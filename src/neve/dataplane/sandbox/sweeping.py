"""What dead Neves left on this machine, whatever way of freezing they had."""

from neve.dataplane.sandbox import cgroup1, cgroup2, limiter, signals, tmp_folders


def sweep() -> int:
    """Kill and remove it; how many environments. Never touches what a living Neve owns. Blocks for a bounded time."""
    removed = cgroup2.sweep() + cgroup1.sweep() + signals.sweep()
    limiter.sweep()
    tmp_folders.sweep()  # of the same environments, when nobody writes there any more
    return removed
