"""Cross-origin requests: who may read what."""

from neve.domain.function_url import Cors
from neve.domain.url_cors import is_preflight, preflight, with_cors

HERE = "https://a.example"
ASKING = {"origin": HERE, "access-control-request-method": "PUT", "access-control-request-headers": "x-a"}


def test_only_a_browser_that_asks_is_a_preflight() -> None:
    assert is_preflight("OPTIONS", ASKING)
    assert not is_preflight("OPTIONS", {"origin": HERE})
    assert not is_preflight("GET", ASKING)


def test_a_preflight_of_an_allowed_origin_is_told_everything() -> None:
    cors = Cors(
        allow_origins=(HERE,),
        allow_methods=("GET", "PUT"),
        allow_headers=("x-a", "x-b"),
        max_age_s=60,
        expose_headers=("x-c",),
    )
    assert preflight(cors, ASKING) == [
        ("access-control-allow-origin", HERE),
        ("vary", "Origin"),
        ("access-control-allow-methods", "GET,PUT"),
        ("access-control-allow-headers", "x-a,x-b"),
        ("access-control-max-age", "60"),
    ]


def test_another_origin_is_told_nothing() -> None:
    cors = Cors(allow_origins=("https://b.example",), allow_methods=("*",))
    assert preflight(cors, ASKING) == [("vary", "Origin")]
    assert with_cors(cors, ASKING, []) == [("vary", "Origin")]


def test_everybody() -> None:
    cors = Cors(allow_origins=("*",), allow_methods=("*",), allow_headers=("*",))
    assert dict(preflight(cors, ASKING)) == {
        "access-control-allow-origin": "*",
        "access-control-allow-methods": "*",
        "access-control-allow-headers": "*",
    }
    assert with_cors(cors, {}, []) == [("access-control-allow-origin", "*")]


def test_everybody_with_credentials_is_told_by_name_because_browsers_take_no_star_then() -> None:
    cors = Cors(allow_origins=("*",), allow_methods=("*",), allow_headers=("*",), allow_credentials=True)
    assert dict(preflight(cors, ASKING)) == {
        "access-control-allow-origin": HERE,
        "vary": "Origin",
        "access-control-allow-credentials": "true",
        "access-control-allow-methods": "PUT",
        "access-control-allow-headers": "x-a",
    }
    assert with_cors(cors, {}, []) == [("vary", "Origin")]


def test_the_configuration_wins_over_the_function() -> None:
    cors = Cors(allow_origins=(HERE,), expose_headers=("x-c", "x-d"))
    answer = [("access-control-allow-origin", "https://evil.example"), ("x-a", "b")]
    assert with_cors(cors, ASKING, answer) == [
        ("x-a", "b"),
        ("access-control-allow-origin", HERE),
        ("vary", "Origin"),
        ("access-control-expose-headers", "x-c,x-d"),
    ]
    assert with_cors(None, ASKING, answer) == answer
