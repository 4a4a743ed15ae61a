"""Frappe, with ERPNext's asset repairs, as it is."""

import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import pytest

from tests.simulators.client import FRAPPE, FrappeTalk, asking, talking
from tracbridge.testing.erp import Clock, Frappe
from tracbridge.testing.erp.wire import RefusedError

FIRST = "ACC-ASR-2026-00001"


@pytest.fixture
def frappe() -> Frappe:
    return Frappe()


@pytest.fixture
async def asked(frappe: Frappe) -> AsyncIterator[FrappeTalk]:
    async with talking(FrappeTalk, frappe) as talk:
        yield talk


def error(reply: Any) -> tuple[int, str]:
    """Status and kind; the words stand in the messages for people, too."""
    body = reply.json()
    [told] = json.loads(body["_server_messages"])
    assert (
        body["exception"] == f"frappe.exceptions.{body['exc_type']}: {json.loads(told)['message']}"
    )
    assert json.loads(body["exc"])[0].startswith("Traceback")
    return reply.status_code, body["exc_type"]


def names(reply: Any) -> list[str]:
    assert reply.status_code == 200, reply.text
    return [record["name"] for record in reply.json()["data"]]


# --- lists


async def test_a_list_has_20_rows_and_of_each_only_its_name(
    frappe: Frappe, asked: FrappeTalk
) -> None:
    frappe.plant(25)
    rows = asked.records(await asked.http.get(FRAPPE))
    assert len(rows) == 20
    assert rows[0] == {"name": "ACC-ASR-2026-00025"}
    assert len(names(await asked.find(limit_start="20"))) == 5
    assert len(names(await asked.find(limit_page_length="0"))) == 25
    assert len(names(await asked.find(limit="3"))) == 3


async def test_filters_fields_and_orders(frappe: Frappe, asked: FrappeTalk) -> None:
    keys = frappe.plant(4)
    by_name = {"order_by": "name asc"}
    later = [["modified", ">=", "2026-11-23 09:00:03"]]
    assert names(await asked.find(filters=later, **by_name)) == keys[2:]
    typed = [["Asset Repair", "modified", ">", "2026-11-23 09:00:03.000000"]]
    assert names(await asked.find(filters=typed, **by_name)) == keys[3:]
    assert names(await asked.find(filters={"name": keys[0]})) == keys[:1]
    assert names(await asked.find(filters={"name": ["in", keys[:2]]}, **by_name)) == keys[:2]
    assert names(await asked.find(filters=[["description", "like", "%PUMP 3%"]])) == keys[3:]
    assert names(await asked.find(filters=[["tracos_number", "is", "set"]])) == []
    unset = [["tracos_number", "is", "not set"]]
    assert names(await asked.find(filters=unset, **by_name)) == keys
    day = ["2026-11-23 09:00:02", "2026-11-23 09:00:03"]
    assert names(await asked.find(filters=[["modified", "between", day]], **by_name)) == keys[1:3]
    some = [["name", "=", keys[0]], ["name", "=", keys[3]]]
    found = await asked.find(or_filters=some, order_by="`tabAsset Repair`.`name` desc")
    assert names(found) == [keys[3], keys[0]]
    row = asked.records(await asked.find(fields=["name", "docstatus"], **by_name))[0]
    assert row == {"name": FIRST, "docstatus": 0}


async def test_or_filters_count_beside_the_filters(frappe: Frappe, asked: FrappeTalk) -> None:
    keys = frappe.plant(3)
    stamp = frappe.record(keys[1])["modified"]
    tied = [["modified", ">", stamp], ["name", ">", keys[1]]]
    reply = await asked.find(filters=[["modified", ">=", stamp]], or_filters=tied)
    assert names(reply) == [keys[2]]


@pytest.mark.parametrize(
    "query",
    [
        {"filters": [["no_such_field", "=", 1]]},
        {"filters": [["name", "~", 1]]},
        {"filters": [["name"]]},
        {"fields": ["no_such_field"]},
        {"order_by": "name; drop"},
        {"order_by": "no_such_field asc"},
        {"filters": "no json"},
        {"limit_start": "x"},
    ],
)
async def test_a_wrong_query_is_refused(
    frappe: Frappe, asked: FrappeTalk, query: dict[str, Any]
) -> None:
    frappe.plant(1)
    assert error(await asked.find(**query)) == (417, "DataError")


async def test_times_are_those_of_the_site_and_do_not_say_so(
    frappe: Frappe, asked: FrappeTalk
) -> None:
    frappe.plant(1)
    record = asked.record(await asked.read(FIRST))
    assert record
    assert record["creation"] == record["modified"] == "2026-11-23 09:00:01.000000"
    assert record["failure_date"] == "2026-11-18 17:40:00"


async def test_when_the_clocks_go_back_a_later_change_has_an_earlier_time() -> None:
    clock = Clock(datetime(2026, 11, 1, 5, 59, tzinfo=UTC))
    sim = Frappe(zone="America/New_York", clock=clock)
    [before] = sim.plant(1)
    clock.advance(600)
    [after] = sim.plant(1)
    assert sim.record(before)["modified"].startswith("2026-11-01 01:59")
    assert sim.record(after)["modified"].startswith("2026-11-01 01:09")
    async with talking(FrappeTalk, sim) as asked:
        assert names(await asked.find(order_by="modified asc")) == [after, before]


# --- one document


async def test_a_document_is_made_read_changed_and_deleted(
    frappe: Frappe, asked: FrappeTalk
) -> None:
    made = await asked.create("Pump", tracos_number="88123")
    assert made.status_code == 200
    document = made.json()["data"]
    assert document == (await asked.read(FIRST)).json()["data"]
    assert (document["doctype"], document["owner"]) == ("Asset Repair", "integration@acme.example")
    assert document["completion_date"] is None
    changed = await asked.put(FIRST, repair_status="Completed")
    assert changed.json()["data"]["repair_status"] == "Completed"
    assert changed.json()["data"]["description"] == "Pump"
    assert names(await asked.find(filters=[["tracos_number", "=", "88123"]])) == [FIRST]
    gone = await asked.http.delete(f"{FRAPPE}/{FIRST}")
    assert (gone.status_code, gone.json()) == (202, {"data": "ok"})
    assert error(await asked.read(FIRST)) == (404, "DoesNotExistError")
    assert error(await asked.put(FIRST)) == (404, "DoesNotExistError")


async def test_a_deletion_leaves_a_document_of_its_own(frappe: Frappe, asked: FrappeTalk) -> None:
    first, second = frappe.plant(2)
    frappe.delete(first)
    frappe.archive(second)  # cleared away by the database's administrator
    query = {"fields": '["deleted_name","creation"]', "filters": '[["deleted_name","is","set"]]'}
    reply = await asked.http.get("/api/resource/Deleted%20Document", params=query)
    assert reply.json()["data"] == [
        {"deleted_name": first, "creation": "2026-11-23 09:00:03.000000"}
    ]


async def test_a_stale_time_of_change_is_refused(frappe: Frappe, asked: FrappeTalk) -> None:
    frappe.plant(1)
    stamp = frappe.record(FIRST)["modified"]
    frappe.edit(FIRST, actions_performed="Looked at")
    stale = await asked.put(FIRST, description="Pump", modified=stamp)
    assert error(stale) == (417, "TimestampMismatchError")
    fresh = frappe.record(FIRST)["modified"]
    assert (await asked.put(FIRST, description="Pump", modified=fresh)).is_success
    assert (await asked.put(FIRST, description="Valve")).is_success


async def test_a_name_is_unique(frappe: Frappe, asked: FrappeTalk) -> None:
    assert (await asked.create("Pump", name="TRACOS-7")).json()["data"]["name"] == "TRACOS-7"
    assert error(await asked.create("Pump", name="TRACOS-7")) == (409, "DuplicateEntryError")


async def test_fields_that_a_site_does_not_have_are_passed_over_silently(
    frappe: Frappe, asked: FrappeTalk
) -> None:
    reply = await asked.create("Pump", no_such_field=1)
    assert "no_such_field" not in reply.json()["data"]


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        ({"repair_status": "Open"}, "ValidationError"),
        ({"failure_date": "yesterday"}, "InvalidDateTimeError"),
        ({"docstatus": 2}, "DocstatusTransitionError"),
        ({"amended_from": FIRST}, "ValidationError"),
    ],
)
async def test_what_breaks_a_rule_is_refused(
    frappe: Frappe, asked: FrappeTalk, values: dict[str, Any], kind: str
) -> None:
    frappe.plant(1)
    assert error(await asked.create("Pump", **values)) == (417, kind)
    assert len(frappe.records()) == 1


async def test_a_site_may_demand_fields() -> None:
    sim = Frappe(required=("asset", "failure_date"))
    async with talking(FrappeTalk, sim) as asked:
        assert error(await asked.create("Pump", asset="P1")) == (417, "MandatoryError")
        given = {"asset": "P1", "failure_date": "2026-11-18"}
        assert (await asked.create("Pump", **given)).is_success


# --- submit, cancel, amend


async def test_a_document_is_submitted_cancelled_and_amended(
    frappe: Frappe, asked: FrappeTalk
) -> None:
    await asked.create("Pump", repair_status="Completed")
    assert (await asked.put(FIRST, docstatus=1)).json()["data"]["docstatus"] == 1
    assert (await asked.put(FIRST, docstatus=2)).json()["data"]["docstatus"] == 2
    once = (await asked.create("Pump", amended_from=FIRST, repair_status="Completed")).json()[
        "data"
    ]
    assert (once["name"], once["amended_from"], once["docstatus"]) == (f"{FIRST}-1", FIRST, 0)
    frappe.submit(f"{FIRST}-1")
    frappe.cancel(f"{FIRST}-1")
    assert frappe.amend(f"{FIRST}-1", description="Valve") == f"{FIRST}-2"
    assert frappe.record(f"{FIRST}-2")["amended_from"] == f"{FIRST}-1"
    assert frappe.record(f"{FIRST}-2")["description"] == "Valve"


async def test_a_pending_repair_is_not_submitted(frappe: Frappe, asked: FrappeTalk) -> None:
    frappe.plant(1)
    assert error(await asked.put(FIRST, docstatus=1)) == (417, "ValidationError")
    assert (await asked.put(FIRST, docstatus=1, repair_status="Cancelled")).is_success


@pytest.mark.parametrize(
    ("states", "change", "kind"),
    [
        ([], {"docstatus": 2}, "DocstatusTransitionError"),
        ([1], {"docstatus": 0}, "DocstatusTransitionError"),
        ([1], {"description": "Pump"}, "UpdateAfterSubmitError"),
        ([1, 2], {"description": "Pump"}, "ValidationError"),
        ([1, 2], {"docstatus": 1}, "ValidationError"),
    ],
)
async def test_a_step_back_or_a_change_after_submission_is_refused(
    frappe: Frappe, asked: FrappeTalk, states: list[int], change: dict[str, Any], kind: str
) -> None:
    frappe.create(description="Valve", repair_status="Completed")
    for state in states:
        frappe.edit(FIRST, docstatus=state)
    assert error(await asked.put(FIRST, **change)) == (417, kind)


async def test_our_number_may_be_written_after_submission(
    frappe: Frappe, asked: FrappeTalk
) -> None:
    frappe.create(description="Valve", repair_status="Completed")
    frappe.submit(FIRST)
    same = {"description": "Valve", "repair_status": "Completed"}
    assert (await asked.put(FIRST, tracos_number="7", **same)).is_success
    assert frappe.record(FIRST)["tracos_number"] == "7"


async def test_a_submitted_document_is_not_deleted_before_it_is_cancelled(
    frappe: Frappe, asked: FrappeTalk
) -> None:
    frappe.create(description="Valve", repair_status="Completed")
    frappe.submit(FIRST)
    assert error(await asked.http.delete(f"{FRAPPE}/{FIRST}")) == (417, "ValidationError")
    frappe.cancel(FIRST)
    assert (await asked.http.delete(f"{FRAPPE}/{FIRST}")).status_code == 202


# --- logging in, people


async def test_a_token_lets_in_and_nothing_else(frappe: Frappe) -> None:
    async with asking(frappe) as http:
        assert error(await http.get(FRAPPE)) == (403, "PermissionError")
        for login in ("token frappe-key:wrong", "Bearer frappe-key:frappe-secret", "token x"):
            reply = await http.get(FRAPPE, headers={"authorization": login})
            assert error(reply) == (401, "AuthenticationError")
        where = "/api/method/frappe.auth.get_logged_user"
        assert error(await http.post(where)) == (404, "DoesNotExistError")
    assert frappe.failed_logins == 3


async def test_who_is_logged_in_and_what_there_is(asked: FrappeTalk) -> None:
    reply = await asked.http.get("/api/method/frappe.auth.get_logged_user")
    assert reply.json() == {"message": "integration@acme.example"}
    assert error(await asked.http.get("/api/resource/Work%20Order")) == (404, "DoesNotExistError")
    assert (await asked.http.post(f"{FRAPPE}/{FIRST}", json={})).status_code == 405
    assert error(await asked.http.post(FRAPPE, content=b"{")) == (417, "ValidationError")


async def test_a_document_that_is_locked_says_by_whom(frappe: Frappe, asked: FrappeTalk) -> None:
    frappe.plant(1)
    frappe.lock(FIRST)
    assert error(await asked.put(FIRST, description="Pump")) == (417, "DocumentLockedError")
    assert error(await asked.http.delete(f"{FRAPPE}/{FIRST}")) == (417, "DocumentLockedError")


@pytest.mark.parametrize("touches", [True, False])
async def test_a_comment_changes_the_time_of_change_where_that_is_set(touches: bool) -> None:
    sim = Frappe(comments_touch=touches)
    sim.plant(1)
    before = sim.record(FIRST)["modified"]
    sim.comment(FIRST, "Seal ordered")
    assert (sim.record(FIRST)["modified"] != before) is touches
    async with talking(FrappeTalk, sim) as asked:
        body = {"reference_doctype": "Asset Repair", "reference_name": FIRST, "content": "Hot"}
        await asked.http.post("/api/resource/Comment", json={"comment_type": "Comment", **body})
        query = {"fields": '["content","owner"]', "order_by": "creation asc"}
        query |= {"filters": json.dumps([["reference_name", "=", FIRST]])}
        rows = (await asked.http.get("/api/resource/Comment", params=query)).json()["data"]
    assert [row["content"] for row in rows] == ["Seal ordered", "Hot"]
    assert [comment["content"] for comment in sim.comments(FIRST)] == ["Seal ordered", "Hot"]


@pytest.mark.parametrize(
    ("word", "status"),
    [
        ("pending", "Pending"),
        ("in_progress", "Pending"),
        ("on_hold", "Pending"),
        ("completed", "Completed"),
        ("cancelled", "Cancelled"),
    ],
)
def test_people_bring_a_repair_into_the_states_that_there_are(word: str, status: str) -> None:
    sim = Frappe()
    [key] = sim.plant(1)
    sim.move(key, word)
    assert sim.record(key)["repair_status"] == status


def test_people_reopen_a_draft_itself_and_a_submitted_one_by_its_successor(frappe: Frappe) -> None:
    frappe.create(repair_status="Completed")
    frappe.reopen(FIRST)
    assert frappe.record(FIRST)["repair_status"] == "Pending"
    frappe.set_status(FIRST, "Completed")
    frappe.submit(FIRST)
    frappe.reopen(FIRST)
    assert frappe.record(f"{FIRST}-1")["repair_status"] == "Pending"
    with pytest.raises(RefusedError):
        frappe.edit(FIRST, description="Pump")
    frappe.delete(f"{FIRST}-1")
    assert [record["name"] for record in frappe.records()] == [FIRST]
