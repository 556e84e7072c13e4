"""Functions that leave nothing behind, as people write them: with the packages that they use, against servers of their own.

Shared by the test of the leak watch and by `bench/leak_clean.py`.
"""

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from tests.acceptance.databases import postgres, redis
from tests.acceptance.functions import PROGRAMS, Deployed, deploy
from tests.acceptance.machine import until
from tests.acceptance.neighbours import object_store
from tests.acceptance.packages import modules
from tests.acceptance.server import NeveServer

# Function → the packages in its archive.
FUNCTIONS: Mapping[str, Sequence[str]] = {
    "aws-sdk": ["@aws-sdk/client-s3"],
    "axios": ["axios"],
    "cache": ["ioredis"],
    "database": ["pg"],
    "express": ["express", "serverless-http", "pino"],
    "fetch": [],
    "streams": [],
    "tables": ["@aws-sdk/lib-dynamodb"],
    "timers": [],
    "tls": [],
    "undici": ["undici"],
    "workers": ["piscina"],
}
_BUCKET, _TABLE = "clean", "clean"


@contextmanager
def surroundings(server: NeveServer) -> Iterator[Mapping[str, str]]:
    """The servers that the functions call, as the variables that name them."""
    server.client("s3").create_bucket(Bucket=_BUCKET)
    server.client("dynamodb").create_table(
        TableName=_TABLE,
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )
    key, certificate = _certificate()
    with object_store() as store, postgres() as pg_port, redis() as redis_port:
        yield {
            "BUCKET": _BUCKET,
            "TABLE": _TABLE,
            "STORE_URL": store.url,
            "PG_PORT": str(pg_port),
            "REDIS_PORT": str(redis_port),
            "TLS_KEY": key,
            "TLS_CERT": certificate,
        }


def put_up(server: NeveServer, name: str, runtime: str, variables: Mapping[str, str]) -> Deployed:
    """One of the functions, with its packages."""
    folder = PROGRAMS / "clean" / name
    files = {path.name: path.read_text() for path in folder.iterdir()}
    for package in FUNCTIONS[name]:
        files |= modules(package)
    return deploy(server, files, runtime, timeout_s=30, MemorySize=1769, Environment={"Variables": dict(variables)})


def invoked(functions: Sequence[Deployed], times: int) -> None:
    """Each so often, one invocation after the other; the functions side by side."""
    calls: list[Future[Any]] = []
    for number in range(times):
        calls = [function.begin({"n": number}) for function in functions]
        for function, call in zip(functions, calls, strict=True):
            answer = call.result()
            assert answer.error is None, f"{function.name}: {answer.payload.decode()}"


def told_of(function: Deployed) -> Mapping[str, Any]:
    """What `/_neve/leaks` says of it once it is at rest; a busy machine may have started a second environment."""
    until(lambda: "frozen" in {each["state"] for each in function.environments()}, f"{function.name} is not frozen")
    told: Mapping[str, Any] = function.server.own(f"leaks?function={function.name}")
    return told


def _certificate() -> tuple[str, str]:
    """A key, and the certificate of `localhost` that it signed itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    private = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    return private.decode(), certificate.public_bytes(pem).decode()
