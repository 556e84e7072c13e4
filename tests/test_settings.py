"""The table of settings: who wins, and what a table of pairs may be."""

import pytest

from neve.domain.errors import OperatorError
from neve.settings import load


def test_flags_win_over_variables_those_over_the_file_that_over_defaults() -> None:
    file = {"port": 1, "concurrency": 1, "idle_seconds": 1}
    settings = load({"port": 3}, {"NEVE_PORT": "2", "NEVE_CONCURRENCY": "2"}, file)
    assert (settings.port, settings.concurrency, settings.idle_seconds, settings.init_seconds) == (3, 2, 1.0, 10.0)


def test_pairs_come_from_a_table_or_from_a_text() -> None:
    assert load({}, {}).endpoints == {}
    assert load({}, {}, {"endpoints": {"sqs": "http://a:1"}}).endpoints == {"sqs": "http://a:1"}
    text = "sqs=http://a:1, s3=http://b:2/?x=y,"
    assert load({}, {"NEVE_ENDPOINTS": text}).endpoints == {"sqs": "http://a:1", "s3": "http://b:2/?x=y"}
    assert load({"endpoints": "sqs=http://a:1"}, {"NEVE_ENDPOINTS": text}).endpoints == {"sqs": "http://a:1"}


@pytest.mark.parametrize("text", ["sqs", "http://a:1", "sqs=http://a:1,s3"])
def test_a_pair_needs_its_mark(text: str) -> None:
    with pytest.raises(OperatorError, match="the setting endpoints takes pairs like name=value"):
        load({"endpoints": text}, {})


def test_a_wrong_value_says_where_to_mend_it() -> None:
    with pytest.raises(OperatorError, match="the setting port takes a value of type int, not 'x'; mend NEVE_PORT"):
        load({}, {"NEVE_PORT": "x"})
