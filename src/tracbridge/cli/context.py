"""What every command needs: settings, log, a wired service, and a run of something asynchronous."""

import asyncio
import getpass
import os
import sys
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Annotated, Any, TypeVar
from uuid import uuid4

import typer

from tracbridge.bootstrap import Service, observer, opened
from tracbridge.config.settings import Settings, load

T = TypeVar("T")

Json = Annotated[bool, typer.Option("--json", help="JSON on stdout.")]

TROUBLED = 3
"""Exit code: it ran, and something was quarantined, held or not delivered."""


def settings() -> Settings:
    """From the environment and ``.env`` of the current folder; raises `SettingError`."""
    return load(os.environ, Path(".env"))


def person() -> str:
    """Who works at this terminal, as the system knows them."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return f"user {os.getuid()}"


def new_run() -> str:
    """A name for one run."""
    return uuid4().hex[:12]


@asynccontextmanager
async def serving() -> AsyncIterator[Service]:
    """The service for a command that looks or decides; not for `run`, which may be stopped."""
    config = settings()
    async with opened(config, observer(config, new_run())) as service:
        yield service


def wait_for(work: Coroutine[Any, Any, T]) -> T:
    """Run it to its end."""
    return asyncio.run(work)


def to_json(value: object) -> str:
    """JSON for people and programs: times in ISO 8601, everything else by its text."""
    import orjson  # noqa: PLC0415

    return orjson.dumps(value, option=orjson.OPT_INDENT_2, default=str).decode()


def say(text: str) -> None:
    """Lines on stdout."""
    sys.stdout.write(text if text.endswith("\n") else text + "\n")


def say_json(value: object) -> None:
    """One JSON value on stdout."""
    say(to_json(value))
