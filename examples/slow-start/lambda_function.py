"""A cold start that can be seen: the init phase takes as long as the module does, later calls pay nothing."""

import os
import time

time.sleep(float(os.environ.get("START_SECONDS", "0.4")))


def lambda_handler(event, context):
    """Answers at once."""
    return {"ready": True}
