"""Odoo 19: maintenance requests over JSON-2, and over the older JSON-RPC."""

from datetime import datetime, timedelta
from typing import Any, Final

from tracbridge.testing.erp.conditions import typed
from tracbridge.testing.erp.odoo import domain
from tracbridge.testing.erp.odoo.company import OdooCompany
from tracbridge.testing.erp.odoo.model import (
    DEFAULTS,
    ERRORS,
    READ_ONLY,
    REQUEST,
    failed,
    rpc_error,
)
from tracbridge.testing.erp.paging import Query, matching
from tracbridge.testing.erp.wire import Answer, Asked, Deed, RefusedError, answer

ALL: Final = 1_000_000
OPERATIONS: Final = {
    (REQUEST, "search_read"): ("list", False),
    (REQUEST, "search"): ("list", False),
    (REQUEST, "search_count"): ("count", False),
    (REQUEST, "read"): ("read", False),
    (REQUEST, "fields_get"): ("fields", False),
    (REQUEST, "create"): ("create", True),
    (REQUEST, "write"): ("update", True),
    (REQUEST, "unlink"): ("delete", True),
    (REQUEST, "message_post"): ("comment", True),
    ("mail.message", "search_read"): ("comments", False),
    ("maintenance.stage", "search_read"): ("stages", False),
    ("res.users.apikeys", "generate"): ("key", True),
}


class Odoo(OdooCompany):
    """``key``: of the service, valid until ``key_expires``."""

    def __init__(
        self, *, key: str = "odoo-key", key_expires: datetime | None = None, **company: Any
    ) -> None:
        super().__init__(**company)
        self.keys: dict[str, datetime | None] = {key: key_expires}

    # --- requests

    def _route(self, asked: Asked) -> Deed:
        match asked.parts:
            case ["json", "2", model, method] if asked.method == "POST":
                return self._deed_of(model, method, asked.json(self._unreadable))
            case ["jsonrpc"] if asked.method == "POST":
                return self._rpc(asked)
        raise self._refusal(404)

    def _deed_of(self, model: str, method: str, given: dict[str, Any]) -> Deed:
        if (model, method) not in OPERATIONS:
            words = f"the method '{model}.{method}' does not exist"
            raise failed(404, "werkzeug.exceptions.NotFound", words)
        operation, writes = OPERATIONS[model, method]
        work = getattr(self, f"_do_{operation}")
        return Deed(
            operation=operation, writes=writes, run=lambda: answer(self._called(work, given))
        )

    def _called(self, work: Any, given: dict[str, Any]) -> Any:
        context = given.pop("context", None) or {}
        try:
            return work(given, str(context.get("lang", "en_US")))
        except (ValueError, KeyError, TypeError) as error:
            # As the real one does: what it did not expect is a server error, with its class.
            raise failed(500, f"builtins.{type(error).__name__}", str(error)) from None

    def _rpc(self, asked: Asked) -> Deed:
        """The older interface: 200 whatever happens, errors in the body."""
        given = asked.json(self._unreadable)
        _, __, key, model, method, args, *kwargs = given["params"]["args"]
        names = {"search_read": ["domain"], "read": ["ids", "fields"], "write": ["ids", "vals"]}
        names |= {"create": ["vals_list"], "unlink": ["ids"], "search_count": ["domain"]}
        named = dict(zip(names.get(method, []), args, strict=False)) | (kwargs[0] if kwargs else {})
        deed = self._deed_of(model, method, named)

        def run() -> Answer:
            try:
                self._known(key)
                result: Any = {"result": deed.run().data}
            except RefusedError as refused:
                return answer(
                    {"jsonrpc": "2.0", "id": given.get("id"), "error": rpc_error(refused)}
                )
            data = b'{"jsonrpc":"2.0","id":%d,"result":%s}' % (
                given.get("id") or 0,
                result["result"],
            )
            return Answer(data=data, headers=(("content-type", "application/json"),))

        return Deed(operation=deed.operation, writes=deed.writes, run=run)

    def _let_in(self, asked: Asked) -> None:
        if asked.parts == ["jsonrpc"]:
            return  # the key is in the body
        scheme, _, key = asked.headers.get("authorization", "").partition(" ")
        self._known(key.strip() if scheme.lower() == "bearer" else "")

    def _known(self, key: str) -> None:
        expires = self.keys.get(key)
        if key not in self.keys or (expires and expires <= self.now()):
            self.failed_logins += 1
            raise self._refusal(401)

    def _refusal(self, status: int, words: str = "") -> RefusedError:
        name, usual = ERRORS.get(status, ("odoo.exceptions.UserError", "Something went wrong."))
        return failed(status, name, words or usual)

    def _unreadable(self, words: str) -> RefusedError:
        return failed(400, "werkzeug.exceptions.BadRequest", words)

    # --- what requests do

    def _do_list(self, given: dict[str, Any], lang: str) -> list[Any]:
        order = domain.order(given.get("order") or "id desc")
        for field, _ in order:
            self._value_of(field, None)
        query = Query(
            condition=typed(domain.parse(given.get("domain") or []), self._value_of),
            order=order,
            offset=int(given.get("offset") or 0),
            limit=int(given.get("limit") or ALL),
        )
        rows, _ = self._page(query)
        return [self._shown(row, given.get("fields"), lang) for row in rows]

    def _do_count(self, given: dict[str, Any], _: str) -> int:
        condition = typed(domain.parse(given.get("domain") or []), self._value_of)
        return sum(1 for _ in matching(self._seen(), condition, self._view()))

    def _do_read(self, given: dict[str, Any], lang: str) -> list[Any]:
        rows = [self._seen().get(str(id_)) for id_ in given["ids"]]
        return [self._shown(row, given.get("fields"), lang) for row in rows if row]

    def _do_fields(self, given: dict[str, Any], _: str) -> dict[str, Any]:
        names = given.get("allfields") or [*DEFAULTS, *READ_ONLY]
        return {name: {"string": name, "readonly": name in READ_ONLY} for name in names}

    def _do_create(self, given: dict[str, Any], _: str) -> list[int]:
        values = given["vals_list"]
        made = values if isinstance(values, list) else [values]
        return [self._create(one, self.SERVICE) for one in made]

    def _do_update(self, given: dict[str, Any], _: str) -> bool:
        self._write(given["ids"], given["vals"], self.SERVICE)
        return True

    def _do_delete(self, given: dict[str, Any], _: str) -> bool:
        for row in [self._row(id_, self.SERVICE) for id_ in given["ids"]]:
            self.store.drop(row.key, self._stamp())
        return True

    def _do_comment(self, given: dict[str, Any], _: str) -> list[int]:
        rows = [self._row(id_, "") for id_ in given["ids"]]
        html = bool(given.get("body_is_html"))
        return [
            self.messages.post(int(r.key), given["body"], self.SERVICE, html=html) for r in rows
        ]

    def _do_comments(self, given: dict[str, Any], _: str) -> list[Any]:
        return self.messages.search_read(given)

    def _do_stages(self, _: dict[str, Any], lang: str) -> list[Any]:
        return [stage.shown(lang) for stage in self.stages.values()]

    def _do_key(self, _: dict[str, Any], __: str) -> str:
        """A new key for three months, the longest that there is."""
        key = f"odoo-key-{len(self.keys)}"
        self.keys[key] = self.now() + timedelta(days=90)
        return key
