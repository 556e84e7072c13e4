"""Speaks while it loads and while it runs."""

import sys

print("loading")


def handler(event, context):
    number = event.get("number", 0)
    print(f"first {number}")
    print(f"second {number}", file=sys.stderr)
