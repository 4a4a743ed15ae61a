"""Files that cannot be orders: each is refused by name, its bytes are kept, and all others go on.

The ids begin with the row of the list of bad inputs that the project was given. All files lie in
the folder at once, so that each is also the rest of the batch for all the others.
"""

import gzip
import io
import json
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from hashlib import sha256
from typing import Any

import pytest

from tests.harness import CREATED, NOW, Doc, Server, World, order

GOOD = (7001, 7002)
"""Two orders that come with the bad ones, the first before and the second after them."""


@dataclass(frozen=True, slots=True)
class Bad:
    """One bad file: its content, the code and pointer of its case, and words of its reason."""

    id: str
    data: bytes
    code: str
    pointer: str = ""
    words: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        return f"{self.id}.json"


def text(body: Doc) -> str:
    return json.dumps(body)


def zipped() -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("1.json", text(order(900)))
    return packed.getvalue()


def spelt(key: str, literal: str) -> bytes:
    """An order with this spelling in the place of the key's value."""
    return text({**order(900), key: "@"}).replace('"@"', literal).encode()


def field(id_: str, code: str, pointer: str, words: tuple[str, ...] = (), **over: Any) -> Bad:
    return Bad(id_, text({**order(900), **over}).encode(), code, pointer, words)


def without(id_: str, key: str) -> Bad:
    return Bad(
        id_, text({k: v for k, v in order(900).items() if k != key}).encode(), "required", f"/{key}"
    )


WHOLE = text(order(900))

BROKEN = [
    Bad("01-empty", b"", "empty_file"),
    Bad("02-half", WHOLE[:70].encode(), "truncated_json", words=("byte 70",)),
    Bad("02-half-a-character", '{"summary": "caf\u00e9'.encode()[:-1], "truncated_json"),
    Bad("04-blanks", b" \n\t\r\n ", "empty_file"),
    Bad("04-mark-only", b"\xef\xbb\xbf", "empty_file"),
    Bad("06-utf16", WHOLE.encode("utf-16"), "encoding", words=("UTF-16",)),
    Bad("06-utf16-without-mark", WHOLE.encode("utf-16-le"), "encoding", words=("UTF-16",)),
    Bad("06-utf32", WHOLE.encode("utf-32"), "encoding", words=("UTF-32",)),
    Bad(
        "07-latin1",
        '{"summary": "caf\u00e9 olé"}'.encode("latin-1"),
        "encoding",
        words=("Byte 16",),
    ),
    Bad("08-nothing-but-nul", b"\0" * 4096, "nul_bytes"),
    Bad("08-ends-in-nul", WHOLE.encode() + b"\0" * 100, "nul_bytes"),
    Bad("09-more-text", f"{WHOLE}\n\n  end".encode(), "trailing_data", words=("line 3, column 3",)),
    Bad("10-two-records", f"{WHOLE}{WHOLE}".encode(), "trailing_data"),
    Bad("10-lines", f"{WHOLE}\n{WHOLE}\n".encode(), "trailing_data", words=("line 2",)),
    Bad("11-array-of-none", b"[]", "no_records"),
    Bad("12-text", b'"order"', "not_an_object"),
    Bad("12-number", b"42", "not_an_object"),
    Bad("12-null", b"null", "not_an_object"),
    Bad("12-true", b"true", "not_an_object"),
    Bad("13-single-quotes", b"{'orderNo': 1}", "invalid_json", words=("line 1, column 2",)),
    Bad("13-comment", b'{\n  // one\n  "orderNo": 1}', "invalid_json", words=("line 2",)),
    Bad("13-last-comma", b'{"orderNo": 1,}', "invalid_json", words=("line 1",)),
    Bad("14-nan", spelt("weight", "NaN"), "non_finite_number", "/weight"),
    Bad("14-infinity", spelt("weight", "-Infinity"), "non_finite_number", "/weight"),
    Bad("14-too-big", spelt("weight", "1e400"), "non_finite_number", "/weight"),
    Bad(
        "15-number-twice",
        WHOLE.replace("{", '{"orderNo": 901, ', 1).encode(),
        "duplicate_key",
        "/orderNo",
    ),
    Bad(
        "15-foreign-key-twice",
        WHOLE.replace("{", '{"a": 1, "a": 1, ').encode(),
        "duplicate_key",
        "/a",
    ),
    Bad("16-deep", spelt("x", "[" * 100_000 + "]" * 100_000), "too_deep", words=("64",)),
    Bad("16-deep-objects", b'{"a":' * 100_000 + b"1" + b"}" * 100_000, "too_deep"),
    Bad("16-deep-and-open", b"[" * 100_000, "too_deep"),
    Bad("17-long-number", spelt("orderNo", "9" * 5000), "number_too_long", "/orderNo"),
    Bad("17-long-foreign-number", spelt("x", "1" * 5000), "number_too_long", "/x", ("5000",)),
    Bad("20-gzip", gzip.compress(WHOLE.encode()), "not_json", words=("gzip",)),
    Bad("20-zip", zipped(), "not_json", words=("zip",)),
    Bad("20-xml", b"<?xml version='1.0'?><order/>", "not_json", words=("XML",)),
]

NUMBER = [
    without("26-no-number", "orderNo"),
    field("27-null", "required", "/orderNo", orderNo=None),
    field("27-empty", "type", "/orderNo", orderNo=""),
    field("27-blank", "type", "/orderNo", orderNo=" "),
    field("28-zero", "out_of_range", "/orderNo", orderNo=0),
    field("29-negative", "out_of_range", "/orderNo", orderNo=-1),
    field("30-fraction", "type", "/orderNo", orderNo=1.5),
    field("31-text", "type", "/orderNo", orderNo="00042"),
    field("31-text-without-zeros", "type", "/orderNo", orderNo="42"),
    field("32-bool", "type", "/orderNo", orderNo=True),
    field("33-2-to-the-63", "out_of_range", "/orderNo", orderNo=2**63),
    field("33-2-to-the-64", "number_too_long", "/orderNo", orderNo=2**64),
    field("34-operator", "type", "/orderNo", orderNo={"$gt": ""}),
    field("34-list", "type", "/orderNo", orderNo=[1]),
    field("35-up", "type", "/orderNo", orderNo="../../etc/x"),
    field("35-slash", "type", "/orderNo", orderNo="a/b"),
    field("35-backslash", "type", "/orderNo", orderNo="a\\b"),
    field("35-encoded", "type", "/orderNo", orderNo="..%2f"),
    field("36-long", "type", "/orderNo", orderNo="n" * 300),
    field("37-device", "type", "/orderNo", orderNo="CON"),
    field("37-colon", "type", "/orderNo", orderNo="a:b"),
    field("38-case", "type", "/orderNo", orderNo="ORDER"),
    field("38-composed", "type", "/orderNo", orderNo="\u00e9"),
    field("39-control", "type", "/orderNo", orderNo="1\n\x1b[31m2\u202e"),
]

FIELDS = [
    without("40-no-summary", "summary"),
    field("40-null", "required", "/summary", summary=None),
    field("40-number", "type", "/summary", summary=5),
    field("42-long", "too_long", "/summary", ("1000000",), summary="x" * 10_000_000),
    Bad("43-half-a-pair", spelt("summary", r'"a\ud800b"'), "invalid_unicode", "/summary"),
    Bad("43-foreign-key", spelt("note", r'{"x": "\udc00"}'), "invalid_unicode", "/note/x"),
    Bad("44-nul", spelt("summary", r'"a\u0000b"'), "nul_character", "/summary"),
    field(
        "46-done-and-cancelled",
        "contradictory_status",
        "/isDone",
        ("/isCanceled",),
        isPending=False,
        isDone=True,
        isCanceled=True,
    ),
    field("47-all-false", "no_status", "/isActive", isPending=False),
    field("48-text", "type", "/isDone", ('"false"',), isDone="false"),
    field("48-no", "type", "/isDone", isDone="no"),
    field("48-one", "type", "/isDone", isDone=1),
    field("48-null", "type", "/isDone", isDone=None),
    field("48-deleted", "type", "/isDeleted", isDeleted="false"),
    field(
        "51-date-without-delete",
        "contradictory_delete",
        "/deletedDate",
        deletedDate=NOW.isoformat(),
    ),
    without("52-no-creation", "creationDate"),
    field("52-null", "required", "/creationDate", creationDate=None),
    field("52-empty", "invalid_date", "/creationDate", creationDate=""),
    without("52-no-update", "lastUpdateDate"),
    field(
        "53-no-such-day",
        "invalid_date",
        "/creationDate",
        ("2026-02-30", "ISO 8601"),
        creationDate="2026-02-30T10:00:00Z",
    ),
    field("53-european", "invalid_date", "/lastUpdateDate", lastUpdateDate="31/12/2026"),
    field("53-word", "invalid_date", "/lastUpdateDate", ("yesterday",), lastUpdateDate="yesterday"),
    field("53-day-only", "invalid_date", "/lastUpdateDate", lastUpdateDate="2026-03-20"),
    field(
        "54-no-offset",
        "no_time_zone",
        "/lastUpdateDate",
        ("DATA_TIMEZONE",),
        lastUpdateDate="2026-03-20T12:00:00",
    ),
    field("55-seconds", "type", "/lastUpdateDate", lastUpdateDate=1_774_008_000),
    field("55-milliseconds", "type", "/lastUpdateDate", lastUpdateDate=1_774_008_000_000),
    field("56-extended", "type", "/creationDate", creationDate={"$date": "2026-03-20T12:00:00Z"}),
    field("56-long", "type", "/creationDate", creationDate={"$numberLong": "1774008000000"}),
    field("57-year-1", "out_of_range", "/creationDate", creationDate="0001-01-01T00:00:00Z"),
    field("57-year-9999", "out_of_range", "/creationDate", creationDate="9999-12-31T23:59:59Z"),
    field("57-far", "out_of_range", "/creationDate", creationDate="+292278994-08-17T07:12:55Z"),
    field(
        "59-leap-second", "leap_second", "/lastUpdateDate", lastUpdateDate="2016-12-31T23:59:60Z"
    ),
]

ALL = [*BROKEN, *NUMBER, *FIELDS]
BIG = "18-huge.json"


@dataclass(frozen=True, slots=True)
class Aftermath:
    """What one run made of all bad files together."""

    world: World
    code: int
    summary: Doc
    said: str
    cases: dict[str, Doc]


@pytest.fixture(scope="module")
def after(replica_set: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Aftermath]:
    world = World(replica_set, tmp_path_factory.mktemp("refused"), {"DATA_MAX_FILE_MB": "11"})
    world.drop(order(GOOD[0]), "00-good.json")
    for bad in ALL:
        world.drop(bad.data, bad.name)
    with (world.inbound / BIG).open("wb") as sparse:
        sparse.truncate(200 * 1024 * 1024)
    (world.inbound / "68-link.json").symlink_to("/etc/passwd")
    world.drop(order(GOOD[1]), "99-good.json")
    code, summary, said = world.run()
    yield Aftermath(
        world, code, summary, said, {c["source"]: c for c in world.records("quarantine")}
    )
    world.close()


@pytest.mark.parametrize("bad", ALL, ids=lambda bad: bad.id)
def test_a_bad_file_is_refused_with_code_and_place_and_its_bytes_are_kept(
    after: Aftermath, bad: Bad
) -> None:
    case = after.cases[bad.name]
    assert (case["code"], case["pointer"], case["state"]) == (bad.code, bad.pointer, "open")
    told = " ".join((case["pointer"], case["value"], case["reason"], case["hint"]))
    assert all(words in told for words in bad.words), told
    assert told.isprintable(), "control characters are escaped"
    assert len(case["value"]) <= 80
    kept = after.world.root / case["file"]
    assert kept in after.world.kept("quarantine")
    assert sha256(kept.read_bytes()).digest() == sha256(bad.data).digest()


def test_a_huge_file_is_refused_unread_and_kept(after: Aftermath) -> None:
    case = after.cases[BIG]
    assert case["code"] == "too_large"
    assert "DATA_MAX_FILE_MB" in case["hint"]
    kept = after.world.root / case["file"]
    assert kept.stat().st_size == 200 * 1024 * 1024


def test_a_link_is_refused_and_not_followed(after: Aftermath) -> None:
    case = after.cases["68-link.json"]
    assert case["code"] == "not_regular"
    assert (after.world.root / case["file"]).is_symlink()
    assert b"root:" not in case["raw"]


def test_the_rest_of_the_batch_goes_on(after: Aftermath) -> None:
    world = after.world
    assert [d["number"] for d in world.orders.find().sort("number", 1)] == list(GOOD)
    assert sorted(world.outbound_files()) == [f"workorder_{number}.json" for number in GOOD]
    assert [path.name for path in world.inbound.rglob("*") if path.name != ".claimed"] == []


def test_each_record_is_counted_once_and_the_run_says_that_something_was_refused(
    after: Aftermath,
) -> None:
    refused = len(ALL) + 2
    inbound = after.summary["inbound"]
    assert (inbound["read"], inbound["created"]) == (refused + 2, 2)
    assert inbound["quarantined"] == refused
    assert after.code == 3


def test_no_line_of_the_log_can_be_forged_by_a_value(after: Aftermath) -> None:
    lines = after.said.splitlines()
    assert all(line.isprintable() for line in lines)
    assert all("run=" in line for line in lines)
    assert sum("incident" in line for line in lines) == len(ALL) + 2


def test_a_second_run_writes_nothing_but_is_strict_about_what_is_open(after: Aftermath) -> None:
    after.world.rests()
    assert after.world.run("--strict")[0] == 3


def test_a_newer_good_version_of_the_order_closes_its_cases(world: World) -> None:
    world.drop({**order(5), "isDone": True}, "first.json")
    world.drop({**order(6), "isDone": True}, "other.json")
    assert world.run()[0] == 3
    world.drop(order(5, at=NOW + timedelta(hours=1)), "second.json")
    assert world.run()[0] == 0
    assert [case["ref"] for case in world.cases()] == ["6"]


def test_an_old_export_does_not_close_the_case_of_a_newer_version(world: World) -> None:
    world.drop(order(5))
    world.settle(5)
    world.drop({**order(5, at=NOW + timedelta(hours=2)), "isDone": True})
    assert world.run()[0] == 3
    world.drop(order(5, "on_hold", at=NOW - timedelta(hours=1)))
    assert world.run()[1]["inbound"]["stale"] == 1
    assert [case["ref"] for case in world.cases()] == ["5"]


def test_a_bad_newer_version_leaves_tracos_as_it_was(world: World) -> None:
    world.drop(order(5))
    world.settle(5)
    before = world.doc(5)
    later = NOW + timedelta(hours=1)
    world.drop({**order(5, "completed", at=later), "creationDate": CREATED.timestamp()})
    assert world.run()[0] == 3
    assert world.doc(5) == before
    world.rests()


def test_a_refused_item_of_an_array_keeps_its_bytes_and_its_place(world: World) -> None:
    items = [order(1), {**order(2), "isDone": True}, 3, {**order(4), "x": "@"}, order(5)]
    world.drop(json.dumps(items).replace('"@"', "NaN").encode(), "many.json")
    code, summary, _ = world.run()
    assert (code, summary["inbound"]["created"], summary["inbound"]["quarantined"]) == (3, 2, 3)
    cases = {case["pointer"]: case for case in world.cases()}
    assert {pointer: case["code"] for pointer, case in cases.items()} == {
        "/1/isPending": "contradictory_status",
        "/2": "not_an_object",
        "/3/x": "non_finite_number",
    }
    assert cases["/2"]["raw"] == b"3"
    assert json.loads(cases["/1/isPending"]["raw"]) == items[1]
    world.rests()
