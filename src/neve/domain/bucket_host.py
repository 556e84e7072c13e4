"""Buckets in host names: `BUCKET.localhost`, `BUCKET.s3.localhost`, `BUCKET.s3.us-east-1.anything`."""

import re

_HOST = re.compile(rb"(?P<bucket>.+?)\.(?:s3[.-].*|localhost)")


def bucket_of(host: bytes) -> bytes | None:
    """The bucket that a Host header names (with or without a port), None when it names none."""
    found = _HOST.fullmatch(host.rsplit(b":", 1)[0].lower())
    if found is None or found["bucket"] == b"s3" or found["bucket"].startswith(b"s3."):
        return None
    if b".lambda-url." in found["bucket"]:
        return None  # a function URL
    return found["bucket"]
