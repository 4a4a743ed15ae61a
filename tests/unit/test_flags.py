"""The mapping ``flags``: both directions, every refusal, and what a round trip keeps."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import orjson
import pytest
from bson import Decimal128, Int64, ObjectId
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from tests.mappings import flags
from tracbridge.domain.errors import Reason, RecordError
from tracbridge.domain.workorder import Fields, Status, WorkOrder
from tracbridge.mapping.declared import Declared
from tracbridge.mapping.decode import decode
from tracbridge.mapping.translation import Translation

# How fast they run says nothing here, least of all on a busy machine.
UNHURRIED = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
GOLDEN = sorted((Path(__file__).parents[1] / "golden" / "flags").glob("*.json"))
MAPPING = flags()
FLAGS = {"isActive": "in_progress", "isCanceled": "cancelled", "isDone": "completed"}
FLAGS |= {"isOnHold": "on_hold", "isPending": "pending"}
KNOWN = MAPPING.known
CREATED = datetime(2026, 11, 18, 18, 2, 11, 281000, UTC)
UPDATED = datetime(2026, 11, 20, 14, 14, 6, 785000, UTC)
DELETED_AT = datetime(2026, 11, 21, 9, 0, 0, 5000, UTC)
LATER = datetime(2026, 12, 1, 8, 0, tzinfo=UTC)
DROP = object()


def customer(**changes: Any) -> dict[str, Any]:
    body = {
        "orderNo": 4711,
        "isActive": True,
        "isCanceled": False,
        "isDeleted": False,
        "isDone": False,
        "isOnHold": False,
        "isPending": False,
        "summary": "Replace bearing on pump P-101",
        "creationDate": "2026-11-18T18:02:11.281026+00:00",
        "lastUpdateDate": "2026-11-20T11:14:06.785117-03:00",
        "deletedDate": None,
    } | changes
    return {key: value for key, value in body.items() if value is not DROP}


def tracos(**changes: Any) -> dict[str, Any]:
    body = {
        "_id": ObjectId(),
        "number": 4711,
        "status": "in_progress",
        "title": "Replace bearing",
        "description": "Replace bearing on pump P-101",
        "createdAt": CREATED,
        "updatedAt": UPDATED,
        "deleted": False,
        "deletedAt": None,
        "isSynced": False,
        "asset": {"a.b": 1},
    } | changes
    return {key: value for key, value in body.items() if value is not DROP}


def extra(body: dict[str, Any], raw: bytes) -> str:
    return MAPPING.extra(body, raw)  # noqa: S610 - this is no database's


def order(**fields: Any) -> WorkOrder:
    known: Fields = {"status": "in_progress", "description": "text", "deleted": False}
    return WorkOrder("4711", {**known, **fields}, CREATED, LATER)


def customer_refusal(mapping: Declared = MAPPING, **changes: Any) -> Reason:
    with pytest.raises(RecordError) as caught:
        mapping.from_customer(customer(**changes))
    assert caught.value.why.hint
    return caught.value.why


def tracos_refusal(mapping: Declared = MAPPING, **changes: Any) -> Reason:
    with pytest.raises(RecordError) as caught:
        mapping.from_tracos(tracos(**changes), None)
    assert caught.value.why.hint
    return caught.value.why


def test_it_is_a_translation_with_its_version_in_its_name() -> None:
    mapping: Translation = MAPPING
    assert mapping.name == "flags v1"


# From the customer.


def test_a_customers_record_becomes_an_order() -> None:
    assert MAPPING.from_customer(customer()) == WorkOrder(
        "4711",
        {
            "status": "in_progress",
            "description": "Replace bearing on pump P-101",
            "deleted": False,
        },
        CREATED,
        UPDATED,
    )
    assert MAPPING.from_customer(customer()).warnings == ()


@pytest.mark.parametrize("flag", FLAGS)
def test_each_flag_is_its_status(flag: str) -> None:
    flags = dict.fromkeys(FLAGS, False) | {flag: True}
    status = MAPPING.from_customer(customer(**flags)).fields["status"]
    assert status == FLAGS[flag]
    assert type(status) is str


def test_the_flags_have_their_names_from_the_customers_system() -> None:
    assert FLAGS == {
        "isActive": "in_progress",
        "isCanceled": "cancelled",
        "isDone": "completed",
        "isOnHold": "on_hold",
        "isPending": "pending",
    }


@pytest.mark.parametrize("absent", [["isActive"], list(FLAGS)])
def test_no_flag_true_and_is_active_absent_means_in_progress(absent: list[str]) -> None:
    body = customer(**dict.fromkeys(absent, DROP))
    assert MAPPING.from_customer(body).fields["status"] == "in_progress"


def test_a_true_flag_counts_beside_an_absent_is_active() -> None:
    body = customer(isActive=DROP, isDone=True)
    assert MAPPING.from_customer(body).fields["status"] == "completed"


def test_all_five_flags_present_and_false_are_refused() -> None:
    why = customer_refusal(isActive=False)
    assert why.code == "no_status"
    assert all(flag in why.hint for flag in FLAGS)


def test_is_active_false_and_the_others_absent_is_refused() -> None:
    absent: dict[str, Any] = dict.fromkeys(FLAGS, DROP) | {"isActive": False}
    assert customer_refusal(**absent).code == "no_status"


def test_two_true_flags_are_refused_and_both_are_named() -> None:
    why = customer_refusal(isActive=DROP, isDone=True, isCanceled=True)
    assert why.code == "contradictory_status"
    assert "/isCanceled" in str(why)
    assert "/isDone" in str(why)


@pytest.mark.parametrize("flag", [*FLAGS, "isDeleted"])
@pytest.mark.parametrize("value", [None, "false", "no", "", 0, 1, 0.0, [], {}])
def test_a_flag_that_is_no_bool_is_refused(flag: str, value: Any) -> None:
    why = customer_refusal(**{flag: value})
    assert (why.code, why.pointer) == ("type", f"/{flag}")


def test_the_time_of_deletion_is_the_deletion() -> None:
    body = customer(isDeleted=True, deletedDate="2026-11-21T10:00:00.005999+01:00")
    assert MAPPING.from_customer(body).fields == {
        "status": "in_progress",
        "description": "Replace bearing on pump P-101",
        "deleted": DELETED_AT,
    }


@pytest.mark.parametrize("at", [None, DROP])
def test_a_deletion_without_its_time_is_accepted_with_a_warning(at: object) -> None:
    found = MAPPING.from_customer(customer(isDeleted=True, deletedDate=at))
    assert found.fields["deleted"] is True
    assert found.warnings == ("deletion_date_missing",)


@pytest.mark.parametrize("active", [False, DROP])
def test_a_deleted_order_without_a_flag_has_no_status(active: object) -> None:
    body = customer(isDeleted=True, isActive=active, deletedDate="2026-11-21T09:00:00Z")
    assert "status" not in MAPPING.from_customer(body).fields


def test_a_deleted_order_with_two_flags_is_refused() -> None:
    assert customer_refusal(isDeleted=True, isDone=True).code == "contradictory_status"


def test_is_deleted_missing_means_not_deleted() -> None:
    assert MAPPING.from_customer(customer(isDeleted=DROP)).fields["deleted"] is False


@pytest.mark.parametrize("flag", [False, DROP])
@pytest.mark.parametrize("at", ["2026-11-21T09:00:00Z", "", 0, False])
def test_a_deletion_date_without_a_deletion_is_refused(flag: object, at: object) -> None:
    why = customer_refusal(isDeleted=flag, deletedDate=at)
    assert (why.code, why.pointer) == ("contradictory_delete", "/deletedDate")


@pytest.mark.parametrize(
    ("number", "code"),
    [
        pytest.param(DROP, "required", id="row 26"),
        pytest.param(None, "required", id="row 27: null"),
        pytest.param("", "type", id="row 27: empty"),
        pytest.param(" ", "type", id="row 27: blank"),
        pytest.param(0, "out_of_range", id="row 28"),
        pytest.param(0.0, "out_of_range", id="row 28: 0.0"),
        pytest.param(-1, "out_of_range", id="row 29"),
        pytest.param(-7.0, "out_of_range", id="row 29: float"),
        pytest.param(1.5, "type", id="row 30"),
        pytest.param("00042", "type", id="row 31"),
        pytest.param(True, "type", id="row 32: true"),
        pytest.param(False, "type", id="row 32: false"),
        pytest.param(2**63, "out_of_range", id="row 33: 2^63"),
        pytest.param(2.0**63, "out_of_range", id="row 33: float"),
        pytest.param(2.0**53, "out_of_range", id="not exact as a float"),
        pytest.param(2**64, "out_of_range", id="row 33: 2^64"),
        pytest.param({"$gt": ""}, "type", id="row 34"),
        pytest.param("../../etc/x", "type", id="row 35"),
        pytest.param("7" * 300, "type", id="row 36"),
        pytest.param("CON", "type", id="row 37"),
        pytest.param("\x1b[31m\n", "type", id="row 39"),
        pytest.param([1], "type", id="array"),
        pytest.param(float("nan"), "type", id="NaN"),
        pytest.param(float("inf"), "type", id="Infinity"),
    ],
)
def test_an_order_number_of_another_type_or_range_is_refused(number: Any, code: str) -> None:
    why = customer_refusal(orderNo=number)
    assert (why.code, why.pointer) == (code, "/orderNo")
    assert str(why).isprintable()
    assert MAPPING.customer_ref(customer(orderNo=number)) is None
    assert MAPPING.tracos_ref(tracos(number=number)) is None
    assert tracos_refusal(number=number).code == code


@pytest.mark.parametrize(
    ("number", "ref"),
    [(1, "1"), (2**63 - 1, "9223372036854775807"), (7.0, "7"), (1e2, "100")],
)
def test_order_numbers_in_range_are_accepted(number: float, ref: str) -> None:
    assert MAPPING.from_customer(customer(orderNo=number)).ref == ref
    assert MAPPING.customer_ref({"orderNo": number}) == ref


def test_a_whole_number_with_a_point_is_accepted_with_a_warning() -> None:
    assert MAPPING.from_customer(customer(orderNo=7.0)).warnings == ("integral_float",)


@pytest.mark.parametrize(
    ("summary", "code"),
    [
        pytest.param(DROP, "required", id="row 40: missing"),
        pytest.param(None, "required", id="row 40: null"),
        pytest.param(5, "type", id="number"),
        pytest.param(["a"], "type", id="array"),
        pytest.param("a\0b", "nul_character", id="row 44"),
    ],
)
def test_a_summary_that_is_no_text_is_refused(summary: Any, code: str) -> None:
    why = customer_refusal(summary=summary)
    assert (why.code, why.pointer) == (code, "/summary")


def test_a_text_over_the_limit_is_refused_and_the_limit_is_named() -> None:
    small = flags(text_limit=10)
    assert small.from_customer(customer(summary="é" * 10)).fields["description"] == "é" * 10
    why = customer_refusal(small, summary="é" * 11)
    assert why.code == "too_long"
    assert "11 characters; the limit is 10" in why.reason
    assert tracos_refusal(small, description="é" * 11).pointer == "/description"
    assert tracos_refusal(small, description="", title="é" * 11).pointer == "/title"
    assert customer_refusal(summary="x" * 1_000_001).code == "too_long"
    assert customer_refusal(small, summary="x" * 9 + "\0").code == "nul_character"


@pytest.mark.parametrize("text", ["", " ", "<img src=x onerror=alert(1)>", "🔧 e\u0301 修理\r\n\t"])
def test_texts_are_kept_as_they_are(text: str) -> None:
    assert MAPPING.from_customer(customer(summary=text)).fields["description"] == text


@pytest.mark.parametrize("key", ["creationDate", "lastUpdateDate"])
@pytest.mark.parametrize(
    ("value", "code"),
    [(DROP, "required"), (None, "required"), ("2026-11-18T18:02:11", "no_time_zone"), (5, "type")],
)
def test_both_dates_are_required_with_a_zone(key: str, value: Any, code: str) -> None:
    why = customer_refusal(**{key: value})
    assert (why.code, why.pointer) == (code, f"/{key}")


@pytest.mark.parametrize(
    ("at", "code"),
    [("2026-02-30", "invalid_date"), ("", "invalid_date"), (0, "type"), (False, "type")],
)
def test_a_bad_deletion_date_is_refused_at_its_place(at: Any, code: str) -> None:
    why = customer_refusal(isDeleted=True, deletedDate=at)
    assert (why.code, why.pointer) == (code, "/deletedDate")


def test_dates_without_offset_are_of_the_mappings_zone() -> None:
    local = "2026-11-18T19:02:11.281"
    body = customer(creationDate=local, lastUpdateDate=local, deletedDate=local, isDeleted=True)
    found = flags(ZoneInfo("Europe/Berlin")).from_customer(body)
    assert [found.created_at, found.updated_at, found.fields["deleted"]] == [CREATED] * 3


def test_an_update_before_the_creation_is_accepted_with_a_warning() -> None:
    body = customer(lastUpdateDate="2026-11-18T18:02:11.280Z")
    assert MAPPING.from_customer(body).warnings == ("inconsistent_dates",)
    same = customer(orderNo=7.0, lastUpdateDate="2026-11-18T18:02:11.281Z")
    assert MAPPING.from_customer(same).warnings == ("integral_float",)


def test_an_unknown_flag_is_accepted_with_a_warning() -> None:
    body = customer(isArchived=True, isbn=True, issue="x", isText="x", isTrue=None)
    assert MAPPING.from_customer(body).warnings == ("unknown_flag",)
    harmless = customer(isbn=True, isText="x", archived=True)
    assert MAPPING.from_customer(harmless).warnings == ()


@pytest.mark.parametrize("value", [True, False, None, "yes"])
def test_the_customers_is_synced_is_ignored(value: object) -> None:
    assert MAPPING.from_customer(customer(isSynced=value)) == MAPPING.from_customer(customer())
    assert extra(customer(isSynced=value), b"") == ""


# What is passed through.


def test_a_record_of_known_keys_has_no_extra() -> None:
    assert extra(customer(), b"never read") == ""
    assert len(KNOWN) == 12


def test_unknown_keys_are_passed_through_as_the_customer_spelt_them() -> None:
    raw = b'{"orderNo": 1, "price": 1.10, "a\\u0022\\n": {"n" : 1E2}, "s": "\\u00e9"}'
    [record] = decode(raw)
    assert record.body is not None
    assert extra(record.body, record.raw) == ('{"price":1.10,"a\\"\\n":{"n" : 1E2},"s":"\\u00e9"}')


# To the customer.


def test_an_order_becomes_a_whole_customers_record() -> None:
    assert MAPPING.to_customer(order(deleted=DELETED_AT)) == {
        "orderNo": 4711,
        "isActive": True,
        "isCanceled": False,
        "isDone": False,
        "isOnHold": False,
        "isPending": False,
        "isDeleted": True,
        "isSynced": True,
        "summary": "text",
        "creationDate": "2026-11-18T18:02:11.281+00:00",
        "lastUpdateDate": "2026-12-01T08:00:00.000+00:00",
        "deletedDate": "2026-11-21T09:00:00.005+00:00",
    }


@pytest.mark.parametrize("status", Status)
def test_all_five_flags_are_written_and_exactly_one_is_true(status: Status) -> None:
    body = MAPPING.to_customer(order(status=status))
    assert {flag for flag in FLAGS if body[flag] is True} == {
        flag for flag, own in FLAGS.items() if own == status
    }
    assert all(type(body[flag]) is bool for flag in FLAGS)


@pytest.mark.parametrize(("deleted", "flag"), [(False, False), (True, True)])
def test_without_a_time_of_deletion_null_is_written(deleted: bool, flag: bool) -> None:
    body = MAPPING.to_customer(order(deleted=deleted))
    assert body["isDeleted"] is flag
    assert body["deletedDate"] is None


def test_written_records_do_not_share_anything() -> None:
    MAPPING.to_customer(order())["isActive"] = "broken"
    assert MAPPING.to_customer(order())["isActive"] is True


# From TracOS.


def test_a_tracos_document_becomes_an_order() -> None:
    found = MAPPING.from_tracos(tracos(), None)
    assert found == MAPPING.from_customer(customer())
    assert found.warnings == ()
    assert found.extra == ""


@pytest.mark.parametrize("number", [7, 7.0, Int64(7)])
def test_whole_numbers_of_any_bson_type_are_one_order(number: Any) -> None:
    assert MAPPING.from_tracos(tracos(number=number), None).ref == "7"
    assert MAPPING.from_tracos(tracos(number=number), None).warnings == ()
    assert MAPPING.tracos_ref({"number": number}) == "7"


@pytest.mark.parametrize("number", [Decimal128("7"), "7", True, DROP, None, 7.5])
def test_a_document_without_a_valid_number_is_refused(number: Any) -> None:
    why = tracos_refusal(number=number)
    assert why.pointer == "/number"
    assert MAPPING.tracos_ref(tracos(number=number)) is None


@pytest.mark.parametrize("status", Status)
def test_each_status_of_tracos_is_known(status: Status) -> None:
    found = MAPPING.from_tracos(tracos(status=status.value), None)
    assert found.fields["status"] == status.value
    assert type(found.fields["status"]) is str


@pytest.mark.parametrize("status", ["archived", "Pending", "", None, DROP, 1, ["pending"], {}])
def test_a_status_without_a_flag_is_refused_and_the_known_are_named(status: Any) -> None:
    why = tracos_refusal(status=status)
    assert (why.code, why.pointer) == ("unmapped_status", "/status")
    assert "cancelled, completed, in_progress, on_hold, pending" in why.hint


@pytest.mark.parametrize(
    ("description", "title", "last", "text"),
    [
        ("D", "T", None, "D"),
        ("D", "T", "", "D"),
        ("D", 5, None, "D"),
        (" ", "T", None, " "),
        ("", "T", None, "T"),
        (None, "T", None, "T"),
        (DROP, "T", None, "T"),
        ("", "T", "T", "T"),
        ("", "T", "other", "T"),
        ("", "T", "", ""),
        (DROP, "T", "", ""),
        (None, "T", "", ""),
        ("", "", None, ""),
        (DROP, "", None, ""),
        ("", DROP, None, ""),
        ("", None, None, ""),
    ],
)
def test_the_text_is_the_description_else_the_title_unless_the_agreed_text_is_empty(
    description: Any, title: Any, last: str | None, text: str
) -> None:
    agreed = None if last is None else {"description": last}
    found = MAPPING.from_tracos(tracos(description=description, title=title), agreed)
    assert found.fields["description"] == text


@pytest.mark.parametrize(
    ("description", "title", "code", "pointer"),
    [
        (DROP, DROP, "required", "/description"),
        (None, None, "required", "/description"),
        (5, "T", "type", "/description"),
        (0, "T", "type", "/description"),
        ("", 5, "type", "/title"),
        ("a\0", "T", "nul_character", "/description"),
        ("", "a\0", "nul_character", "/title"),
    ],
)
def test_a_document_without_a_text_is_refused(
    description: Any, title: Any, code: str, pointer: str
) -> None:
    why = tracos_refusal(description=description, title=title)
    assert (why.code, why.pointer) == (code, pointer)


@pytest.mark.parametrize("key", ["createdAt", "updatedAt"])
@pytest.mark.parametrize(
    ("value", "code"),
    [
        (DROP, "required"),
        (None, "required"),
        ("2026-11-18T18:02:11Z", "type"),
        (datetime(2026, 11, 18), "type"),  # noqa: DTZ001 - the naive one is the case
        (0, "type"),
    ],
)
def test_both_tracos_dates_are_required(key: str, value: Any, code: str) -> None:
    why = tracos_refusal(**{key: value})
    assert (why.code, why.pointer) == (code, f"/{key}")


def test_tracos_dates_are_cut_to_milliseconds_in_utc() -> None:
    west = timezone(timedelta(hours=-3))
    odd = UPDATED.astimezone(west) + timedelta(microseconds=999)
    found = MAPPING.from_tracos(tracos(updatedAt=odd, deleted=True, deletedAt=odd), None)
    assert found.updated_at == found.fields["deleted"] == UPDATED
    assert found.updated_at.tzinfo is UTC


@pytest.mark.parametrize(
    ("deleted", "at", "shown", "warnings"),
    [
        (False, None, False, ()),
        (DROP, DROP, False, ()),
        (None, None, False, ()),
        ("true", None, False, ("deleted_not_bool",)),
        (1, DELETED_AT, False, ("deleted_not_bool", "deletion_date_ignored")),
        (0, None, False, ("deleted_not_bool",)),
        (False, DELETED_AT, False, ("deletion_date_ignored",)),
        (DROP, "odd", False, ("deletion_date_ignored",)),
        (True, DELETED_AT, DELETED_AT, ()),
        (True, None, True, ()),
        (True, DROP, True, ()),
    ],
)
def test_the_tombstone_of_tracos_is_a_bool_with_or_without_a_time(
    deleted: Any, at: Any, shown: Any, warnings: tuple[str, ...]
) -> None:
    found = MAPPING.from_tracos(tracos(deleted=deleted, deletedAt=at), None)
    assert found.fields["deleted"] == shown
    assert type(found.fields["deleted"]) is type(shown)
    assert found.warnings == warnings


def test_a_deletion_with_a_time_that_is_none_is_refused() -> None:
    why = tracos_refusal(deleted=True, deletedAt="2026-11-21T09:00:00Z")
    assert (why.code, why.pointer) == ("type", "/deletedAt")


@pytest.mark.parametrize("value", [True, "true", None, 5])
def test_tracos_is_synced_is_not_looked_at(value: Any) -> None:
    assert MAPPING.from_tracos(tracos(isSynced=value), None).warnings == ()


def test_a_ref_is_found_although_all_else_is_wrong() -> None:
    assert MAPPING.customer_ref({"orderNo": 5, "isDone": "x"}) == "5"
    assert MAPPING.tracos_ref({"number": 5}) == "5"
    assert MAPPING.customer_ref({}) is None
    assert MAPPING.tracos_ref({}) is None


# To TracOS.


def test_a_new_order_becomes_a_whole_document() -> None:
    assert MAPPING.to_tracos(order(description="One\nTwo", status="on_hold"), None) == {
        "number": 4711,
        "status": "on_hold",
        "title": "One",
        "description": "One\nTwo",
        "createdAt": CREATED,
        "updatedAt": LATER,
        "deleted": False,
        "deletedAt": None,
    }


@pytest.mark.parametrize(("deleted", "at"), [(DELETED_AT, DELETED_AT), (True, None)])
def test_a_new_deleted_order_has_its_tombstone(deleted: Any, at: datetime | None) -> None:
    document = MAPPING.to_tracos(order(deleted=deleted), None)
    assert (document["deleted"], document["deletedAt"]) == (True, at)


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("a\r\nb", "a"),
        ("a\rb", "a"),
        ("a\n\nb", "a"),
        ("a\u2028b", "a\u2028b"),
        ("", ""),
        ("\na", ""),
    ],
)
def test_the_title_is_the_first_line(text: str, line: str) -> None:
    assert MAPPING.to_tracos(order(description=text), None)["title"] == line


@pytest.mark.parametrize(
    ("before", "wanted", "changes"),
    [
        pytest.param({}, {}, {}, id="nothing differs"),
        pytest.param({}, {"status": "pending"}, {"status": "pending"}, id="status"),
        pytest.param({}, {"description": "new"}, {"description": "new"}, id="title is TracOS's"),
        pytest.param(
            {"title": "text"},
            {"description": "new\nmore"},
            {"description": "new\nmore", "title": "new"},
            id="title still the old first line",
        ),
        pytest.param(
            {"title": "One", "description": "One\nTwo"},
            {"description": "One\nThree"},
            {"description": "One\nThree", "title": "One"},
            id="the first line stays",
        ),
        pytest.param(
            {"title": "T", "description": ""},
            {"description": "new"},
            {"description": "new", "title": "new"},
            id="the title was the text",
        ),
        pytest.param({"title": "T", "description": ""}, {"description": "T"}, {}, id="title shown"),
        pytest.param({"title": "T", "description": DROP}, {"description": "T"}, {}, id="no descr."),
        pytest.param({"title": "T", "description": ""}, {"description": ""}, {}, id="agreed empty"),
        pytest.param({"title": "T"}, {"description": ""}, {"description": ""}, id="emptied"),
        pytest.param(
            {},
            {"deleted": DELETED_AT},
            {"deleted": True, "deletedAt": DELETED_AT},
            id="deleted",
        ),
        pytest.param(
            {}, {"deleted": True}, {"deleted": True, "deletedAt": None}, id="time unknown"
        ),
        pytest.param(
            {"deleted": True, "deletedAt": DELETED_AT}, {"deleted": True}, {}, id="any time"
        ),
        pytest.param({"deleted": True}, {"deleted": True}, {}, id="both unknown"),
        pytest.param(
            {"deleted": True},
            {"deleted": DELETED_AT},
            {"deleted": True, "deletedAt": DELETED_AT},
            id="the time becomes known",
        ),
        pytest.param(
            {"deleted": True, "deletedAt": DELETED_AT},
            {"deleted": False},
            {"deleted": False, "deletedAt": None},
            id="restored",
        ),
        pytest.param({"deletedAt": DELETED_AT}, {"deleted": False}, {}, id="stale time ignored"),
        pytest.param({"deleted": DROP}, {"deleted": False}, {}, id="absent is not deleted"),
    ],
)
def test_only_what_differs_is_set(
    before: dict[str, Any], wanted: dict[str, Any], changes: dict[str, Any]
) -> None:
    document = tracos(**{"description": "text"} | before)
    assert MAPPING.to_tracos(order(**wanted), document) == (
        {**changes, "updatedAt": LATER} if changes else {}
    )


def test_an_order_without_a_status_keeps_the_one_it_has() -> None:
    gone = WorkOrder("4711", {"description": "text", "deleted": DELETED_AT}, CREATED, LATER)
    assert MAPPING.to_tracos(gone, tracos(description="text", status="on_hold")) == {
        "deleted": True,
        "deletedAt": DELETED_AT,
        "updatedAt": LATER,
    }


# Properties.

FIRST, LAST = datetime(1900, 1, 2, tzinfo=UTC), datetime(2200, 12, 30, tzinfo=UTC)
MOMENTS = st.integers(0, (LAST - FIRST) // timedelta(milliseconds=1)).map(
    lambda passed: FIRST + timedelta(milliseconds=passed)
)
TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=20)
STATUSES = st.sampled_from([status.value for status in Status])
ORDERS = st.builds(
    WorkOrder,
    st.integers(1, 2**63 - 1).map(str),
    st.fixed_dictionaries(
        {
            "status": STATUSES,
            "description": TEXTS,
            "deleted": st.booleans() | MOMENTS,
        }
    ),
    MOMENTS,
    MOMENTS,
)
DOCUMENTS = st.fixed_dictionaries(
    {"status": STATUSES, "createdAt": MOMENTS, "updatedAt": MOMENTS, "title": TEXTS},
    optional={
        "description": TEXTS | st.none(),
        "deleted": st.booleans() | st.none(),
        "deletedAt": MOMENTS | st.none(),
        "asset": TEXTS,
    },
)


@UNHURRIED
@given(ORDERS)
def test_an_order_survives_the_way_to_the_customer_and_back(wanted: WorkOrder) -> None:
    [record] = decode(orjson.dumps(MAPPING.to_customer(wanted)))
    assert record.body is not None
    assert replace(MAPPING.from_customer(record.body), warnings=()) == wanted
    assert extra(record.body, record.raw) == ""
    assert MAPPING.customer_ref(record.body) == wanted.ref


@UNHURRIED
@given(ORDERS)
def test_an_order_survives_the_way_to_tracos_and_back(wanted: WorkOrder) -> None:
    document = MAPPING.to_tracos(wanted, None)
    assert MAPPING.from_tracos(document, None) == wanted
    assert MAPPING.to_tracos(wanted, document) == {}
    assert MAPPING.tracos_ref(document) == wanted.ref


@UNHURRIED
@given(ORDERS, DOCUMENTS)
def test_after_an_update_the_document_shows_the_order(
    wanted: WorkOrder, before: dict[str, Any]
) -> None:
    document = {"number": int(wanted.ref), **before}
    changes = MAPPING.to_tracos(wanted, document)
    after = {**document, **changes}
    shown = MAPPING.from_tracos(after, wanted.fields).fields
    if wanted.fields["deleted"] is True:
        assert shown["deleted"]
        shown = {**shown, "deleted": True}
    assert shown == wanted.fields
    assert MAPPING.to_tracos(wanted, after) == {}
    assert changes.keys() <= {"status", "description", "title", "deleted", "deletedAt", "updatedAt"}
    assert ("deleted" in changes) == ("deletedAt" in changes)
    assert ("updatedAt" in changes) == bool(changes)
    assert "title" not in changes or "description" in changes


SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5)
ODD = SCALARS | st.lists(SCALARS, max_size=2) | st.dictionaries(st.text(max_size=2), SCALARS)


@UNHURRIED
@given(
    st.fixed_dictionaries({}, optional=dict.fromkeys(customer(), ODD)),
    st.lists(st.sampled_from(sorted(KNOWN))),
)
def test_any_record_is_an_order_or_a_record_error(odd: dict[str, Any], dropped: list[str]) -> None:
    body = {key: value for key, value in customer(**odd).items() if key not in dropped}
    found = outcome(lambda: MAPPING.from_customer(body))
    if isinstance(found, Reason):
        assert found.pointer
        assert found.hint
        return
    fields = {"status": "pending", **found.fields}
    assert MAPPING.to_customer(WorkOrder(found.ref, fields, CREATED, UPDATED))
    assert MAPPING.customer_ref(body) == found.ref


@UNHURRIED
@given(st.fixed_dictionaries({}, optional=dict.fromkeys(tracos(), ODD)), st.none() | DOCUMENTS)
def test_any_document_is_an_order_or_a_record_error(
    odd: dict[str, Any], last: dict[str, Any] | None
) -> None:
    body = tracos(**odd)
    found = outcome(lambda: MAPPING.from_tracos(body, last))
    if isinstance(found, Reason):
        assert found.pointer
        assert found.hint
        return
    assert MAPPING.to_tracos(found, body) == {}
    assert MAPPING.tracos_ref(body) == found.ref


def outcome(read: Callable[[], WorkOrder]) -> WorkOrder | Reason:
    try:
        return read()
    except RecordError as error:
        return error.why


@UNHURRIED
@given(st.dictionaries(TEXTS, st.recursive(SCALARS, st.lists), max_size=4))
def test_all_unknown_keys_and_no_others_are_passed_through(unknown: dict[str, Any]) -> None:
    unknown = json.loads(json.dumps(unknown).replace("Infinity", "0").replace("NaN", "0"))
    raw = json.dumps({**customer(), **unknown}).encode()
    found = extra({**customer(), **unknown}, raw)
    assert (json.loads(found) if found else {}) == {
        key: value for key, value in unknown.items() if key not in KNOWN
    }


# Golden samples.


@pytest.mark.parametrize("path", GOLDEN, ids=[path.stem for path in GOLDEN])
def test_a_golden_sample_means_what_it_always_meant(path: Path) -> None:
    sample = json.loads(path.read_bytes())
    zone = ZoneInfo(sample["zone"]) if "zone" in sample else None
    mapping = flags(zone)
    if "customer" in sample:
        [record] = decode(json.dumps(sample["customer"]).encode())
        assert record.body is not None
        found = mapping.from_customer(record.body)
        assert extra(record.body, record.raw) == sample.get("extra", "")
    else:
        found = mapping.from_tracos(with_instants(sample["tracos"]), sample.get("last"))
    assert plain(found) == sample["canonical"]


def with_instants(document: dict[str, Any]) -> dict[str, Any]:
    return {
        key: datetime.fromisoformat(value) if key.endswith("At") and value else value
        for key, value in document.items()
    }


def plain(found: WorkOrder) -> dict[str, Any]:
    deleted = found.fields["deleted"]
    return {
        "ref": found.ref,
        **found.fields,
        "deleted": deleted.isoformat() if isinstance(deleted, datetime) else deleted,
        "created_at": found.created_at.isoformat(),
        "updated_at": found.updated_at.isoformat(),
        "warnings": list(found.warnings),
    }


def test_there_are_golden_samples() -> None:
    assert len(GOLDEN) >= 10
