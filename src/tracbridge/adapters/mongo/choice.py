"""Which MongoDB: the one named, the one used before, one that answers, the embedded one."""

import importlib.util
import os
from collections.abc import Mapping
from pathlib import Path

from msgspec import Struct
from pymongo import AsyncMongoClient
from pymongo.errors import PyMongoError

from tracbridge.domain.errors import ConfigError

LOCAL = "mongodb://localhost:27017"
EMBEDDED = "embedded"
MEMORY = Path(".tracbridge")
"""Our own folder below the current one: the remembered choice and the embedded server's data."""

PROBE_MS = 800


class Choice(Struct, frozen=True):
    """The address to use, and a sentence for people where it was not they who named it."""

    uri: str
    note: str = ""


async def choose(uri: str | None, environ: Mapping[str, str] = os.environ) -> Choice:
    """The database of this folder. A choice made once is kept: data never moves silently.

    Raises `ConfigError` if no MongoDB answers and none is embedded.
    """
    if uri and uri != EMBEDDED:
        return Choice(uri)
    wanted = uri or remembered()
    if wanted == EMBEDDED:
        return embedded(environ)
    if wanted or await answers(LOCAL):
        remember(wanted or LOCAL)
        return Choice(wanted or LOCAL)
    if importlib.util.find_spec("fiftyone") is None:
        raise ConfigError(
            f"no MongoDB answers at {LOCAL}, and the embedded one is not installed. Start one "
            "(docker-compose up -d mongodb), set MONGO_URI, or, for a trial, install "
            "tracbridge[embedded]."
        )
    return embedded(environ)


def embedded(environ: Mapping[str, str]) -> Choice:
    """The embedded server of this folder, started if it does not run."""
    from tracbridge.adapters.mongo.embedded import start  # noqa: PLC0415 (only where it is used)

    server = start(MEMORY / "mongo", environ=environ)
    remember(EMBEDDED)
    return Choice(
        server.uri,
        f"Using the embedded MongoDB of this folder (for trials only): {server.uri}",
    )


def remembered() -> str | None:
    """What was chosen in this folder before, if anything."""
    path = MEMORY / "database"
    return path.read_text(encoding="utf-8").strip() or None if path.exists() else None


def remember(choice: str) -> None:
    """Keep the choice for later runs in this folder."""
    if remembered() != choice:
        MEMORY.mkdir(exist_ok=True)
        (MEMORY / "database").write_text(f"{choice}\n", encoding="utf-8")


async def answers(uri: str) -> bool:
    """Something that speaks MongoDB answers there within a second."""
    client: AsyncMongoClient[dict[str, object]] = AsyncMongoClient(
        uri, serverSelectionTimeoutMS=PROBE_MS
    )
    try:
        await client.admin.command("ping")
    except PyMongoError:
        return False
    finally:
        await client.close()
    return True
