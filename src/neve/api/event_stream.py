"""The frames of `application/vnd.amazon.eventstream`, of which a streamed answer is made. Source: invoke-api facts §5.

frame  = total:u32 headers:u32 crc32(the two):u32 header* payload crc32(all before):u32       (big-endian)
header = length:u8 name type:u8 (7 is a string) length:u16 value
"""

import struct
import zlib
from collections.abc import Mapping

CONTENT_TYPE = b"application/vnd.amazon.eventstream"

_STRING = 7
_PRELUDE = struct.Struct(">II")
_U32 = struct.Struct(">I")
_BESIDE = 16  # the lengths and the two checksums


def headers(values: Mapping[str, str]) -> bytes:
    """Headers of a frame, encoded once for many."""
    encoded = bytearray()
    for name, value in values.items():
        text = value.encode()
        encoded += bytes([len(name)]) + name.encode() + struct.pack(">BH", _STRING, len(text)) + text
    return bytes(encoded)


def frame(headers: bytes, payload: bytes) -> bytes:
    """One frame."""
    prelude = _PRELUDE.pack(_BESIDE + len(headers) + len(payload), len(headers))
    start = prelude + _U32.pack(zlib.crc32(prelude)) + headers
    checksum = zlib.crc32(payload, zlib.crc32(start))
    return b"".join((start, payload, _U32.pack(checksum)))


def event(kind: str, content_type: str) -> bytes:
    """The headers of the frames of one event type."""
    return headers({":message-type": "event", ":event-type": kind, ":content-type": content_type})
