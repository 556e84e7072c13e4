"""A bucket out of the host name into the path, where any server finds it."""

from dataclasses import replace

from neve.domain.bucket_host import bucket_of
from neve.neighbours.request import Head


def by_path(head: Head, host: bytes) -> Head:
    """The request at another host, its bucket in the path."""
    bucket = bucket_of(head.header(b"host"))
    headers = [(name, host if name == b"host" else value) for name, value in head.headers]
    target = head.target if bucket is None else b"/" + bucket + head.target
    return replace(head, headers=headers, target=target)
