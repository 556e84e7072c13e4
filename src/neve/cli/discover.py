"""Which functions a path holds, and how each wants to be run.

A folder is a function when it has one of the entry files below; its name is the function's name. A folder without one
is a folder of functions. `neve.toml` in the path given may name functions itself, or change what was found:

    [functions.hello]           # the name
    path = "src/hello"          # default: the folder of that name beside the file
    runtime = "nodejs22.x"
    handler = "index.handler"
    memory = 256                # MB
    timeout = 10                # seconds
    environment = { STAGE = "dev" }
    url = true                  # a function URL that everybody may call
"""

import re
import sys
import tomllib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from neve.cli.client import Impossible
from neve.cli.package import is_rubbish

ENTRY_FILES = (
    "index.mjs", "index.js", "index.cjs", "app.mjs", "app.js", "app.cjs", "handler.mjs", "handler.js",
    "lambda_function.py", "app.py", "handler.py", "main.py", "index.py", "bootstrap",
)  # fmt: skip
"""Looked for in this order. `bootstrap` is a custom runtime."""

EXPORTS = ("handler", "lambda_handler", "main")
"""The name that a module exports its handler by, in this order; the first when none is seen."""

NODE = "nodejs24.x"
PYTHON = f"python3.{sys.version_info[1]}"
_FILE = "neve.toml"
_CUSTOM = "provided.al2023"
_NAME = re.compile(r"[a-zA-Z0-9_-]{1,64}")
_TABLE = {"path": str, "runtime": str, "handler": str, "memory": int, "timeout": int, "environment": dict, "url": bool}


@dataclass(frozen=True)
class Found:
    """A function in a path. Unset numbers are the service's defaults: 128 MB, 3 seconds."""

    name: str
    path: Path
    runtime: str
    handler: str
    memory: int = 128
    timeout: int = 3
    environment: Mapping[str, str] = field(default_factory=dict)
    url: bool = False


def find_functions(path: Path, on_wrong: Callable[[str, Impossible], None] | None = None) -> list[Found]:
    """The functions of a path, by name. Impossible when the path or its `neve.toml` is wrong.

    With `on_wrong`, a table that is wrong is told (its function, why) and its function left out.
    """
    if not path.exists():
        raise Impossible(f"There is no {path}; name a function's folder, or a folder of such folders.")
    found = {one.name: one for one in _by_convention(path.resolve())}
    file = path / _FILE
    for name, table in _tables(path).items():
        try:
            _check(file, name, table)
            found[name] = _apply(name, table, path.resolve(), found.get(name))
        except Impossible as error:
            if on_wrong is None:
                raise
            found.pop(name, None)
            on_wrong(name, error)
    return [found[name] for name in sorted(found)]


def guess(path: Path) -> tuple[str, str] | None:
    """Runtime and handler of a folder or a file; None when nothing in it looks like an entry."""
    if path.is_file():
        return _guess_file(path)
    for name in ENTRY_FILES:
        if (path / name).is_file():
            return _guess_file(path / name)
    return None


def read_toml(path: Path) -> dict[str, Any]:
    """A TOML file; empty when there is none."""
    try:
        return tomllib.loads(path.read_text())
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise Impossible(f"{path} cannot be read: {error}.") from error


def _by_convention(path: Path) -> Iterator[Found]:
    if (one := _function_at(path)) is not None:
        yield one
    elif path.is_dir():
        folders = [folder for folder in sorted(path.iterdir()) if folder.is_dir() and not is_rubbish(folder.name)]
        yield from (one for folder in folders if (one := _function_at(folder)) is not None)


def _function_at(path: Path) -> Found | None:
    guessed = guess(path)
    name = path.stem if path.is_file() else path.name
    if guessed is None or not _NAME.fullmatch(name):
        return None
    return Found(name, path, *guessed)


def _guess_file(path: Path) -> tuple[str, str] | None:
    if path.name == "bootstrap":
        return _CUSTOM, "bootstrap"
    if path.suffix in (".js", ".mjs", ".cjs"):
        return NODE, f"{path.stem}.{_export_of(path, _exports_in_node)}"
    if path.suffix == ".py":
        return PYTHON, f"{path.stem}.{_export_of(path, _exports_in_python)}"
    return None


def _export_of(path: Path, exports: Any) -> str:
    try:
        text = path.read_text(errors="replace")
    except OSError:
        text = ""
    return next((name for name in EXPORTS if exports(name, text)), EXPORTS[0])


def _exports_in_node(name: str, text: str) -> bool:
    declared = rf"\bexport\s+(?:const|let|var|(?:async\s+)?function\*?)\s+{name}\b"
    listed = rf"\bexport\s*\{{[^}}]*\b{name}\b|\bmodule\.exports\s*=\s*\{{[^}}]*\b{name}\b"
    assigned = rf"\bexports\.{name}\s*="
    return re.search(f"{declared}|{listed}|{assigned}", text) is not None


def _exports_in_python(name: str, text: str) -> bool:
    return (
        re.search(rf"^(?:async\s+)?def\s+{name}\b|^{name}\s*[=:]|^from\s.*\bimport\b.*\b{name}\b", text, re.MULTILINE)
        is not None
    )


def _tables(path: Path) -> dict[str, Any]:
    if not path.is_dir():
        return {}
    functions = read_toml(path / _FILE).get("functions", {})
    if not isinstance(functions, dict):
        raise Impossible(f"{path / _FILE}: `functions` takes one table for each function: [functions.NAME].")
    return functions


def _check(file: Path, name: str, table: object) -> None:
    if not _NAME.fullmatch(name):
        raise Impossible(f"{file}: {name!r} is no function name; use letters, digits, - and _.")
    if not isinstance(table, dict):
        raise Impossible(f"{file}: functions.{name} is a table: [functions.{name}].")
    for key, value in table.items():
        kind = _TABLE.get(key)
        if kind is None:
            raise Impossible(f"{file}: functions.{name} has no {key}; there are {', '.join(_TABLE)}.")
        if not isinstance(value, kind):
            raise Impossible(f"{file}: functions.{name}.{key} takes a value of type {kind.__name__}, not {value!r}.")


def _apply(name: str, table: Mapping[str, Any], root: Path, found: Found | None) -> Found:
    """What a table says, over what was found or what its path holds."""
    path = (root / table["path"]).resolve() if "path" in table else (found.path if found else root / name)
    if not path.exists():
        raise Impossible(f"functions.{name} of neve.toml: there is no {path}.")
    guessed = guess(path) or (None, None)
    runtime, handler = table.get("runtime") or guessed[0], table.get("handler") or guessed[1]
    if runtime is None or handler is None:
        raise Impossible(
            f"functions.{name} of neve.toml: nothing in {path} looks like a handler; set runtime and handler."
        )
    one = Found(name, path, runtime, handler)
    environment = {key: str(value) for key, value in table.get("environment", {}).items()}
    return replace(
        one,
        memory=table.get("memory", one.memory),
        timeout=table.get("timeout", one.timeout),
        environment=environment,
        url=table.get("url", one.url),
    )
