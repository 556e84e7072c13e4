"""How many events of one function run at once."""

from neve.domain.window import Window


def answers(window: Window, count: int, seconds: float, now: float = 100.0) -> None:
    for _ in range(count):
        window.answered(seconds, True, now)


def test_few_run_at_first() -> None:
    assert Window(64).size == 2
    assert Window(1).size == 1


def test_function_that_waits_for_others_gets_as_many_as_are_allowed() -> None:
    window = Window(64)
    answers(window, 100, 0.5)
    assert window.size == 64


def test_function_that_computes_gets_no_more_than_go_without_waiting() -> None:
    """Two processors: more than two at once take longer each. A few run at once nevertheless."""
    window = Window(64)
    for _ in range(300):
        window.answered(0.05 * max(1.0, window.size / 2), True, 100.0)
    assert 8 <= window.size <= 12


def test_function_that_has_become_slower_is_known_anew() -> None:
    window = Window(64)
    answers(window, 100, 0.01)
    answers(window, 100, 0.5)
    assert window.size > 2
    answers(window, 100, 0.5)
    assert window.size == 64


def test_one_that_is_not_full_does_not_grow() -> None:
    window = Window(64)
    for _ in range(50):
        window.answered(0.5, False, 100.0)
    assert window.size == 2


def test_starts_that_take_long_at_first_are_forgotten() -> None:
    window = Window(64)
    answers(window, 2, 0.5)
    answers(window, 200, 0.001)
    assert window.size > 10


def test_long_jobs_double_while_none_answers() -> None:
    window = Window(64)
    sizes = []
    for second in range(6):
        window.waited(float(second))
        sizes.append(window.size)
    assert sizes == [4, 8, 16, 32, 64, 64]


def test_throttle_takes_it_back_to_what_ran_for_a_while() -> None:
    window = Window(64)
    answers(window, 50, 0.5)
    window.throttled(5, 100.0)
    assert window.size == 5
    answers(window, 20, 0.5, now=104.9)
    assert window.size == 5
    answers(window, 3, 0.5, now=105.0)
    assert window.size == 8


def test_throttle_of_the_only_one_leaves_one() -> None:
    window = Window(64)
    window.throttled(0, 100.0)
    assert window.size == 1
