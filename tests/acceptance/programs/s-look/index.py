"""Tells what it was given beside the event."""

import os


def handler(event, context):
    client = context.client_context
    return {
        "event": event,
        "requestId": context.aws_request_id,
        "arn": context.invoked_function_arn,
        "clientContext": None if client is None else {"custom": client.custom, "env": client.env},
        "trace": os.environ.get("_X_AMZN_TRACE_ID"),
        "region": os.environ["AWS_REGION"],
        "account": os.environ["AWS_ACCESS_KEY_ID"],
    }
