"""How tests speak with a simulator: through real HTTP, as the system's own clients do."""

import json
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, ClassVar, TypeVar

import httpx2

from tracbridge.testing.erp import Frappe, Maximo, Odoo, SapPm, Simulator, serve

SAP = "/sap/opu/odata/sap/API_MAINTENANCEORDER;v=0002"
MAXIMO = "/maximo/oslc/os/mxwo"
FRAPPE = "/api/resource/Asset%20Repair"

T = TypeVar("T", bound="Talk")


@asynccontextmanager
async def asking(sim: Simulator, **options: Any) -> AsyncIterator[httpx2.AsyncClient]:
    """A client without a login."""
    async with (
        serve(sim) as address,
        httpx2.AsyncClient(base_url=address, trust_env=False, verify=False, **options) as client,
    ):
        yield client


class Talk(ABC):
    """The few things that all systems do. Pages are numbered from 1 and have ten records."""

    make: ClassVar[type[Simulator]]
    login: ClassVar[dict[str, Any]]

    def __init__(self, http: httpx2.AsyncClient) -> None:
        self.http = http

    @abstractmethod
    async def page(self, number: int = 1) -> httpx2.Response:
        """A page, in order of change."""

    @abstractmethod
    def records(self, reply: httpx2.Response) -> list[dict[str, Any]]:
        """Those of a page."""

    @abstractmethod
    async def read(self, key: str) -> httpx2.Response:
        """One record."""

    @abstractmethod
    def record(self, reply: httpx2.Response) -> dict[str, Any] | None:
        """That of `read`; None where it is not there."""

    @abstractmethod
    async def create(self, title: str) -> httpx2.Response:
        """Make a record."""

    @abstractmethod
    async def update(self, key: str, title: str) -> httpx2.Response:
        """Change one."""

    async def follow(self, link: str) -> httpx2.Response:
        """What an address gives just as it is, without the client's usual query."""
        address = self.http.base_url.join(link)
        return await self.http.send(httpx2.Request("GET", address, headers=self.http.headers))

    def next_link(self, reply: httpx2.Response) -> str | None:
        """Where the next page is, in systems that say it."""
        return None


class OdooTalk(Talk):
    make, login = Odoo, {"headers": {"authorization": "bearer odoo-key"}}

    async def call(self, method: str, model: str = "maintenance.request", **given: Any) -> Any:
        return await self.http.post(f"/json/2/{model}/{method}", json=given)

    async def page(self, number: int = 1) -> httpx2.Response:
        where: dict[str, Any] = {
            "offset": 10 * (number - 1),
            "limit": 10,
            "order": "write_date asc, id asc",
        }
        reply: httpx2.Response = await self.call("search_read", domain=[], **where)
        return reply

    def records(self, reply: httpx2.Response) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = reply.json()
        return found

    async def read(self, key: str) -> httpx2.Response:
        reply: httpx2.Response = await self.call("read", ids=[int(key)])
        return reply

    def record(self, reply: httpx2.Response) -> dict[str, Any] | None:
        return next(iter(reply.json()), None)

    async def create(self, title: str) -> httpx2.Response:
        reply: httpx2.Response = await self.call("create", vals_list=[{"name": title}])
        return reply

    async def update(self, key: str, title: str) -> httpx2.Response:
        reply: httpx2.Response = await self.call("write", ids=[int(key)], vals={"name": title})
        return reply


class SapTalk(Talk):
    make, login = SapPm, {"auth": ("TRACBRIDGE", "sap-password")}

    async def token(self) -> dict[str, str]:
        """The header of a write."""
        reply = await self.http.get(f"{SAP}/", headers={"x-csrf-token": "Fetch"})
        return {"x-csrf-token": reply.headers.get("x-csrf-token", "")}

    async def page(self, number: int = 1) -> httpx2.Response:
        query: dict[str, Any] = {"$orderby": "LastChangeDateTime asc,MaintenanceOrder asc"}
        query |= {"$skip": 10 * (number - 1), "$top": 10}
        return await self.http.get(f"{SAP}/MaintenanceOrder", params=query)

    async def find(self, **query: Any) -> list[dict[str, Any]]:
        named = {f"${name}": value for name, value in query.items()}
        return self.records(await self.http.get(f"{SAP}/MaintenanceOrder", params=named))

    def records(self, reply: httpx2.Response) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = reply.json()["d"]["results"]
        return found

    async def read(self, key: str) -> httpx2.Response:
        return await self.http.get(f"{SAP}/MaintenanceOrder('{key}')")

    def record(self, reply: httpx2.Response) -> dict[str, Any] | None:
        return reply.json()["d"] if reply.status_code == 200 else None

    async def create(self, title: str, **fields: Any) -> httpx2.Response:
        body = {"MaintenanceOrderDesc": title, **fields}
        where = f"{SAP}/MaintenanceOrder"
        return await self.http.post(where, json=body, headers=await self.token())

    async def update(self, key: str, title: str, **fields: Any) -> httpx2.Response:
        version = (await self.read(key)).headers.get("etag", "*")
        return await self.patch(key, version, MaintenanceOrderDesc=title, **fields)

    async def patch(self, key: str, version: str | None, **fields: Any) -> httpx2.Response:
        headers = await self.token() | ({"if-match": version} if version else {})
        where = f"{SAP}/MaintenanceOrder('{key}')"
        return await self.http.patch(where, json=fields, headers=headers)

    async def act(self, name: str, key: str) -> httpx2.Response:
        query = {"MaintenanceOrder": f"'{key}'"}
        return await self.http.post(f"{SAP}/{name}", params=query, headers=await self.token())


class MaximoTalk(Talk):
    make, login = Maximo, {"headers": {"apikey": "maximo-key"}, "params": {"lean": "1"}}

    async def page(self, number: int = 1) -> httpx2.Response:
        query = {"oslc.select": "*", "oslc.orderBy": "+changedate,+workorderid"}
        query |= {"oslc.pageSize": "10", "pageno": str(number)}
        return await self.http.get(MAXIMO, params=query)

    async def find(self, where: str = "", **query: Any) -> httpx2.Response:
        named = {f"oslc.{name}": value for name, value in query.items()}
        named |= {"oslc.where": where} if where else {}
        return await self.http.get(MAXIMO, params={"oslc.select": "*", **named})

    def records(self, reply: httpx2.Response) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = reply.json()["member"]
        return found

    async def href(self, key: str) -> str:
        site, _, number = key.partition("/")
        reply = await self.find(f'siteid="{site}" and wonum="{number}"')
        return str(self.records(reply)[0]["href"])

    async def read(self, key: str) -> httpx2.Response:
        return await self.http.get(f"{MAXIMO}/{self.tail(key)}")

    def tail(self, key: str) -> str:
        from tracbridge.testing.erp.maximo.oslc import rest_id  # noqa: PLC0415

        return rest_id(key)

    def record(self, reply: httpx2.Response) -> dict[str, Any] | None:
        return reply.json() if reply.status_code == 200 else None

    async def create(self, title: str, **fields: Any) -> httpx2.Response:
        return await self.http.post(MAXIMO, json={"description": title, **fields})

    async def update(self, key: str, title: str) -> httpx2.Response:
        return await self.patch(key, {"description": title})

    async def patch(self, key: str, body: dict[str, Any], **headers: str) -> httpx2.Response:
        named = {"x-method-override": "PATCH", **headers}
        return await self.http.post(f"{MAXIMO}/{self.tail(key)}", json=body, headers=named)

    def next_link(self, reply: httpx2.Response) -> str | None:
        link: str | None = reply.json()["responseInfo"].get("nextPage", {}).get("href")
        return link


class FrappeTalk(Talk):
    make, login = Frappe, {"headers": {"authorization": "token frappe-key:frappe-secret"}}

    async def page(self, number: int = 1) -> httpx2.Response:
        query = {"fields": '["*"]', "order_by": "modified asc, name asc"}
        query |= {"limit_start": str(10 * (number - 1)), "limit_page_length": "10"}
        return await self.http.get(FRAPPE, params=query)

    async def find(self, **query: Any) -> httpx2.Response:
        texts = {n: v if isinstance(v, str) else json.dumps(v) for n, v in query.items()}
        return await self.http.get(FRAPPE, params=texts)

    def records(self, reply: httpx2.Response) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = reply.json()["data"]
        return found

    async def read(self, key: str) -> httpx2.Response:
        return await self.http.get(f"{FRAPPE}/{key}")

    def record(self, reply: httpx2.Response) -> dict[str, Any] | None:
        return reply.json()["data"] if reply.status_code == 200 else None

    async def create(self, title: str, **fields: Any) -> httpx2.Response:
        return await self.http.post(FRAPPE, json={"description": title, **fields})

    async def update(self, key: str, title: str) -> httpx2.Response:
        return await self.put(key, description=title)

    async def put(self, key: str, **fields: Any) -> httpx2.Response:
        return await self.http.put(f"{FRAPPE}/{key}", json=fields)


@asynccontextmanager
async def talking(talk: type[T], sim: Simulator) -> AsyncIterator[T]:
    """Logged in."""
    async with asking(sim, **talk.login) as http:
        yield talk(http)
