"""A flag for every setting, printed from the one table (design D14)."""

from collections.abc import Callable, Mapping
from typing import Any

import click

from neve.settings import SETTINGS, Setting

Decorated = Callable[..., Any]


def settings_flags(defaults: Mapping[str, object] | None = None) -> Callable[[Decorated], Decorated]:
    """A flag for every setting, with its help from the table. `defaults` are a command's own, to be shown."""

    def decorate(function: Decorated) -> Decorated:
        for setting in reversed(SETTINGS):
            shown = (defaults or {}).get(setting.name, setting.default)
            function = _flag(setting, shown)(function)
        return function

    return decorate


def _flag(setting: Setting, default: object) -> Callable[[Decorated], Decorated]:
    flag = "--" + setting.name.replace("_", "-")
    if setting.type is bool:
        text = f"{setting.help}  [{'on' if default else 'off'}]"
        return click.option(f"{flag}/--no-{flag[2:]}", setting.name, default=None, help=text)
    if setting.type is dict:
        return click.option(flag, setting.name, metavar="NAME=VALUE,…", default=None, help=setting.help)
    return click.option(flag, setting.name, type=setting.type, default=None, help=f"{setting.help}  [{default}]")
