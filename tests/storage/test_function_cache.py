"""The cache never answers with more than it may know."""

from neve.domain.function import LATEST, Code, Function, LoggingConfig
from neve.domain.world import World
from neve.storage.sqlite.function_cache import VERSIONS, FunctionCache

WORLD = World()


def function(name: str = "f", revision: str = "r", version: str = LATEST) -> Function:
    return Function(
        WORLD, name, "nodejs22.x", "i.h", "r", Code("s", 1), LoggingConfig("/g"), 1, revision, version=version
    )


def test_what_was_read_is_kept_as_the_same_object() -> None:
    cache, kept = FunctionCache(), function()
    cache.keep_if_unwritten(cache.read_begins(), kept)
    assert cache.get(WORLD, "f", LATEST) is kept
    assert cache.get(WORLD, "f", "1") is None
    assert cache.get(World("1" * 12), "f", LATEST) is None


def test_read_that_a_write_overtook_is_not_kept() -> None:
    cache = FunctionCache()
    mark = cache.read_begins()
    cache.write_begins(WORLD, "f")(True)
    cache.keep_if_unwritten(mark, function(revision="old"))
    assert cache.get(WORLD, "f", LATEST) is None


def test_nothing_is_kept_while_a_write_is_under_way() -> None:
    cache = FunctionCache()
    cache.keep_if_unwritten(cache.read_begins(), function())
    settled = cache.write_begins(WORLD, "f", function(revision="new"))
    assert cache.get(WORLD, "f", LATEST) is None
    cache.keep_if_unwritten(cache.read_begins(), function(revision="old"))
    assert cache.get(WORLD, "f", LATEST) is None
    settled(True)
    assert cache.get(WORLD, "f", LATEST) == function(revision="new")


def test_refused_write_is_not_kept() -> None:
    cache = FunctionCache()
    cache.write_begins(WORLD, "f", function(revision="refused"))(False)
    assert cache.get(WORLD, "f", LATEST) is None


def test_of_two_writes_at_once_only_the_last_to_settle_is_kept() -> None:
    cache = FunctionCache()
    first = cache.write_begins(WORLD, "f", function(revision="1"))
    second = cache.write_begins(WORLD, "f", function(revision="2"))
    first(True)
    assert cache.get(WORLD, "f", LATEST) is None
    second(True)
    assert cache.get(WORLD, "f", LATEST) == function(revision="2")


def test_least_recently_used_function_goes_first() -> None:
    cache = FunctionCache(functions=2)
    for name in ("a", "b"):
        cache.keep_if_unwritten(cache.read_begins(), function(name))
    cache.get(WORLD, "a", LATEST)
    cache.keep_if_unwritten(cache.read_begins(), function("c"))
    assert [name for name in "abc" if cache.get(WORLD, name, LATEST)] == ["a", "c"]


def test_versions_of_one_function_are_bounded() -> None:
    cache = FunctionCache()
    for number in range(VERSIONS + 1):
        cache.keep_if_unwritten(cache.read_begins(), function(version=str(number)))
    assert sum(cache.get(WORLD, "f", str(number)) is not None for number in range(VERSIONS + 1)) == 1
