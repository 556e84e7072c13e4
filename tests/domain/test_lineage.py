"""Chains of invocations, counted in the trace header."""

import re

import pytest

from neve.domain.lineage import begun, counted, is_loop, runs_before
from neve.domain.world import World

HERE = World()
TRACE = "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=0"


def test_first_run_counts_none_before_it() -> None:
    header = counted(TRACE, HERE, "f")
    assert re.fullmatch(re.escape(TRACE) + r";Lineage=1:[0-9a-f]{8}:0", header)
    assert runs_before(header) == 0


def test_a_chain_that_begins_is_counted_the_same() -> None:
    assert begun(TRACE, HERE, "f") == counted(TRACE, HERE, "f")


def test_sixteen_runs_of_a_function_in_a_chain_are_no_loop_and_the_seventeenth_is() -> None:
    header = TRACE
    loops = []
    for _ in range(17):
        header = counted(header, HERE, "f")
        loops.append(is_loop(header))
    assert loops == [False] * 16 + [True]


def test_functions_of_a_chain_are_counted_apart_and_the_last_one_is_at_the_end() -> None:
    header = TRACE
    told = []
    for name in ("f", "g", "f", "g", "f"):
        header = counted(header, HERE, name)
        told.append(runs_before(header))
    assert told == [0, 0, 1, 1, 2]
    assert header.split("Lineage=")[1].rpartition("|")[2].endswith(":2")


def test_same_name_in_another_world_is_another_function() -> None:
    header = counted(counted(TRACE, HERE, "f"), World("111111111111"), "f")
    assert runs_before(header) == 0
    assert runs_before(counted(header, HERE, "f")) == 1


@pytest.mark.parametrize(
    "lineage",
    ["", "x", "|||", ":", "1:abc:", "1:abc:-4", "1:abc:9999999999999999999", "1:abc:٣", "a;Lineage=b"],
)
def test_what_a_caller_made_up_does_no_harm(lineage: str) -> None:
    header = counted(f"{TRACE};Lineage={lineage}", HERE, "f")
    assert header.startswith(TRACE)
    assert header.count("Lineage=") == 1
    assert runs_before(header) == 0
    assert runs_before(counted(header, HERE, "f")) == 1


def test_entries_of_the_old_form_without_a_version_are_read() -> None:
    own = counted(TRACE, HERE, "f").rpartition("1:")[2].partition(":")[0]
    assert runs_before(counted(f"{TRACE};Lineage=a87bd80c:0|{own}:5", HERE, "f")) == 6


def test_header_stays_short_in_a_chain_of_many_functions() -> None:
    header = TRACE
    for number in range(100):
        header = counted(header, HERE, f"f{number}")
    assert len(header) < 600
    assert runs_before(counted(header, HERE, "f99")) == 1
