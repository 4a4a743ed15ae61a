"""The lease in MongoDB: one worker per connection, a fence that only grows, the server's time."""

import os
import socket
import time
from pathlib import Path
from typing import Any

from pymongo.asynchronous.database import AsyncDatabase
from pymongo.errors import DuplicateKeyError

from tracbridge.adapters.mongo.client import Document, translated
from tracbridge.domain.errors import FatalError, OccupiedError

TTL = 30.0
RENEW = 10.0
"""Seconds: how long a lease lasts without renewal, and how often it is renewed."""


def myself() -> Document:
    """This process, so that another one on this machine can tell whether it still lives."""
    return {
        "host": socket.gethostname(),
        "boot": _boot(),
        "pid": os.getpid(),
        "started": _started(os.getpid()),
    }


def _boot() -> str:
    path = Path("/proc/sys/kernel/random/boot_id")
    return path.read_text().strip() if path.exists() else ""


def _started(pid: int) -> str:
    """When the process started, in the system's ticks; "" if it does not run, or is unknown."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return ""
    return stat.rpartition(")")[2].split()[19]


def gone(owner: Document, me: Document) -> bool:
    """The owner was a process of this machine that does not run any more."""
    if owner["host"] != me["host"]:
        return False
    if owner["boot"] != me["boot"]:
        return True
    if not Path("/proc/self/stat").exists():
        return not _answers(owner["pid"])
    return _started(owner["pid"]) != owner["started"] or not owner["started"]


def _answers(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


class MongoLease:
    """The right to work on one connection."""

    def __init__(self, database: AsyncDatabase[Document], connection: str, host: str) -> None:
        self._leases, self._c, self._host = database["tracbridge_leases"], connection, host
        self._me, self._fence, self._renewed = myself(), 0, 0.0

    @property
    def fence(self) -> int:
        return self._fence

    async def join(self) -> int:
        with translated(self._host):
            row = await self._leases.find_one({"_id": self._c})
        self._fence = row["fence"] if row else 0
        return self._fence

    async def take(self) -> int:
        with translated(self._host):
            await self._introduce()
            row = await self._try()
            if row is None:
                row = await self._take_over()
        self._fence = row["fence"]
        return self._fence

    async def _introduce(self) -> None:
        """The document must exist first: an upsert refuses ``$expr`` (code 224)."""
        try:
            await self._leases.update_one(
                {"_id": self._c}, {"$setOnInsert": {"fence": 0}}, upsert=True
            )
        except DuplicateKeyError:
            return

    async def _try(self, owner: Any = None) -> Document | None:
        """Take it if it is free, over, mine, or (where given) still this owner's."""
        mine = {"$literal": self._me}
        conditions: list[Document] = [
            {"$lte": [{"$ifNull": ["$expires", "$$NOW"]}, "$$NOW"]},
            {"$eq": ["$owner", mine]},
        ]
        if owner:
            conditions.append({"$eq": ["$owner", {"$literal": owner}]})
        other = {"$ne": ["$owner", mine]}
        step = {"$cond": [other, {"$add": ["$fence", 1]}, "$fence"]}
        expires = {"$add": ["$$NOW", int(TTL * 1000)]}
        begun = time.monotonic()
        row = await self._leases.find_one_and_update(
            {"_id": self._c, "$expr": {"$or": conditions}},
            [{"$set": {"fence": step, "owner": mine, "expires": expires}}],
            return_document=True,
        )
        if row:
            self._renewed = begun
        return row

    async def _take_over(self) -> Document:
        """The owner lives, unless it was a process of this machine that is gone."""
        held = await self._leases.find_one({"_id": self._c})
        owner = (held or {}).get("owner")
        row = await self._try(owner) if owner is None or gone(owner, self._me) else None
        if row is None:
            raise OccupiedError(
                f"connection {self._c!r} is being worked on by process {(owner or {}).get('pid')} "
                f"on {(owner or {}).get('host')}; one at a time. Stop that one, or wait for it."
            )
        return row

    async def hold(self) -> None:
        """Nobody else has held it in between if the fence is still ours, however late we ask."""
        if time.monotonic() - self._renewed < RENEW:
            return
        with translated(self._host):
            row = await self._try()
        if row is None or row["fence"] != self._fence:
            msg = f"the lease of connection {self._c!r} is lost; nothing more is written."
            raise FatalError(msg)

    async def release(self) -> None:
        with translated(self._host):
            await self._leases.update_one(
                {"_id": self._c, "owner": self._me}, {"$unset": {"expires": 1, "owner": 1}}
            )
