"""The setting that says where services are."""

import pytest

from neve.domain.errors import OperatorError
from neve.neighbours.endpoints import parse_endpoints
from neve.neighbours.request import Address


@pytest.mark.parametrize(
    ("url", "address"),
    [
        ("http://127.0.0.1:9324", Address("127.0.0.1", 9324)),
        ("http://queue.example/", Address("queue.example", 80)),
        ("https://sqs.eu-west-1.amazonaws.com", Address("sqs.eu-west-1.amazonaws.com", 443, tls=True)),
        ("http://[::1]:9324", Address("::1", 9324)),
    ],
)
def test_an_endpoint_is_a_url(url: str, address: Address) -> None:
    assert parse_endpoints({"sqs": url})["sqs"].address == address


@pytest.mark.parametrize(
    "url", ["", "127.0.0.1:9324", "ftp://x", "http://", "http://x/path", "http://x:port", "http://x?a=b"]
)
def test_anything_else_is_refused_with_an_example(url: str) -> None:
    with pytest.raises(OperatorError, match=r"the endpoint of sqs is .* should be a URL"):
        parse_endpoints({"sqs": url})


@pytest.mark.parametrize(
    ("name", "signing"),
    [("sqs", "sqs"), ("stepfunctions", "states"), ("cloudwatch", "monitoring"), ("events", "events"), ("s3", "s3")],
)
def test_services_have_the_names_of_boto3(name: str, signing: str) -> None:
    assert list(parse_endpoints({name: "http://x"})) == [signing]


@pytest.mark.parametrize("name", ["", "eventbridge", "../data/sqs/nothing"])
def test_an_unknown_service_is_refused(name: str) -> None:
    with pytest.raises(OperatorError, match="which is no service; names are those of boto3"):
        parse_endpoints({name: "http://x"})


@pytest.mark.parametrize("name", ["lambda", "logs"])
def test_what_neve_answers_itself_is_nowhere_else(name: str) -> None:
    with pytest.raises(OperatorError, match=f"the endpoint of {name} cannot be set"):
        parse_endpoints({name: "http://x"})
