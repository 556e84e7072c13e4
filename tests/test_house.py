"""The floors of the house: imports only go down. The failing message is the rule that is broken."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

SOURCE = Path(__file__).parent.parent / "src" / "neve"
FLOORS = ["domain", "storage", "dataplane", "queue", "control", "api"]
TOOLS = {"clock", "log", "settings", "__init__"}
ANNEXES = {"companions", "neighbours", "analysis", "pictures"}
OUTSIDE = {"cli", "console", "testing"}
ROOF = "app"
FOREIGN_TO = {  # who alone may import it
    "sqlite3": {"storage"},
    "botocore": {"api", "cli", "neighbours", "queue"},
    "uvicorn": {"api", "app"},
    "click": {"cli"},
    "h11": {"neighbours"},
    "tree_sitter": {"cli"},
    "tree_sitter_javascript": {"cli"},
    "moto": {"neighbours"},
    "cryptography": {"storage"},
}
STANDARD_LIBRARY_ONLY = {"domain"}


def modules() -> list[Path]:
    return sorted(path for path in SOURCE.rglob("*.py") if "runtimes" not in path.relative_to(SOURCE).parts[:1])


def room_of(path: Path) -> str:
    first = path.relative_to(SOURCE).parts[0]
    return first.removesuffix(".py")


def _parsed(text: str) -> ast.Module:
    """Python before 3.11.5 counts its depth wrongly when garbage is collected meanwhile (SystemError): once more, then."""
    try:
        return ast.parse(text)
    except SystemError:
        return ast.parse(text)


def imports(path: Path) -> Iterator[tuple[str, int]]:
    for node in ast.walk(_parsed(path.read_text())):
        if isinstance(node, ast.Import):
            yield from ((alias.name, node.lineno) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module is not None:
            if node.module == "neve":
                yield from ((f"neve.{alias.name}", node.lineno) for alias in node.names)
            else:
                yield node.module, node.lineno


def broken_rule(room: str, imported: str) -> str | None:
    """The sentence of the rule that this import breaks, or None."""
    top = imported.split(".")[0]
    if top in FOREIGN_TO and room not in FOREIGN_TO[top]:
        return f"{top} is used only in {', '.join(sorted(FOREIGN_TO[top]))}"
    if top != "neve":
        return None
    target = imported.split(".")[1] if "." in imported else "__init__"
    return _broken_within(room, target)


def _broken_within(room: str, target: str) -> str | None:
    if target == room or room == ROOF:
        return None
    if target.startswith("__"):
        return None
    if room in STANDARD_LIBRARY_ONLY:
        return "domain imports the standard library only"
    if target in TOOLS:
        return None
    if room in TOOLS:
        return None if target == "domain" else "a tool imports domain only"
    if (room, target) == ("testing", "cli"):
        return None
    if room in OUTSIDE:
        return (
            None if target == ROOF else f"{room} is a client of the API: it imports the roof, to start it, and no floor"
        )
    if room in ANNEXES:
        return None if target in ("domain", "storage") else "an annex imports domain and storage only"
    if room in FLOORS and target in FLOORS:
        return None if FLOORS.index(target) < FLOORS.index(room) else "a floor imports floors below it"
    return f"{room} does not import {target}"


@pytest.mark.parametrize("path", modules(), ids=lambda path: str(path.relative_to(SOURCE)))
def test_imports_only_go_down(path: Path) -> None:
    room = room_of(path)
    broken = [
        f"{path.name}:{line} imports {imported}: {rule}"
        for imported, line in imports(path)
        if (rule := broken_rule(room, imported)) is not None
    ]
    assert not broken, "\n".join(broken)


@pytest.mark.parametrize("path", modules(), ids=lambda path: str(path.relative_to(SOURCE)))
def test_no_module_imports_what_another_floor_keeps_private(path: Path) -> None:
    room = room_of(path)
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("neve."):
            private = [
                alias.name for alias in node.names if alias.name.startswith("_") and not alias.name.startswith("__")
            ]
            assert node.module.split(".")[1] == room or not private, f"{path}:{node.lineno} imports {private}"


@pytest.mark.parametrize(
    ("room", "imported", "allowed"),
    [
        ("domain", "neve.storage.store", False),
        ("domain", "json", True),
        ("storage", "neve.domain.world", True),
        ("storage", "neve.api.door", False),
        ("api", "neve.control.functions", True),
        ("control", "neve.api.http", False),
        ("companions", "neve.storage.store", True),
        ("companions", "neve.dataplane.invoke", False),
        ("cli", "neve.control.functions", False),
        ("cli", "neve.app", True),
        ("testing", "neve.cli.client", True),
        ("testing", "neve.dataplane.pool", False),
        ("dataplane", "sqlite3", False),
        ("app", "neve.api.door", True),
    ],
)
def test_the_rule_itself(room: str, imported: str, allowed: bool) -> None:
    assert (broken_rule(room, imported) is None) == allowed


def test_runtimes_import_nothing_of_the_rest() -> None:
    for path in (SOURCE / "runtimes").rglob("*.py"):
        assert not [name for name, _ in imports(path) if name == "neve" or name.startswith("neve.")], path
