"""A flag for every setting, printed from the one table (design D14)."""

from collections.abc import Callable
from typing import Any

import click

from neve.settings import SETTINGS, Setting

Decorated = Callable[..., Any]


def settings_flags(function: Decorated) -> Decorated:
    """A flag for every setting, with its help and default from the table."""
    for setting in reversed(SETTINGS):
        function = _flag(setting)(function)
    return function


def _flag(setting: Setting) -> Callable[[Decorated], Decorated]:
    flag = "--" + setting.name.replace("_", "-")
    text = f"{setting.help}  [{_default(setting)}]"
    if setting.type is bool:
        return click.option(f"{flag}/--no-{flag[2:]}", setting.name, default=None, help=text)
    return click.option(flag, setting.name, type=setting.type, default=None, help=text)


def _default(setting: Setting) -> str:
    if setting.type is bool:
        return "on" if setting.default else "off"
    return str(setting.default)
