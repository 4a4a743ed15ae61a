"""``tracbridge mongo``: the embedded MongoDB of this folder, for trials beside other tools."""

import typer

from tracbridge.bootstrap import embedded_uri, start_embedded, stop_embedded
from tracbridge.cli.context import say

app = typer.Typer(
    help="The embedded MongoDB of this folder, for trials only.",
    no_args_is_help=True,
    rich_markup_mode=None,
)


@app.command()
def start() -> None:
    """Start it, or find that it runs; its address on stdout."""
    say(start_embedded())


@app.command()
def stop() -> None:
    """End it; its data stay in .tracbridge/mongo."""
    say("Stopped." if stop_embedded() else "It did not run.")


@app.command()
def uri() -> None:
    """Its address, as MONGO_URI takes it; exit 1 if it does not run."""
    say(embedded_uri())
