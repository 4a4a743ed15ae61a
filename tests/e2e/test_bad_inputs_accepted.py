"""Odd inputs that are orders all the same: what TracOS shows of them, and what goes back.

The ids begin with the row of the list of bad inputs that the project was given.
"""

import json
import os
import socket
from collections.abc import Iterator
from contextlib import chdir
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.harness import CREATED, NOW, Doc, Server, World, order

COMBINED = "e\u0301 \u0928\u093f \U0001f469\u200d\U0001f527 \u6f22\u5b57 \u202eabc \ufeff"


@dataclass(frozen=True, slots=True)
class Odd:
    """One odd file: its bytes, what TracOS and the outbound file show then, a warning's code."""

    id: str
    number: int
    data: bytes
    tracos: Doc = field(default_factory=dict)
    sent: Doc = field(default_factory=dict)
    warning: str = ""


def odd(
    id_: str,
    number: int,
    *,
    tracos: Doc | None = None,
    sent: Doc | None = None,
    warning: str = "",
    **over: Any,
) -> Odd:
    data = json.dumps({**order(number), **over}).encode()
    return Odd(id_, number, data, tracos or {}, sent or {}, warning)


def plain(number: int) -> bytes:
    return json.dumps(order(number)).encode()


ACCEPTED = [
    Odd("05-byte-order-mark", 5, b"\xef\xbb\xbf" + plain(5), {"status": "pending"}),
    Odd("05-blanks-around", 105, b"\r\n\t " + plain(105) + b"\n\n", {"status": "pending"}),
    Odd(
        "30-whole-double",
        30,
        plain(30).replace(b'"orderNo": 30', b'"orderNo": 30.0'),
        {"number": 30},
        {"orderNo": 30},
        "integral_float",
    ),
    Odd(
        "30-exponent",
        300,
        plain(300).replace(b'"orderNo": 300', b'"orderNo": 3e2'),
        {"number": 300},
        {"orderNo": 300},
        "integral_float",
    ),
    odd("33-largest", 2**63 - 1, tracos={"number": 2**63 - 1}, sent={"orderNo": 2**63 - 1}),
    odd("40-empty-summary", 40, summary="", tracos={"description": ""}, sent={"summary": ""}),
    odd(
        "41-markup",
        41,
        summary="<img src=x onerror=alert(1)>",
        tracos={"description": "<img src=x onerror=alert(1)>"},
        sent={"summary": "<img src=x onerror=alert(1)>"},
    ),
    odd(
        "45-unicode",
        45,
        summary=COMBINED,
        tracos={"description": COMBINED},
        sent={"summary": COMBINED},
    ),
    odd("49-unknown-flag", 49, isArchived=True, sent={"isArchived": True}, warning="unknown_flag"),
    odd(
        "50-deleted-without-date",
        50,
        isDeleted=True,
        tracos={"deleted": True, "deletedAt": NOW, "status": "pending"},
        sent={"isDeleted": True, "isPending": True},
        warning="deletion_date_missing",
    ),
    odd(
        "58-microseconds",
        58,
        lastUpdateDate="2026-03-20T11:14:06.785999-03:00",
        tracos={"updatedAt": datetime(2026, 3, 20, 14, 14, 6, 785000, UTC)},
    ),
    odd(
        "60-updated-before-created",
        60,
        lastUpdateDate=(CREATED - timedelta(days=1)).isoformat(),
        tracos={"createdAt": CREATED},
        warning="inconsistent_dates",
    ),
]

NAMES = {
    64: b"1.json",
    73: b"X.JSON",
    171: b"caf\xe9.json",
    172: b"a\nb.json",
    173: b"-rf.json",
    174: b"\x1b[31m.json",
    175: "\u00e9".encode() * 125 + b".json",
    176: b"o" + "\u00e9".encode() * 124 + b".json",
    177: b" .json",
    178: b"$(reboot).json",
}


@dataclass(frozen=True, slots=True)
class Aftermath:
    world: World
    code: int
    said: str


@pytest.fixture(scope="module")
def after(replica_set: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Aftermath]:
    world = World(replica_set, tmp_path_factory.mktemp("accepted"))
    for one in ACCEPTED:
        world.drop(one.data, f"{one.id}.json")
    code, _, said = world.run()
    yield Aftermath(world, code, said)
    world.close()


@pytest.mark.parametrize("one", ACCEPTED, ids=lambda one: one.id)
def test_an_odd_record_is_an_order_like_any_other(after: Aftermath, one: Odd) -> None:
    document = after.world.doc(one.number)
    assert document is not None
    assert {key: document[key] for key in one.tracos} == one.tracos
    sent = after.world.sent(one.number)
    assert sent is not None
    assert {key: sent[key] for key in one.sent} == one.sent


def test_all_of_them_are_in_order_and_at_rest(after: Aftermath) -> None:
    assert after.code == 0, after.said
    assert after.world.records("quarantine") == []
    after.world.rests()


@pytest.mark.parametrize("one", [o for o in ACCEPTED if o.warning], ids=lambda one: one.id)
def test_what_looks_odd_is_warned_about_where_it_lies(after: Aftermath, one: Odd) -> None:
    lines = [line for line in after.said.splitlines() if one.warning in line]
    assert any(f"{one.id}.json" in line for line in lines), after.said


@pytest.mark.parametrize("number", NAMES)
def test_a_file_name_means_nothing_whatever_it_is(world: World, number: int) -> None:
    world.drop(order(number), os.fsdecode(NAMES[number]))
    bad = b"bad" + (NAMES[number] if len(NAMES[number]) < 200 else b".json")
    world.drop(b"{}", os.fsdecode(bad))
    code, summary, said = world.run()
    assert (code, summary["inbound"]["created"], summary["inbound"]["quarantined"]) == (3, 1, 1), (
        said
    )
    assert world.doc(number) is not None
    assert world.sent(number) is not None
    assert all(line.isprintable() for line in said.splitlines())
    assert [path.name for path in world.inbound.rglob("*")] == [".claimed"]
    assert [path.read_bytes() for path in world.kept("quarantine")] == [b"{}"]
    world.rests()


def test_a_second_run_over_names_that_are_not_text_changes_nothing(world: World) -> None:
    world.drop(order(1), os.fsdecode(b"\xff\xfe.json"))
    assert world.run()[0] == 0
    world.drop(order(1), os.fsdecode(b"\xff\xfe.json"))
    code, summary, _ = world.run()
    assert (code, summary["inbound"]["unchanged"]) == (0, 1)
    world.rests()


def test_names_that_are_no_orders_and_what_is_no_file_is_left_alone(world: World) -> None:
    for name in (".x.json.swp", "x.json.tmp", "Thumbs.db", ".DS_Store", ".hidden.json", "~x.json"):
        world.drop(b"{}", name)
    (world.inbound / "folder.json").mkdir()
    os.mkfifo(world.inbound / "pipe.json")
    with chdir(world.inbound), socket.socket(socket.AF_UNIX) as there:
        there.bind("socket.json")
    world.drop(order(1))
    left = {path.name for path in world.inbound.iterdir()} - {"1.json"} | {".claimed"}
    code, summary, said = world.run(timeout=30)
    assert (code, summary["inbound"]["created"]) == (0, 1)
    assert {path.name for path in world.inbound.iterdir()} == left
    for name in ("folder.json", "pipe.json", "socket.json"):
        assert name in said, "what is no file is warned about"


def test_a_file_with_two_names_is_taken_once_by_each(world: World) -> None:
    path = world.drop(order(69))
    os.link(path, world.root / "other-name.json")
    assert world.run()[0] == 0
    assert world.doc(69) is not None


def test_a_date_without_offset_belongs_to_the_zone_that_is_set(
    replica_set: Server, tmp_path: Any
) -> None:
    world = World(replica_set, tmp_path, {"DATA_TIMEZONE": "Europe/Berlin"})
    world.drop({**order(1), "lastUpdateDate": "2026-03-20T12:00:00"})
    world.drop({**order(2), "lastUpdateDate": "2025-10-26T02:30:00"})
    world.drop({**order(3), "lastUpdateDate": "2026-03-29T02:30:00"})
    assert world.run()[0] == 3
    one, twice = world.doc(1), world.doc(2)
    assert one is not None
    assert twice is not None
    assert one["updatedAt"] == datetime(2026, 3, 20, 11, tzinfo=UTC)
    assert twice["updatedAt"] == datetime(2025, 10, 26, 0, 30, tzinfo=UTC), "the first of the two"
    assert [(case["ref"], case["code"]) for case in world.cases()] == [("3", "local_time")]
    world.close()


def test_a_time_in_the_future_wins_nothing_and_poisons_nothing(world: World) -> None:
    world.orders.insert_one({**_document(61), "status": "pending"})
    world.drop(order(61, "pending", summary="Text"))
    world.settle(61)
    world.edit(61, status="on_hold")
    tomorrow = datetime.now(UTC) + timedelta(days=1)
    world.drop(order(61, "completed", at=tomorrow, summary="Text"))
    code, summary, said = world.run()
    assert (code, summary["inbound"]["conflicts"]) == (0, 1)
    document = world.doc(61)
    assert document is not None
    assert document["status"] == "on_hold", "it never wins by time"
    assert document["updatedAt"] <= datetime.now(UTC)
    world.settle(61)
    world.drop(order(61, "completed", at=datetime.now(UTC), summary="Text"))
    assert world.run()[1]["inbound"]["updated"] == 1, "the clock is right again"
    assert "clock_skew" in said


def _document(number: int) -> Doc:
    return {
        "number": number,
        "status": "pending",
        "title": "Text",
        "description": "Text",
        "createdAt": CREATED,
        "updatedAt": NOW,
        "deleted": False,
    }


def test_an_older_version_is_stale_kept_and_not_applied(world: World) -> None:
    world.drop(order(62, "on_hold"))
    world.settle(62)
    before = world.doc(62)
    world.drop(order(62, "pending", at=NOW - timedelta(hours=1)))
    code, summary, _ = world.run()
    assert (code, summary["inbound"]["stale"]) == (0, 1)
    after = world.doc(62)
    assert before is not None
    assert after is not None
    assert after["status"] == "on_hold"
    (conflict,) = world.records("conflicts")
    assert (conflict["kind"], conflict["customer"]) == ("stale", {"status": "pending"})
    sent = world.sent(62)
    assert sent is not None
    assert sent["isOnHold"], "he is told again what holds"
    world.settle(62)
    world.rests()


def test_the_same_order_twice_in_a_batch_is_applied_in_order(world: World) -> None:
    later = NOW + timedelta(hours=1)
    world.drop(order(63, "pending"), "b.json")
    os.utime(world.drop(order(63, "on_hold", at=later), "a.json"), (2e9, 2e9))
    array = [
        order(64, "on_hold", at=later),
        order(64, "pending"),
        order(64, "completed", at=later + timedelta(hours=1)),
    ]
    world.drop(json.dumps(array).encode(), "array.json")
    code, summary, _ = world.run()
    assert (
        code,
        summary["inbound"]["created"],
        summary["inbound"]["updated"],
        summary["inbound"]["stale"],
    ) == (0, 2, 2, 1)
    first, second = world.doc(63), world.doc(64)
    assert first is not None
    assert second is not None
    assert (first["status"], second["status"]) == ("on_hold", "completed")
    world.rests()
