"""Filter patterns of CloudWatch Logs (developer guide, "Filter pattern syntax"): which messages an event search returns.

    ERROR timeout              every term            "Internal Error"      the phrase
    ?ERROR ?WARN               any of them           -health               without it
    { $.level = "ERROR" }      a JSON message        [ip, ..., size > 9]   words between spaces
    %regular expression%       a regular expression, also as a value

Terms are case sensitive and found anywhere, also inside words. An optional term beside a required or excluded one is ignored,
as the guide warns.
"""

import re
from collections.abc import Callable
from functools import lru_cache

from neve.companions.logs.faults import invalid
from neve.companions.logs.pattern_expression import compile_regex, unquote
from neve.companions.logs.pattern_fields import compile_fields
from neve.companions.logs.pattern_json import compile_json

Match = Callable[[str], bool]

_TERM = re.compile(r'\s*([?-]?)("(?:[^"\\]|\\.)*"|%[^%]*%|[^\s"]+)', re.DOTALL)
_WORD = re.compile(r"\w+")


@lru_cache(maxsize=256)
def compile_pattern(pattern: str) -> Match:
    """What decides whether a message matches. InvalidParameterException for a pattern that is none."""
    text = pattern.strip()
    if text.startswith("{"):
        return compile_json(text)
    if text.startswith("["):
        return compile_fields(text)
    return _compile_terms(text)


def _compile_terms(text: str) -> Match:
    required: list[Match] = []
    optional: list[Match] = []
    excluded: list[Match] = []
    by_sign = {"": required, "?": optional, "-": excluded}
    position = 0
    while position < len(text):
        match = _TERM.match(text, position)
        if match is None:
            raise invalid(f"Invalid filter pattern: {text}")
        by_sign[match[1]].append(_compile_term(match[2]))
        position = match.end()
    return _all_terms(required, optional if not required and not excluded else [], excluded)


def _all_terms(required: list[Match], optional: list[Match], excluded: list[Match]) -> Match:
    def matches(message: str) -> bool:
        return (
            all(found(message) for found in required)
            and not any(found(message) for found in excluded)
            and (not optional or any(found(message) for found in optional))
        )

    return matches


def _compile_term(term: str) -> Match:
    if term.startswith("%") and term.endswith("%") and len(term) > 1:
        return compile_regex(term[1:-1])
    if term.startswith('"'):
        wanted = unquote(term)
    elif _WORD.fullmatch(term):
        wanted = term
    else:
        raise invalid(f"Invalid character(s) in term '{term}'")
    # A phrase of blanks matches everything (guide: `" "`).
    return lambda message: not wanted.strip() or wanted in message
