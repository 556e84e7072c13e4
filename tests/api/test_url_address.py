"""Where function URLs are."""

from typing import Any

import pytest

from neve.api import url_address
from neve.api.url_address import chosen, is_for_url, place_of
from neve.domain.errors import OperatorError
from neve.domain.function_url import AuthType, FunctionUrl
from neve.domain.world import World

ID = "abcdefghij0123456789abcdefghij01"
URL = FunctionUrl(World("123456789012", "eu-west-1"), "f", None, ID, AuthType.NONE, 0, 0)
HOME = "http://127.0.0.1:4566"
AS_HOST = f"http://{ID}.lambda-url.eu-west-1.localhost:4566/"
AS_PATH = f"http://127.0.0.1:4566/_neve/urls/{ID}/"


def scope(path: str, host: str = "127.0.0.1:4566") -> dict[str, Any]:
    return {"type": "http", "raw_path": path.encode(), "headers": [(b"accept", b"*/*"), (b"host", host.encode())]}


def place(path: str, host: str = "127.0.0.1:4566") -> tuple[str | None, str | None, str]:
    found = place_of(scope(path, host), {b"host": host.encode()})
    return found.url_id, found.region, found.path


@pytest.mark.parametrize(
    ("path", "host", "meant"),
    [
        ("/", f"{ID}.lambda-url.eu-west-1.localhost:4566", True),
        ("/_neve/health", f"{ID}.lambda-url.eu-west-1.localhost", True),
        (f"/_neve/urls/{ID}/", "127.0.0.1:4566", True),
        ("/_neve/urls", "127.0.0.1:4566", False),
        ("/2015-03-31/functions", "127.0.0.1:4566", False),
        ("/_neve/urlsafe", "localhost", False),
    ],
)
def test_which_requests_are_for_function_urls(path: str, host: str, meant: bool) -> None:
    assert is_for_url(scope(path, host)) is meant


def test_nothing_but_http_is() -> None:
    assert not is_for_url({"type": "lifespan"})


@pytest.mark.parametrize("suffix", ["localhost:4566", "LOCALHOST", "example.com", "on.aws:443", "localhost.:80"])
def test_a_host_of_any_domain_names_the_url(suffix: str) -> None:
    assert place("/a%20b", f"{ID.upper()}.lambda-url.eu-west-1.{suffix}") == (ID, "eu-west-1", "/a%20b")


@pytest.mark.parametrize("host", ["short.lambda-url.eu-west-1.localhost", f"x.{ID}.lambda-url.eu-west-1.localhost"])
def test_a_host_that_names_none(host: str) -> None:
    assert place("/", host)[0] is None


@pytest.mark.parametrize(
    ("path", "seen"),
    [
        (f"/_neve/urls/{ID}", "/"),
        (f"/_neve/urls/{ID}/", "/"),
        (f"/_neve/urls/{ID}/a/b%2Fc/", "/a/b%2Fc/"),
        (f"/_neve/urls/{ID}//a", "//a"),
    ],
)
def test_a_path_names_the_url_and_the_function_sees_the_rest(path: str, seen: str) -> None:
    assert place(path) == (ID, None, seen)


@pytest.mark.parametrize("rest", ["/../b/", "/..", "/a/../../b", "/./../b", "//../b"])
def test_a_path_that_leads_out_of_the_url_names_none(rest: str) -> None:
    """Who signed `/_neve/urls/b/` signed this, too: dots are no part of what is signed."""
    assert place(f"/_neve/urls/{ID}{rest}")[0] is None


def test_dots_within_a_url_are_the_functions() -> None:
    assert place(f"/_neve/urls/{ID}/a/../b") == (ID, None, "/a/../b")


def test_urls_are_told_as_the_setting_says(monkeypatch: pytest.MonkeyPatch) -> None:
    assert chosen("host", HOME)(URL) == AS_HOST
    assert chosen("path", HOME)(URL) == AS_PATH
    assert chosen("https://{id}.{region}.example.com/", HOME)(URL) == f"https://{ID}.eu-west-1.example.com/"
    for known, told in ((True, AS_HOST), (False, AS_PATH)):
        monkeypatch.setattr(url_address, "_localhost_has_names", lambda known=known: known)
        assert chosen("auto", HOME)(URL) == told
    with pytest.raises(OperatorError, match="or a URL with"):
        chosen("https://example.com/", HOME)
