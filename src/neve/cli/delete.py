"""`neve delete`."""

import click

from neve.cli import options, output
from neve.cli.client import Client


@click.command()
@click.argument("function")
@options.endpoint
def command(function: str, endpoint: str | None) -> None:
    """Delete FUNCTION and all its versions."""
    Client(endpoint).delete(function)
    output.say(f"deleted {function}")
