"""The `neve` command: which commands there are. Each is a module of its own, loaded when it is named.

Exit codes: 0 done, 1 the thing failed (the function, the deployment), 2 it could not be tried (usage, no server).
"""

import importlib
import sys

import click

_COMMANDS = {
    "serve": "Run Neve on this machine.",
    "dev": "Run Neve for a folder of functions: deploy, watch, show.",
    "deploy": "Create or update a function from a folder, a file or a zip.",
    "invoke": "Invoke a function and print its result.",
    "logs": "Show a function's log.",
    "trace": "Show or draw what happened in one run.",
    "check": "Run functions in every fate that AWS may choose, and tell what differs.",
    "cost": "Show what functions would cost on AWS.",
    "leaks": "Show what functions left unfinished, and what became of it.",
    "ps": "List the execution environments.",
    "queue": "Show the event queue, run it now, or forget it.",
    "delete": "Delete a function.",
    "keys": "Make access keys, and say what they may do.",
    "runtimes": "Show what functions run on here, and install more.",
    "clock": "Show or move the virtual clock.",
    "doctor": "Say what this machine offers and what is missing.",
}


class _Commands(click.Group):
    """Loads a command's module by its name: `neve invoke` pays for nothing else."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in _COMMANDS:
            return None
        command: click.Command = importlib.import_module(f"neve.cli.{cmd_name}").command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(_COMMANDS.items()))


def _print_version(ctx: click.Context, parameter: click.Parameter, wanted: bool) -> None:
    if wanted and not ctx.resilient_parsing:
        from importlib.metadata import version

        click.echo(f"neve {version('neve')}")
        ctx.exit()


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--version", is_flag=True, expose_value=False, is_eager=True, callback=_print_version, help="Show it.")
def neve() -> None:
    """AWS Lambda that you run yourself.

    Start with `neve dev` in a folder of functions.
    """


def main() -> None:
    """The entry point of the console script."""
    try:
        neve()
    except BrokenPipeError:  # `neve logs | head`
        sys.stderr.close()
        sys.exit(1)


if __name__ == "__main__":
    main()
