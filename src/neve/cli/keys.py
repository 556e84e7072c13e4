"""`neve keys`: access keys, for a Neve that checks signatures."""

import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import click

from neve.cli import options, output
from neve.cli.client import Failed
from neve.cli.serve import load, read_settings
from neve.settings import OperatorError

_HEAD = ("KEY", "NAME", "ACCOUNT", "STATE", "ACCESS", "LAST USED", "DESCRIPTION")

Decorated = Callable[..., Any]


def _place(function: Decorated) -> Decorated:
    """Which Neve: that of a data directory, whether it runs or not."""
    master = click.option("--master-key-file", default=None, help="Where the master key is, as for `neve serve`.")
    return click.option("--data-dir", default=None, help="The data directory, as for `neve serve`.")(master(function))


@click.group()
def command() -> None:
    """Make access keys, and say what they may do.

    For a Neve that checks signatures (`neve serve --auth sigv4`). Works on its data directory, whether it runs or not, and holds
    from the next request on. Who may read that directory may do this; nobody can over the network.
    """


@command.command("create")
@click.argument("name")
@click.option(
    "--account", default="000000000000", show_default=True, help="The account that the key is of: twelve digits."
)
@click.option("--description", default="", help="What it is for.")
@click.option(
    "--policy", type=click.Path(exists=True, dir_okay=False), help="What it may do: a file with a policy as of IAM."
)
@_place
@options.as_json
def create_command(name: str, policy: str | None, as_json: bool, **given: Any) -> None:
    """Make a key for NAME, and show its secret, this once.

    Without a policy it may do everything in its account.
    """
    asked = {"do": "create", "name": name, "account": given.pop("account"), "description": given.pop("description")}
    told = _ask({**asked, "policy": _text(policy)}, given)
    if as_json:
        output.print_json(told)
        return
    click.echo(f"export AWS_ACCESS_KEY_ID={told['id']}\nexport AWS_SECRET_ACCESS_KEY={told['secret']}")
    output.say("The secret is shown this once.", fg="yellow")


@command.command("list")
@_place
@options.as_json
def list_command(as_json: bool, **given: Any) -> None:
    """List the keys, without their secrets."""
    keys: Sequence[Mapping[str, Any]] = _ask({"do": "list"}, given)["keys"]
    if as_json:
        output.print_json(keys)
    elif keys:
        output.print_table(_HEAD, [_row(key) for key in keys])
    else:
        output.say("No keys: `neve keys create NAME` makes one.")


@command.command("policy")
@click.argument("key")
@click.option(
    "--set", "policy", type=click.Path(exists=True, dir_okay=False), help="Have the policy in this file from now on."
)
@click.option("--full", is_flag=True, help="Allow everything in its account.")
@_place
def policy_command(key: str, policy: str | None, full: bool, **given: Any) -> None:
    """Show or change what KEY may do; KEY is an id or a name."""
    if policy is not None and full:
        raise click.UsageError("Say --set FILE or --full, not both.")
    changing = {"do": "policy", "key": key, "policy": _text(policy)}
    told = _ask(changing if policy is not None or full else {"do": "show", "key": key}, given)
    if told["policy"] is not None:
        output.print_json(told["policy"])
    else:
        output.say(f"{told['id']} may do everything in the account {told['account']}.")


@command.command("disable")
@click.argument("key")
@_place
def disable_command(key: str, **given: Any) -> None:
    """Let nobody use KEY until it is enabled again."""
    _make("disable", key, given, "disabled")


@command.command("enable")
@click.argument("key")
@_place
def enable_command(key: str, **given: Any) -> None:
    """Let KEY be used again."""
    _make("enable", key, given, "enabled")


@command.command("delete")
@click.argument("key")
@_place
def delete_command(key: str, **given: Any) -> None:
    """Delete KEY for good: no request that it signs is taken any more."""
    _make("delete", key, given, "deleted")


@command.command("rotate")
@_place
def rotate_command(**given: Any) -> None:
    """Encrypt the secrets of all keys with a new master key.

    The keys stay as they are. To rotate a key, create a second one with its name, use that, and delete the first.
    """
    told = _ask({"do": "rotate"}, given)
    output.say(f"The secrets of {told['sealed']} keys are encrypted with a new master key.")


def _make(verb: str, key: str, place: Mapping[str, Any], became: str) -> None:
    told = _ask({"do": verb, "key": key}, place)
    output.say(f"{told['id']} ({told['name']}): {became}")


def _ask(request: Mapping[str, Any], place: Mapping[str, Any]) -> dict[str, Any]:
    from neve.app.keys import manage_keys

    settings = load(place, read_settings(Path()))
    try:
        return manage_keys(settings, request)
    except OperatorError as error:
        raise Failed(error.message if error.message.endswith(".") else f"{error.message}.") from error


def _text(file: str | None) -> str | None:
    return Path(file).read_text(encoding="utf-8", errors="replace") if file is not None else None


def _row(key: Mapping[str, Any]) -> tuple[str, ...]:
    used = key["lastUsed"]
    colour = output.has_colour(sys.stdout)
    return (
        key["id"],
        key["name"],
        key["account"],
        "enabled" if key["enabled"] else output.paint("disabled", colour, fg="yellow"),
        "full" if key["policy"] is None else "policy",
        f"{used['at'][:16]}Z {used['service']} {used['region']}" if used else "never",
        key["description"],
    )
