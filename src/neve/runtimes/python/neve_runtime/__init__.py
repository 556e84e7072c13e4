"""Neve's Python runtime client: loads the handler, then answers one event after the other over descriptor 3.

Standard library of CPython 3.8 to 3.14 only, and little of it at start: what only an error, a log line or a client
context needs is imported by the first one.
"""
