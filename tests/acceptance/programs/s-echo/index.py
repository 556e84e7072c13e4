"""Gives back what it got; nothing at all when the event asks for that."""


def handler(event, context):
    return None if event.get("nothing") else {"received": event}
