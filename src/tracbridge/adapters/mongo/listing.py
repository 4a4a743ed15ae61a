"""Pages of what people look through: orders, cases, conflicts, runs; and the sums of a connection.

Each page goes on after a place that is a key of its last row, so that none is shown twice and none
is left out, whatever happens in between.
"""

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from pymongo.asynchronous.database import AsyncDatabase

from tracbridge.adapters.mongo.client import Document, paged, translated
from tracbridge.adapters.mongo.orders import ODDLY_SYNCED, UNSYNCED, Orders
from tracbridge.adapters.mongo.past import to_run
from tracbridge.adapters.mongo.stores import to_case, to_conflict
from tracbridge.adapters.mongo.views import (
    AGAIN,
    HELD,
    MISSING,
    ON_ITS_WAY,
    PAGE,
    REFUSED,
    STUCK,
    UNKNOWN,
    ref_of,
)
from tracbridge.domain.workorder import KIND
from tracbridge.ports.state import Conflict, QuarantineCase
from tracbridge.ports.undo import Run

RESTLESS: Mapping[str, Sequence[Document]] = {
    "missing": [MISSING],
    "held": [HELD, UNKNOWN],
    "unreachable": [STUCK],
    "refused": [REFUSED],
    "on_their_way": [ON_ITS_WAY, AGAIN],
}
"""What a link shows that is not at rest, by state; the first one that is met counts."""

FEW = 100_000
"""Orders with open cases that the sums take into account."""


class Listing:
    """Pages and sums of one connection; read only."""

    def __init__(self, database: AsyncDatabase[Document], orders: Orders, connection: str) -> None:
        self._db, self._orders, self._c, self._host = database, orders, connection, orders.host
        self._links = database["tracbridge_links"]

    # -- orders ----------------------------------------------------------------------------

    async def refs(self, state: str, prefix: str, after: str, limit: int) -> list[str]:
        """Orders with a link, by number as text; ``state``: a key of `RESTLESS`, ``quarantined``,
        or "" for any.
        """
        ref: Document = {"$gt": after} | ({"$regex": f"^{re.escape(prefix)}"} if prefix else {})
        query: Document = {"c": self._c, "kind": KIND, "scope": "", "ref": ref}
        with translated(self._host):
            if state == "quarantined":
                query["ref"] = {**ref, "$in": list(await self._open_refs())}
            elif state:
                query["$or"] = list(RESTLESS[state])
            rows = await self._links.find(query, {"ref": 1}).sort("ref", 1).limit(limit).to_list()
        return [row["ref"] for row in rows]

    async def open_cases(self, refs: Sequence[str]) -> dict[str, QuarantineCase]:
        """Of each of these orders its newest open case, without the bytes."""
        query = {"c": self._c, "state": "open", "ref": {"$in": list(refs)}}
        with translated(self._host):
            found = self._db["tracbridge_quarantine"].find(query, {"raw": 0}).sort("at", 1)
            return {row["ref"]: to_case(row) async for row in found}

    async def totals(self) -> dict[str, int]:
        """How many linked orders are in which state; each is in one, so they add up to ``orders``.

        ``changed``: edited in TracOS and not sent yet. Besides, ``new``: documents of TracOS that
        no pass has seen.
        """
        with translated(self._host):
            whole = await self._links.count_documents({"c": self._c, "kind": KIND, "scope": ""})
            found = await self._restless()
            open_ = await self._open_refs()
            found["quarantined"] = await self._quiet(open_)
            found["changed"], new = await self._changed(open_)
        return {
            "orders": whole,
            "agrees": whole - sum(found.values()),
            **found,
            "new": new,
        }

    async def _restless(self) -> dict[str, int]:
        """One look by the indexes of what is not at rest."""
        conditions = [one for some in RESTLESS.values() for one in some]
        branches = [
            {"case": {"$or": [_said(one) for one in some]}, "then": name}
            for name, some in RESTLESS.items()
        ]
        stages: list[Document] = [
            {"$match": {"$or": [{"c": self._c, **one} for one in conditions]}},
            {"$group": {"_id": {"$switch": {"branches": branches, "default": "on_their_way"}}}},
        ]
        stages[1]["$group"]["n"] = {"$sum": 1}
        rows = await self._links.aggregate(stages)
        sums = {row["_id"]: row["n"] async for row in rows}
        return {name: sums.get(name, 0) for name in RESTLESS}

    async def _open_refs(self) -> set[str]:
        """Orders that an open case names."""
        query = {"c": self._c, "state": "open", "ref": {"$type": "string"}}
        rows = self._db["tracbridge_quarantine"].find(query, {"ref": 1}).limit(FEW)
        return {row["ref"] async for row in rows}

    async def _quiet(self, refs: set[str]) -> int:
        """How many of these links show nothing themselves."""
        nothing = [one for some in RESTLESS.values() for one in some]
        query = {"c": self._c, "ref": {"$in": list(refs)}, "$nor": nothing}
        return await self._links.count_documents(query) if refs else 0

    async def _changed(self, apart: set[str]) -> tuple[int, int]:
        """Documents that are not marked as synced: with a quiet link, and without one."""
        changed = new = 0
        collection = self._orders.collection
        for query in (UNSYNCED, ODDLY_SYNCED):
            cursor = collection.find(self._orders.ours(query), {"number": 1}, batch_size=PAGE)
            async for page in paged(cursor, PAGE):
                refs = {ref for one in page if (ref := ref_of(one.get("number")))} - apart
                linked = {"c": self._c, "ref": {"$in": list(refs)}}
                new += len(refs) - await self._links.count_documents(linked)
                changed += await self._quiet(refs)
        return changed, new

    # -- cases, conflicts, runs ------------------------------------------------------------

    async def cases(
        self, query: Mapping[str, Any], after: str, limit: int
    ) -> tuple[list[QuarantineCase], str]:
        """Cases without their bytes, newest first; where the next page begins, "" at the end.

        ``query``: values of ``state``, ``code``, ``side``, ``ref`` or ``source``.
        """
        rows, place = await self._page("quarantine", "at", query, after, limit)
        return [to_case(row) for row in rows], place

    async def conflicts(
        self, query: Mapping[str, Any], after: str, limit: int
    ) -> tuple[list[Conflict], str]:
        """Conflicts, newest first; the same. ``waiting``: True or False, also ``kind``, ``ref``."""
        wanted = {name: value for name, value in query.items() if name != "waiting"}
        if "waiting" in query:
            wanted["decided"] = None if query["waiting"] else {"$ne": None}
        rows, place = await self._page("conflicts", "at", wanted, after, limit)
        return [to_conflict(row) for row in rows], place

    async def runs(self, after: str, limit: int) -> tuple[list[Run], str]:
        """Runs, newest first; the same."""
        rows, place = await self._page("runs", "started", {}, after, limit)
        return [to_run(row) for row in rows], place

    async def run(self, name: str) -> Run | None:
        """One run."""
        with translated(self._host):
            row = await self._db["tracbridge_runs"].find_one({"_id": name, "c": self._c})
        return to_run(row) if row else None

    async def changed_by(self, run: str) -> int:
        """How many changes of a run are on record."""
        query = {"c": self._c, "run": run, "superseded": {"$ne": True}}
        with translated(self._host):
            return await self._db["tracbridge_history"].count_documents(query)

    async def causes(self) -> list[dict[str, Any]]:
        """Open cases by what they are refused for, the most frequent first."""
        group: Document = {
            "_id": {"code": "$code", "side": "$side", "held": {"$gt": ["$token", None]}},
            "cases": {"$sum": 1},
            "oldest": {"$min": "$at"},
            "newest": {"$max": "$at"},
            "orders": {"$addToSet": "$ref"},
            "reason": {"$last": "$reason"},
            "value": {"$last": "$value"},
            "hint": {"$last": "$hint"},
            "example": {"$last": "$_id"},
        }
        # By rule where one holds it: what helps is one approval.
        group["_id"]["rule"] = {"$cond": [{"$gt": ["$token", None]}, "$value", None]}
        group["orders"] = {"$sum": {"$cond": [{"$gt": ["$ref", None]}, 1, 0]}}
        stages: list[Document] = [
            {"$match": {"c": self._c, "state": "open"}},
            {"$sort": {"at": 1}},
            {"$group": group},
            {"$sort": {"cases": -1, "newest": -1}},
            {"$limit": 500},
        ]
        with translated(self._host):
            rows = await self._db["tracbridge_quarantine"].aggregate(stages, allowDiskUse=True)
            return [{**row.pop("_id"), **row} async for row in rows]

    async def _page(
        self, name: str, time: str, query: Mapping[str, Any], after: str, limit: int
    ) -> tuple[list[Document], str]:
        wanted: Document = {"c": self._c, **query}
        if after:
            at, id_ = parsed(after)
            wanted["$or"] = [{time: {"$lt": at}}, {time: at, "_id": {"$lt": id_}}]
        with translated(self._host):
            found = self._db[f"tracbridge_{name}"].find(wanted, {"raw": 0})
            rows = await found.sort([(time, -1), ("_id", -1)]).limit(limit + 1).to_list()
        page = rows[:limit]
        return page, placed(page[-1][time], page[-1]["_id"]) if len(rows) > limit else ""


def placed(at: datetime, id_: str) -> str:
    """The place of a row: the next page goes on after it."""
    return f"{round(at.timestamp() * 1000)}-{id_}"


def parsed(place: str) -> tuple[datetime, str]:
    """The time and the id of a place that `placed` made."""
    millis, _, id_ = place.partition("-")
    return datetime.fromtimestamp(int(millis) / 1000, UTC), id_


def _said(condition: Document) -> Document:
    """One of the conditions above as an expression."""
    ((name, value),) = list(condition.items())[-1:]
    if value is True:
        return {"$eq": [f"${name}", True]}
    if "$in" in value:
        return {"$in": [f"${name}", value["$in"]]}
    if "$type" in value:
        return {"$eq": [{"$type": f"${name}"}, value["$type"]]}
    return {"$ne": [{"$type": f"${name}"}, "missing"]}
