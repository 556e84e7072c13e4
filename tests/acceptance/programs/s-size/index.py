"""Takes and gives large things: how long the event's text is, or a result of so many bytes (two of them are its quotes)."""


def handler(event, context):
    return "x" * (event["bytes"] - 2) if "bytes" in event else len(event["text"])
