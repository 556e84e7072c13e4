"""Prints 20 KB: two hundred lines of a hundred bytes, of characters that need two."""


def handler(event, context):
    for line in range(200):
        print(f"{line:5}:{'ž' * 46}.")
