"""When a rule with a schedule is due: `rate(5 minutes)`, `cron(0 12 ? * MON-FRI *)`, in UTC. Pure.

Source: AWS, "Setting a schedule pattern for scheduled rules": six fields, the fifth is the day of the week from SUN = 1; `L` is
the last day of the month or the last such weekday, `W` the weekday nearest to a day, `#` the n-th such weekday.
"""

import calendar
import re
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta

_SECONDS = {"minute": 60, "hour": 3600, "day": 86_400}
_RATE = re.compile(r"rate\((\d+) (minute|hour|day)s?\)")
_MONTHS = ["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"]
_DAYS = ["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"]
_YEARS_AHEAD = 8  # a leap day comes within


def next_after(expression: str, after: float) -> float | None:
    """The first time it is due after `after`, in seconds since the epoch; None when it never is, or is no such expression."""
    rate = _RATE.fullmatch(expression)
    if rate is not None:
        return after + int(rate[1]) * _SECONDS[rate[2]] if int(rate[1]) else None
    fields = expression.removeprefix("cron(").removesuffix(")").split()
    if len(fields) != 6:
        return None
    try:
        return next((at for at in _times(fields, after)), None)
    except ValueError:
        return None


def _times(fields: list[str], after: float) -> Iterator[float]:
    minutes, hours = sorted(_numbers(fields[0], 0, 59)), sorted(_numbers(fields[1], 0, 23))
    months = _numbers(_named(fields[3], _MONTHS, 1), 1, 12)
    years = _numbers(fields[5], 1970, 2199)
    first = datetime.fromtimestamp(after, UTC)
    for ahead in range(366 * _YEARS_AHEAD):
        day = first.date() + timedelta(days=ahead)
        if day.year in years and day.month in months and _is_day(day, fields[2], fields[4]):
            for hour in hours:
                for minute in minutes:
                    at = datetime(day.year, day.month, day.day, hour, minute, tzinfo=UTC).timestamp()
                    if at > after:
                        yield at


def _is_day(day: date, of_month: str, of_week: str) -> bool:
    """One of the two is `?`: the other decides."""
    return _is_weekday(day, of_week) if of_month == "?" else _is_day_of_month(day, of_month)


def _is_day_of_month(day: date, field: str) -> bool:
    last = calendar.monthrange(day.year, day.month)[1]
    if field == "L":
        return day.day == last
    if field.endswith("W"):
        return day == _nearest_weekday(date(day.year, day.month, min(int(field[:-1]), last)))
    return day.day in _numbers(field, 1, 31)


def _nearest_weekday(day: date) -> date:
    """In the same month."""
    ways = {5: (0, -1, 2), 6: (0, 1, -2)}.get(day.weekday(), (0,))
    near = [day + timedelta(days) for days in ways]
    return next(each for each in near if each.weekday() < 5 and each.month == day.month)


def _is_weekday(day: date, field: str) -> bool:
    named = _named(field, _DAYS, 1)
    own = (day.weekday() + 1) % 7 + 1  # SUN = 1
    if "#" in named:
        weekday, number = named.split("#")
        return own == int(weekday) and (day.day - 1) // 7 + 1 == int(number)
    if named.endswith("L") and named != "L":
        return own == int(named[:-1]) and (day + timedelta(7)).month != day.month
    return own in _numbers("7" if named == "L" else named, 1, 7)


def _named(field: str, names: list[str], first: int) -> str:
    upper = field.upper()
    for number, name in enumerate(names, first):
        upper = upper.replace(name, str(number))
    return upper


def _numbers(field: str, least: int, most: int) -> set[int]:
    """`*`, `?`, `1`, `1-5`, `1,3`, `0/15`, `10-20/2`. ValueError for anything else."""
    found: set[int] = set()
    for part in field.split(","):
        span, _, step = part.partition("/")
        if span in ("*", "?"):
            low, high = least, most
        else:
            low_text, _, high_text = span.partition("-")
            low = int(low_text)
            high = int(high_text) if high_text else most if step else low
        found.update(range(low, high + 1, int(step or 1)))
    return {number for number in found if least <= number <= most}
