"""Documents of TracOS that no customer can be told of: refused one by one, and never in the way.

The ids begin with the row of the list of bad inputs that the project was given.
"""

import datetime as dates
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import bson
import pytest
from bson.datetime_ms import DatetimeMS
from bson.decimal128 import Decimal128
from bson.raw_bson import RawBSONDocument

from tests.harness import NOW, Doc, Server, World, doc, order

GOOD = 1


def numbered(number: object, **over: Any) -> Doc:
    return {**doc(1, **over), "number": number}


@dataclass(frozen=True, slots=True)
class Bad:
    """A document, and the code and pointer of its case."""

    id: str
    document: Doc
    code: str
    pointer: str
    values: Doc = field(default_factory=dict)
    """What has to be set so that it can be sent."""


def bad(id_: str, number: int, code: str, name: str, value: object) -> Bad:
    """An order with one wrong field, which is mended later."""
    document = {k: v for k, v in {**doc(number), name: value}.items() if v is not ...}
    return Bad(id_, document, code, f"/{name}", {name: doc(number)[name]})


REFUSED = [
    Bad(
        "83-no-number",
        {k: v for k, v in doc(1).items() if k != "number"},
        "required",
        "/number",
        {"number": 831},
    ),
    Bad("83-null", numbered(None), "required", "/number", {"number": 832}),
    Bad("86-text", numbered("862"), "type", "/number", {"number": 862}),
    Bad("86-decimal", numbered(Decimal128("863")), "type", "/number", {"number": 863}),
    Bad("86-fraction", numbered(7.5), "type", "/number", {"number": 864}),
    Bad("86-bool", numbered(True), "type", "/number", {"number": 865}),
    Bad("86-zero", numbered(0), "out_of_range", "/number", {"number": 866}),
    Bad("86-negative", numbered(-867), "out_of_range", "/number", {"number": 867}),
    bad("84-unknown-status", 840, "unmapped_status", "status", "archived"),
    bad("84-status-null", 841, "unmapped_status", "status", None),
    bad("84-status-list", 842, "unmapped_status", "status", ["pending"]),
    bad("84-status-object", 843, "unmapped_status", "status", {"$gt": ""}),
    bad("85-text", 850, "type", "updatedAt", "2026-03-20T12:00:00Z"),
    bad("85-missing", 851, "required", "updatedAt", ...),
    bad("85-null", 852, "required", "updatedAt", None),
    bad("85-number", 853, "type", "updatedAt", 1_774_008_000),
    bad("85-no-creation", 854, "required", "createdAt", ...),
    bad("89-text-too-long", 890, "too_long", "description", "x" * 15_000_000),
    bad("89-text-with-nul", 891, "nul_character", "description", "a\0b"),
    bad("89-text-is-a-number", 892, "type", "description", 5),
]

SENT = {
    "86-int64": (numbered(bson.Int64(2**40)), 2**40),
    "86-whole-double": (numbered(27.0), 27),
    "87-deleted-null": (doc(870, deleted=None), 870),
    "87-deleted-text": (doc(871, deleted="true"), 871),
    "87-synced-null": (doc(872, isSynced=None), 872),
    "87-synced-text": (doc(873, isSynced="true"), 873),
    "87-synced-number": (doc(874, isSynced=1), 874),
    "89-foreign-names": ({**doc(893), "a.b": {"$x": 1}, "$price": 3, "": 0}, 893),
    "89-near-16-mb": (doc(894, photo=b"\xff" * 16_000_000), 894),
    "57-foreign-date-far-away": (doc(895, dueAt=DatetimeMS(2**60)), 895),
}


@dataclass(frozen=True, slots=True)
class Aftermath:
    world: World
    code: int
    summary: Doc
    cases: dict[str, Doc]


def insert(world: World, document: Doc) -> Any:
    return world.orders.insert_one(dict(document)).inserted_id


@pytest.fixture(scope="module")
def after(replica_set: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Aftermath]:
    world = World(replica_set, tmp_path_factory.mktemp("tracos"))
    ids = {one.id: insert(world, one.document) for one in REFUSED}
    ids |= {name: insert(world, document) for name, (document, _) in SENT.items()}
    insert(world, doc(GOOD))
    world.drop(order(2))
    code, summary, _ = world.run()
    found = {case["source"]: case for case in world.records("quarantine")}
    cases = {name: found[f"tracos:{_id}"] for name, _id in ids.items() if f"tracos:{_id}" in found}
    yield Aftermath(world, code, summary, cases)
    world.close()


@pytest.mark.parametrize("one", REFUSED, ids=lambda one: one.id)
def test_a_document_that_cannot_be_told_is_on_record_and_not_marked(
    after: Aftermath, one: Bad
) -> None:
    case = after.cases[one.id]
    assert (case["code"], case["pointer"], case["state"]) == (one.code, one.pointer, "open")
    assert case["side"] == "tracos"
    _id = bson.ObjectId(case["source"].removeprefix("tracos:"))
    stored = after.world.orders.find_one({"_id": _id})
    assert stored is not None
    assert stored == {**one.document, "_id": _id}, "it is as it was"


@pytest.mark.parametrize("name", SENT)
def test_an_odd_document_flows_and_keeps_its_own_fields(after: Aftermath, name: str) -> None:
    document, number = SENT[name]
    sent = after.world.sent(number)
    assert sent is not None
    assert (sent["orderNo"], sent["isDeleted"]) == (number, False)
    stored = after.world.doc(number)
    assert stored is not None
    assert stored["isSynced"] is True
    ours = {"_id", "isSynced", "syncedAt"}
    kept = {key: value for key, value in stored.items() if key not in ours}
    assert kept == {key: value for key, value in document.items() if key not in ours}


def test_all_others_flow_in_both_directions(after: Aftermath) -> None:
    assert after.code == 3
    assert after.summary["outbound"]["quarantined"] == len(REFUSED)
    assert after.summary["outbound"]["failed"] == 0
    assert after.world.sent(GOOD) is not None
    assert after.world.doc(2) is not None
    assert len(after.world.outbound_files()) == len(SENT) + 2


def test_each_is_refused_once_and_strictness_remembers(after: Aftermath) -> None:
    after.world.rests()
    assert after.world.run("--strict")[0] == 3


def test_a_document_that_is_mended_is_sent_and_its_case_closed(world: World) -> None:
    ids = {one.id: insert(world, one.document) for one in REFUSED}
    assert world.run()[0] == 3
    for one in REFUSED:
        world.orders.update_one({"_id": ids[one.id]}, {"$set": one.values})
    code, summary, _ = world.run()
    assert (code, summary["outbound"]["delivered"]) == (0, len(REFUSED))
    assert world.orders.count_documents({"isSynced": True}) == len(REFUSED)
    assert world.cases() == []
    world.rests()


def test_a_document_that_changes_and_is_still_wrong_is_looked_at_again(world: World) -> None:
    insert(world, doc(1, status="archived"))
    assert world.run()[0] == 3
    world.edit(1, status="parked")
    code, summary, _ = world.run()
    assert (code, summary["outbound"]["quarantined"]) == (3, 1)
    assert [case["value"] for case in world.cases()] == ['"parked"']
    world.rests()


def test_a_document_that_went_wrong_later_is_refused_and_keeps_its_last_version_out_there(
    world: World,
) -> None:
    insert(world, doc(1))
    world.settle(1)
    world.edit(1, status="archived", isSynced=False)
    assert world.run()[0] == 3
    assert world.sent(1) is None
    world.edit(1, status="completed", isSynced=False)
    assert world.run()[0] == 0
    sent = world.sent(1)
    assert sent is not None
    assert sent["isDone"]


def test_an_edit_that_left_the_mark_and_made_the_document_wrong_is_found(world: World) -> None:
    insert(world, doc(1))
    world.settle(1)
    world.edit(1, status="archived")
    code, summary, _ = world.run()
    assert (code, summary["outbound"]["quarantined"]) == (3, 1)
    world.rests()


@pytest.mark.parametrize(
    ("name", "value"),
    [("updatedAt", DatetimeMS(2**60)), ("createdAt", DatetimeMS(-(2**60)))],
    ids=["57-updated-far-away", "57-created-far-away"],
)
def test_a_date_that_python_cannot_hold_is_refused_alone(
    world: World, name: str, value: object
) -> None:
    insert(world, {**doc(57), name: value})
    insert(world, doc(GOOD))
    world.drop(order(57))
    world.drop(order(2))
    code, _, said = world.run()
    assert code == 3, said
    pointers = {case["pointer"] for case in world.cases() if case["side"] == "tracos"}
    assert pointers == {f"/{name}"}
    assert world.sent(GOOD) is not None
    assert world.doc(2) is not None


def test_a_text_that_is_not_utf_8_is_refused_alone(world: World) -> None:
    raw = bson.encode({"_id": bson.ObjectId(), **doc(57, description="@@@@")})
    world.orders.insert_one(RawBSONDocument(raw.replace(b"@@@@", b"caf\xe9")))
    insert(world, doc(GOOD))
    world.drop(order(2))
    code, _, said = world.run()
    assert code == 3, said
    assert len(world.cases()) == 1
    assert world.sent(GOOD) is not None
    assert world.doc(2) is not None


def test_an_order_of_the_customer_for_an_unreadable_document_waits_in_quarantine(
    world: World,
) -> None:
    insert(world, doc(84, status="archived"))
    world.drop(order(84))
    world.drop(order(2))
    assert world.run()[0] == 3
    assert sorted((case["side"], case["code"]) for case in world.cases()) == [
        ("customer", "unmapped_status"),
        ("tracos", "unmapped_status"),
    ]
    stored = world.doc(84)
    assert stored is not None
    assert stored["status"] == "archived"
    world.rests()


@pytest.mark.parametrize("number", ["7", Decimal128("7"), 7.0], ids=["text", "decimal", "double"])
def test_an_order_meets_a_document_that_spells_its_number_otherwise(
    world: World, number: object
) -> None:
    insert(world, numbered(number, status="on_hold"))
    world.drop(order(2))
    world.drop(order(7, summary="Description 1", at=NOW + dates.timedelta(hours=1)))
    code, _, said = world.run()
    assert "Traceback" not in said
    assert code == (0 if isinstance(number, float) else 3)
    assert world.doc(2) is not None
    world.rests()


def test_a_start_with_two_documents_of_one_number_is_refused_and_names_them(world: World) -> None:
    ids = [insert(world, doc(88)), insert(world, numbered(88.0))]
    insert(world, doc(GOOD))
    path = world.drop(order(2))
    code, _, said = world.run()
    assert code == 1
    assert len(said.splitlines()) == 1
    assert all(str(_id) in said for _id in ids)
    assert path.exists()
    assert world.outbound_files() == {}
    world.orders.delete_one({"_id": ids[0]})
    assert world.run()[0] == 0
