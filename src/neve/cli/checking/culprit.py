"""Which call nothing waits for, among the lines that led to what was left: there the `await` is missing."""

import re
from collections.abc import Callable, Sequence

from neve.cli.checking.code import (
    AWAITED,
    FLOATING,
    Module,
    function_around,
    is_executor,
    may_give_a_promise,
    shown,
    text_of,
    value_of,
)

_FRAME = re.compile(r".* \((.+):(\d+):(\d+)\)")

Find = Callable[[str], Module | None]
"""A file of the function, as a tree."""


def places(stack: Sequence[str]) -> set[tuple[str, int]]:
    """The lines, with their files, that a stack passes."""
    frames = (_FRAME.fullmatch(line) for line in stack)
    return {(found[1], int(found[2])) for found in frames if found}


def ends_a_promise(stack: Sequence[str], find: Find) -> bool:
    """Whether somebody can await a timer: `await setTimeout(50)`, `new Promise((done) => setTimeout(done, 50))`."""
    found = _FRAME.fullmatch(stack[0]) if stack else None
    module = find(found[1]) if found else None
    call = module.call_at(int(found[2]), int(found[3])) if module is not None and found else None
    if call is None:
        return False
    around = function_around(call)
    return value_of(call)[0] == AWAITED or (around is not None and is_executor(around))


def culprit(stack: Sequence[str], find: Find) -> tuple[str, str, int] | None:
    """The call, its file and line; None where the code does not tell. `stack` begins with the work itself."""
    inner = None
    for depth, line in enumerate(stack):
        found = _FRAME.fullmatch(line)
        module = find(found[1]) if found else None
        call = module.call_at(int(found[2]), int(found[3])) if module is not None and found else None
        if module is None or found is None or call is None:
            inner = None
            continue
        becomes, whole = value_of(call)
        fetches = (
            depth == 0 and text_of(call.child_by_field_name("function")) == b"fetch" and not module.declared[b"fetch"]
        )
        if becomes == FLOATING and (fetches or (inner is not None and may_give_a_promise(inner))):
            return shown(whole), found[1], call.start_point[0] + 1
        inner = function_around(call)
    return None
