"""Paging: whatever happens between two pages, every record is given, and nothing is left behind."""

import random
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.rest.paged import BASE, FIRST, KINDS, START, Table, ids, pager, read
from tests.unit.rest.saved import NOW, order, orders, reply, saved, system
from tracbridge.adapters.connectors.rest.calls import BadReplyError
from tracbridge.adapters.connectors.rest.cursor import Memory, memory_of
from tracbridge.adapters.connectors.rest.paging import KNOWN, Pager, Seen
from tracbridge.domain.errors import ConfigError, RetryableError
from tracbridge.ports.connector import Cursor, Record

kinds = st.sampled_from(sorted(KINDS))
seconds = st.sampled_from([0, 0.25, 0.5, 0.75, 1, 1.5, 2, 3])
tables = st.lists(seconds, max_size=25).map(
    lambda times: Table([(n + 1, at, f"t{n}") for n, at in enumerate(times)])
)


@given(kinds, tables, st.integers(1, 6))
def test_every_record_is_given_exactly_once_whatever_the_times(
    kind: str, table: Table, size: int
) -> None:
    pages = read(pager(kind, size), table)
    assert sorted(ids(pages)) == sorted(table.rows)
    assert [page.complete for page in pages] == [False] * (len(pages) - 1) + [True]


@given(kinds, tables, st.integers(1, 4), st.data())
def test_the_cursor_of_each_page_loses_nothing_behind_it(
    kind: str, table: Table, size: int, data: st.DataObject
) -> None:
    pages = read(pager(kind, size), table)
    taken = data.draw(st.integers(1, len(pages)))
    after = read(pager(kind, size), table, pages[taken - 1].cursor)
    assert {*ids(pages[:taken]), *ids(after)} == set(table.rows)


@given(kinds, tables, st.integers(1, 4))
def test_after_the_last_page_only_the_newest_are_given_again(
    kind: str, table: Table, size: int
) -> None:
    since = read(pager(kind, size), table)[-1].cursor
    newest = max((int(at) for _, at, _ in table.rows.values()), default=0)
    again = ids(read(pager(kind, size), table, since))
    assert set(again) == {id_ for id_, at, _ in table.rows.values() if int(at) == newest}


@settings(max_examples=200)
@given(
    st.sampled_from(sorted(set(KINDS) - {"page", "link", "relative link in a header"})),
    tables,
    st.integers(2, 4),
    st.lists(st.integers(1, 25), max_size=6),
)
def test_records_that_change_while_pages_are_read_are_neither_lost_now_nor_later(
    kind: str, table: Table, size: int, changes: list[int]
) -> None:
    clock = [NOW]
    waiting = list(changes)

    def change(_: int) -> None:
        for id_ in [waiting.pop() for _ in range(min(2, len(waiting)))]:
            clock[0] += timedelta(seconds=1)
            at = (clock[0] - START).total_seconds()
            table.rows[id_] = (id_, at, f"changed at {at}")

    before = set(table.rows)
    pages = read(pager(kind, size), table, between=change)
    while waiting:
        change(0)
    assert before <= set(ids(pages))
    later = read(pager(kind, size), table, pages[-1].cursor, now=clock[0] + timedelta(hours=1))
    texts = {r.ref: r.body["text"] for p in (*pages, *later) for r in p.records if r.body}
    assert texts == {str(id_): text for id_, _, text in table.rows.values()}


@settings(max_examples=200)
@given(kinds, tables, st.integers(2, 4), st.randoms(use_true_random=False))
def test_rows_that_come_twice_or_in_another_order_are_neither_lost_nor_doubled(
    kind: str, table: Table, size: int, dice: random.Random
) -> None:
    last: list[Any] = []

    def spoil(page: list[Any], number: int) -> list[Any]:
        spoilt = list(page)
        if dice.random() < 0.3 and spoilt:
            spoilt.append(spoilt[dice.randrange(len(spoilt))])
        if dice.random() < 0.5:
            dice.shuffle(spoilt)
        last[:] = page
        return spoilt

    table.spoil = spoil
    found = ids(read(pager(kind, size), table))
    assert sorted(found) == sorted(table.rows)


@pytest.mark.parametrize("kind", sorted(set(KINDS) - {"link", "relative link in a header"}))
@given(table=tables, size=st.integers(2, 4), struck=st.integers(2, 6))
def test_a_page_that_comes_twice_costs_no_record(
    kind: str, table: Table, size: int, struck: int
) -> None:
    last: list[Any] = []

    def spoil(page: list[Any], number: int) -> list[Any]:
        given_ = list(last) if number == struck and page else page
        last[:] = page if number != struck else last
        return given_

    table.spoil = spoil
    assert sorted(ids(read(pager(kind, size), table))) == sorted(table.rows)


@pytest.mark.parametrize("kind", ["keyset", "offset", "offset, full pages", "keyset by id"])
def test_a_system_that_gives_the_same_page_for_ever_is_left(kind: str) -> None:
    table = Table([(n, n, "") for n in range(1, 7)])
    first = [table.shown(table.rows[n]) for n in (1, 2, 3)]
    table.spoil = lambda *_: first
    with pytest.raises(RetryableError, match="again and again"):
        read(pager(kind), table)


@pytest.mark.parametrize("kind", ["offset", "offset, full pages", "keyset"])
def test_rows_that_move_up_between_two_pages_are_not_passed_over(kind: str) -> None:
    table = Table([(n, 1, "") for n in range(1, 10)])

    def change(pages: int) -> None:
        if pages == 2:
            for id_ in (1, 2, 3):
                table.rows[id_] = (id_, 3600 + id_, "newer")

    assert set(ids(read(pager(kind), table, between=change))) == set(range(1, 10))


@pytest.mark.parametrize(("kind", "calls"), [("offset", 13), ("keyset", 13), ("keyset by id", 11)])
@pytest.mark.parametrize("seconds_apart", [0, 10])
def test_a_page_costs_one_call(kind: str, calls: int, seconds_apart: int) -> None:
    table = Table([(n, n * seconds_apart, "") for n in range(1, 101)])
    read(pager(kind, 10), table)
    assert len(table.calls) <= calls


def test_a_link_that_leads_back_is_not_followed_for_ever() -> None:
    pages = pager("link")
    at = pages.start(None, NOW)
    here = reply({"orders": [order(1)], "next": f"{BASE}/orders?skip=3"})
    step = pages.take(at, here, Seen(), NOW)
    assert step.next is not None
    with pytest.raises(RetryableError, match="itself"):
        pages.take(step.next, here, Seen(), NOW)


@pytest.mark.parametrize(
    "link",
    [
        "https://evil.example.com/orders",
        "http://169.254.169.254/latest",
        "//evil.example.com/x",
        "file:///etc/passwd",
        "https://erp.example.com@evil.example.com/x",
        "https://erp.example.com.evil.example.com/x",
    ],
)
def test_a_link_to_another_host_is_not_followed(link: str) -> None:
    pages = pager("link")
    with pytest.raises(ConfigError, match="another host"):
        pages.take(pages.start(None, NOW), reply({"orders": [], "next": link}), Seen(), NOW)


@pytest.mark.parametrize(
    ("link", "path"),
    [
        ("?skip=3", f"{BASE}/orders?skip=3"),
        ("/o?skip=3", f"{BASE}/o?skip=3"),
        ("http://ERP.example.com:8080/o?a=%2Bx", f"{BASE}/o?a=%2Bx"),
    ],
)
def test_a_link_is_followed_at_the_address_that_we_know(link: str, path: str) -> None:
    pages = pager("link")
    step = pages.take(pages.start(None, NOW), reply({"orders": [], "next": link}), Seen(), NOW)
    assert step.next is not None
    assert pages.call(step.next).path == path
    assert pages.call(step.next).query == ()


# -- what is safe ----------------------------------------------------------------------------------


def since_of(cursor: Cursor) -> datetime | None:
    return memory_of(cursor).since


def test_a_record_of_the_far_future_does_not_hide_the_others() -> None:
    table = Table([(1, 10, ""), (2, 10 * 365 * 86_400, "")])
    pages = read(pager("keyset"), table)
    assert since_of(pages[-1].cursor) == NOW
    table.rows[3] = (3, (NOW - START).total_seconds() + 5, "")
    later = read(pager("keyset"), table, pages[-1].cursor, now=NOW + timedelta(minutes=1))
    assert 3 in ids(later)


def test_more_rows_than_were_asked_for_do_not_lead_past_the_others() -> None:
    table = Table([(n, n, "") for n in range(1, 10)])
    stray = table.shown((99, 86_000, "of another company"))
    table.spoil = lambda page, number: [*page, stray] if number == 1 else page
    assert sorted(set(ids(read(pager("keyset, full pages"), table)))) == [*range(1, 10), 99]


def test_the_earlier_of_his_clock_and_ours_counts() -> None:
    pages = pager("keyset")
    at = pages.start(None, NOW)
    rows = [order(1, at="2026-11-23T11:59:00Z")]
    slow = reply({"orders": rows}, date="Mon, 23 Nov 2026 11:00:00 GMT")
    step = pages.take(at, slow, Seen(), NOW)
    assert memory_of(step.page.cursor).began == datetime(2026, 11, 23, 11, tzinfo=UTC)


def test_an_unsorted_list_moves_the_cursor_only_at_its_end() -> None:
    table = Table([(n, 10 - n, "") for n in range(1, 8)])
    pages = read(pager("link"), table)
    assert {since_of(page.cursor) for page in pages[:-1]} == {None}
    assert since_of(pages[-1].cursor) == START + timedelta(seconds=9)


def test_of_an_unsorted_list_the_beginning_counts() -> None:
    """What was given early may have changed while the rest was read."""
    pages, seen = pager("link"), Seen()
    one = reply({"orders": [order(1)], "next": "/orders?skip=1"})
    step = pages.take(pages.start(None, NOW), one, seen, NOW)
    assert step.next is not None
    later = NOW + timedelta(hours=1)
    two = orders([order(2, at=(NOW + timedelta(minutes=30)).isoformat())])
    last = pages.take(step.next, two, seen, later)
    assert since_of(last.page.cursor) == NOW


def test_a_whole_list_by_key_goes_on_where_it_was_broken_off() -> None:
    table = Table([(n, 5, "") for n in range(1, 10)])
    pages = read(pager("keyset by id"), table)
    table.calls.clear()
    rest = read(pager("keyset by id"), table, pages[1].cursor)
    assert ids(rest) == [7, 8, 9]
    assert rest[-1].complete


def test_a_sweep_is_due_after_its_hours_and_counts_from_its_beginning() -> None:
    table = Table([(n, n, "") for n in range(1, 6)])
    pages = pager("keyset", sweep=24)
    since = read(pages, table)[-1].cursor
    assert memory_of(since).swept == NOW
    soon = read(pages, table, since, now=NOW + timedelta(hours=23))
    assert ids(soon) == [5]
    late = read(pages, table, since, now=NOW + timedelta(hours=24))
    assert sorted(ids(late)) == [1, 2, 3, 4, 5]
    assert late[-1].complete
    assert memory_of(late[-1].cursor).swept == NOW + timedelta(hours=24)


def test_a_sweep_that_was_broken_off_goes_on_as_one() -> None:
    table = Table([(n, n, "") for n in range(1, 10)])
    pages = pager("keyset", sweep=24)
    first = read(pages, table)
    rest = read(pages, table, first[1].cursor, now=NOW + timedelta(hours=1))
    assert memory_of(rest[-1].cursor).swept == NOW
    assert {*ids(first[:2]), *ids(rest)} == set(range(1, 10))


def test_a_whole_list_never_takes_the_cursor_back() -> None:
    table = Table([(1, 100, "")])
    pages = pager("keyset", sweep=1)
    since = read(pages, table)[-1].cursor
    table.rows = {2: (2, 5, "older")}
    later = read(pages, table, since, now=NOW + timedelta(hours=2))
    assert since_of(later[-1].cursor) == since_of(since)


def test_an_empty_system_is_read_whole_until_it_has_something() -> None:
    pages = pager("keyset")
    (page,) = read(pages, Table())
    assert page.complete
    assert page.records == ()
    table = Table([(1, 5, "")])
    assert ids(read(pages, table, page.cursor)) == [1]


def test_the_whole_list_can_wait_for_others_and_changes_cannot() -> None:
    pages = pager("keyset")
    assert pages.call(pages.start(None, NOW)).backfill
    assert not pages.call(pages.start(Memory(since=NOW).cursor(), NOW)).backfill


# -- tokens ----------------------------------------------------------------------------------------

DELTA: dict[str, Any] = {
    "ref": "{msdyn_workorderid}",
    "record_version": "@odata.etag",
    "read": {
        "request": {"path": "/api/data/v9.2/msdyn_workorders", "query": ...},
        "first": ...,
        "records": "value",
        "paging": {"kind": "token", "next": "@odata.nextLink", "path": "@odata.deltaLink"},
        "changed": ...,
        "deleted": {"path": "reason", "ref": "{id}"},
    },
}
DYNAMICS = "https://org.crm.dynamics.com"


def test_a_delta_link_is_where_the_next_reading_begins() -> None:
    pages = Pager(system(**DELTA), DYNAMICS)
    at = pages.start(None, NOW)
    assert pages.call(at).path == "/api/data/v9.2/msdyn_workorders"
    step = pages.take(at, saved("d365_delta"), Seen(), NOW)
    one, gone = step.page.records
    assert (one.ref, one.version) == ("6f1d2c4e-8f0b-4b8e-9f56-0b6f2a1c77aa", 'W/"40211873"')
    assert (gone.ref, gone.body, gone.error) == ("0b1c2d3e-8f0b-4b8e-9f56-0b6f2a1c77bb", None, None)
    assert step.page.complete
    again = pages.start(step.page.cursor, NOW)
    link = "/api/data/v9.2/msdyn_workorders?$deltatoken=40211900%2111"
    assert pages.call(again).path == DYNAMICS + link


@pytest.mark.parametrize("value", [None, False, ""])
def test_a_record_that_says_that_it_is_not_deleted_is_none_of_those(value: Any) -> None:
    pages = Pager(system(read={"deleted": {"path": "gone"}}), BASE)
    rows = orders([order(1, gone=value), order(2), order(3, gone=True)])
    step = pages.take(pages.start(None, NOW), rows, Seen(), NOW)
    assert [r.body is None for r in step.page.records] == [False, False, True]


def test_a_token_that_is_too_old_means_the_whole_list() -> None:
    pages = Pager(system(**DELTA), DYNAMICS)
    at = pages.start(Memory(None, "/api/x?$deltatoken=1").cursor(), NOW)
    assert pages.forgotten(at, 410)
    assert not pages.forgotten(at, 500)
    whole = pages.afresh(NOW)
    assert pages.call(whole).path == "/api/data/v9.2/msdyn_workorders"
    assert not pages.forgotten(whole, 410)


def test_a_page_without_a_next_one_and_without_a_token_is_no_end() -> None:
    pages = Pager(system(**DELTA), DYNAMICS)
    with pytest.raises(BadReplyError, match="neither"):
        pages.take(pages.start(None, NOW), reply({"value": []}), Seen(), NOW)


def test_a_token_may_be_a_word() -> None:
    told = {
        "request": {
            "path": "/changes",
            "query": {"from": "{token}", **dict.fromkeys(("since", "top", "skip"))},
        },
        "first": {"query": {"from": None}},
        "changed": ...,
        "paging": {"kind": "token", "path": "sync", "next": "next"},
    }
    pages = Pager(system(read=told), BASE)
    step = pages.take(pages.start(None, NOW), reply({"orders": [], "sync": 77}), Seen(), NOW)
    assert pages.call(pages.start(step.page.cursor, NOW)).query == (("from", "77"),)


# -- records ---------------------------------------------------------------------------------------


def test_one_record_that_cannot_be_read_does_not_hurt_the_others() -> None:
    pages = pager("keyset", size=10)
    records = b'{"id": 1}, 7, {"no": 2}, {"id": 3, "a": NaN}, {"id": 4, "b": "\\u0000"}, {"id": 5}'
    data = b'{"orders": [' + records + b"]}"
    step = pages.take(pages.start(None, NOW), reply(data), Seen(), NOW)
    good = [r.ref for r in step.page.records if r.error is None]
    bad = {r.raw: r.error.why.code for r in step.page.records if r.error}
    assert good == ["1", "5"]
    assert b'{"no": 2}' in bad
    assert bad[b"7"] == "not_an_object"
    assert all(r.body is None for r in step.page.records if r.error)


def test_records_know_where_they_came_from() -> None:
    pages = Pager(system(label="{site}/{no}", interface="maximo"), BASE)
    rows = [order(1, site="BEDFORD", no="100456"), order(2), order(3, site="a\n\x1b" * 99, no=1)]
    step = pages.take(pages.start(None, NOW), orders(rows), Seen(), NOW)
    one, two, three = (record.source for record in step.page.records)
    assert (one, two) == ("maximo:BEDFORD/100456", "maximo:2")
    assert three.isprintable()
    assert len(three) <= 120


def test_a_record_is_known_by_id_version_and_bytes() -> None:
    seen = Seen()
    assert seen.new(Record({}, "1", "a", raw=b"x"))
    assert not seen.new(Record({}, "1", "a", raw=b"x"))
    assert seen.new(Record({}, "1", "b", raw=b"x"))
    assert seen.new(Record({}, "1", "a", raw=b"y"))


def test_the_memory_of_one_reading_is_bounded() -> None:
    seen = Seen()
    for n in range(KNOWN + 10):
        seen.new(Record({}, str(n)))
    assert len(seen._hashes) == KNOWN
    assert seen.new(Record({}, "0"))


def test_a_day_is_time_enough() -> None:
    changed = {"path": "at", "format": "YYYY-MM-DD", "zone": "America/Sao_Paulo", "overlap": 0}
    pages = Pager(system(read={"changed": changed, "first": FIRST}), BASE)
    rows = [order(n, at="2026-11-20") for n in range(3)]
    step = pages.take(pages.start(None, NOW), orders(rows), Seen(), NOW)
    assert step.next is not None
    assert dict(pages.call(step.next).query)["since"] == "2026-11-20"


def test_records_of_real_systems_have_ids_versions_and_times() -> None:
    told = {
        "ref": "{MaintenanceOrder}",
        "record_version": "__metadata.etag",
        "read": {
            "records": "d.results",
            "changed": {"path": "LastChangeDateTime", "format": "sap", "overlap": 0},
        },
    }
    pages = Pager(system(**told), BASE, size=2)
    step = pages.take(pages.start(None, NOW), saved("sap_page"), Seen(), NOW)
    two, one = step.page.records
    assert (one.ref, one.version) == ("4000012", "W/\"datetimeoffset'2026-11-20T14%3A31%3A07Z'\"")
    assert two.ref == "4000013"
    assert step.next is not None
    assert step.next.since == datetime(2026, 11, 20, 14, 31, 7, tzinfo=UTC)
