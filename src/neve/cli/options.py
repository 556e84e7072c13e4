"""The options that several commands share."""

import click

from neve.cli.client import DEFAULT_ENDPOINT

endpoint = click.option(
    "--endpoint", metavar="URL", help=f"Where Neve answers; else AWS_ENDPOINT_URL, else {DEFAULT_ENDPOINT}."
)
as_json = click.option("--json", "as_json", is_flag=True, help="Print JSON for scripts.")
