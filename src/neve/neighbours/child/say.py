"""What the user should know: Neve logs it as a warning (`process.py`); anything else on standard error is moto's talk."""

import sys

MARK = "neve: "


def say(text: str) -> None:
    """One line."""
    sys.stderr.write(f"{MARK}{' '.join(text.split())}\n")
    sys.stderr.flush()
