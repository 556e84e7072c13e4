"""The chain that an invocation is part of, as its X-Ray trace header tells: how often each function has run in it.

    Root=1-…;Parent=…;Sampled=0;Lineage=1:d0782663:0|1:5fc1a3b2:4

Each entry is `1:<hash of the function>:<runs before this one>`, the function that ran last at the end. SDKs pass the
header on, so that what a function invokes is known to come from it. Source: async-invocation facts §6, invoke-api facts §1.
"""

from functools import lru_cache
from zlib import crc32

from neve.domain.arn import function_arn
from neve.domain.limits import RECURSION_RUNS
from neve.domain.world import World

_KEPT = 32
"""Functions of a chain that are remembered: bounds the header. A loop over more of them is not seen."""
_MEMBER = "Lineage="


def counted(trace_header: str, world: World, function_name: str) -> str:
    """The header for a run of this function: its own runs before this one counted, all else as it was."""
    members = [member for member in trace_header.split(";") if member]
    own = _hash(world, function_name)
    before = [member for member in members if not member.startswith(_MEMBER)]
    runs = dict(_entries(members))
    count = runs.pop(own, -1) + 1
    chain = [*list(runs.items())[-(_KEPT - 1) :], (own, count)]
    return ";".join([*before, _MEMBER + "|".join(f"1:{function}:{number}" for function, number in chain)])


def begun(trace_header: str, world: World, function_name: str) -> str:
    """The same for a header without a lineage: a chain begins."""
    return f"{trace_header};{_MEMBER}1:{_hash(world, function_name)}:0"


def runs_before(counted_header: str) -> int:
    """How often the function ran in this chain before the run that the header was `counted` for: that entry is the last."""
    number = counted_header.rpartition(":")[2]
    return int(number) if number.isascii() and number.isdigit() else 0


def is_loop(counted_header: str) -> bool:
    """Whether the run that the header was `counted` for is one too many."""
    return runs_before(counted_header) >= RECURSION_RUNS


def _entries(members: list[str]) -> list[tuple[str, int]]:
    """What can be read of the lineage; a caller may send anything."""
    lineage = next((member[len(_MEMBER) :] for member in members if member.startswith(_MEMBER)), "")
    entries = []
    for entry in lineage.split("|"):
        function, _, number = entry.rpartition(":")
        if number.isascii() and number.isdigit() and len(number) < 10:
            entries.append((function.rpartition(":")[2], int(number)))
    return entries


@lru_cache(maxsize=4096)
def _hash(world: World, function_name: str) -> str:
    return f"{crc32(function_arn(world, function_name).encode()):08x}"
