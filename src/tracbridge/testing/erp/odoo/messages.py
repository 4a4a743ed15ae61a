"""What is said about records in Odoo: ``mail.message``."""

from html import escape
from typing import TYPE_CHECKING, Any, Final

from tracbridge.testing.erp.conditions import typed
from tracbridge.testing.erp.odoo import domain
from tracbridge.testing.erp.odoo.model import CLOCK, REQUEST, instant
from tracbridge.testing.erp.paging import Query, View, pick
from tracbridge.testing.erp.store import Row, Store

if TYPE_CHECKING:
    from tracbridge.testing.erp.odoo.company import OdooCompany

FIELDS: Final = (
    "id", "date", "body", "author_id", "model", "res_id", "message_type", "create_date",
    "write_date",
)  # fmt: skip


class Messages:
    """Nothing tells a message that was posted twice from two messages."""

    def __init__(self, odoo: "OdooCompany") -> None:
        self.store = Store()
        self._odoo = odoo

    def post(self, res_id: int, text: str, by: str, *, html: bool = False) -> int:
        """A comment; without ``html`` the text is text. Returns its id."""
        body = text if html else f"<p>{escape(text, quote=False)}</p>"
        return self._add(res_id, body, by, "comment")

    def track(self, row: Row, stage: int, by: str) -> None:
        """The system's own note that the stage is another one."""
        old = self._odoo.stages[row.fields["stage_id"]].name
        self._add(int(row.key), f"{old} -> {self._odoo.stages[stage].name}", by, "notification")

    def _add(self, res_id: int, body: str, by: str, kind: str) -> int:
        now = self._odoo.now()
        id_ = self.store.changes + 1
        stamps = dict.fromkeys(("date", "create_date", "write_date"), f"{now:{CLOCK}}")
        author = [3, "TracOS"] if by == self._odoo.SERVICE else [7, by.title()]
        fields = {
            "id": id_, "body": body, "author_id": author, "model": REQUEST, "res_id": res_id,
            "message_type": kind, **stamps,
        }  # fmt: skip
        self.store.put(str(id_), fields, now, now.replace(microsecond=0))
        return id_

    def search_read(self, given: dict[str, Any]) -> list[dict[str, Any]]:
        """As the API's method; raises `ValueError`."""
        query = Query(
            condition=typed(domain.parse(given.get("domain") or []), _value_of),
            order=domain.order(given.get("order") or "id desc"),
            offset=int(given.get("offset") or 0),
            limit=int(given.get("limit") or 1_000_000),
        )
        rows = pick(self.store, query, VIEW)[: query.limit]
        names = ["id", *(given.get("fields") or FIELDS)]
        return [{name: row.fields[name] for name in names} for row in rows]

    def of(self, res_id: int) -> list[dict[str, Any]]:
        """The comments on a request, oldest first."""
        rows = [row.fields for row in self.store if row.fields["res_id"] == res_id]
        return [fields for fields in rows if fields["message_type"] == "comment"]


def _value(row: Row, field: str) -> Any:
    if field in ("date", "create_date", "write_date"):
        return row.mark
    value = row.fields[field]
    return value[0] if field == "author_id" else value


def _value_of(field: str, word: Any) -> Any:
    if field not in FIELDS:
        raise ValueError(f"Invalid field mail.message.{field} in condition")
    return instant(word) if field in ("date", "create_date", "write_date") and word else word


VIEW: Final = View(value=_value, mark="write_date", born="id")
