"""The command line: names, exit codes, and one line instead of a traceback."""

import sys

import typer

from tracbridge.cli import run as run_command
from tracbridge.cli import sample as sample_command
from tracbridge.domain.errors import SettingError, TracbridgeError

app = typer.Typer(
    name="tracbridge",
    help="Keeps work orders in TracOS and in a customer's system the same, in both directions.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
app.command("run")(run_command.run)
app.command("sample")(sample_command.sample)

COULD_NOT, USAGE = 1, 2


def main() -> None:
    """Run the command; a known error becomes one clear line on stderr."""
    try:
        app()
    except TracbridgeError as error:
        print(f"tracbridge: {error}", file=sys.stderr)
        sys.exit(USAGE if isinstance(error, SettingError) else COULD_NOT)
