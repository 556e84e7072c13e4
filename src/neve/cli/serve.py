"""`neve serve`, and what `neve dev` shares with it: settings, `neve.toml`, the ready line."""

import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import click

from neve import settings as table
from neve.cli import output
from neve.cli.client import Impossible
from neve.cli.discover import read_toml
from neve.cli.flags import settings_flags

_SETTINGS_FILE = "neve.toml"


@click.command()
@settings_flags()
def command(**flags: Any) -> None:
    """Run Neve on this machine.

    Prints one line when calls are accepted. Settings come from flags, else from NEVE_* variables (NEVE_DATA_DIR), else
    from neve.toml in the current directory (keys like data_dir, in the table [neve] or at the top).
    """
    sys.exit(run(load(flags, read_settings(Path()))))


def load(flags: Mapping[str, object], file: Mapping[str, object]) -> table.Settings:
    """The settings in force. Impossible for a value that is none."""
    try:
        return table.load(flags, file=file)
    except table.OperatorError as error:
        raise Impossible(_sentence(error.message)) from error


def read_settings(folder: Path) -> dict[str, object]:
    """The settings of a folder's `neve.toml`. Impossible for a key that is no setting."""
    file = folder / _SETTINGS_FILE
    content = read_toml(file)
    names = [setting.name for setting in table.SETTINGS]
    top = {key: value for key, value in content.items() if not isinstance(value, dict) or key in names}
    values = {**top, **content.get("neve", {})}
    for key in values:
        if key not in names:
            raise Impossible(f"{file}: there is no setting {key}; there are {', '.join(names)}.")
    return values


def run(
    settings: table.Settings,
    on_ready: Callable[[str], None] = lambda url: None,
    level: str = "INFO",
    show: Callable[[str], None] | None = None,
) -> int:
    """Serve until a signal says stop; the exit status. Impossible when the machine does not allow it.

    `show` has the lines of Neve's own log in words; else they go to standard error.
    """
    from neve import log
    from neve.app.serve import serve

    log.setup(level, show)

    def ready(url: str, missing: Sequence[str]) -> None:
        print(f"neve ready on {url}", flush=True)
        _say_missing(missing)
        on_ready(url)

    try:
        return serve(settings, on_ready=ready)
    except table.OperatorError as error:
        raise Impossible(_sentence(error.message)) from error


def _say_missing(missing: Sequence[str]) -> None:
    """What the sandbox does not isolate: loudly, in few lines."""
    if missing:
        output.say("WARNING: functions are not fully isolated on this machine:", fg="yellow", bold=True)
        for sentence in missing:
            output.say("  - " + "\n    ".join(output.wrapped(sentence, 4, sys.stderr)), fg="yellow")
        output.say("  `neve doctor` tells what to do about it.", fg="yellow")


def _sentence(text: str) -> str:
    return text if text.endswith(".") else text + "."
