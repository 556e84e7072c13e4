"""The last 4 KB of an invocation's log: no more is kept, however much is printed."""

from neve.dataplane.stream import LogTails
from neve.domain import record as kinds
from neve.domain.record import Origin, Record
from neve.domain.world import World

ORIGIN = Origin(World(), "f", "$LATEST", "e", "/aws/lambda/f", "s")


def say(tails: LogTails, request_id: str, line: str) -> None:
    tails(Record(kinds.FUNCTION, 0.0, ORIGIN, request_id, {"text": line}), line)


def test_the_tail_is_the_last_4096_bytes() -> None:
    tails = LogTails()
    tails.watch("a")
    for number in range(2000):
        say(tails, "a", f"line {number}")
    whole = "".join(f"line {number}\n" for number in range(2000)).encode()
    assert tails.take("a") == whole[-4096:]
    assert tails.take("a") == b""


def test_one_long_line_is_cut_at_its_beginning() -> None:
    tails = LogTails()
    tails.watch("a")
    say(tails, "a", "x" * 100_000 + "é")
    assert tails.take("a") == b"x" * 4093 + "é\n".encode()


def test_only_the_invocations_that_are_watched_are_kept() -> None:
    tails = LogTails()
    tails.watch("a")
    say(tails, "b", "not kept")
    say(tails, "a", "kept")
    assert (tails.take("b"), tails.take("a")) == (b"", b"kept\n")


def test_a_function_that_prints_without_end_does_not_fill_the_memory() -> None:
    tails = LogTails()
    tails.watch("a")
    for _ in range(100):
        say(tails, "a", "x" * 100_000)
        assert len(tails._tails["a"]) <= 4096
