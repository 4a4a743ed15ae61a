"""Quarantine, conflicts, history and bookkeeping of one connection in MongoDB.

Entries have names that are the same for the same fact: storing one again changes nothing.
"""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

from pymongo import ReplaceOne, ReturnDocument, UpdateOne
from pymongo.asynchronous.collection import AsyncCollection
from pymongo.asynchronous.database import AsyncDatabase
from pymongo.errors import BulkWriteError

from tracbridge.adapters.mongo.client import Document, duplicates, translated
from tracbridge.domain.errors import Reason
from tracbridge.domain.link import Claim
from tracbridge.domain.outcome import Kind
from tracbridge.domain.workorder import Side
from tracbridge.ports.state import (
    PERSON,
    Conflict,
    Entry,
    Good,
    QuarantineCase,
    Resolution,
    next_id,
)


async def insert_missing(
    collection: AsyncCollection[Document], documents: list[Document]
) -> list[Document]:
    """One insert for all; those that are there already stay as they are, and are returned."""
    if not documents:
        return []
    try:
        await collection.insert_many(documents, ordered=False)
    except BulkWriteError as error:
        there = duplicates(error)
        if there is None:
            raise
        return [documents[i] for i in sorted(there)]
    return []


class MongoQuarantine:
    """Refused records."""

    def __init__(self, database: AsyncDatabase[Document], connection: str, host: str) -> None:
        self._cases, self._c, self._host = database["tracbridge_quarantine"], connection, host

    async def put(self, cases: Sequence[QuarantineCase]) -> None:
        with translated(self._host):
            there = await insert_missing(self._cases, [case_document(case) for case in cases])
            for document in there:
                ended = {"_id": document["_id"], "state": {"$in": ["closed", "retried"]}}
                await self._cases.replace_one(ended, document)

    async def known(self, ids: Sequence[str]) -> set[str]:
        query = {"_id": {"$in": list(ids)}, "state": {"$in": ["open", "discarded"]}}
        with translated(self._host):
            found = self._cases.find(query, {"_id": 1})
            return {document["_id"] async for document in found}

    async def waiting(self, side: Side | None = None) -> int:
        query = {"c": self._c, "state": "open"} | ({"side": side.value} if side else {})
        with translated(self._host):
            return await self._cases.count_documents(query, limit=1)

    async def settle(self, good: Good, side: Side, at: datetime) -> int:
        places = [{"ref": {"$in": list(good.refs)}}, {"source": {"$in": list(good.sources)}}]
        query = {"c": self._c, "state": "open", "side": side.value, "$or": places}
        with translated(self._host):
            # Few are open: which of them are older is quicker found here than told to the server.
            found = self._cases.find(query, {"ref": 1, "source": 1, "claim": 1})
            rows = [(row, to_claim(row["claim"])) async for row in found]
            old = [r["_id"] for r, claim in rows if good.outdates(r["ref"], r["source"], claim)]
            return await self._close({"_id": {"$in": old}, "state": "open"}, at) if old else 0

    async def _close(self, query: Document, at: datetime) -> int:
        change = {"$set": {"state": "closed", "closed": at}}
        return (await self._cases.update_many(query, change)).modified_count

    async def find(self, ids: Sequence[str]) -> list[QuarantineCase]:
        with translated(self._host):
            found = self._cases.find({"_id": {"$in": list(ids)}, "c": self._c})
            return [to_case(document) async for document in found]

    async def move(self, id_: str, state: str, at: datetime) -> bool:
        query = {"_id": id_, "c": self._c, "state": "open"}
        with translated(self._host):
            result = await self._cases.update_one(query, {"$set": {"state": state, state: at}})
        return bool(result.matched_count)

    async def open_of(self, codes: Collection[str], side: Side) -> list[QuarantineCase]:
        query = {"c": self._c, "state": "open", "side": side.value, "code": {"$in": list(codes)}}
        with translated(self._host):
            found = self._cases.find(query, {"raw": 0})
            return [to_case(document) async for document in found]

    async def close_older(self, case: QuarantineCase, at: datetime) -> None:
        if case.ref is None or case.claim is None:
            return
        await self.settle(Good({case.ref: case.claim}), case.side, at)


def case_document(case: QuarantineCase) -> Document:
    """The case as it is stored."""
    why = case.why
    return {
        "_id": case.id,
        "c": case.connection,
        "side": case.side.value,
        "source": case.source,
        "ref": case.ref,
        "code": why.code,
        "pointer": why.pointer,
        "value": why.value,
        "reason": why.reason,
        "hint": why.hint,
        "version": case.version,
        "file": case.file,
        "raw": case.raw,
        "claim": claim_document(case.claim),
        "at": case.at,
        "state": case.state,
        **({"token": case.token} if case.token else {}),
        **({"theirs": case.theirs} if case.theirs else {}),
    }


def claim_document(claim: Claim | None) -> Document | None:
    """The claim as it is stored."""
    if claim is None:
        return None
    return {"pass": claim.pass_, "complete": claim.complete, "position": claim.position}


def to_claim(part: Document | None) -> Claim | None:
    """The claim as it was stored."""
    return Claim(part["pass"], part["complete"], part.get("position", "")) if part else None


def to_case(document: Document) -> QuarantineCase:
    """The case as it was stored; ``raw`` is empty where it was not asked for."""
    return QuarantineCase(
        id=document["_id"],
        connection=document["c"],
        side=Side(document["side"]),
        source=document["source"],
        why=Reason(*(document[name] for name in ("code", "pointer", "value", "reason", "hint"))),
        version=document["version"],
        at=document["at"],
        ref=document["ref"],
        file=document["file"],
        raw=bytes(document.get("raw") or b""),
        claim=to_claim(document["claim"]),
        state=document["state"],
        token=document.get("token", ""),
        theirs=document.get("theirs", ""),
    )


class MongoConflicts:
    """Disagreements, decided or waiting."""

    def __init__(self, database: AsyncDatabase[Document], connection: str, host: str) -> None:
        self._conflicts, self._c, self._host = database["tracbridge_conflicts"], connection, host

    async def put(self, conflicts: Sequence[Conflict]) -> None:
        with translated(self._host):
            await self._put([conflict_document(c) for c in conflicts])

    async def _put(self, documents: list[Document]) -> None:
        there = await insert_missing(self._conflicts, documents)
        waiting = {document["_id"]: document for document in there if document["decided"] is None}
        query = {"_id": {"$in": list(waiting)}, "decided": {"$ne": None}}
        ended = self._conflicts.find(query, {"decidedAt": 1}) if waiting else None
        if rows := await ended.to_list() if ended else []:
            again = [(waiting[row["_id"]], row.get("decidedAt")) for row in rows]
            await self._put([{**d, "_id": next_id(d["_id"], at)} for d, at in again])

    async def decide(self, conflict: Conflict, resolution: Resolution) -> None:
        either = [{"_id": conflict.id}, self._waiting(conflict.ref, resolution)]
        await self._book({"c": self._c, "$or": either}, resolution, PERSON)

    async def release(self, ref: str, resolution: Resolution) -> None:
        await self._book(self._waiting(ref, resolution), resolution, resolution.by)

    def _waiting(self, ref: str, resolution: Resolution) -> Document:
        fields = {"$in": list(resolution.values)}
        return {"c": self._c, "ref": ref, "decided": None, "fields": fields}

    async def _book(self, query: Document, resolution: Resolution, decided: str) -> None:
        """Add the resolution; a conflict of which no field waits any more is decided."""
        added = {"$push": {"resolutions": resolution_document(resolution)}}
        ended = {"$set": {"decided": decided, "decidedAt": resolution.at}}
        with translated(self._host):
            ids = [document["_id"] async for document in self._conflicts.find(query, {"_id": 1})]
            for id_ in ids:
                after = await self._conflicts.find_one_and_update(
                    {"_id": id_}, added, return_document=ReturnDocument.AFTER
                )
                if after and not to_conflict(after).waiting:
                    await self._conflicts.update_one({"_id": id_}, ended)


def conflict_document(conflict: Conflict) -> Document:
    """The conflict as it is stored."""
    return {
        "_id": conflict.id,
        "c": conflict.connection,
        "ref": conflict.ref,
        "kind": conflict.kind.value,
        "at": conflict.at,
        "fields": list(conflict.taken),
        "base": conflict.base,
        "tracos": conflict.tracos,
        "customer": conflict.customer,
        "taken": {n: side.value if side else None for n, side in conflict.taken.items()},
        "decided": conflict.decided,
        "source": conflict.source,
        "customerAt": conflict.customer_at,
        "tracosAt": conflict.tracos_at,
        "createdAt": conflict.created_at,
        "resolutions": list(map(resolution_document, conflict.resolutions)),
    }


def resolution_document(resolution: Resolution) -> Document:
    """The resolution as it is stored."""
    side = resolution.side
    return {
        "at": resolution.at,
        "values": resolution.values,
        "side": side.value if side else None,
        "by": resolution.by,
        "why": resolution.why,
    }


def to_conflict(document: Document) -> Conflict:
    """The conflict as it was stored."""
    taken = {n: Side(side) if side else None for n, side in document["taken"].items()}
    conflict = Conflict(
        id=document["_id"],
        connection=document["c"],
        ref=document["ref"],
        kind=Kind(document["kind"]),
        at=document["at"],
        base=document["base"],
        tracos=document["tracos"],
        customer=document["customer"],
        taken=taken,
        decided=document["decided"],
        source=document["source"],
        tracos_at=document["tracosAt"],
        customer_at=document["customerAt"],
        created_at=document.get("createdAt"),
    )
    for part in document.get("resolutions", ()):
        conflict = conflict.resolved(to_resolution(part))
    return conflict


def to_resolution(part: Document) -> Resolution:
    """The resolution as it was stored."""
    return Resolution(**{**part, "side": Side(part["side"]) if part["side"] else None})


class MongoHistory:
    """What was done to each order."""

    def __init__(self, database: AsyncDatabase[Document], connection: str, host: str) -> None:
        self._entries, self._c, self._host = database["tracbridge_history"], connection, host

    async def put(self, entries: Sequence[Entry]) -> set[str]:
        with translated(self._host):
            there = await insert_missing(self._entries, [entry_document(e) for e in entries])
            return await self._met(there) if there else set()

    async def _met(self, documents: Sequence[Document]) -> set[str]:
        """Entries of which one is there already; the ids of those that could not be stored."""
        query = {"_id": {"$in": [document["_id"] for document in documents]}}
        shown = {"before": 1, "after": 1, "superseded": 1}
        known = {row["_id"]: row async for row in self._entries.find(query, shown)}
        operations: list[UpdateOne | ReplaceOne[Document]] = []
        other: set[str] = set()
        for document in documents:
            id_, row = document["_id"], known[document["_id"]]
            if all(row[part] == document[part] for part in ("before", "after")):
                # What had failed is tried once more, with the same values.
                at = {"beforeAt": document["beforeAt"]}
                operations.append(
                    UpdateOne({"_id": id_}, {"$set": at, "$unset": {"superseded": ""}})
                )
            elif row.get("superseded"):
                operations.append(ReplaceOne({"_id": id_, "superseded": True}, document))
            else:
                other.add(id_)
        if operations:
            await self._entries.bulk_write(operations)
        return other

    async def supersede(self, ids: Sequence[str]) -> None:
        if not ids:
            return
        with translated(self._host):
            query = {"_id": {"$in": list(ids)}}
            await self._entries.update_many(query, {"$set": {"superseded": True}})

    async def pending(self, numbers: Mapping[str, int]) -> dict[str, Entry]:
        query = {
            "c": self._c,
            "ref": {"$in": list(numbers)},
            "side": Side.TRACOS.value,
            "superseded": {"$ne": True},
        }
        found: dict[str, Entry] = {}
        with translated(self._host):
            async for document in self._entries.find(query).sort("at", 1):
                if document["number"] == numbers[document["ref"]]:
                    found[document["ref"]] = to_entry(document)
        return found


def entry_document(entry: Entry) -> Document:
    """The entry as it is stored."""
    return {
        "_id": entry.id,
        "c": entry.connection,
        "ref": entry.ref,
        "number": entry.number,
        "side": entry.side.value,
        "at": entry.at,
        "run": entry.run,
        "before": entry.before,
        "after": entry.after,
        "why": entry.why,
        "beforeAt": entry.before_at,
    }


def to_entry(document: Document) -> Entry:
    """The entry as it was stored."""
    return Entry(
        id=document["_id"],
        connection=document["c"],
        ref=document["ref"],
        number=document["number"],
        side=Side(document["side"]),
        at=document["at"],
        run=document["run"],
        before=document["before"],
        after=document["after"],
        why=document["why"],
        before_at=document.get("beforeAt"),
    )


class MongoRuns:
    """One row per run, and the connection's marker."""

    def __init__(self, database: AsyncDatabase[Document], connection: str, host: str) -> None:
        self._runs, self._connections = (
            database["tracbridge_runs"],
            database["tracbridge_connections"],
        )
        self._c, self._host = connection, host

    async def begin(self, run: str, at: datetime) -> None:
        row = {"c": self._c, "started": at, "ended": None}
        with translated(self._host):
            await self._runs.update_one({"_id": run}, {"$setOnInsert": row}, upsert=True)

    async def end(self, run: str, at: datetime, counts: Mapping[str, Any]) -> None:
        with translated(self._host):
            await self._runs.update_one({"_id": run}, {"$set": {"ended": at, **counts}})

    async def marker(self) -> tuple[str, bool] | None:
        """The marker's text and whether it was surely placed; None before the first run."""
        with translated(self._host):
            row = await self._connections.find_one({"_id": self._c})
        return (row["marker"], row["placed"]) if row else None

    async def keep_marker(self, marker: str, *, placed: bool) -> None:
        values = {"marker": marker, "placed": placed}
        with translated(self._host):
            await self._connections.update_one({"_id": self._c}, {"$set": values}, upsert=True)
