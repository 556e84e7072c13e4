"""When rules are due."""

from datetime import UTC, datetime

import pytest

from neve.neighbours.child.schedule import next_after

NOW = datetime(2026, 2, 14, 10, 20, 30, tzinfo=UTC)  # a Saturday


def due(expression: str) -> str | None:
    at = next_after(expression, NOW.timestamp())
    return None if at is None else f"{datetime.fromtimestamp(at, UTC):%Y-%m-%d %H:%M:%S}"


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("rate(1 minute)", "2026-02-14 10:21:30"),
        ("rate(5 minutes)", "2026-02-14 10:25:30"),
        ("rate(2 hours)", "2026-02-14 12:20:30"),
        ("rate(7 days)", "2026-02-21 10:20:30"),
        ("cron(0 12 * * ? *)", "2026-02-14 12:00:00"),
        ("cron(20 10 * * ? *)", "2026-02-15 10:20:00"),
        ("cron(0/15 * * * ? *)", "2026-02-14 10:30:00"),
        ("cron(5,35 14 * * ? *)", "2026-02-14 14:05:00"),
        ("cron(0 18 ? * MON-FRI *)", "2026-02-16 18:00:00"),
        ("cron(0 8 1 * ? *)", "2026-03-01 08:00:00"),
        ("cron(0 8 L * ? *)", "2026-02-28 08:00:00"),
        ("cron(0 8 ? * 6L *)", "2026-02-27 08:00:00"),
        ("cron(0 8 ? * L *)", "2026-02-21 08:00:00"),
        ("cron(0 8 ? * 2#1 *)", "2026-03-02 08:00:00"),
        ("cron(0 8 ? * TUE#3 *)", "2026-02-17 08:00:00"),
        ("cron(0 8 15W * ? *)", "2026-02-16 08:00:00"),  # the 15th is a Sunday
        ("cron(0 8 1W MAR,AUG ? *)", "2026-03-02 08:00:00"),  # the Saturday or Sunday before is another month's
        ("cron(0 8 31W MAY ? *)", "2026-05-29 08:00:00"),  # and this Sunday's Monday is
        ("cron(0 8 29 2 ? *)", "2028-02-29 08:00:00"),
        ("cron(30 6-8/2 ? JAN-MAR SAT,SUN 2026-2027)", "2026-02-15 06:30:00"),
        ("cron(0 0 1 1 ? 2030)", "2030-01-01 00:00:00"),
        ("cron(0 0 1 1 ? 2020)", None),
        ("cron(0 0 31 2 ? *)", None),
        ("cron(a b c d e f)", None),
        ("cron(0 12 * * ?)", None),
        ("rate(0 minutes)", None),
        ("whenever", None),
    ],
)
def test_the_next_time(expression: str, expected: str | None) -> None:
    assert due(expression) == expected
