"""The command line: names, exit codes, and one line instead of a traceback."""

import io
import os
import pwd
import sys
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import Annotated

import typer

from tracbridge.cli.choosing import choosing, choosing_all
from tracbridge.domain.errors import SettingError, TracbridgeError

COMMANDS = {
    "run": "run:run",
    "serve": "serve:serve",
    "keys": "keys:app",
    "preview": "preview:preview",
    "status": "status:status",
    "show": "show:show",
    "history": "history:history",
    "quarantine": "quarantine:app",
    "conflicts": "conflicts:app",
    "approve": "approve:approve",
    "mapping": "mapping:app",
    "rules": "rules:app",
    "resend": "repair:resend",
    "adopt": "repair:adopt",
    "runs": "undo:runs",
    "undo": "undo:undo",
    "forget": "forget:forget",
    "reconcile": "reconcile:reconcile",
    "repair": "duplicates:app",
    "check": "check:check",
    "init": "init:init",
    "demo": "demo:demo",
    "sample": "sample:sample",
    "mongo": "mongo:app",
    "pause": "pause:pause",
    "resume": "pause:resume",
    "breaker": "breaker:breaker",
    "support-bundle": "bundle:support_bundle",
    "connector": "connector:app",
    "discover": "discover:discover",
    "simulate": "simulate:simulate",
    "simulator": "simulator:simulator",
}
"""Each command's module and name; only the one that is called is loaded."""

APART = frozenset({"demo", "mongo", "simulate", "init", "connector", "simulator", "keys"})
"""Commands that are about no connection."""

APART_IN = {"mapping": frozenset({"list"})}
"""The same, of a group."""


def tell_version(wanted: bool) -> None:
    """The version, and no command."""
    if wanted:
        from importlib.metadata import version  # noqa: PLC0415 (only this option needs it)

        typer.echo(f"tracbridge {version('tracbridge')}")
        raise typer.Exit


def tracbridge(
    _: Annotated[
        bool, typer.Option("--version", callback=tell_version, is_eager=True, help="Show and exit.")
    ] = False,
) -> None:
    """Keeps work orders in TracOS and in a customer's system the same, in both directions.

    Connections come from tracbridge.yaml and connections/*.yaml, else one of the name default from
    the environment and .env. Exit codes: 0 in order, 1 could not run,
    2 usage or settings, 3 ran, and something was quarantined, held or not delivered.
    """


def application(names: Sequence[str] = tuple(COMMANDS)) -> typer.Typer:
    """The command line with these commands."""
    app = typer.Typer(
        name="tracbridge",
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
        rich_markup_mode=None,
        callback=tracbridge,
    )
    for name in names:
        module, _, attribute = COMMANDS[name].partition(":")
        command = getattr(import_module(f"tracbridge.cli.{module}"), attribute)
        if isinstance(command, typer.Typer):
            apart = APART_IN.get(name, ())
            app.add_typer(command if name in APART else choosing_all(command, apart), name=name)
        else:
            app.command(name)(command if name in APART else choosing(command))
    return app


def warn_of_root() -> None:
    """Root's files stay root's: whoever works here else can neither read nor move them."""
    try:
        owner = Path().stat().st_uid
    except OSError:
        return  # the command says it better
    if os.geteuid() or not owner:
        return
    try:
        name = pwd.getpwuid(owner).pw_name
    except KeyError:
        name = f"user {owner}"
    sys.stderr.write(
        f"tracbridge: warning: you are root in a folder of {name}. Files that are made now belong "
        f"to root, and a service that runs as {name} stumbles over them: work as {name}.\n"
    )


COULD_NOT, USAGE = 1, 2


def main() -> None:
    """Run the command; a known error becomes one clear line on stderr."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            # Names from data may hold what this terminal cannot show.
            stream.reconfigure(errors="backslashreplace")
    # Words that are no text (names of files, say) would be refused by MongoDB.
    sys.argv[1:] = [word.encode("utf-8", "replace").decode() for word in sys.argv[1:]]
    wanted = [word for word in sys.argv[1:2] if word in COMMANDS]
    warn_of_root()
    try:
        application(wanted or tuple(COMMANDS))()
    except TracbridgeError as error:
        sys.stderr.write(f"tracbridge: {error}\n")
        sys.exit(USAGE if isinstance(error, SettingError) else COULD_NOT)
