"""The format of the requirements written by hand: what a mapping by file is measured against.

It does what ``presets/flags.yaml`` says, refusals and odd cases included.
"""

import re
from datetime import datetime, tzinfo
from typing import Any, Final

import msgspec
import orjson
from msgspec import Struct

from tracbridge.domain.errors import RecordError
from tracbridge.domain.workorder import DELETED, Fields, Status, WorkOrder, to_milliseconds
from tracbridge.mapping.dates import format_instant, parse_instant
from tracbridge.mapping.translation import Body

FLAGS: Final = {
    "isActive": Status.IN_PROGRESS.value,
    "isCanceled": Status.CANCELLED.value,
    "isDone": Status.COMPLETED.value,
    "isOnHold": Status.ON_HOLD.value,
    "isPending": Status.PENDING.value,
}
"""The customer's flags and the status that each stands for."""

KNOWN: Final = frozenset(FLAGS) | {
    "orderNo",
    "isDeleted",
    "isSynced",
    "summary",
    "creationDate",
    "lastUpdateDate",
    "deletedDate",
}
"""The customer's keys that have a meaning here; all others are passed through."""

HIGHEST_NUMBER: Final = 2**63 - 1
HIGHEST_EXACT_FLOAT: Final = 2**53 - 1
"""Above it one float stands for several integers, so that the order meant would be a guess."""

_STATUSES: Final = frozenset(FLAGS.values())
_SPELT: Final = {
    status: {flag: status == own for flag, own in FLAGS.items()} for status in _STATUSES
}
_LIKE_A_FLAG: Final = re.compile(r"is[A-Z]")
_LINE_END: Final = re.compile(r"\r\n|\r|\n")
_RAW_KEYS: Final = msgspec.json.Decoder(dict[str, msgspec.Raw])
_SURROGATES: Final = re.compile("[\ud800-\udfff]")
_MISSING: Final = object()

_Deleted = bool | datetime


class FlagsMapping(Struct, frozen=True):
    """Orders with a status, a text and a tombstone, see `Translation`.

    ``zone``: where dates without an offset belong, None refuses them. ``text_limit``: the longest
    text in characters. A customer's deleted order without a status flag has no field ``status``:
    whoever knows the order keeps its status, a new one is cancelled.
    """

    zone: tzinfo | None = None
    text_limit: int = 1_000_000

    @property
    def name(self) -> str:
        """What stands beside each change that this mapping made."""
        return "flags v1"

    def customer_ref(self, body: Body) -> str | None:
        """The order's number as text if it is valid, whatever else is wrong; never raises."""
        return _ref_or_none(body.get("orderNo"))

    def tracos_ref(self, body: Body) -> str | None:
        """The order's number as text if it is valid, whatever else is wrong; never raises."""
        return _ref_or_none(body.get("number"))

    def from_customer(self, body: Body) -> WorkOrder:
        """The customer's record; raises `RecordError` for what would need a guess."""
        number = body.get("orderNo", _MISSING)
        ref = _ref(number, "/orderNo")
        created = parse_instant(body.get("creationDate"), "/creationDate", self.zone)
        updated = parse_instant(body.get("lastUpdateDate"), "/lastUpdateDate", self.zone)
        deleted = self._customer_deleted(body)
        fields: dict[str, Any] = {
            "description": _checked(body.get("summary"), "/summary", self.text_limit),
            DELETED: deleted,
        }
        if status := _customer_status(body, deleted):
            fields["status"] = status
        warnings: tuple[str, ...] = ()
        if (
            type(number) is float
            or updated < created
            or deleted is True
            or not body.keys() <= KNOWN
        ):
            warnings = _customer_warnings(body, updated < created, deleted)
        return WorkOrder(ref, fields, created, updated, warnings=warnings)

    def extra(self, body: Body, raw: bytes) -> str:
        """The keys not in `KNOWN` as a JSON object, each value exactly as in ``raw``, or ""."""
        if body.keys() <= KNOWN:
            return ""
        spelt = _RAW_KEYS.decode(raw)
        unknown = (
            orjson.dumps(key) + b":" + bytes(spelt[key]) for key in spelt if key not in KNOWN
        )
        return (b"{" + b",".join(unknown) + b"}").decode()

    def to_customer(self, order: WorkOrder) -> dict[str, Any]:
        """The whole record: all five flags, all dates in UTC. ``order`` must have its status."""
        fields = order.fields
        deleted = fields[DELETED]
        return {
            "orderNo": int(order.ref),
            **_SPELT[str(fields["status"])],
            "isDeleted": deleted is not False,
            "isSynced": True,
            "summary": fields["description"],
            "creationDate": format_instant(order.created_at),
            "lastUpdateDate": format_instant(order.updated_at),
            "deletedDate": format_instant(deleted) if isinstance(deleted, datetime) else None,
        }

    def from_tracos(self, body: Body, last: Fields | None) -> WorkOrder:
        """TracOS's document; raises `RecordError` for what the customer could not be told.

        The text is the title where the description is empty, but not if ``last`` was empty too.
        """
        deleted = _tracos_deleted(body)
        fields: Fields = {
            "status": _tracos_status(body.get("status")),
            "description": _tracos_text(body, last, self.text_limit),
            DELETED: deleted,
        }
        return WorkOrder(
            _ref(body.get("number", _MISSING), "/number"),
            fields,
            _tracos_instant(body.get("createdAt"), "/createdAt"),
            _tracos_instant(body.get("updatedAt"), "/updatedAt"),
            warnings=() if deleted else _tracos_warnings(body),
        )

    def to_tracos(self, order: WorkOrder, before: Body | None) -> dict[str, Any]:
        """What to set, {} if ``before`` shows ``order`` already; a new document needs its status.

        The creation time is never changed, the title only while it is the old text's first line.
        """
        if before is None:
            return _new_document(order)
        changes = self._changes(order.fields, before)
        if changes:
            changes["updatedAt"] = order.updated_at
        return changes

    def _customer_deleted(self, body: Body) -> _Deleted:
        flag, at = body.get("isDeleted", False), body.get("deletedDate")
        if flag is True:
            return True if at is None else parse_instant(at, "/deletedDate", self.zone)
        if flag is not False:
            raise _no_flag("isDeleted", flag)
        if at is None:
            return False
        hint = "Send isDeleted true, or deletedDate null."
        reason = "is a date of deletion, but isDeleted is not true."
        raise RecordError(
            "contradictory_delete", reason, pointer="/deletedDate", value=at, hint=hint
        )

    def _changes(self, fields: Fields, before: Body) -> dict[str, Any]:
        changes: dict[str, Any] = {}
        status = fields.get("status")
        if status is not None and status != before.get("status"):
            changes["status"] = status
        # With the order itself as what was agreed on, an empty text counts as shown already
        # although the title stands beside it.
        shown = _tracos_text(before, fields, self.text_limit)
        text = str(fields["description"])
        if text != shown:
            changes["description"] = text
            if before.get("title") == _first_line(shown):
                changes["title"] = _first_line(text)
        deleted = fields[DELETED]
        if not _same_deletion(deleted, _tracos_deleted(before)):
            changes |= _deletion(deleted)
        return changes


# Both sides.


def _ref(number: Any, pointer: str) -> str:
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


def _ref_or_none(number: Any) -> str | None:
    try:
        return _ref(number, "")
    except RecordError:
        return None


def _no_number(number: Any, pointer: str) -> RecordError:
    hint = "Send the order's number, whole and without quotes."
    if number is _MISSING or number is None:
        return RecordError("required", "is missing or null.", pointer=pointer, hint=hint)
    reason = "is not an integer."
    return RecordError("type", reason, pointer=pointer, value=number, hint=hint)


def _checked(text: Any, pointer: str, limit: int) -> str:
    if isinstance(text, str) and len(text) <= limit and "\0" not in text:
        return text
    raise _text_refusal(text, pointer, limit)


def _text_refusal(text: Any, pointer: str, limit: int) -> RecordError:
    if text is None:
        hint = "Send a text; it may be empty."
        return RecordError("required", "is missing or null.", pointer=pointer, hint=hint)
    if not isinstance(text, str):
        hint = "Send it in quotes."
        return RecordError("type", "is not a text.", pointer=pointer, value=text, hint=hint)
    if len(text) > limit:
        reason = f"has {len(text)} characters; the limit is {limit}."
        hint = "Shorten it."
        return RecordError("too_long", reason, pointer=pointer, value=text, hint=hint)
    hint = "Remove it; no other system can keep it."
    reason = "has a NUL character."
    return RecordError("nul_character", reason, pointer=pointer, value=text, hint=hint)


def _first_line(text: str) -> str:
    return _LINE_END.split(text, maxsplit=1)[0]


# The customer's side.


def _customer_status(body: Body, deleted: _Deleted) -> str | None:
    """None for a deleted order that shows no status."""
    true = None
    for flag in FLAGS:
        value = body.get(flag, False)
        if value is True:
            if true:
                raise _contradiction(true, flag)
            true = flag
        elif value is not False:
            raise _no_flag(flag, value)
    if true:
        return FLAGS[true]
    if deleted:
        return None
    if "isActive" in body:
        hint = f"Send exactly one of {', '.join(FLAGS)} as true."
        reason = "is not true, and no other status flag is."
        raise RecordError("no_status", reason, pointer="/isActive", hint=hint)
    return FLAGS["isActive"]


def _contradiction(one: str, other: str) -> RecordError:
    hint = f"Send exactly one of {', '.join(FLAGS)} as true."
    reason = f"and /{one} are both true."
    return RecordError("contradictory_status", reason, pointer=f"/{other}", hint=hint)


def _no_flag(flag: str, value: Any) -> RecordError:
    hint = "Send true or false, without quotes."
    return RecordError("type", "is not a bool.", pointer=f"/{flag}", value=value, hint=hint)


def _customer_warnings(body: Body, backwards: bool, deleted: _Deleted) -> tuple[str, ...]:
    found = {
        "integral_float": isinstance(body["orderNo"], float),
        "inconsistent_dates": backwards,
        "deletion_date_missing": deleted is True,
        "unknown_flag": any(_is_unknown_flag(*item) for item in body.items()),
    }
    return tuple(code for code, is_so in found.items() if is_so)


def _is_unknown_flag(key: str, value: Any) -> bool:
    return isinstance(value, bool) and key not in KNOWN and bool(_LIKE_A_FLAG.match(key))


# TracOS's side.


def _tracos_status(status: Any) -> str:
    if isinstance(status, str) and status in _STATUSES:
        return status
    hint = f"Known are {', '.join(sorted(_STATUSES))}."
    reason = "has no counterpart at the customer's."
    raise RecordError("unmapped_status", reason, pointer="/status", value=status, hint=hint)


def _tracos_text(body: Body, last: Fields | None, limit: int) -> str:
    """The description, or the title where there is none, unless the agreed text is empty."""
    description = body.get("description")
    if description is None or description == "":
        if last and last.get("description") == "":
            return ""
        title = body.get("title")
        if title is not None:
            return _utf8(_checked(title, "/title", limit), "/title")
    return _utf8(_checked(description, "/description", limit), "/description")


def _utf8(text: str, pointer: str) -> str:
    """The text, unless bytes of it were no UTF-8: those were read as surrogates."""
    if text.isascii() or not _SURROGATES.search(text):
        return text
    hint = "Write the text again, as UTF-8."
    reason = "is not UTF-8."
    raise RecordError("invalid_unicode", reason, pointer=pointer, value=text, hint=hint)


def _tracos_instant(moment: Any, pointer: str) -> datetime:
    if isinstance(moment, datetime) and moment.tzinfo:
        return to_milliseconds(moment)
    hint = "Set a BSON date."
    if moment is None:
        raise RecordError("required", "is missing or null.", pointer=pointer, hint=hint)
    raise RecordError("type", "is not a date in UTC.", pointer=pointer, value=moment, hint=hint)


def _tracos_deleted(body: Body) -> _Deleted:
    if body.get("deleted") is not True:
        return False
    at = body.get("deletedAt")
    return True if at is None else _tracos_instant(at, "/deletedAt")


def _tracos_warnings(body: Body) -> tuple[str, ...]:
    """What was ignored on an order that does not count as deleted."""
    found = {
        "deleted_not_bool": not isinstance(body.get("deleted"), bool | None),
        "deletion_date_ignored": body.get("deletedAt") is not None,
    }
    return tuple(code for code, is_so in found.items() if is_so)


def _new_document(order: WorkOrder) -> dict[str, Any]:
    text = str(order.fields["description"])
    return {
        "number": int(order.ref),
        "status": order.fields["status"],
        "title": _first_line(text),
        "description": text,
        "createdAt": order.created_at,
        "updatedAt": order.updated_at,
        **_deletion(order.fields[DELETED]),
    }


def _deletion(deleted: Any) -> dict[str, Any]:
    at = deleted if isinstance(deleted, datetime) else None
    return {"deleted": deleted is not False, "deletedAt": at}


def _same_deletion(wanted: Any, shown: _Deleted) -> bool:
    """An instant that is wanted but not known equals any."""
    return bool(shown) if wanted is True else wanted == shown
