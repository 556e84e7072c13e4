"""What it costs to check a signature: `python -m bench.authorization`. Microseconds of processor time for a request."""

import time
from urllib.parse import urlsplit

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from neve.api.gate import Gate
from neve.api.sigv4 import Wire
from neve.domain.identity_policy import parse
from neve.domain.principal import Credential, Principal

KEY, SECRET = "AKIAEXAMPLE", "secret"
URL = "http://127.0.0.1:4566/2015-03-31/functions/shop/invocations"
ARN = "arn:aws:lambda:us-east-1:000000000000:function:shop"
POLICY = '{"Statement": [{"Effect": "Allow", "Action": ["lambda:Get*", "lambda:InvokeFunction"], "Resource": "*"}]}'
ROUNDS = 20_000


def signed(body: bytes) -> Wire:
    """An Invoke as boto3 sends it."""
    headers = {"User-Agent": "Boto3", "X-Amz-Invocation-Type": "RequestResponse", "Content-Length": str(len(body))}
    request = AWSRequest("POST", URL, headers, body)
    SigV4Auth(Credentials(KEY, SECRET), "lambda", "us-east-1").add_auth(request)
    parts = urlsplit(URL)
    sent = [("host", parts.netloc), *((name.lower(), value) for name, value in request.headers.items())]
    return Wire("POST", parts.path.encode(), b"", [(name.encode(), value.encode()) for name, value in sent])


def main() -> None:
    """Print a line for each size of a body."""
    principal = Principal("000000000000", "arn:aws:iam::000000000000:user/ada", KEY, KEY, parse(POLICY))
    gate = Gate({KEY: Credential(principal, SECRET)}.get)
    for size in (2, 1_000, 100_000):
        body = b"x" * size
        wire, rounds = signed(body), max(ROUNDS // (1 + size // 1_000), 100)
        began = time.process_time()
        for _ in range(rounds):
            gate.check(wire, body)
        print(f"signature over {size} bytes: {(time.process_time() - began) / rounds * 1e6:.1f} µs")
    began = time.process_time()
    for _ in range(ROUNDS):
        principal.check_may("lambda:InvokeFunction", ARN, "us-east-1")
    print(f"policy of one statement: {(time.process_time() - began) / ROUNDS * 1e6:.1f} µs")


if __name__ == "__main__":
    main()
