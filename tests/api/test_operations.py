"""Every operation of the service model is known to work, to be kept only, or to be refused."""

from pathlib import Path

import pytest
from tests.api.house import HOME, Lambda
from tests.docs.test_pages import load_generator

from neve.api import families, model

MODEL = model.load("lambda").operations
STATES = load_generator().states()


@pytest.mark.parametrize("operation", MODEL)
def test_operation_of_the_model_is_in_one_of_the_states(operation: str) -> None:
    assert operation in STATES, f"say in api/families.py what Neve does of {operation}"


def test_there_are_no_others() -> None:
    assert set(STATES) == set(MODEL)


async def test_what_is_said_of_an_operation_is_what_the_door_does(aws: Lambda) -> None:
    there = {*families.operations(aws.functions, lambda: HOME), "Invoke", "InvokeAsync", "InvokeWithResponseStream"}
    assert there == {name for name, (state, _) in STATES.items() if state != "refused"}
    assert there.isdisjoint(families.REFUSED)
    assert there.issuperset(families.KEPT)


async def test_a_refusal_says_why(aws: Lambda) -> None:
    refusal = await aws.refused("get_durable_execution", DurableExecutionArn="arn")
    assert refusal == (
        501,
        "NotImplementedException",
        "Neve does not support the operation GetDurableExecution yet. Neve runs no durable executions.",
    )


def test_the_page_has_a_row_for_each() -> None:
    page = (Path(__file__).parent.parent.parent / "docs" / "operations.md").read_text()
    assert f"Of the {len(MODEL)} operations" in page
    for name, (state, note) in STATES.items():
        assert f"| {name} | {state} | {note} |" in page
