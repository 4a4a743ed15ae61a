"""The least that could pass as a sync in both directions: the same durable writes, one after the
other, and no plan, no merge, no guard that matters, no recovery. What `realtime` is compared with.
"""

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson
from pymongo import AsyncMongoClient, InsertOne, ReplaceOne, UpdateOne, WriteConcern
from watchfiles import Change, awatch

Doc = dict[str, Any]


class Bare:
    """One connection between two folders and a database."""

    def __init__(self, client: AsyncMongoClient[Doc], database: str) -> None:
        safe = client.get_database(database, write_concern=WriteConcern("majority"))
        self.orders, self.links = safe["workorders"], safe["bare_links"]
        self.history = safe["bare_history"]
        self.inbound = Path(os.environ["DATA_INBOUND_DIR"])
        self.outbound = Path(os.environ["DATA_OUTBOUND_DIR"])
        self.aside = self.outbound.with_name("bare")
        self.news = asyncio.Event()

    async def run(self) -> None:
        """For ever."""
        self.aside.mkdir(exist_ok=True)
        hints = [asyncio.create_task(one) for one in (self.files(), self.edits())]
        while all(not task.done() for task in hints):
            await self.news.wait()
            self.news.clear()
            await self.take()
            await self.give()

    async def files(self) -> None:
        """Rings for new files."""
        changes: AsyncIterator[Any] = awatch(
            self.inbound,
            watch_filter=lambda change, path: change is Change.added and path.endswith(".json"),
            debounce=10,
            step=1,
            recursive=False,
        )
        async for _ in changes:
            self.news.set()

    async def edits(self) -> None:
        """Rings for unsynced documents."""
        unsynced = {"updateDescription.updatedFields.isSynced": False}
        pipeline: list[Doc] = [{"$match": unsynced}, {"$project": {"_id": 1}}]
        async with await self.orders.watch(pipeline) as stream:
            async for _ in stream:
                self.news.set()

    async def take(self) -> None:
        """Customer -> TracOS."""
        claimed = await asyncio.to_thread(self._claimed)
        if not claimed:
            return
        bodies = {int(body["orderNo"]): body for body in claimed.values()}
        wanted = {"$in": list(bodies)}
        documents, _ = await asyncio.gather(
            self.orders.find({"number": wanted}).to_list(),
            self.links.find({"_id": wanted}).to_list(),
        )
        await self._remember(bodies, "in")
        texts = {n: {"description": body["summary"]} for n, body in bodies.items()}
        edits = [UpdateOne({"_id": d["_id"]}, {"$set": texts[d["number"]]}) for d in documents]
        await self.orders.bulk_write(edits, ordered=False)
        await self._link(bodies)
        await asyncio.to_thread(self._done, list(claimed))

    async def give(self) -> None:
        """TracOS -> customer."""
        documents = await self.orders.find({"isSynced": {"$in": [False, None]}}).to_list()
        if not documents:
            return
        numbers = {document["number"]: document for document in documents}
        await self.links.find({"_id": {"$in": list(numbers)}}).to_list()
        shown = {n: {"orderNo": n, "summary": d["description"]} for n, d in numbers.items()}
        await asyncio.to_thread(self._laid_aside, shown)
        await self._remember(shown, "out")
        await self._link(shown)
        await asyncio.to_thread(self._shown, list(shown))
        marks = [
            UpdateOne(
                {"_id": d["_id"], "updatedAt": d["updatedAt"], "description": d["description"]},
                {"$set": {"isSynced": True, "syncedAt": datetime.now(UTC)}},
            )
            for d in documents
        ]
        await asyncio.gather(self._link(shown), self.orders.bulk_write(marks, ordered=False))

    async def _remember(self, bodies: dict[int, Doc], side: str) -> None:
        rows = [InsertOne({"n": number, "side": side, "new": b}) for number, b in bodies.items()]
        await self.history.bulk_write(rows, ordered=False)

    async def _link(self, bodies: dict[int, Doc]) -> None:
        rows = [ReplaceOne({"_id": n}, {"last": body}, upsert=True) for n, body in bodies.items()]
        await self.links.bulk_write(rows, ordered=False)

    def _claimed(self) -> dict[Path, Doc]:
        found = {}
        for path in sorted(self.inbound.glob("*.json")):
            mine = path.rename(self.aside / path.name)
            found[mine] = orjson.loads(mine.read_bytes())
        return found

    def _done(self, paths: list[Path]) -> None:
        for path in paths:
            path.unlink()

    def _laid_aside(self, shown: dict[int, Doc]) -> None:
        for number, body in shown.items():
            with (self.aside / f"{number}.tmp").open("wb") as file:
                file.write(orjson.dumps(body))
                file.flush()
                os.fsync(file.fileno())

    def _shown(self, numbers: list[int]) -> None:
        for number in numbers:
            (self.aside / f"{number}.tmp").rename(self.outbound / f"workorder_{number}.json")
        folder = os.open(self.outbound, os.O_RDONLY)
        os.fsync(folder)
        os.close(folder)


async def main() -> None:
    """``python -m benchmarks.bare``, by the same environment variables."""
    uri, database = os.environ["MONGO_URI"], os.environ["MONGO_DATABASE"]
    async with AsyncMongoClient[Doc](uri, retryWrites=False, tz_aware=True) as client:
        await Bare(client, database).run()


if __name__ == "__main__":
    with suppress(KeyboardInterrupt):
        sys.exit(asyncio.run(main()))
