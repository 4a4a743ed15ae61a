"""What every command needs: settings, log, a wired service, and a run of something asynchronous."""

import asyncio
import getpass
import os
import sys
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from contextvars import ContextVar
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any, TypeVar
from uuid import uuid4

import typer

from tracbridge.bootstrap import Service, log_of, observer, opened, opening
from tracbridge.config.files import Configuration, configured
from tracbridge.config.mappings import source
from tracbridge.config.settings import Settings
from tracbridge.config.translations import translation_of
from tracbridge.domain.errors import SettingError

T = TypeVar("T")

Json = Annotated[bool, typer.Option("--json", help="JSON on stdout.")]

TROUBLED = 3
"""Exit code: it ran, and something was quarantined, held or not delivered."""


CHOSEN: ContextVar[tuple[str, ...]] = ContextVar("connections", default=())
"""The connections that were named on the command line."""


def configuration() -> Configuration:
    """From the files of the current folder, or the environment and ``.env``; raises
    `SettingError`.
    """
    return configured(os.environ, Path())


def chosen(among: Configuration | None = None) -> dict[str, Settings]:
    """The connections that were named, or all; raises `SettingError` where there is none."""
    among = among or configuration()
    wanted = [among.named(name) for name in CHOSEN.get()] or among.connections
    if not wanted:
        raise SettingError(
            f"{among.root / 'tracbridge.yaml'} and its neighbours hold no connection that is "
            "enabled: tracbridge init writes a first one."
        )
    return {one.name: one for one in wanted}


def settings() -> Settings:
    """Those of the one connection that is meant; raises `SettingError` where it is not clear."""
    wanted = chosen()
    if len(wanted) > 1:
        names = ", ".join(list(wanted)[:MANY]) + (", ..." if len(wanted) > MANY else "")
        raise SettingError(f"which connection is meant? Say --connection NAME, of: {names}.")
    return next(iter(wanted.values()))


def with_mapping(config: Settings, given: str) -> Settings:
    """With the mapping of that file or preset; raises `SettingError` with file and line."""
    made = replace(config, mapping=source(given, Path(), lambda _: f"mapping {given}"))
    translation_of(made)
    return made


MANY = 10
"""Names that fit into a message."""


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


@asynccontextmanager
async def serving_all() -> AsyncIterator[list[Service]]:
    """The services of all connections that are meant, for a command that looks."""
    wanted = chosen()
    observer(next(iter(wanted.values())), new_run())
    async with opening(wanted.values(), log_of) as services:
        yield services


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
