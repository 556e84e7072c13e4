"""`kill -9` at random moments with events queued, running, in retry, on their way to a destination (charter E10)."""

import random
from pathlib import Path

import pytest
from tests.acceptance.kill_events import remembering, run

KILLS = 10
EVENTS = 400
FUNCTIONS = 10
LONGEST_S = 1.5
SEED = 20_251_124


@pytest.mark.timeout(240)
def test_every_event_that_was_accepted_runs_and_every_record_is_delivered(tmp_path: Path) -> None:
    with remembering() as memory:
        town = run(tmp_path / "data", memory, FUNCTIONS, EVENTS, KILLS, random.Random(SEED), LONGEST_S)
    not_run, not_told = town.missing()
    assert len(town.acknowledged) >= EVENTS
    assert not_run == set()
    assert not_told == set()
