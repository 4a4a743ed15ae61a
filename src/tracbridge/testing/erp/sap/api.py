"""SAP S/4HANA: maintenance orders over OData V2 (``API_MAINTENANCEORDER``)."""

import re
from collections.abc import Callable
from typing import Any, Final
from urllib.parse import quote, urlencode

from tracbridge.testing.erp.conditions import EVERYTHING, Condition, typed
from tracbridge.testing.erp.paging import Query, matching
from tracbridge.testing.erp.sap import odata
from tracbridge.testing.erp.sap.company import ENTITY, MISSING, SERVICE_PATH, SapCompany, etag
from tracbridge.testing.erp.sap.login import Login, failed, unauthorised
from tracbridge.testing.erp.sap.states import FUNCTIONS, Step
from tracbridge.testing.erp.store import Row
from tracbridge.testing.erp.wire import Answer, Asked, Deed, RefusedError, answer

GATEWAY = "/IWBEP/CM_MGW_RT"


class SapPm(SapCompany):
    """``lock_after``: wrong passwords after which the user is locked. ``page_size``: of the
    server, whatever is asked for.
    """

    def __init__(
        self,
        *,
        password: str = "sap-password",  # noqa: S107
        lock_after: int = 5,
        page_size: int = 100,
        **company: Any,
    ) -> None:
        super().__init__(**company)
        self.login = Login(self.SERVICE, password, lock_after)
        self._page_size = page_size

    # --- requests

    def _route(self, asked: Asked) -> Deed:
        if not asked.path.startswith("/sap/opu/odata/sap/API_MAINTENANCEORDER"):
            raise self._refusal(404)
        target = "".join(asked.parts[5:6])
        found = re.fullmatch(r"MaintenanceOrder\((?:MaintenanceOrder=)?'0*([^']*)'\)", target)
        method = asked.headers.get("x-http-method", asked.method)
        if found:
            return self._deed_of_one(asked, method, found[1])
        if method in ("GET", "HEAD"):
            return self._reading(asked, target)
        if method == "POST" and target == ENTITY:
            return self._deed(asked, "create", self._create_asked, writes=True)
        if method == "POST" and target in FUNCTIONS:
            step = FUNCTIONS[target]
            return self._deed(
                asked, f"action:{target}", lambda a: self._act_asked(a, step), writes=True
            )
        raise self._refusal(404, f"Resource not found for segment '{target}'")

    def _reading(self, asked: Asked, target: str) -> Deed:
        works: dict[str, tuple[str, Callable[[Asked], Answer]]] = {
            ENTITY: ("list", self._list),
            "$metadata": ("login", self._root),
            "": ("login", self._root),
        }
        if target not in works:
            raise self._refusal(404, f"Resource not found for segment '{target}'")
        operation, work = works[target]
        return self._deed(asked, operation, work)

    def _deed_of_one(self, asked: Asked, method: str, key: str) -> Deed:
        if method in ("GET", "HEAD"):
            return self._deed(asked, "read", lambda a: self._one(a, key))
        if method in ("PATCH", "MERGE"):
            return self._deed(asked, "update", lambda a: self._update_asked(a, key), writes=True)
        raise self._refusal(405, "Method not allowed")

    def _deed(
        self, asked: Asked, operation: str, work: Callable[[Asked], Answer], *, writes: bool = False
    ) -> Deed:
        def run() -> Answer:
            try:
                reply = work(asked)
            except (ValueError, KeyError, TypeError) as error:
                raise failed(400, f"{GATEWAY}/053", str(error)) from None
            headers = self.login.token(asked, self.now())
            return Answer(status=reply.status, data=reply.data, headers=(*reply.headers, *headers))

        return Deed(operation=operation, writes=writes, run=run)

    def _let_in(self, asked: Asked) -> None:
        self.login.check(asked)
        if self._doing.writes:
            self.login.check_token(asked, self.now())

    def _refusal(self, status: int, words: str = "") -> RefusedError:
        code, usual = ERRORS.get(status, ("/IWFND/CM_CONSUMER/000", "An exception was raised"))
        if status == 401:
            return unauthorised()
        return failed(status, code, words or usual)

    # --- what requests do

    def _root(self, _: Asked) -> Answer:
        return answer({"d": {"EntitySets": [ENTITY]}}, 200, ("dataserviceversion", "2.0"))

    def _list(self, asked: Asked) -> Answer:
        query = asked.query
        condition: Condition = EVERYTHING
        if text := query.get("$filter"):
            condition = typed(odata.parse(text), self._value_of)
        order = odata.order(query.get("$orderby", self.KEY))
        for field, _ in order:
            self._known(field)
        skipped = int(query.get("$skiptoken") or query.get("$skip") or 0)
        left = int(query["$top"]) if "$top" in query else None
        size = self._page_size if left is None else min(left, self._page_size)
        asked_for = Query(condition=condition, order=order, offset=skipped, limit=size)
        rows, more = self._page(asked_for)
        result: dict[str, Any] = {
            "results": [self._wire(row, asked.base, asked.query.get("$select", "")) for row in rows]
        }
        if query.get("$inlinecount") == "allpages":
            found = matching(self._seen(), condition, self._view())
            result["__count"] = str(sum(1 for _ in found))
        if more and (left is None or left > size):
            result["__next"] = self._next(asked, skipped + size, left and left - size)
        return answer({"d": result}, 200, ("dataserviceversion", "2.0"))

    def _next(self, asked: Asked, skipped: int, left: int | None) -> str:
        query = {n: v for n, v in asked.query.items() if n not in ("$skip", "$skiptoken", "$top")}
        query["$skiptoken"] = str(skipped)
        if left is not None:
            query["$top"] = str(left)
        return self._link(
            f"{asked.base}{SERVICE_PATH}/{ENTITY}?{urlencode(query, quote_via=quote)}"
        )

    def _one(self, asked: Asked, key: str) -> Answer:
        row = self._seen().get(key)
        if row is None:
            raise self._refusal(404)
        return self._answered(row, asked, 200)

    def _answered(self, row: Row, asked: Asked, status: int, *headers: tuple[str, str]) -> Answer:
        record = self._wire(row, asked.base, asked.query.get("$select", ""))
        return answer({"d": record}, status, ("etag", etag(row)), *headers)

    def _create_asked(self, asked: Asked) -> Answer:
        row = self._create(asked.json(self._unreadable), self.SERVICE)
        where = f"{asked.base}{SERVICE_PATH}/{ENTITY}('{row.key}')"
        return self._answered(row, asked, 201, ("location", where))

    def _update_asked(self, asked: Asked, key: str) -> Answer:
        row = self._row(key)
        self._check_version(asked, row, needed=True)
        self._update(row, asked.json(self._unreadable), self.SERVICE)
        return Answer(status=204)

    def _act_asked(self, asked: Asked, step: Step) -> Answer:
        row = self._row(asked.query["MaintenanceOrder"].strip("'").lstrip("0"))
        self._check_version(asked, row, needed=False)
        return self._answered(self._act(row, step, self.SERVICE), asked, 200)

    def _check_version(self, asked: Asked, row: Row, *, needed: bool) -> None:
        given = asked.headers.get("if-match")
        if given is None and needed:
            raise failed(428, f"{GATEWAY}/173", "Precondition required: If-Match is missing")
        if given not in (None, "*", etag(row)):
            words = f"Order {row.key} was changed by {row.fields['LastChangeByUser']} meanwhile"
            raise failed(412, f"{GATEWAY}/022", words)

    def _unreadable(self, words: str) -> RefusedError:
        return failed(400, f"{GATEWAY}/010", words)


ERRORS: Final = {
    403: ("/IWFND/MED/170", "No authorization to access Service 'API_MAINTENANCEORDER'"),
    404: MISSING,
    405: (f"{GATEWAY}/019", "Method not allowed"),
    409: (f"{GATEWAY}/023", "Conflict"),
    412: (f"{GATEWAY}/022", "Precondition failed"),
    429: ("429", "API rate limit exceeded"),
    503: ("503", "Service Unavailable"),
}
