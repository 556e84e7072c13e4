"""botocore clients of the services that deliveries go to, on threads of their own, and what their errors mean.

They call Neve's own door, which knows where each service is. They never retry: the outbox does that, and remembers it.
"""

import asyncio
import contextlib
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from neve.domain.world import World
from neve.queue.target import TargetRejected, TargetUnreachable

CONNECT_SECONDS, READ_SECONDS = 5.0, 20.0
SEND_SECONDS = 60.0
"""A delivery is at most two calls, and may wait for a thread."""

_THREADS = 16
_CLIENTS_KEPT = 64
# What a caller may be told for a while only, although the status says that it is his fault.
_PASSING = frozenset({
    "Throttling", "ThrottlingException", "ThrottledException", "Throttled", "RequestThrottled", "RequestThrottledException",
    "TooManyRequestsException", "RequestLimitExceeded", "ProvisionedThroughputExceededException", "SlowDown",
    "BandwidthLimitExceeded", "LimitExceededException", "RequestTimeout", "RequestTimeoutException", "ExpiredToken",
    "ExpiredTokenException", "RequestExpired", "PriorRequestNotComplete", "KMSThrottlingException", "OverLimit",
})  # fmt: skip
_PASSING_STATUSES = frozenset({408, 429})
_NOT_IMPLEMENTED = 501

T = TypeVar("T")


class Clients:
    """Clients by service and world. `url` is Neve's own door, and `secret` what it knows Neve's own parts by."""

    def __init__(self, url: str, secret: str = "neve") -> None:
        self._url = url
        self._secret = secret
        self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="delivery")
        self._making = threading.Lock()
        self._made: dict[tuple[str, World], Any] = {}
        self._session: Any = None

    async def run(self, work: Callable[[], T]) -> T:
        """Run on one of the threads. TargetRejected, TargetUnreachable."""
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(SEND_SECONDS):
                return await loop.run_in_executor(self._threads, work)
        except TimeoutError:
            raise TargetUnreachable(f"It was not taken within {SEND_SECONDS:.0f} seconds.") from None

    def client(self, service: str, world: World) -> Any:
        """The client of a service, whose calls are made in this world; called on a thread."""
        with self._making:
            key = (service, world)
            found = self._made.pop(key, None) or self._make(service, world)
            self._made[key] = found  # the one used last is dropped last
            if len(self._made) > _CLIENTS_KEPT:
                del self._made[next(iter(self._made))]
            return found

    def close(self) -> None:
        """Take no more work; what is under way ends by its own time limits."""
        self._threads.shutdown(wait=False, cancel_futures=True)
        with self._making:
            for client in self._made.values():
                client.close()
            self._made.clear()

    def _make(self, service: str, world: World) -> Any:
        import botocore.session  # 65 ms, which a start need not spend
        from botocore.config import Config

        if self._session is None:
            self._session = botocore.session.Session(session_vars=_NOTHING_OF_THE_MACHINE)
        client = self._session.create_client(
            service,
            region_name=world.region,
            endpoint_url=self._url,
            aws_access_key_id=world.account,  # the account is the key (design D13)
            aws_secret_access_key=self._secret,
            config=Config(
                connect_timeout=CONNECT_SECONDS,
                read_timeout=READ_SECONDS,
                retries={"total_max_attempts": 1},
                max_pool_connections=_THREADS,
                proxies={},
                s3={"addressing_style": "path"},
            ),
        )
        client.meta.events.register("before-call", _pass_trace)
        return client


# Profile, configuration and credentials files of whoever started Neve have no say here.
_NOTHING_OF_THE_MACHINE = {
    "profile": (None, None, None, None),
    "config_file": (None, None, "/dev/null", None),
    "credentials_file": (None, None, "/dev/null", None),
}
_trace = threading.local()


@contextlib.contextmanager
def traced(header: str) -> Iterator[None]:
    """Calls of this thread carry the trace header, by which a chain of invocations is known as one."""
    _trace.header = header
    try:
        yield
    finally:
        _trace.header = ""


def _pass_trace(params: dict[str, Any], **_: object) -> None:
    header = getattr(_trace, "header", "")
    if header:
        params["headers"]["X-Amzn-Trace-Id"] = header


@contextlib.contextmanager
def translated() -> Iterator[None]:
    """What botocore raises, as TargetRejected or TargetUnreachable."""
    from botocore.exceptions import BotoCoreError, ClientError, ParamValidationError

    try:
        yield
    except ClientError as error:
        raise _meaning(error.response) from error
    except ParamValidationError as error:
        raise TargetRejected(f"The message is not what the service takes: {_one_line(error)}") from error
    except BotoCoreError as error:
        raise TargetUnreachable(f"The service did not answer: {_one_line(error)}") from error


def _meaning(response: Any) -> TargetRejected | TargetUnreachable:
    status = response["ResponseMetadata"].get("HTTPStatusCode", 500)
    code, message = response["Error"].get("Code", ""), response["Error"].get("Message", "")
    return refusal(status, code, message)


def refusal(status: int, code: str, message: str) -> TargetRejected | TargetUnreachable:
    """What a service's refusal means: for good when it is the message's or the target's fault, else for now."""
    said = f"{code}: {message}" if message and message != code else code
    name = code.rpartition(".")[2]
    passing = name in _PASSING or status in _PASSING_STATUSES or (status >= 500 and status != _NOT_IMPLEMENTED)
    return TargetUnreachable(said) if passing else TargetRejected(said)


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())
