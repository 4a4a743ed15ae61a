"""ERPNext: asset repairs over Frappe's REST interface."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

import orjson

from tracbridge.testing.erp.conditions import Condition, Every, Some, typed
from tracbridge.testing.erp.frappe import filters
from tracbridge.testing.erp.frappe.company import (
    DATES,
    DEFAULTS,
    DOCTYPE,
    STANDARD,
    FrappeCompany,
    failed,
    invalid,
)
from tracbridge.testing.erp.paging import Query, View, pick
from tracbridge.testing.erp.store import Row, Store
from tracbridge.testing.erp.wire import Answer, Asked, Deed, RefusedError, answer

ALL = 1_000_000
PAGE = 20
OTHERS: Final = {"Deleted Document": "deletions", "Comment": "comments"}


class Frappe(FrappeCompany):
    """``api_key`` and ``api_secret``: of the service."""

    def __init__(
        self,
        *,
        api_key: str = "frappe-key",
        api_secret: str = "frappe-secret",  # noqa: S107
        **company: Any,
    ) -> None:
        super().__init__(**company)
        self.token = f"{api_key}:{api_secret}"

    # --- requests

    def _route(self, asked: Asked) -> Deed:
        match asked.method, asked.parts:
            case "GET", ["api", "method", "frappe.auth.get_logged_user"]:
                return self._made("login", lambda: answer({"message": self.SERVICE}))
            case "GET", ["api", "resource", doctype] if doctype == DOCTYPE:
                return self._made("list", lambda: self._list(asked))
            case "POST", ["api", "resource", doctype] if doctype == DOCTYPE:
                return self._made("create", lambda: self._create_asked(asked), writes=True)
            case method, ["api", "resource", doctype, name] if doctype == DOCTYPE:
                return self._of_one(asked, method, name)
            case "GET", ["api", "resource", doctype] if doctype in OTHERS:
                store = self.deleted if doctype == "Deleted Document" else self.remarks
                return self._made(OTHERS[doctype], lambda: self._list_of(asked, store))
            case "POST", ["api", "resource", "Comment"]:
                return self._made("comment", lambda: self._comment_asked(asked), writes=True)
        raise self._refusal(404)

    def _of_one(self, asked: Asked, method: str, name: str) -> Deed:
        def update() -> Answer:
            row = self._save(self._row(name), asked.json(invalid), self.SERVICE)
            return answer({"data": self._whole(row)})

        def delete() -> Answer:
            self._drop(self._row(name), self.SERVICE)
            return answer({"data": "ok"}, 202)

        if method == "GET":
            return self._made("read", lambda: self._one(name))
        if method == "PUT":
            return self._made("update", update, writes=True)
        if method == "DELETE":
            return self._made("delete", delete, writes=True)
        raise self._refusal(405)

    def _made(self, operation: str, work: Callable[[], Answer], *, writes: bool = False) -> Deed:
        def run() -> Answer:
            try:
                return work()
            except (ValueError, KeyError, TypeError) as error:
                raise failed(417, "DataError", str(error)) from None

        return Deed(operation=operation, writes=writes, run=run)

    def _let_in(self, asked: Asked) -> None:
        scheme, _, token = asked.headers.get("authorization", "").partition(" ")
        if not scheme:
            words = f"User Guest does not have doctype access for {DOCTYPE}"
            raise failed(403, "PermissionError", words)
        if scheme.lower() != "token" or token != self.token:
            self.failed_logins += 1
            raise self._refusal(401)

    def _refusal(self, status: int, words: str = "") -> RefusedError:
        kind, usual = ERRORS.get(status, ("ValidationError", "Something went wrong"))
        return failed(status, kind, words or usual)

    # --- what requests do

    def _list(self, asked: Asked) -> Answer:
        query = self._query(asked.query, self._known)
        rows, _ = self._page(query)
        return answer({"data": [self._listed(row, asked.query, self._known) for row in rows]})

    def _list_of(self, asked: Asked, store: Store) -> Answer:
        query = self._query(asked.query, lambda _: None)
        rows = pick(store, query, View(value=self._value, mark=self.MARK))[: query.limit]
        return answer({"data": [self._listed(row, asked.query, lambda _: None) for row in rows]})

    def _query(self, query: Mapping[str, str], known: Callable[[str], None]) -> Query:
        def value_of(field: str, word: Any) -> Any:
            known(field)
            return self.read(word) if field in DATES and word else word

        order = filters.order(query.get("order_by") or "modified desc")
        for field, _ in order:
            known(field)
        every = filters.tests(orjson.loads(query.get("filters") or "[]"))
        some = filters.tests(orjson.loads(query.get("or_filters") or "[]"))
        parts: list[Condition] = [*every, Some(tuple(some))] if some else every
        limit = query.get("limit_page_length") or query.get("limit") or PAGE
        return Query(
            condition=typed(Every(tuple(parts)), value_of),
            order=order,
            offset=int(query.get("limit_start") or 0),
            limit=int(limit) or ALL,
        )

    def _listed(
        self, row: Row, query: Mapping[str, str], known: Callable[[str], None]
    ) -> dict[str, Any]:
        """The fields that were asked for: only the name unless something else is said."""
        names: Iterable[str] = orjson.loads(query.get("fields") or '["name"]')
        names = [name.split(".")[-1].strip("`") for name in names]
        if "*" in names:
            return self._drifted(dict(row.fields))
        for name in names:
            known(name)
        return self._drifted({name: row.fields[name] for name in names})

    def _one(self, name: str) -> Answer:
        row = self._seen().get(name)
        if row is None:
            raise failed(404, "DoesNotExistError", f"{DOCTYPE} {name} not found")
        return answer({"data": self._whole(row)})

    def _create_asked(self, asked: Asked) -> Answer:
        row = self._insert(asked.json(invalid), self.SERVICE)
        return answer({"data": self._whole(row)})

    def _comment_asked(self, asked: Asked) -> Answer:
        given = asked.json(invalid)
        name = self._remark(self._row(given["reference_name"]), given["content"], self.SERVICE)
        row = self.remarks.get(name)
        return answer({"data": row.fields if row else {}})

    def _known(self, field: str) -> None:
        if field not in DEFAULTS and field not in STANDARD:
            raise ValueError(f"Field not permitted in query: {field}")


ERRORS: Final = {
    401: ("AuthenticationError", "Invalid token"),
    403: ("PermissionError", f"No permission for {DOCTYPE}"),
    404: ("DoesNotExistError", "Not found"),
    405: ("MethodNotAllowed", "Method not allowed"),
    409: ("DuplicateEntryError", f"('{DOCTYPE}', 'ACC-ASR-2026-00001')"),
    429: ("TooManyRequestsError", "Too Many Requests"),
    500: ("QueryDeadlockError", "Deadlock found when trying to get lock"),
    503: ("SessionStopped", "Updating. Please refresh after a few moments."),
}
