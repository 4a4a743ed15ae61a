"""A company that works with ERPNext: its asset repairs, their rules, and its people."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

import orjson

from tracbridge.testing.erp.simulator import Simulator
from tracbridge.testing.erp.store import Row, Store
from tracbridge.testing.erp.wire import RefusedError, answer

DOCTYPE = "Asset Repair"
CLOCK = "%Y-%m-%d %H:%M:%S.%f"
DRAFT, SUBMITTED, CANCELLED = 0, 1, 2
STATES: Final = ("Pending", "Completed", "Cancelled")
DATES: Final = ("creation", "modified", "failure_date", "completion_date")
AFTER_SUBMIT: Final = frozenset(("tracos_number",))
"""Fields that may be changed once a document is submitted."""

DEFAULTS: Final[dict[str, Any]] = {
    "asset": None,
    "asset_name": None,
    "company": "Acme",
    "failure_date": None,
    "repair_status": "Pending",
    "completion_date": None,
    "description": None,
    "actions_performed": None,
    "downtime": None,
    "repair_cost": 0.0,
    "amended_from": None,
    "tracos_number": None,
}
STANDARD: Final = ("name", "owner", "creation", "modified", "modified_by", "docstatus", "idx")


def failed(status: int, kind: str, words: str) -> RefusedError:
    """An error of Frappe."""
    told = {"message": words, "title": "Message", "indicator": "red", "raise_exception": 1}
    body = {
        "exc_type": kind,
        "exception": f"frappe.exceptions.{kind}: {words}",
        "exc": orjson.dumps(["Traceback (most recent call last):\n  File app.py\n"]).decode(),
        "_server_messages": orjson.dumps([orjson.dumps(told).decode()]).decode(),
    }
    return RefusedError(answer(body, status))


def invalid(words: str, kind: str = "ValidationError") -> RefusedError:
    """What the document's rules forbid."""
    return failed(417, kind, words)


class FrappeCompany(Simulator):
    """``zone``: of the site, in which all times are, without an offset. ``required``: fields
    without which no document is made. ``comments_touch``: a comment changes ``modified``.
    """

    SYSTEM, KEY, TITLE, TEXT = "erpnext", "name", "description", "actions_performed"
    NUMBER, MARK = "tracos_number", "modified"
    PERSON, SERVICE = "ana@acme.example", "integration@acme.example"

    def __init__(
        self,
        *,
        zone: str = "America/Sao_Paulo",
        required: tuple[str, ...] = (),
        comments_touch: bool = True,
        **shared: Any,
    ) -> None:
        super().__init__(**shared)
        self.zone = ZoneInfo(zone)
        self.deleted = Store()
        self.remarks = Store()
        self._required = required
        self._comments_touch = comments_touch
        self._last = 0

    def _locked(self, row: Row, user: str) -> RefusedError:
        words = f"{DOCTYPE} {row.key} is currently locked by {user}. Please try again."
        return invalid(words, "DocumentLockedError")

    # --- documents

    def _row(self, key: str) -> Row:
        row = self.store.get(key)
        if row is None:
            raise failed(404, "DoesNotExistError", f"{DOCTYPE} {key} not found")
        return row

    def _insert(self, values: Mapping[str, Any], by: str) -> Row:
        given = self._checked(values)
        name = self._name(values)
        if name in self.store:
            raise failed(409, "DuplicateEntryError", f"('{DOCTYPE}', '{name}')")
        if missing := [field for field in self._required if not given.get(field)]:
            raise invalid(f"[{DOCTYPE}, {name}]: {', '.join(missing)}", "MandatoryError")
        if status := int(values.get("docstatus") or 0):
            self._may_be(DRAFT, status, given.get("repair_status", "Pending"))
        if not values.get("amended_from") and not values.get("name"):
            self._last += 1
        now = self._stamp()
        fields = {"name": name, "owner": by, "creation": self.local(now), "idx": 0}
        return self._put({**fields, **DEFAULTS, **given, "docstatus": status}, by, now)

    def _name(self, values: Mapping[str, Any]) -> str:
        """The next of the series; of an amended document, its predecessor's with a number."""
        if amended := values.get("amended_from"):
            before = self._row(amended)
            if before.fields["docstatus"] != CANCELLED:
                raise invalid(f"Cannot amend {amended}: it is not cancelled")
            root, number = amended, 0
            if before.fields["amended_from"]:
                root, _, last = amended.rpartition("-")
                number = int(last)
            return f"{root}-{number + 1}"
        if given := values.get("name"):
            return str(given)
        return f"ACC-ASR-{self.now().astimezone(self.zone).year}-{self._last + 1:05}"

    def _save(self, row: Row, values: Mapping[str, Any], by: str) -> Row:
        self._open(row, by)
        sent = values.get("modified")
        if sent is not None and sent != row.fields["modified"]:
            words = "Document has been modified after you have opened it. Please refresh."
            raise invalid(f"{words} ({sent}, {row.fields['modified']})", "TimestampMismatchError")
        old = row.fields["docstatus"]
        new = int(values.get("docstatus", old))
        given = self._checked(values)
        self._may_be(old, new, given.get("repair_status", row.fields["repair_status"]))
        changed = {name for name, value in given.items() if value != row.fields[name]}
        if old == SUBMITTED and (kept := changed - AFTER_SUBMIT):
            words = f"Not allowed to change {', '.join(sorted(kept))} after submission"
            raise invalid(words, "UpdateAfterSubmitError")
        return self._put({**row.fields, **given, "docstatus": new}, by, self._stamp())

    def _may_be(self, old: int, new: int, repair_status: str) -> None:
        """Raise for a step that a document may not take."""
        if old == CANCELLED:
            raise invalid("Cannot edit cancelled document")
        if (old, new) not in ((0, 0), (0, 1), (1, 1), (1, 2)):
            words = f"Cannot change docstatus from {old} to {new}"
            raise invalid(words, "DocstatusTransitionError")
        if (old, new) == (DRAFT, SUBMITTED) and repair_status == "Pending":
            raise invalid("Please update Repair Status.")

    def _put(self, fields: dict[str, Any], by: str, now: datetime) -> Row:
        stamped = {**fields, "modified": self.local(now), "modified_by": by}
        return self.store.put(fields["name"], stamped, now, self.mark(now))

    def _drop(self, row: Row, by: str) -> None:
        if row.fields["docstatus"] == SUBMITTED:
            raise invalid("Submitted Record cannot be deleted. You must Cancel it first.")
        self._open(row, by)
        now = self._stamp()
        self.store.drop(row.key, now)
        name = f"deleted-{len(self.deleted) + 1}"
        stamps = {"creation": self.local(now), "modified": self.local(now), "owner": by}
        data = orjson.dumps(row.fields).decode()
        fields = {"name": name, "deleted_doctype": DOCTYPE, "deleted_name": row.key, "data": data}
        self.deleted.put(name, {**fields, "restored": 0, **stamps}, now, self.mark(now))

    def _checked(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """What is kept of them; fields that the doc type lacks are passed over, silently."""
        given = {name: value for name, value in values.items() if name in DEFAULTS}
        status = given.get("repair_status", "Pending")
        if status not in STATES:
            raise invalid(f'Repair Status cannot be "{status}". It should be one of {STATES}')
        for name in ("failure_date", "completion_date"):
            if given.get(name):
                given[name] = str(self.read(given[name]).replace(tzinfo=None))
        return given

    # --- times

    def mark(self, moment: datetime) -> datetime:
        """What the site's clock shows, which is all that the database keeps."""
        return moment.astimezone(self.zone).replace(tzinfo=UTC)

    def local(self, moment: datetime) -> str:
        """The same as text."""
        return f"{self.mark(moment):{CLOCK}}"

    def read(self, text: str) -> datetime:
        """A text as `mark`; raises `RefusedError`."""
        try:
            return datetime.fromisoformat(text).replace(tzinfo=UTC)
        except (ValueError, TypeError):
            raise invalid(f"{text!r} is not a valid date", "InvalidDateTimeError") from None

    def _value(self, row: Row, field: str) -> Any:
        if field == self.MARK:
            return row.mark
        value = row.fields.get(field)
        return self.read(value) if field in DATES and value else value

    def _foreign(self) -> dict[str, Any]:
        stamp = self.local(self.now())
        stamps = {"creation": stamp, "modified": stamp, "owner": "x", "modified_by": "x"}
        about = {"name": "ACC-ASR-2026-90001", "company": "Other Company", "docstatus": 0, "idx": 0}
        return {**DEFAULTS, **about, **stamps, "description": "Repair of another company"}

    # --- people

    def create(self, **fields: Any) -> str:
        return self._insert(fields, self.PERSON).key

    def edit(self, key: str, **fields: Any) -> None:
        self._save(self._row(key), fields, self.PERSON)

    def set_status(self, key: str, status: Any) -> None:
        """``status``: Pending, Completed or Cancelled."""
        self.edit(key, repair_status=status)

    def submit(self, key: str) -> None:
        """Make it final."""
        self.edit(key, docstatus=SUBMITTED)

    def cancel(self, key: str) -> None:
        """Revoke a submitted one."""
        self.edit(key, docstatus=CANCELLED)

    def amend(self, key: str, **fields: Any) -> str:
        """Go on with a cancelled one under a new name, which is returned."""
        before = self._row(key).fields
        kept = {name: before[name] for name in DEFAULTS}
        return self.create(**{**kept, "amended_from": key, **fields})

    def delete(self, key: str) -> None:
        """With a ``Deleted Document`` that tells of it; a submitted one is cancelled before."""
        if self._row(key).fields["docstatus"] == SUBMITTED:
            self.cancel(key)
        self._drop(self._row(key), self.PERSON)

    def archive(self, key: str) -> None:
        """Cleared away in the database, of which nothing tells."""
        self.store.drop(self._row(key).key, self._stamp())

    def reopen(self, key: str) -> None:
        """Pending again; a submitted one is cancelled and amended."""
        if self._row(key).fields["docstatus"] == DRAFT:
            self.set_status(key, "Pending")
        else:
            self.cancel(key)
            self.amend(key, repair_status="Pending")

    def comment(self, key: str, text: str) -> str:
        return self._remark(self._row(key), text, self.PERSON)

    def comments(self, key: str) -> list[dict[str, Any]]:
        return [row.fields for row in self.remarks if row.fields["reference_name"] == key]

    def _remark(self, row: Row, text: str, by: str) -> str:
        now = self._stamp()
        name = f"comment-{len(self.remarks) + 1}"
        stamps = {"creation": self.local(now), "modified": self.local(now), "owner": by}
        about = {"reference_doctype": DOCTYPE, "reference_name": row.key}
        fields = {"name": name, "comment_type": "Comment", "content": text, **about, **stamps}
        self.remarks.put(name, fields, now, self.mark(now))
        if self._comments_touch:
            self._put(row.fields, by, now)
        return name

    def _whole(self, row: Row) -> dict[str, Any]:
        return self._drifted({**row.fields, "doctype": DOCTYPE})

    def _way(self, key: str, word: str) -> list[Any]:
        wanted = {"completed": "Completed", "cancelled": "Cancelled"}.get(word, "Pending")
        return [] if self._row(key).fields["repair_status"] == wanted else [wanted]

    def _sample(self, number: int) -> dict[str, Any]:
        return {
            "asset": f"ACC-ASS-2024-{number % 100:05}",
            "asset_name": f"Pump P-{number % 100}",
            "description": f"Check pump {number}",
            "failure_date": "2026-11-18 17:40:00",
        }
