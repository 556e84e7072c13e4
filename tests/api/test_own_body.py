"""What our own API does with a body that it did not ask for: it says what to send."""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from neve.api import own, own_fates, own_queue
from neve.domain.errors import InvalidParameterValue
from neve.domain.world import World

NOBODY: Any = None  # who would be asked
ASKED: dict[str, Callable[[bytes], Awaitable[Any]]] = {
    "queue/retry": lambda body: own_queue.retry(NOBODY, body),
    "queue/purge": lambda body: own_queue.purge(NOBODY, body),
    "environments/freezing": lambda body: own_fates.freezing(NOBODY, World(), body),
    "environments/reclaim": lambda body: own_fates.reclaim(NOBODY, World(), body),
    "runtimes/look": lambda body: own.look_again(NOBODY, body),
}
BODIES = [b"", b"{", b"[" * 30_000, b"null", b"[]", b'"function"', b"{}", b"\xff"]


@pytest.mark.parametrize("path", ASKED)
@pytest.mark.parametrize("body", BODIES, ids=lambda body: repr(body[:12]))
async def test_body_that_says_nothing_is_told_what_to_send(path: str, body: bytes) -> None:
    with pytest.raises(InvalidParameterValue, match=r"^Send \{"):
        await ASKED[path](body)


SECONDS = [b"null", b'"soon"', b"[]", b"NaN", b"1e999", b"1" * 400]


@pytest.mark.parametrize(
    "body",
    [*BODIES, *(b'{"seconds": %s}' % each for each in SECONDS)],
    ids=lambda body: repr(body[:16]),
)
def test_clock_is_not_moved_by_what_is_no_number_of_seconds(body: bytes) -> None:
    with pytest.raises(InvalidParameterValue, match=r"^Send \{"):
        own.advance(NOBODY, body)
