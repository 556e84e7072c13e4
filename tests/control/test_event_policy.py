"""How events are treated: what was set for their qualifier, and the function's own dead-letter queue."""

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from neve.clock import Clock
from neve.control.functions import Functions
from neve.domain.event import Policy
from neve.domain.event_invoke import GivenEventInvoke
from neve.domain.function import Code, Function, LoggingConfig, RecursiveLoop
from neve.domain.world import World
from neve.storage.blobs import FileBlobStore
from neve.storage.sqlite.functions import SqliteFunctionStore

WORLD = World()
QUEUE = "arn:aws:sqs:us-east-1:000000000000:dead"
TOPIC = "arn:aws:sns:us-east-1:000000000000:told"
FUNCTION = Function(
    WORLD,
    "f",
    "nodejs22.x",
    "i.h",
    "r",
    Code("s", 1),
    LoggingConfig("/g"),
    1,
    "r1",
    dead_letter_arn=QUEUE,
    state="Active",
)


@pytest.fixture
async def verbs(tmp_path: Path) -> AsyncIterator[Functions]:
    """A function with the version 1, of which the dead-letter queue is another, and the alias `live`."""
    store = await SqliteFunctionStore.open(tmp_path / "neve.sqlite")

    async def prepare(function: Function) -> None:
        """Nothing runs here."""

    made = Functions(store, FileBlobStore.open(tmp_path / "code"), Clock(), prepare, lambda function: None)
    await store.create_function(FUNCTION, replace(FUNCTION, version="1", dead_letter_arn="arn:of:the:version"))
    await made.aliases.create(WORLD, "f", "live", "1")
    yield made
    await made.close()
    await store.close()


async def test_defaults_where_nothing_was_set(verbs: Functions) -> None:
    assert await verbs.event_invoke.policy_of(WORLD, "f", None) == Policy(dead_letter_arn=QUEUE)
    assert await verbs.event_invoke.policy_of(WORLD, "gone", None) == Policy()
    assert Policy() == Policy(2, 21_600, None, None, None, RecursiveLoop.TERMINATE)


async def test_each_qualifier_has_its_settings_and_all_have_the_functions_dead_letter_queue(verbs: Functions) -> None:
    put = verbs.event_invoke.put
    await put(WORLD, "f", None, GivenEventInvoke(retries=0))
    await put(WORLD, "f", "live", GivenEventInvoke(1, 60, TOPIC, QUEUE, names_destinations=True))
    await verbs.recursion.put(WORLD, "f", RecursiveLoop.ALLOW)
    policy_of = verbs.event_invoke.policy_of
    allow = RecursiveLoop.ALLOW
    for _ in range(2):  # from disk and from memory
        assert await policy_of(WORLD, "f", None) == Policy(0, dead_letter_arn=QUEUE, recursive_loop=allow)
        assert await policy_of(WORLD, "f", "$LATEST") == Policy(0, dead_letter_arn=QUEUE, recursive_loop=allow)
        assert await policy_of(WORLD, "f", "live") == Policy(1, 60, TOPIC, QUEUE, QUEUE, allow)
        assert await policy_of(WORLD, "f", "1") == Policy(dead_letter_arn=QUEUE, recursive_loop=allow)


async def test_a_change_counts_from_the_next_event_on(verbs: Functions) -> None:
    policy_of = verbs.event_invoke.policy_of
    assert (await policy_of(WORLD, "f", "live")).retries == 2
    await verbs.event_invoke.put(WORLD, "f", "live", GivenEventInvoke(retries=0))
    assert (await policy_of(WORLD, "f", "live")).retries == 0
    await verbs.aliases.delete(WORLD, "f", "live")
    assert (await policy_of(WORLD, "f", "live")).retries == 2
    await verbs.event_invoke.put(WORLD, "f", None, GivenEventInvoke(retries=1))
    await verbs.delete(WORLD, "f", None)
    assert await policy_of(WORLD, "f", None) == Policy()
