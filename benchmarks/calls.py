"""The bare HTTP client: what Tracbridge over REST is compared with.

The ceiling makes the same calls as Tracbridge, one after the other, and decodes the answers. The
baseline does with them what one would write in an hour: one record at a time, see `plain`.
"""

import asyncio
import json
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol

import httpx2
import orjson
from pymongo.collection import Collection

from tests.e2e.erp import KEY
from tests.harness import Doc
from tracbridge.adapters.connectors.rest.connector import PRESETS
from tracbridge.config import yamlfile

SIZE = 200
"""Records of a page, as in the interfaces that are shipped."""

Request = tuple[str, str, Mapping[str, Any]]
"""Method, path, and the query or the body."""


class Api(Protocol):
    """The calls of one system. ``ref``: the field that names a record."""

    @property
    def headers(self) -> Mapping[str, str]: ...

    @property
    def ref(self) -> str: ...

    def page(self, after: Doc | None) -> Request:
        """The records behind this one, or the first ones."""

    def records(self, data: bytes) -> list[Doc]:
        """Those of a page."""

    def change(self, ref: Any, text: str) -> Request:
        """Another description."""


class OdooApi:
    headers: ClassVar = {"authorization": f"bearer {KEY}"}
    ref: ClassVar = "id"

    def __init__(self) -> None:
        read: Any = yamlfile.read(PRESETS / "odoo.yaml", "odoo").value
        self._body = read["read"]["request"]["body"]

    def page(self, after: Doc | None) -> Request:
        body = {name: self._body[name] for name in ("fields", "context")}
        domain = [["id", ">", after["id"] if after else 0]]
        body |= {"domain": domain, "order": "id asc", "limit": SIZE}
        return "POST", "/json/2/maintenance.request/search_read", {"json": body}

    def records(self, data: bytes) -> list[Doc]:
        return list(orjson.loads(data))

    def change(self, ref: Any, text: str) -> Request:
        vals = {"description": f"<p>{text}</p>"}
        body = {"ids": [ref], "vals": vals, "context": self._body["context"]}
        return "POST", "/json/2/maintenance.request/write", {"json": body}


class FrappeApi:
    headers: ClassVar = {"authorization": f"token tracbridge:{KEY}"}
    ref: ClassVar = "name"

    def page(self, after: Doc | None) -> Request:
        query = {"fields": '["*"]', "order_by": "modified asc, name asc", "limit_start": "0"}
        query["limit_page_length"] = str(SIZE)
        if after:
            query["filters"] = json.dumps([["modified", ">=", after["modified"]]])
        return "GET", "/api/resource/Asset%20Repair", {"params": query}

    def records(self, data: bytes) -> list[Doc]:
        return list(orjson.loads(data)["data"])

    def change(self, ref: Any, text: str) -> Request:
        return "PUT", f"/api/resource/Asset%20Repair/{ref}", {"json": {"description": text}}


def api_of(system: str) -> Api:
    """The calls of a system by the name of its preset."""
    return OdooApi() if system == "odoo" else FrappeApi()


@dataclass(frozen=True, slots=True)
class Spent:
    """What the bare client needed: seconds, calls, and how many records that were."""

    seconds: float
    calls: int
    records: int


# -- ceiling ---------------------------------------------------------------------------------


def bare_reading(api: Api, url: str) -> Spent:
    """Read the whole list, page by page."""
    return asyncio.run(_reading(api, url))


async def _reading(api: Api, url: str) -> Spent:
    async with httpx2.AsyncClient(base_url=url, headers=api.headers, timeout=60) as client:
        begun = time.perf_counter()
        refs, calls, last = set[Any](), 0, None
        while calls == 0 or last:
            method, path, more = api.page(last)
            reply = (await client.request(method, path, **more)).raise_for_status()
            some = api.records(reply.content)
            refs.update(record[api.ref] for record in some)
            last = some[-1] if len(some) == SIZE else None
            calls += 1
        return Spent(time.perf_counter() - begun, calls, len(refs))


def bare_changes(api: Api, url: str, refs: Sequence[Any], text: str) -> Spent:
    """Change these records, one call after the other."""
    return asyncio.run(_changes(api, url, refs, text))


async def _changes(api: Api, url: str, refs: Sequence[Any], text: str) -> Spent:
    async with httpx2.AsyncClient(base_url=url, headers=api.headers, timeout=60) as client:
        begun = time.perf_counter()
        for ref in refs:
            method, path, more = api.change(ref, text)
            reply = (await client.request(method, path, **more)).raise_for_status()
            orjson.loads(reply.content)
        return Spent(time.perf_counter() - begun, len(refs), len(refs))


# -- baseline --------------------------------------------------------------------------------


@contextmanager
def _client(api: Api, url: str) -> Iterator[httpx2.Client]:
    with httpx2.Client(base_url=url, headers=api.headers, timeout=60) as client:
        yield client


def one_by_one_in(api: Api, url: str, orders: Collection[Doc], limit: int) -> Spent:
    """Read a page; of each record find the order, insert or update it; next page. Of so many."""
    with _client(api, url) as client:
        begun = time.perf_counter()
        done, calls, last = 0, 0, None
        while done < limit and (calls == 0 or last):
            method, path, more = api.page(last)
            some = api.records(client.request(method, path, **more).content)
            for record in some:
                old = orders.find_one({"ref": record[api.ref]})
                if old:
                    orders.update_one({"_id": old["_id"]}, {"$set": _order(api, record)})
                else:
                    orders.insert_one(_order(api, record))
            last = some[-1] if len(some) == SIZE else None
            done, calls = done + len(some), calls + 1
        return Spent(time.perf_counter() - begun, calls, done)


def _order(api: Api, record: Doc) -> Doc:
    row = {name: record.get(name) for name in ("name", "description", "write_date", "modified")}
    return {**row, "ref": record[api.ref], "isSynced": True}


def one_by_one_out(api: Api, url: str, orders: Collection[Doc], text: str) -> Spent:
    """Read an unsynced order, change his record, mark the order, next order."""
    with _client(api, url) as client:
        begun, calls = time.perf_counter(), 0
        for row in list(orders.find({"isSynced": False})):
            method, path, more = api.change(row["ref"], text)
            client.request(method, path, **more).raise_for_status()
            orders.update_one({"_id": row["_id"]}, {"$set": {"isSynced": True}})
            calls += 1
        return Spent(time.perf_counter() - begun, calls, calls)
