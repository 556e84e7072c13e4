"""Prints its environment variables, as the first function of every tutorial does."""

import json
import os


def handler(event, context):
    print("ENVIRONMENT VARIABLES\n" + json.dumps(dict(os.environ), indent=2))
    return {"handled": event}
