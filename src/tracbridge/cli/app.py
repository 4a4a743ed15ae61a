"""The command line: names, exit codes, and one line instead of a traceback."""

import io
import sys
from importlib.metadata import version
from typing import Annotated

import typer

from tracbridge.cli import check as check_command
from tracbridge.cli import conflicts, mongo, quarantine, repair
from tracbridge.cli import demo as demo_command
from tracbridge.cli import preview as preview_command
from tracbridge.cli import run as run_command
from tracbridge.cli import sample as sample_command
from tracbridge.cli import show as show_command
from tracbridge.cli import status as status_command
from tracbridge.domain.errors import SettingError, TracbridgeError

app = typer.Typer(
    name="tracbridge",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


def tell_version(wanted: bool) -> None:
    """The version, and no command."""
    if wanted:
        typer.echo(f"tracbridge {version('tracbridge')}")
        raise typer.Exit


@app.callback()
def tracbridge(
    _: Annotated[
        bool, typer.Option("--version", callback=tell_version, is_eager=True, help="Show and exit.")
    ] = False,
) -> None:
    """Keeps work orders in TracOS and in a customer's system the same, in both directions.

    Settings come from the environment and from .env. Exit codes: 0 in order, 1 could not run,
    2 usage or settings, 3 ran, and something was quarantined, held or not delivered.
    """


app.command("run")(run_command.run)
app.command("preview")(preview_command.preview)
app.command("status")(status_command.status)
app.command("show")(show_command.show)
app.command("history")(show_command.history)
app.add_typer(quarantine.app, name="quarantine")
app.add_typer(conflicts.app, name="conflicts")
app.command("resend")(repair.resend)
app.command("adopt")(repair.adopt)
app.command("check")(check_command.check)
app.command("demo")(demo_command.demo)
app.command("sample")(sample_command.sample)
app.add_typer(mongo.app, name="mongo")

COULD_NOT, USAGE = 1, 2


def main() -> None:
    """Run the command; a known error becomes one clear line on stderr."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            # Names from data may hold what this terminal cannot show.
            stream.reconfigure(errors="backslashreplace")
    # Words that are no text (names of files, say) would be refused by MongoDB.
    sys.argv[1:] = [word.encode("utf-8", "replace").decode() for word in sys.argv[1:]]
    try:
        app()
    except TracbridgeError as error:
        sys.stderr.write(f"tracbridge: {error}\n")
        sys.exit(USAGE if isinstance(error, SettingError) else COULD_NOT)
