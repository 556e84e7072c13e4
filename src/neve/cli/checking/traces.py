"""Where an error comes from: the first line of a stack trace, as Node.js and Python print it, that is the user's own."""

import re
from collections.abc import Sequence

_ROOT = "/var/task/"
_NODE = re.compile(r"(?:\(|at )(?:file://)?([^\s()]+):(\d+):(\d+)\)?$")
_PYTHON = re.compile(r'File "([^"]+)",? [Ll]ine (\d+)')  # "Line" without a comma: of a syntax error


def place_in_trace(trace: Sequence[object]) -> tuple[str, int, int] | None:
    """File below the task root, line, column (0 where there is none)."""
    node = (_NODE.search(str(line).strip()) for line in trace)
    for found in node:
        if found and _is_users(found[1]):
            return found[1].removeprefix(_ROOT), int(found[2]), int(found[3])
    python = [found for line in trace if (found := _PYTHON.search(str(line))) and _is_users(found[1])]
    return (python[-1][1].removeprefix(_ROOT), int(python[-1][2]), 0) if python else None


def _is_users(file: str) -> bool:
    return file.startswith(_ROOT) and "/node_modules/" not in file
