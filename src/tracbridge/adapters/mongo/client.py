"""The MongoDB client with the options that our promises need, and its errors in our words."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, TypeVar

from pymongo import AsyncMongoClient
from pymongo.errors import (
    BulkWriteError,
    ConfigurationError,
    ConnectionFailure,
    InvalidURI,
    OperationFailure,
    WTimeoutError,
)

from tracbridge.domain.errors import ConfigError, RetryableError, SettingError

Document = dict[str, Any]
Client = AsyncMongoClient[Document]

SELECTION_MS = 2_500
"""How long one attempt looks for a server; four attempts and their pauses stay below 20 s."""

TIMEOUT_MS = 15_000
"""Longest silence of a server at work: by default a stopped one hangs us for ever.

Not ``timeoutMS``, which would also replace the time for looking for a server.
"""

_PASSING = frozenset(
    {6, 7, 24, 43, 46, 50, 63, 64, 89, 91, 112, 133, 134, 150, 175, 189, 202, 237, 262, 279, 314}
    | {317, 384, 462, 9001, 10058, 10107, 11600, 11601, 11602, 13388, 13435, 13436}
)
"""Server error codes that pass by themselves.

Elections, shutdown, time-outs, write conflicts, cursors and plans that were killed, shards on the
move, a server that asks for fewer requests.
"""

FORBIDDEN = frozenset({13, 18, 8000})
"""Server error codes of an account that may not do it, or is not known."""


def connect(uri: str) -> AsyncMongoClient[Document]:
    """A client with majority writes and reads, journal, time-outs, aware times, no driver retries.

    Our own batch retry is idempotent and cheaper than the driver's. Raises `ConfigError` for a
    bad URI.
    """
    try:
        return AsyncMongoClient(
            uri,
            tz_aware=True,
            retryWrites=False,
            w="majority",
            journal=True,
            readConcernLevel="majority",
            socketTimeoutMS=TIMEOUT_MS,
            serverSelectionTimeoutMS=SELECTION_MS,
            connectTimeoutMS=SELECTION_MS,
            appname="tracbridge",
        )
    except (InvalidURI, ConfigurationError, ValueError) as error:
        raise SettingError(
            f"MONGO_URI is not a valid MongoDB address: {type(error).__name__}."
        ) from None


@contextmanager
def translated(host: str) -> Iterator[None]:
    """Driver errors as ours; texts name the host and never the credentials."""
    try:
        yield
    except (ConnectionFailure, WTimeoutError) as error:
        raise RetryableError(
            f"MongoDB at {host} does not answer ({type(error).__name__})."
        ) from error
    except BulkWriteError as error:
        raise _bulk(host, error) from error
    except OperationFailure as error:
        raise _failure(host, error) from error


def _failure(host: str, error: OperationFailure) -> Exception:
    if error.code in _PASSING:
        return RetryableError(f"MongoDB at {host} is busy (code {error.code}).")
    if error.code in FORBIDDEN:
        name = (error.details or {}).get("codeName", "refused")
        return ConfigError(
            f"MongoDB at {host} refuses this account ({name}, code {error.code}); "
            "see docs/reference/mongodb-rights.md for the rights it needs."
        )
    return error


def _bulk(host: str, error: BulkWriteError) -> Exception:
    """A bulk of which only the acknowledgement failed, or whose server stepped down, passes."""
    concern = error.details.get("writeConcernErrors", [])
    codes = {w.get("code") for w in (*concern, *error.details.get("writeErrors", []))}
    if codes <= _PASSING:
        return RetryableError(f"MongoDB at {host} is busy (codes {sorted(codes)}).")
    return error


async def paged(cursor: Any, size: int) -> AsyncIterator[list[Document]]:
    """The cursor's documents in lists of ``size``."""
    while page := await cursor.to_list(size):
        yield page


def duplicates(error: BulkWriteError) -> set[int] | None:
    """The positions of a bulk that met a duplicate key, or None if more than that went wrong."""
    errors = error.details.get("writeErrors", [])
    if any(e.get("code") != DUPLICATE for e in errors) or error.details.get("writeConcernErrors"):
        return None
    return {e["index"] for e in errors}


DUPLICATE = 11000

T = TypeVar("T")
R = TypeVar("R")

SPLIT = 250
"""Smaller batches are sent whole."""


async def halves(work: Callable[[Sequence[T]], Awaitable[R]], items: Sequence[T]) -> list[R]:
    """``work`` done on two halves of ``items`` at once: the server gives one batch one core.

    Both are over when this returns or raises; the first error counts.
    """
    if len(items) < SPLIT:
        return [await work(items)]
    middle = len(items) // 2
    parts = (work(items[:middle]), work(items[middle:]))
    results = await asyncio.gather(*parts, return_exceptions=True)
    for result in results:
        if isinstance(result, BaseException):
            raise result
    return [result for result in results if not isinstance(result, BaseException)]


def hosts_of(uri: str) -> str:
    """The hosts of a connection string, without credentials and options."""
    rest = uri.partition("://")[2].rpartition("@")[2]
    return rest.partition("/")[0].partition("?")[0]
