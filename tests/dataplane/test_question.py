"""When a runtime is asked why an invocation takes so long."""

import asyncio

import pytest

from neve.dataplane import question
from neve.dataplane.question import Question

WATCHED = {"_NEVE_LEAKS": "detect"}


class Asked:
    """What was asked, and a way to wait for it."""

    def __init__(self) -> None:
        self.about: list[str] = []
        self.can_be = True
        self._more = asyncio.Event()

    def __call__(self, request_id: str) -> bool:
        self.about.append(request_id)
        self._more.set()
        return self.can_be

    async def wait(self, count: int) -> None:
        async with asyncio.timeout(10):
            while len(self.about) < count:
                self._more.clear()
                await self._more.wait()


@pytest.fixture
async def asked() -> Asked:
    return Asked()


@pytest.fixture
async def put(asked: Asked) -> Question:
    return Question(asked)


async def a_later_one_is_asked(left_s: float) -> None:
    """By then one that was put before, with the same time left, would have been asked: timers run in their order."""
    asked = Asked()
    put = Question(asked)
    put.prepare(WATCHED)
    put.put_before(left_s, "later")
    await asked.wait(1)


async def test_question_is_put_before_the_end(put: Question, asked: Asked) -> None:
    put.prepare(WATCHED)
    put.put_before(question.BEFORE_S + 0.01, "first")
    assert (put.asked, asked.about) == (False, [])
    await asked.wait(1)
    assert (put.asked, put.answer, asked.about) == (True, None, ["first"])
    put.heard({"id": "first", "waiting": []})
    assert put.answer == {"id": "first", "waiting": []}


async def test_runtime_that_does_not_understand_is_not_asked(put: Question, asked: Asked) -> None:
    put.prepare({})
    put.put_before(0.0, "first")
    await a_later_one_is_asked(0.0)
    assert (put.asked, asked.about) == (False, [])


async def test_invocation_that_ends_in_time_is_not_asked(put: Question, asked: Asked) -> None:
    put.prepare(WATCHED)
    put.put_before(question.BEFORE_S, "first")
    put.withdraw()
    await a_later_one_is_asked(question.BEFORE_S)
    assert (put.asked, asked.about) == (False, [])


async def test_answer_about_another_invocation_is_none(put: Question, asked: Asked) -> None:
    put.prepare(WATCHED)
    put.heard({"id": "first"})
    put.put_before(0.0, "first")
    await asked.wait(1)
    put.heard({"id": "second"})
    assert put.answer is None


async def test_function_with_a_watchdog_is_asked_twice(put: Question, asked: Asked) -> None:
    """Before its thread looks, so that the thread knows that the loop turned, and near the end."""
    put.prepare({**WATCHED, "_NEVE_WATCHDOG_MS": "600"})
    put.put_before(0.8, "first")
    await asked.wait(1)
    put.heard({"id": "first", "waiting": []})
    await asked.wait(2)
    assert put.answer is None  # it turned before; does it now?


async def test_what_the_watchdog_said_is_kept(put: Question, asked: Asked) -> None:
    put.prepare({**WATCHED, "_NEVE_WATCHDOG_MS": "600"})
    put.put_before(0.8, "first")
    await asked.wait(1)
    put.heard({"id": "first", "blocked": True, "stacks": []})
    await asked.wait(2)
    assert put.answer == {"id": "first", "blocked": True, "stacks": []}


async def test_runtime_that_cannot_be_asked_owes_no_answer(put: Question, asked: Asked) -> None:
    asked.can_be = False  # another client, which a wrapper started
    put.prepare(WATCHED)
    put.put_before(0.0, "first")
    await asked.wait(1)
    assert not put.asked


async def test_what_a_client_says_unasked_is_kept(put: Question, asked: Asked) -> None:
    """Python's says it at its own time, which may come first on a busy machine."""
    put.prepare(WATCHED)
    put.put_before(question.BEFORE_S + 0.01, "first")
    put.heard({"id": "first", "stacks": [[]]})
    await asked.wait(1)
    assert put.answer == {"id": "first", "stacks": [[]]}
