"""Which Python the function was made for: its runtime identifier decides how the client behaves, the binary only executes."""

from __future__ import annotations

import os
import sys

_FAMILY = "AWS_Lambda_python3."


def minor_of(execution_environment: str) -> int:
    """`AWS_Lambda_python3.12` -> 12; the binary's own where nothing says so."""
    text = execution_environment.partition(_FAMILY)[2]
    return int(text) if text.isdigit() else sys.version_info[1]


def minor() -> int:
    """The function's. A pre-started process knows it once it has its variables."""
    return minor_of(os.environ.get("AWS_EXECUTION_ENV", ""))
