"""``tracbridge support-bundle``: one file for whoever helps, without payload and secret."""

import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from tracbridge.cli.context import Json, say, say_json, serving_all, wait_for
from tracbridge.cli.table import harmless
from tracbridge.desk.bundle import bundle
from tracbridge.domain.errors import ConfigError

MODE = 0o600
"""Nobody else on this machine reads it."""


def support_bundle(
    file: Annotated[
        Path | None,
        typer.Argument(metavar="[FILE]", help="A new file; else one named by the time, here."),
    ] = None,
    json: Json = False,
) -> None:
    """Write a ZIP file for whoever helps: versions, counts.

    Also settings and the latest runs' numbers. No work order, address or secret is in it.
    """
    now = datetime.now(UTC)
    place = file or Path(f"tracbridge-support-{now:%Y%m%dT%H%M%SZ}.zip")
    data = wait_for(_bundle(now))
    try:
        with os.fdopen(os.open(place, os.O_WRONLY | os.O_CREAT | os.O_EXCL, MODE), "wb") as target:
            target.write(data)
    except FileExistsError:
        raise ConfigError(f"{harmless(str(place))} is there already; name another file.") from None
    except OSError as error:
        why = error.strerror or type(error).__name__
        raise ConfigError(f"{harmless(str(place))} cannot be written: {why}.") from None
    if json:
        say_json({"file": str(place), "bytes": len(data)})
    else:
        say(f"{harmless(str(place))}: {len(data):,} bytes. It is plain text: look, then send it.")


async def _bundle(now: datetime) -> bytes:
    async with serving_all() as services:
        return await bundle(services, os.environ, now)
