"""The history by run: what `undo` and `runs` ask."""

from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import datetime

from pymongo.asynchronous.database import AsyncDatabase

from tracbridge.adapters.mongo.client import Document, translated
from tracbridge.adapters.mongo.stores import to_entry
from tracbridge.domain.workorder import Side
from tracbridge.ports.state import Entry
from tracbridge.ports.undo import Run

PAGE = 1_000
"""Orders in one page."""

COUNTED = ("created", "updated", "stale", "held", "quarantined", "delivered", "failed")


class MongoRunHistory:
    """Runs and their entries."""

    def __init__(self, database: AsyncDatabase[Document], connection: str, host: str) -> None:
        self._runs, self._entries = database["tracbridge_runs"], database["tracbridge_history"]
        self._c, self._host = connection, host

    async def runs(self, limit: int | None) -> list[Run]:
        with translated(self._host):
            found = self._runs.find({"c": self._c}).sort("started", -1).limit(limit or 0)
            return [to_run(row) async for row in found]

    async def since(self, run: str) -> datetime | None:
        with translated(self._host):
            if row := await self._runs.find_one({"_id": run, "c": self._c}):
                return to_run(row).started
            entry = await self._entries.find_one({"c": self._c, "run": run})
        return to_entry(entry).at if entry else None

    async def begin_undo(self, of: str, ref: str | None, run: str, at: datetime) -> str:
        query = {"c": self._c, "undoes": of, "order": ref, "ended": None}
        new = {"$setOnInsert": {"_id": run, "started": at}}
        with translated(self._host):
            row = await self._runs.find_one_and_update(
                query, new, upsert=True, return_document=True
            )
        return str(row["_id"]) if row else run

    async def orders(self, run: str, ref: str | None) -> AsyncIterator[dict[str, list[Entry]]]:
        query = {"c": self._c, "run": run} | ({} if ref is None else {"ref": ref})
        page: dict[str, list[Entry]] = {}
        with translated(self._host):
            found = self._entries.find(query, batch_size=PAGE).allow_disk_use(True)
            async for document in found.sort([("ref", 1), ("number", 1), ("at", 1)]):
                entry = to_entry(document)
                if entry.ref not in page and len(page) == PAGE:
                    yield page
                    page = {}
                page.setdefault(entry.ref, []).append(entry)
        if page:
            yield page

    async def latest(self, refs: Sequence[str]) -> Mapping[tuple[str, Side, int], str]:
        query = {"c": self._c, "ref": {"$in": list(refs)}, "superseded": {"$ne": True}}
        shown = {"ref": 1, "side": 1, "number": 1}
        with translated(self._host):
            rows = self._entries.find(query, shown, batch_size=PAGE).sort("at", 1)
            return {(r["ref"], Side(r["side"]), r["number"]): r["_id"] async for r in rows}

    async def changes(self, since: datetime, side: Side | None = None) -> AsyncIterator[Entry]:
        query = {"c": self._c, "at": {"$gte": since}, "superseded": {"$ne": True}}
        query |= {} if side is None else {"side": side.value}
        with translated(self._host):
            found = self._entries.find(query, batch_size=PAGE).allow_disk_use(True)
            async for document in found.sort([("at", 1), ("number", 1)]):
                yield to_entry(document)


def to_run(row: Document) -> Run:
    """The row of a run, whatever became of it."""
    parts = (row.get("counts") or {}).get("connections") or [{}]
    flows = [parts[0].get(name, {}) for name in ("inbound", "outbound")]
    sums = {name: sum(flow.get(name, 0) for flow in flows) for name in COUNTED}
    did = row.get("did") or {name: number for name, number in sums.items() if number}
    return Run(
        run=row["_id"],
        started=row["started"],
        ended=row["ended"],
        exit=row.get("exit"),
        error=row.get("error", ""),
        did=did,
        undoes=row.get("undoes", ""),
    )
