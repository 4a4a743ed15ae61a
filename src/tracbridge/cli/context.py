"""What every command needs: settings, log, and a run of something asynchronous."""

import asyncio
import os
from collections.abc import Coroutine, Mapping
from pathlib import Path
from typing import Any, TypeVar
from uuid import uuid4

from tracbridge.adapters.observe.log import LogObserver, configure
from tracbridge.config.settings import Settings, load

T = TypeVar("T")


def settings() -> Settings:
    """From the environment and ``.env`` of the current folder; raises `SettingError`."""
    return load(os.environ, Path(".env"))


def new_run(config: Settings) -> str:
    """A name for this run, and a log that carries it."""
    name = uuid4().hex[:12]
    configure(config.log_level, config.log_format, name)
    return name


def wait_for(work: Coroutine[Any, Any, T]) -> T:
    """Run it to its end."""
    return asyncio.run(work)


def to_json(value: Mapping[str, Any] | list[Any]) -> str:
    """JSON for people and programs: times in ISO 8601, everything else by its text."""
    import orjson  # noqa: PLC0415

    return orjson.dumps(value, option=orjson.OPT_INDENT_2, default=str).decode()
