"""Which line of a stack a person looks for, and what is a package's own."""

from typing import Any

import pytest

from neve.domain.housekeeping import keeps_house
from neve.domain.stack import Frame, chosen, read_stacks

ROOT = "/var/task"
USERS = ["save", "/var/task/lib/save.mjs", 3, 5]
PACKAGES = ["later", "/var/task/node_modules/@scope/lib/index.js", 9, 1]
LAYERS = ["helper", "/opt/nodejs/helper.js", 1, 1]


def read(*stacks: Any) -> Any:
    return read_stacks({"stacks": list(stacks)}, ROOT)


def place(*stacks: Any) -> str | None:
    frame, _ = chosen(read(*stacks))
    return f"{frame.shown}:{frame.line}:{frame.column}" if frame else None


def test_first_frame_of_the_user() -> None:
    assert place([PACKAGES, LAYERS, USERS]) == "lib/save.mjs:3:5"


def test_stack_of_an_ancestor_when_the_own_has_none() -> None:
    assert place([PACKAGES], [LAYERS], [PACKAGES, USERS]) == "lib/save.mjs:3:5"


def test_else_the_nearest_of_all() -> None:
    assert place([PACKAGES, LAYERS]) == "node_modules/@scope/lib/index.js:9:1"
    assert place([LAYERS]) == "/opt/nodejs/helper.js:1:1"


def test_nothing_is_known_of_nothing() -> None:
    assert place() is None
    assert place([]) is None


def test_stack_reads_as_people_write_it() -> None:
    assert [str(frame) for frame in read([USERS, LAYERS])[0]] == [
        "save (lib/save.mjs:3:5)",
        "helper (/opt/nodejs/helper.js:1:1)",
    ]


@pytest.mark.parametrize(
    "given", [None, "x", [None], [["a"]], [["f", "/a", 1]], [["f", "", 1, 1]], [[1, "/a", 1, 1]], [["f", "/a", "1", 1]]]
)
def test_what_is_no_stack_is_left_out(given: Any) -> None:
    assert read_stacks({"stacks": [given]}, ROOT) == []
    assert read_stacks({"stacks": given}, ROOT) == []


@pytest.mark.parametrize(
    ("file", "library"),
    [
        ("/var/task/node_modules/lib/a.js", "lib"),
        ("/var/task/node_modules/a/node_modules/@s/b/c.js", "@s/b"),
        ("/opt/nodejs/node_modules/lib/a.js", "lib"),
        ("/var/task/a.js", None),
    ],
)
def test_package_of_a_file(file: str, library: str | None) -> None:
    assert Frame("f", file, 1, 1, "").library == library


@pytest.mark.parametrize(
    ("source", "shown", "users"),
    [
        ("/var/task/src/app.ts", "src/app.ts", True),
        ("/var/src/app.ts", "../src/app.ts", True),
        ("webpack:///src/app.ts", "src/app.ts", True),
        ("/var/node_modules/lib/index.js", "../node_modules/lib/index.js", False),
        ("webpack:///node_modules/lib/index.js", "node_modules/lib/index.js", False),
    ],
)
def test_place_that_a_source_map_names(source: str, shown: str, users: bool) -> None:
    frame = Frame("f", "/var/task/bundle.js", 1, 1, ROOT).moved((source, 42, 7))
    assert (frame.shown, frame.line, frame.column, frame.is_users) == (shown, 42, 7, users)


def test_place_without_a_map_stays() -> None:
    frame = Frame("f", "/var/task/a.js", 1, 2, ROOT)
    assert frame.moved(None) == frame


@pytest.mark.parametrize(
    ("kind", "detached", "file", "kept"),
    [
        ("timer", True, "/var/task/node_modules/lib/a.js", True),
        ("timer", False, "/var/task/node_modules/lib/a.js", False),
        ("timer", False, "/var/task/node_modules/pg-pool/a.js", True),
        ("timer", True, "/var/task/a.js", False),
        ("http", True, "/var/task/node_modules/pg-pool/a.js", False),
        ("socket", False, "/var/task/node_modules/lib/a.js", True),
        ("socket", False, "/var/task/a.js", False),
    ],
)
def test_housekeeping(kind: str, detached: bool, file: str, kept: bool) -> None:
    assert keeps_house(kind, detached, [Frame("f", file, 1, 1, ROOT)]) == kept


def test_work_without_a_stack_keeps_no_house() -> None:
    assert not keeps_house("timer", True, ())
