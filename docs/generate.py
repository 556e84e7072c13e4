"""Writes the pages that are made from code: `make docs`. `tests/docs/` fails when a page is not what this prints."""

import re
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from neve.api import families, model
from neve.domain import environment as environments
from neve.domain import event as events
from neve.settings import SETTINGS

FOLDER = Path(__file__).parent
sys.path.insert(0, str(FOLDER.parent))  # the table of what is tested is with the tests
_TYPES = {dict: "table"}
KEYS = ("keys", *(f"keys {name}" for name in ("create", "list", "policy", "disable", "enable", "delete", "rotate")))
RUNTIMES = ("runtimes", "runtimes list", "runtimes install")
COMMANDS = (
    "serve",
    "dev",
    "deploy",
    "invoke",
    "logs",
    "trace",
    "cost",
    "check",
    "leaks",
    "ps",
    "queue",
    "queue retry",
    "queue purge",
    "delete",
    *KEYS,
    *RUNTIMES,
    "clock",
    "doctor",
)


def pages() -> dict[str, str]:
    """File name → text."""
    return {
        "operations.md": operations(),
        "settings.md": settings(),
        "commands.md": commands(),
        "environment.md": environment(),
        "event.md": event(),
    }


class _Nobody:
    """Stands for whoever would do what an operation asks for: it is only asked which operations there are."""

    def __getattr__(self, name: str) -> "_Nobody":
        return self


def states() -> dict[str, tuple[str, str]]:
    """Each operation that Neve has or refuses → works, kept or refused, and what is to be said of it."""
    nobody: Any = _Nobody()
    there = [*families.operations(nobody, str), *families.raw_operations(nobody)]
    return {
        **{name: ("kept", families.KEPT[name]) if name in families.KEPT else ("works", "") for name in there},
        **{name: ("refused", note) for name, note in families.REFUSED.items()},
    }


def operations() -> str:
    """What becomes of each operation of the service model."""
    of = states()
    counts = {state: sum(each == state for each, _ in of.values()) for state in ("works", "kept", "refused")}
    rows = [f"| {name} | {state} | {note} | {_tests(name, state)} |" for name, (state, note) in sorted(of.items())]
    return "\n".join(
        [
            "# Operations of the Lambda API",
            "",
            f"Of the {len(of)} operations of the service model, {counts['works']} work. Of {counts['kept']} the settings are",
            "checked, kept and given back, so that tools can deploy with them, but nothing comes of them yet.",
            f"{counts['refused']} are refused with `NotImplementedException` (HTTP status 501), which says why.",
            "",
            "Each operation has a test of its success; the last column says of which documented errors it has one, too.",
            "",
            "| operation | state | what to know | tested errors |",
            "| --- | --- | --- | --- |",
            *rows,
            "",
            "## Errors that do not come about",
            "",
            "The model documents them, and in Neve nothing leads to them. A `ServiceException` (500) is what any operation",
            "answers when Neve itself fails, its disk for example.",
            "",
            "| error | operations | why |",
            "| --- | --- | --- |",
            *_never(),
            "",
            *MANY_FUNCTIONS,
            "",
        ]
    )


MANY_FUNCTIONS = """## Many functions

Nothing takes longer because there are many. Milliseconds, p50, of requests on one connection to a server on two cores that others
used, too; the last rows are what a call costs the server's processor (`python bench/many_functions.py`):

| functions | 1 | 100 | 1,000 | 10,000 |
| --- | --- | --- | --- | --- |
| ListFunctions, first page (50) | 0.3 | 1.7 | 1.6 | 1.7 |
| ListFunctions, a page of the middle | 0.3 | 1.6 | 1.6 | 1.7 |
| GetFunction | 0.3 | 0.3 | 0.3 | 0.4 |
| Invoke, warm | 0.6 | 0.6 | 0.6 | 1.1 |
| Invoke, cold, code that never ran before | – | 59 | 65 | 69 |
| CreateFunction | 8.0 (the first) | 4.3 | 3.7 | 3.5 |
| CreateFunction, processor | – | 3.4 | 3.1 | 3.2 |
| Invoke, warm, processor | 0.4 | 0.5 | 0.4 | 0.6 |

With 10,000 functions Neve has 66 MB in memory and is ready 0.6 s after a start.""".splitlines()


def _tests(name: str, state: str) -> str:
    """The errors of an operation that are tested, without the word that all end with."""
    from tests.api.operation_cases import CASES, ELSEWHERE

    if state == "refused":
        return "NotImplemented"
    there = [code for code in model.load("lambda").operations[name].errors if _is_tested(CASES, ELSEWHERE, name, code)]
    return ", ".join(sorted(code.removesuffix("Exception") for code in there)) or "–"


def _is_tested(cases: Any, elsewhere: Any, name: str, code: str) -> bool:
    return code in cases[name].errors or (name, code) in elsewhere


def _never() -> list[str]:
    """Rows of the errors that cannot come about."""
    from tests.api.operation_cases import CASES, ELSEWHERE, NEVER, NEVER_HERE

    found: dict[tuple[str, str], list[str]] = {}
    for name, row in CASES.items():
        for code in model.load("lambda").operations[name].errors:
            if code != "ServiceException" and code not in row.errors and (name, code) not in ELSEWHERE:
                why = NEVER_HERE.get((name, code)) or NEVER[code]
                found.setdefault((code.removesuffix("Exception"), why), []).append(name)
    return [f"| {code} | {_some(names)} | {why} |" for (code, why), names in sorted(found.items())]


def _some(names: list[str]) -> str:
    return ", ".join(sorted(names)) if len(names) <= 6 else f"{len(names)} operations"


def settings() -> str:
    """The table of settings."""
    rows = [
        f"| `{each.name}` | {_TYPES.get(each.type, each.type.__name__)} | {_default(each.default)} | {each.help} |"
        for each in SETTINGS
    ]
    return "\n".join(
        [
            "# Settings",
            "",
            "One table for all: a flag (`--data-dir`), else an environment variable (`NEVE_DATA_DIR`), else `neve.toml` in the",
            "current directory (`data_dir`, in the table `[neve]` or at the top), else the default.",
            "",
            "| name | type | default | what it does |",
            "| --- | --- | --- | --- |",
            *rows,
            "",
        ]
    )


def _default(value: object) -> str:
    if value == {}:
        return "–"
    return f"`{str(value).lower() if isinstance(value, bool) else value}`"


def commands() -> str:
    """`--help` of every command."""
    parts = ["# Commands", ""]
    for name in ("", *COMMANDS):
        parts += [f"## neve {name}".rstrip(), "", "```text", _help(name), "```", ""]
    return "\n".join(parts)


def _help(name: str) -> str:
    neve = Path(sys.executable).with_name("neve")
    arguments = [str(neve), *name.split(), "--help"]
    environment = {"PATH": "/nonexistent", "LANG": "C.UTF-8", "HOME": "/nonexistent"}
    shown = subprocess.run(arguments, capture_output=True, text=True, check=True, env=environment)
    return re.sub(r"[ \t]+$", "", shown.stdout.strip(), flags=re.MULTILINE)


def environment() -> str:
    """The life of an environment."""
    return _life(
        "The life of an execution environment", "src/neve/domain/environment.py", environments.TRANSITIONS, "action"
    )


def event() -> str:
    """The life of an event, and one that really was."""
    life = _life("The life of an event", "src/neve/domain/event.py", events.TRANSITIONS, "on the disk")
    return f"{life}\n{_RETRIES}"


_RETRIES = """\
## One event

A function that always fails, its clock moved ahead, as `neve trace` draws it (`docs/pictures/programs/retries`):

![An event is accepted with 202, fails, waits one minute, fails, waits two minutes, fails again, is given up and goes to the \
dead-letter queue; in between the environment is frozen.](pictures/retries.svg)
"""


def _life(title: str, source: str, transitions: Mapping[Any, Mapping[Any, tuple[Any, Any]]], action: str) -> str:
    """A state table as a diagram and as rows. The first state is where it begins, the last where it ends."""
    moves = [(state, signal, *move) for state, row in transitions.items() for signal, move in row.items()]
    edges = [f"    {state.value} --> {after.value}: {signal.value}" for state, signal, after, _ in moves]
    rows = [
        f"| {state.value} | {signal.value} | {after.value} | {'–' if done.value == 'nothing' else done.value} |"
        for state, signal, after, done in moves
    ]
    first, *_, last = transitions
    return "\n".join(
        [
            f"# {title}",
            "",
            f"Every legal move; what is not here raises and changes nothing (`{source}`).",
            "",
            "```mermaid",
            "stateDiagram-v2",
            f"    [*] --> {first.value}",
            *edges,
            f"    {last.value} --> [*]",
            "```",
            "",
            f"| state | signal | next | {action} |",
            "| --- | --- | --- | --- |",
            *rows,
            "",
        ]
    )


if __name__ == "__main__":
    for name, text in pages().items():
        (FOLDER / name).write_text(text)
