"""Timers and sockets by which packages keep house for everybody: they carry nobody's work.

The runtime client knows the same (`leak-kinds.mjs`), but not what is inside a bundle; here source maps have been read.
"""

from neve.domain.stack import Stack

_PACKAGES = frozenset(
    {
        "@aws-sdk/node-http-handler", "@redis/client", "@smithy/node-http-handler", "agentkeepalive", "generic-pool",
        "ioredis", "keyv", "lru-cache", "mongodb", "mysql2", "node-cache", "pg", "pg-pool", "redis", "tarn", "tedious",
        "undici",
    }
)  # fmt: skip
_TIMERS = ("timer", "interval", "immediate")
_WHOSE = ("socket", "promise")


def keeps_house(kind: str, detached: bool, stack: Stack) -> bool:
    """Whether work of this kind is a package's own. `detached` timers do not hold the process; `stack` is the work's own."""
    library = stack[0].library if stack else None
    if library is None:
        return False
    return kind in _WHOSE or (kind in _TIMERS and (detached or library in _PACKAGES))
