"""Buckets in host names."""

import pytest

from neve.domain.bucket_host import bucket_of


@pytest.mark.parametrize(
    ("host", "bucket"),
    [
        (b"photos.localhost:4566", b"photos"),
        (b"photos.localhost", b"photos"),
        (b"my.photos.localhost:4566", b"my.photos"),
        (b"photos.s3.localhost:4566", b"photos"),
        (b"photos.s3.eu-west-1.amazonaws.com", b"photos"),
        (b"photos.s3-website.localhost", b"photos"),
        (b"Photos.LOCALHOST", b"photos"),
        (b"localhost:4566", None),
        (b"127.0.0.1:4566", None),
        (b"[::1]:4566", None),
        (b"s3.localhost:4566", None),
        (b"s3.us-east-1.localhost:4566", None),
        (b"abc123.lambda-url.us-east-1.localhost:4566", None),
        (b"neve.example", None),
        (b"", None),
    ],
)
def test_the_bucket_of_a_host(host: bytes, bucket: bytes | None) -> None:
    assert bucket_of(host) == bucket
