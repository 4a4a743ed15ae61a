"""TracOS's documents as canonical orders and back: the same for every customer. Pure."""

import re
from collections.abc import Mapping
from datetime import datetime
from math import isfinite
from typing import Any, Final

from msgspec import Struct

from tracbridge.domain.errors import RecordError
from tracbridge.domain.workorder import (
    DELETED,
    Fields,
    Status,
    Value,
    WorkOrder,
    settled,
    to_milliseconds,
    unsaid_status,
)
from tracbridge.mapping.lists import items_of, listed
from tracbridge.mapping.moments import Kind, Spelling
from tracbridge.mapping.path import MISSING, Place
from tracbridge.mapping.texts import checked
from tracbridge.mapping.translation import Body

HIGHEST_NUMBER: Final = 2**63 - 1
HIGHEST_EXACT_FLOAT: Final = 2**53 - 1
"""Above it one float stands for several integers, so that the order meant would be a guess."""

TRACOS_FIELDS: Final = (
    *("_id", "number", "status", "title", "description", "createdAt", "updatedAt"),
    *("deleted", "deletedAt", "isSynced", "syncedAt"),
)
"""What every document of TracOS has."""

_STATUSES: Final = frozenset(status.value for status in Status)
_LINE_END: Final = re.compile(r"\r\n|\r|\n")
_SURROGATES: Final = re.compile("[\ud800-\udfff]")
_KINDS: Final[dict[str, tuple[type, ...]]] = {
    "text": (str,),
    "integer": (int,),
    "number": (int, float),
    "bool": (bool,),
    "local": (str,),
    "date": (str,),
    "list": (str,),
}


class Extra(Struct, frozen=True):
    """A field of TracOS's own beside the usual ones. ``kind``: as in a mapping's ``as``."""

    name: str
    place: Place
    kind: str


class TracosSide(Struct, frozen=True):
    """How TracOS spells an order.

    ``titled``: the customer has a title of his own; else TracOS's is the first line of the text
    when the order is made, and follows it while it still is.
    """

    titled: bool = False
    extras: tuple[Extra, ...] = ()
    text_limit: int = 1_000_000

    @property
    def names(self) -> tuple[str, ...]:
        """The further fields of its documents that the mapping speaks of."""
        return tuple(extra.place.text for extra in self.extras)

    def ref(self, body: Body) -> str | None:
        """The order's number as text if it is valid, whatever else is wrong; never raises."""
        return ref_or_none(body.get("number"))

    def read(self, body: Body, last: Fields | None) -> WorkOrder:
        """The document; raises `RecordError` for what the customer could not be told.

        Without a title of its own the text is the title where the description is empty, but not if
        ``last`` was empty too.
        """
        deleted = tracos_deleted(body)
        fields: dict[str, Value] = {
            "status": tracos_status(body.get("status")),
            "description": self._text(body, last),
            DELETED: deleted,
        }
        if self.titled:
            fields["title"] = self._plain(body, "title")
        for extra in self.extras:
            fields[extra.name] = value_of(extra, body)
        return WorkOrder(
            ref_of(body.get("number", MISSING), "/number"),
            fields,
            tracos_instant(body.get("createdAt"), "/createdAt"),
            tracos_instant(body.get("updatedAt"), "/updatedAt"),
            warnings=() if deleted else _warnings(body),
        )

    def write(self, order: WorkOrder, before: Body | None) -> dict[str, Any]:
        """What to set, {} if ``before`` shows ``order`` already.

        The creation time is never changed.
        """
        if before is None:
            return self._new(order)
        changes = self._changes(order.fields, before)
        if changes:
            changes["updatedAt"] = order.updated_at
        return changes

    def _new(self, order: WorkOrder) -> dict[str, Any]:
        fields = settled(order.fields, when=order.updated_at)
        text = str(fields.get("description") or "")
        document = {
            # A record that is only tried has no number.
            "number": int(order.ref) if order.ref.isdigit() else order.ref,
            # A record that is only tried may say none; this is what a new order gets then.
            "status": fields.get("status") or unsaid_status(fields),
            "title": str(fields.get("title") or "") if self.titled else first_line(text),
            "description": text,
            "createdAt": order.created_at,
            "updatedAt": order.updated_at,
            **deletion(order.fields.get(DELETED, False)),
        }
        for extra in self.extras:
            if fields.get(extra.name) is not None:
                extra.place.set(document, fields[extra.name])
        return document

    def _changes(self, fields: Fields, before: Body) -> dict[str, Any]:
        changes: dict[str, Any] = {}
        status = fields.get("status")
        if status is not None and status != before.get("status"):
            changes["status"] = status
        self._text_changes(fields, before, changes)
        deleted = fields.get(DELETED, False)
        if DELETED in fields and not same_deletion(deleted, tracos_deleted(before)):
            changes |= deletion(deleted)
        for extra in self.extras:
            if extra.name in fields and fields[extra.name] != value_of(extra, before):
                changes[extra.place.text] = fields[extra.name]
        return changes

    def _text_changes(self, fields: Fields, before: Body, changes: dict[str, Any]) -> None:
        if self.titled:
            for name in ("title", "description"):
                if name in fields and fields[name] != self._plain(before, name):
                    changes[name] = str(fields[name] or "")
            return
        if "description" not in fields:
            return
        # With the order itself as what was agreed on, an empty text counts as shown already
        # although the title stands beside it.
        shown = self._text(before, fields)
        text = str(fields["description"])
        if text != shown:
            changes["description"] = text
            if before.get("title") == first_line(shown):
                changes["title"] = first_line(text)

    def _plain(self, body: Body, name: str) -> str:
        text = body.get(name)
        return "" if text is None else utf8(checked(text, f"/{name}", self.text_limit), f"/{name}")

    def _text(self, body: Body, last: Fields | None) -> str:
        """The description, or the title where there is none, unless the agreed text is empty."""
        if self.titled:
            return self._plain(body, "description")
        description = body.get("description")
        if description is None or description == "":
            if last and last.get("description") == "":
                return ""
            title = body.get("title")
            if title is not None:
                return utf8(checked(title, "/title", self.text_limit), "/title")
        return utf8(checked(description, "/description", self.text_limit), "/description")


def ref_of(number: Any, pointer: str) -> str:
    """An order's number as text; raises `RecordError` for what is none."""
    # MongoDB's 64 bit integer is a kind of int, as is bool.
    if isinstance(number, int) and not isinstance(number, bool):
        highest = HIGHEST_NUMBER
    elif isinstance(number, float) and number.is_integer():
        highest = HIGHEST_EXACT_FLOAT
    else:
        raise _no_number(number, pointer)
    if 1 <= number <= highest:
        return str(int(number))
    reason = "is no number of an order."
    hint = f"Send a whole number from 1 to {highest}."
    raise RecordError("out_of_range", reason, pointer=pointer, value=number, hint=hint)


def ref_or_none(number: Any) -> str | None:
    """As `ref_of`, None for what is no number; never raises."""
    try:
        return ref_of(number, "")
    except RecordError:
        return None


def _no_number(number: Any, pointer: str) -> RecordError:
    hint = "Send the order's number, whole and without quotes."
    if number is MISSING or number is None:
        return RecordError("required", "is missing or null.", pointer=pointer, hint=hint)
    reason = "is not an integer."
    return RecordError("type", reason, pointer=pointer, value=number, hint=hint)


def first_line(text: str) -> str:
    """The text up to its first line's end."""
    return _LINE_END.split(text, maxsplit=1)[0]


def tracos_status(status: Any) -> str:
    """One of TracOS's states; raises `RecordError` for anything else."""
    if isinstance(status, str) and status in _STATUSES:
        return status
    hint = f"Known are {', '.join(sorted(_STATUSES))}."
    reason = "has no counterpart at the customer's."
    raise RecordError("unmapped_status", reason, pointer="/status", value=status, hint=hint)


def utf8(text: str, pointer: str) -> str:
    """The text, unless bytes of it were no UTF-8: those were read as surrogates."""
    if text.isascii() or not _SURROGATES.search(text):
        return text
    hint = "Write the text again, as UTF-8."
    reason = "is not UTF-8."
    raise RecordError("invalid_unicode", reason, pointer=pointer, value=text, hint=hint)


def tracos_instant(moment: Any, pointer: str) -> datetime:
    """A BSON date as an instant; raises `RecordError` for anything else."""
    if isinstance(moment, datetime) and moment.tzinfo:
        return to_milliseconds(moment)
    hint = "Set a BSON date."
    if moment is None:
        raise RecordError("required", "is missing or null.", pointer=pointer, hint=hint)
    raise RecordError("type", "is not a date in UTC.", pointer=pointer, value=moment, hint=hint)


def tracos_deleted(body: Body) -> bool | datetime:
    """False, the instant of the deletion, or True where it is not known."""
    if body.get("deleted") is not True:
        return False
    at = body.get("deletedAt")
    return True if at is None else tracos_instant(at, "/deletedAt")


def _warnings(body: Body) -> tuple[str, ...]:
    """What was ignored on an order that does not count as deleted."""
    found = {
        "deleted_not_bool": not isinstance(body.get("deleted"), bool | None),
        "deletion_date_ignored": body.get("deletedAt") is not None,
    }
    return tuple(code for code, is_so in found.items() if is_so)


def value_of(extra: Extra, body: Body) -> Value:
    """A further field of the document; None where it is not there."""
    raw = extra.place.get(body)
    if raw is MISSING or raw is None:
        return None
    if extra.kind == "instant":
        return tracos_instant(raw, extra.place.pointer)
    if isinstance(raw, datetime) and extra.kind in ("local", "date"):
        text = to_milliseconds(raw).replace(tzinfo=None).isoformat()
        return text[:10] if extra.kind == "date" else text
    kinds = _KINDS[extra.kind]
    if not isinstance(raw, kinds) or (isinstance(raw, bool) and bool not in kinds):
        reason = f"is not of the kind {extra.kind}."
        raise RecordError("type", reason, pointer=extra.place.pointer, value=raw)
    if isinstance(raw, str):
        return _text_of(extra, raw)
    if isinstance(raw, float) and not isfinite(raw):
        reason, hint = "is not a finite number.", "Set a number, or null."
        raise RecordError(
            "non_finite_number", reason, pointer=extra.place.pointer, value=raw, hint=hint
        )
    whole = isinstance(raw, int) and not isinstance(raw, bool)
    return int(raw) if whole else raw  # type: ignore[return-value, call-overload]


def _text_of(extra: Extra, raw: str) -> str:
    """What is spelt as a text, in the one spelling of its kind; raises `RecordError`."""
    text, pointer = utf8(raw, extra.place.pointer), extra.place.pointer
    match extra.kind:
        case "list":
            return listed(items_of(text, pointer))
        case "local" | "date":
            return str(Spelling(Kind(extra.kind)).read(text, pointer))
    return text


def deletion(deleted: Value) -> Mapping[str, Any]:
    """TracOS's two fields for it."""
    at = deleted if isinstance(deleted, datetime) else None
    return {"deleted": deleted is not False, "deletedAt": at}


def same_deletion(wanted: Value, shown: bool | datetime) -> bool:
    """An instant that is wanted but not known equals any."""
    return bool(shown) if wanted is True else wanted == shown
