"""IBM Maximo: work orders over OSLC (object structure ``mxwo``), lean or not."""

import base64
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any, Final
from urllib.parse import quote, urlencode

from tracbridge.testing.erp.conditions import Condition, Every, Test, typed
from tracbridge.testing.erp.maximo import oslc
from tracbridge.testing.erp.maximo.company import MaximoCompany
from tracbridge.testing.erp.maximo.records import failed, shown
from tracbridge.testing.erp.paging import Query, matching, whole
from tracbridge.testing.erp.store import Row
from tracbridge.testing.erp.wire import Answer, Asked, Deed, RefusedError, answer

STRUCTURES: Final = ("mxwo", "mxapiwo", "mxapiwodetail")
IDLE = timedelta(minutes=5)
"""How long a stable listing waits for its next page."""


class Maximo(MaximoCompany):
    """``transaction_life``: seconds in which a repeated ``transactionid`` is known. ``deletes``:
    orders may be deleted over the API.
    """

    def __init__(
        self,
        *,
        apikey: str = "maximo-key",
        password: str = "maximo-password",  # noqa: S107
        key_expires: datetime | None = None,
        max_page_size: int = 500,
        transaction_life: float = 300.0,
        deletes: bool = False,
        **company: Any,
    ) -> None:
        super().__init__(**company)
        self.keys: dict[str, datetime | None] = {apikey: key_expires}
        self.password = password
        self._max_page_size = max_page_size
        self._life = timedelta(seconds=transaction_life)
        self._deletes = deletes
        self._transactions: dict[str, datetime] = {}
        self._stable: dict[str, tuple[list[str], datetime]] = {}

    # --- requests

    def _route(self, asked: Asked) -> Deed:
        match asked.parts:
            case ["maximo", "oslc" | "api", "whoami"]:
                return self._made(asked, "login", lambda _: answer({"userName": self.SERVICE}))
            case ["maximo", "oslc" | "api", "os", structure] if structure in STRUCTURES:
                return self._of_all(asked)
            case ["maximo", "oslc" | "api", "os", structure, rest] if structure in STRUCTURES:
                return self._of_one(asked, oslc.key_of(rest))
        raise self._refusal(404)

    def _of_all(self, asked: Asked) -> Deed:
        if asked.method == "GET":
            return self._made(asked, "list", self._list)
        if asked.method != "POST":
            raise self._refusal(405)
        if asked.headers.get("x-method-override") == "SYNC":
            return self._made(asked, "upsert", self._upsert, writes=True)
        return self._made(asked, "create", self._create_asked, writes=True)

    def _of_one(self, asked: Asked, key: str) -> Deed:
        if asked.method == "GET":
            return self._made(asked, "read", lambda a: self._one(a, key))
        if asked.method == "DELETE":
            return self._made(asked, "delete", lambda _: self._delete_asked(key), writes=True)
        if asked.method == "POST" and asked.headers.get("x-method-override") == "PATCH":
            return self._made(asked, "update", lambda a: self._update_asked(a, key), writes=True)
        raise self._refusal(405)

    def _made(
        self, asked: Asked, operation: str, work: Callable[[Asked], Answer], *, writes: bool = False
    ) -> Deed:
        def run() -> Answer:
            try:
                return self._once(asked, work) if writes else work(asked)
            except (ValueError, KeyError, TypeError) as error:
                raise failed(400, str(error)) from None

        return Deed(operation=operation, writes=writes, run=run)

    def _once(self, asked: Asked, work: Callable[[Asked], Answer]) -> Answer:
        """Work under a ``transactionid``, which is known only once the work is done."""
        id_, now = asked.headers.get("transactionid"), self.now()
        if id_ and id_ in self._transactions and now - self._transactions[id_] < self._life:
            raise failed(409, f"BMXAA8745E - The transaction {id_} was processed already.")
        reply = work(asked)
        if id_:
            self._transactions[id_] = now
        return reply

    def _let_in(self, asked: Asked) -> None:
        key = asked.headers.get("apikey")
        login = base64.b64encode(f"{self.SERVICE}:{self.password}".encode()).decode()
        expires = self.keys.get(key or "")
        known = key in self.keys and not (expires and expires <= self.now())
        if not known and asked.headers.get("maxauth") != login:
            self.failed_logins += 1
            raise self._refusal(401)

    def _refusal(self, status: int, words: str = "") -> RefusedError:
        return failed(status, words or ERRORS.get(status, "BMXAA0024E - The action failed."))

    def _unreadable(self, words: str) -> RefusedError:
        return failed(400, f"BMXAA8781E - {words}")

    # --- what requests do

    def _list(self, asked: Asked) -> Answer:
        query, page = asked.query, int(asked.query.get("pageno", 1))
        condition = self._condition(query)
        order = oslc.order(query["oslc.orderBy"]) if "oslc.orderBy" in query else ()
        for field, _ in order:
            self._known(field)
        size = int(query.get("oslc.pageSize", self._max_page_size))
        if size > self._max_page_size:
            raise failed(400, f"BMXAA8748E - The page size is limited to {self._max_page_size}.")
        wanted = Query(
            condition=condition,
            # Without an order the database gives rows as they come.
            order=order or (("_shuffled", False),),
            offset=(page - 1) * size,
            limit=size,
        )
        stable = self._stable_id(wanted, asked) if query.get("stablepaging") == "1" else ""
        rows, more = self._stable_page(stable, page, size) if stable else self._page(wanted)
        info: dict[str, Any] = {"href": self._address(asked, {}), "pagenum": page}
        if query.get("collectioncount") == "1":
            found = matching(self._seen(), condition, self._view())
            info["totalCount"] = sum(1 for _ in found)
        if more:
            changes = {"pageno": str(page + 1), **({"stableid": stable} if stable else {})}
            info["nextPage"] = {"href": self._link(self._address(asked, changes))}
        members = [self._wire(row, asked) for row in rows]
        return self._replied(asked, {"member": members, "responseInfo": info})

    def _condition(self, query: Mapping[str, str]) -> Condition:
        tests: list[Condition] = []
        if where := query.get("oslc.where"):
            either = query.get("opmodeor") == "1"
            tests.append(typed(oslc.parse(where, either=either), self._value_of))
        if internal := query.get("domaininternalwhere"):
            field, _, words = internal.partition("=")
            tests.append(Test(f"{field}_internal", "in", words.split(",")))
        return Every(tuple(tests))

    def _stable_id(self, query: Query, asked: Asked) -> str:
        if id_ := asked.query.get("stableid"):
            return id_
        keys = [row.key for row in whole(self._seen(), query, self._view())]
        id_ = str(len(self._stable) + 1)
        self._stable[id_] = (keys, self.now())
        return id_

    def _stable_page(self, id_: str, page: int, size: int) -> tuple[list[Row], bool]:
        keys, used = self._stable.get(id_, ([], self.now() - IDLE))
        if self.now() - used >= IDLE:
            raise failed(400, f"BMXAA8749E - The stable page set {id_} has expired.")
        self._stable[id_] = (keys, self.now())
        on_page = keys[(page - 1) * size : page * size]
        rows = [row for key in on_page if (row := self.store.get(key))]
        return rows, len(keys) > page * size

    def _address(self, asked: Asked, changes: Mapping[str, str]) -> str:
        query = urlencode({**asked.query, **changes}, quote_via=quote)
        return f"{asked.base}{asked.path}?{query}"

    def _one(self, asked: Asked, key: str) -> Answer:
        row = self._seen().get(key)
        if row is None:
            raise self._refusal(404)
        wanted = asked if "oslc.select" in asked.query else None
        return self._replied(asked, shown(self, row, self._collection(asked), wanted))

    def _create_asked(self, asked: Asked) -> Answer:
        row = self._create(self._body(asked), self.SERVICE)
        where = f"{self._collection(asked)}/{oslc.rest_id(row.key)}"
        return self._written(asked, row, 201, ("location", where))

    def _update_asked(self, asked: Asked, key: str) -> Answer:
        values = self._body(asked)
        if values.get("_action") == "Delete":
            return self._delete_asked(key)
        merge = asked.headers.get("patchtype", "").upper() == "MERGE"
        row = self._update(self._row(key), values, self.SERVICE, merge=merge)
        return self._written(asked, row, 204)

    def _upsert(self, asked: Asked) -> Answer:
        values = self._body(asked)
        key = f"{values.get('siteid', self._site)}/{values.get('wonum', '')}"
        if row := self.store.get(key):
            return self._written(asked, self._update(row, values, self.SERVICE), 204)
        return self._create_asked(asked)

    def _delete_asked(self, key: str) -> Answer:
        row = self._row(key)
        if not self._deletes:
            raise failed(400, f"BMXAA4140E - Work order {row.key} cannot be deleted.")
        self.store.drop(key, self._stamp())
        return Answer()

    def _written(self, asked: Asked, row: Row, status: int, *headers: tuple[str, str]) -> Answer:
        """The record where the header ``properties`` asks for it, else nothing."""
        names = asked.headers.get("properties")
        if names is None:
            return Answer(status=status, headers=headers)
        record = shown(self, row, self._collection(asked), None)
        if names != "*":
            kept = {"href", "_rowstamp", *names.split(",")}
            record = {name: value for name, value in record.items() if name in kept}
        return self._replied(asked, record, 200 if status == 204 else status, *headers)

    def _replied(
        self, asked: Asked, value: Any, status: int = 200, *headers: tuple[str, str]
    ) -> Answer:
        lean = asked.query.get("lean") == "1"
        return answer(value if lean else oslc.spelled(value), status, *headers)

    def _collection(self, asked: Asked) -> str:
        return asked.base + "/" + "/".join(asked.path.split("/")[1:5])

    def _wire(self, row: Row, asked: Asked) -> dict[str, Any]:
        return shown(self, row, self._collection(asked), asked)

    def _body(self, asked: Asked) -> dict[str, Any]:
        given = asked.json(self._unreadable)
        return {name.removeprefix("spi:"): value for name, value in given.items()}


ERRORS: Final = {
    401: "BMXAA7901E - You cannot log in at this time. Contact the system administrator.",
    403: "BMXAA9051E - You are not authorised to use this object structure.",
    404: "BMXAA8727E - The OSLC resource was not found.",
    405: "BMXAA8799E - The method is not supported.",
    409: "BMXAA8745E - The transaction was processed already.",
    412: "BMXAA8229W - Record has been updated by another user.",
    429: "BMXAA0429E - Too many requests.",
}
