"""Maximo as it is."""

import base64
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest

from tests.simulators.client import MAXIMO, MaximoTalk, asking, talking
from tracbridge.testing.erp import START, Maximo
from tracbridge.testing.erp.wire import RefusedError


@pytest.fixture
def maximo() -> Maximo:
    return Maximo()


@pytest.fixture
async def asked(maximo: Maximo) -> AsyncIterator[MaximoTalk]:
    async with talking(MaximoTalk, maximo) as talk:
        yield talk


def words(reply: Any) -> str:
    """Status and text of an error; its code stands three times in it."""
    error = reply.json()["Error"]
    assert error["statusCode"] == str(reply.status_code)
    assert error["message"].startswith(error["reasonCode"])
    assert error["extendedError"]["moreInfo"]["href"].endswith(error["reasonCode"])
    return f"{reply.status_code} {error['message']}"


def numbers(asked: MaximoTalk, reply: Any) -> list[str]:
    assert reply.status_code == 200, reply.text
    return [record["wonum"] for record in asked.records(reply)]


# --- values


async def test_what_is_null_is_left_out(maximo: Maximo, asked: MaximoTalk) -> None:
    key = maximo.create(description="Pump", wopriority=2, assetnum="P101")
    await asked.patch(key, {"wopriority": None, "assetnum": ""})
    record = asked.record(await asked.read(key))
    assert record
    assert not {"wopriority", "assetnum", "location", "worklog"} & record.keys()


async def test_times_have_the_offset_of_the_server(maximo: Maximo, asked: MaximoTalk) -> None:
    maximo.create(description="Pump")
    [record] = asked.records(await asked.page())
    assert record["changedate"] == record["reportdate"] == "2026-11-23T07:00:01-05:00"


async def test_an_address_is_made_from_site_and_number(maximo: Maximo, asked: MaximoTalk) -> None:
    maximo.create(wonum="100456")
    [record] = asked.records(await asked.page())
    assert record["href"] == f"{str(asked.http.base_url).rstrip('/')}{MAXIMO}/_QkVERk9SRC8xMDA0NTY-"
    assert (await asked.http.get(record["href"])).json() == record


async def test_a_number_is_that_of_another_order_at_another_site(
    maximo: Maximo, asked: MaximoTalk
) -> None:
    here = maximo.create(wonum="7", description="Pump")
    there = maximo.create(wonum="7", siteid="NASHUA", description="Valve")
    assert (here, there) == ("BEDFORD/7", "NASHUA/7")
    assert numbers(asked, await asked.find('wonum="7"')) == ["7", "7"]
    assert numbers(asked, await asked.find('wonum="7" and siteid="NASHUA"')) == ["7"]
    assert words(await asked.create("Pump", wonum="7", siteid="NASHUA")).startswith(
        "400 BMXAA4129E"
    )


async def test_without_lean_every_name_has_a_prefix(maximo: Maximo, asked: MaximoTalk) -> None:
    maximo.create(description="Pump")
    reply = await asked.http.get(MAXIMO, params={"lean": "0", "oslc.select": "description"})
    [member] = reply.json()["rdfs:member"]
    assert member["spi:description"] == "Pump"
    assert member["rdf:about"].startswith("http://127.0.0.1")


async def test_nothing_is_selected_unless_it_is_named(maximo: Maximo, asked: MaximoTalk) -> None:
    maximo.create(description="Pump")
    [record] = asked.records(await asked.http.get(MAXIMO))
    assert record.keys() == {"href"}
    [record] = asked.records(await asked.find(select="wonum,location"))
    assert record.keys() == {"href", "_rowstamp", "wonum"}


# --- queries


async def test_where(maximo: Maximo, asked: MaximoTalk) -> None:
    maximo.plant(3)
    maximo.create(wonum="9", description='The "big" pump', reportdate="2026-11-20T23:00:00-05:00")

    async def found(where: str, **more: str) -> list[str]:
        return numbers(asked, await asked.find(where, orderBy="+workorderid", **more))

    assert await found('changedate>="2026-11-23T12:00:03Z"') == ["100458", "9"]
    assert await found('changedate>"2026-11-23T07:00:03-05:00" and istask=0') == ["9"]
    assert await found('changedate<"2026-11-23T07:00:02" and historyflag=false') == ["100456"]
    assert await found(r'description="The \"big\" pump"') == ["9"]
    assert await found('description="%pump 1%"') == ["100457"]
    assert await found('wonum in ["9","100456"]') == ["100456", "9"]
    assert await found('wopriority="*" and wopriority>1') == ["100457", "100458"]
    assert await found('assetnum!="*"') == ["9"]
    assert await found("workorderid<=70001") == ["100456"]


async def test_where_with_or(maximo: Maximo, asked: MaximoTalk) -> None:
    maximo.plant(3)
    either = {"oslc.where": 'wonum="100456" and wonum="100458"', "opmodeor": "1"}
    reply = await asked.http.get(MAXIMO, params={"oslc.select": "wonum", **either})
    assert sorted(numbers(asked, reply)) == ["100456", "100458"]


@pytest.mark.parametrize(
    "where", ["wonum", 'wonum="1', 'wonum="1" or siteid="B"', 'no_such="1"', "wonum=x", ""]
)
async def test_a_wrong_where_is_refused(asked: MaximoTalk, where: str) -> None:
    reply = await asked.http.get(MAXIMO, params={"oslc.where": where or "and"})
    assert words(reply).startswith("400 BMXAA87")


async def test_a_plus_that_was_not_encoded_is_no_order(asked: MaximoTalk) -> None:
    assert (await asked.follow(f"{MAXIMO}?lean=1&oslc.orderBy=%2Bchangedate")).status_code == 200
    reply = await asked.follow(f"{MAXIMO}?lean=1&oslc.orderBy=+changedate")
    assert words(reply).startswith("400 BMXAA8747E")


async def test_without_an_order_rows_come_as_they_like(maximo: Maximo, asked: MaximoTalk) -> None:
    maximo.plant(20)
    as_they_like = numbers(asked, await asked.find())
    assert as_they_like != sorted(as_they_like)
    assert numbers(asked, await asked.find()) == as_they_like
    assert numbers(asked, await asked.find(orderBy="-changedate")) == sorted(as_they_like)[::-1]


async def test_pages_are_linked_and_their_size_is_limited(
    maximo: Maximo, asked: MaximoTalk
) -> None:
    maximo.plant(5)
    query = "lean=1&oslc.select=wonum&oslc.orderBy=%2Bworkorderid&oslc.pageSize=2"
    link: str | None = f"{MAXIMO}?{query}&collectioncount=1"
    pages = []
    while link:
        reply = await asked.follow(link)
        pages.append(numbers(asked, reply))
        assert reply.json()["responseInfo"]["pagenum"] == len(pages)
        assert reply.json()["responseInfo"]["totalCount"] == 5
        link = asked.next_link(reply)
    assert [len(page) for page in pages] == [2, 2, 1]
    assert words(await asked.find(pageSize="501")).startswith("400 BMXAA8748E")


async def test_stable_pages_stay_as_they_were_for_five_minutes(
    maximo: Maximo, asked: MaximoTalk
) -> None:
    maximo.plant(5)
    query = "lean=1&oslc.select=*&oslc.orderBy=%2Bchangedate&oslc.pageSize=2&stablepaging=1"
    first = await asked.follow(f"{MAXIMO}?{query}")
    maximo.edit("BEDFORD/100456", description="Edited")
    link = asked.next_link(first)
    assert link
    second = await asked.follow(link)
    assert numbers(asked, second) == ["100458", "100459"]
    maximo.clock.advance(301)
    assert words(await asked.follow(link)).startswith("400 BMXAA8749E")


async def test_plain_pages_move_when_people_work(maximo: Maximo, asked: MaximoTalk) -> None:
    maximo.plant(4)
    order = {"orderBy": "+changedate", "pageSize": "2"}
    first = await asked.find(**order)
    maximo.edit("BEDFORD/100456", description="Edited")
    link = asked.next_link(first)
    assert link
    second = await asked.follow(link)
    assert numbers(asked, first) + numbers(asked, second) == [
        "100456",
        "100457",
        "100459",
        "100456",
    ]


# --- logging in


async def test_a_key_or_user_and_password_let_in() -> None:
    sim = Maximo(key_expires=START + timedelta(minutes=5))
    login = base64.b64encode(b"MAXINT:maximo-password").decode()
    async with asking(sim) as http:

        async def status(**headers: str) -> int:
            return (await http.get("/maximo/api/whoami", headers=headers)).status_code

        assert await status(apikey="maximo-key") == 200
        assert await status(maxauth=login) == 200
        assert await status(maxauth=f"Basic {login}") == 401
        assert await status(apikey="wrong") == 401
        sim.clock.advance(300)
        assert await status(apikey="maximo-key") == 401
        assert words(await http.get(MAXIMO)).startswith("401 BMXAA7901E")


# --- making and changing


async def test_a_new_order_is_only_told_its_address_unless_it_asks_for_more(
    maximo: Maximo, asked: MaximoTalk
) -> None:
    made = await asked.create("Pump", externalrefid="TRACOS-88123")
    assert (made.status_code, made.content) == (201, b"")
    record = (await asked.http.get(made.headers["location"])).json()
    assert (record["status"], record["externalrefid"]) == ("WAPPR", "TRACOS-88123")
    asked.http.headers["properties"] = "wonum,status"
    made = await asked.create("Valve")
    assert made.json().keys() == {"href", "_rowstamp", "wonum", "status"}
    asked.http.headers["properties"] = "*"
    assert (await asked.create("Fan")).json()["description"] == "Fan"


async def test_an_update_is_told_nothing_unless_it_asks_for_more(
    maximo: Maximo, asked: MaximoTalk
) -> None:
    [key] = maximo.plant(1)
    assert (await asked.update(key, "Pump")).status_code == 204
    told = await asked.patch(key, {"description": "Valve"}, properties="*")
    assert (told.status_code, told.json()["description"]) == (200, "Valve")
    assert told.json()["_rowstamp"] == maximo.record(key)["_rowstamp"]


async def test_an_update_under_an_old_rowstamp_is_refused(
    maximo: Maximo, asked: MaximoTalk
) -> None:
    [key] = maximo.plant(1)
    stamp = maximo.record(key)["_rowstamp"]
    maximo.edit(key, wopriority=4)
    stale = await asked.patch(key, {"description": "Pump", "_rowstamp": stamp})
    assert words(stale).startswith("412 BMXAA8229W")
    fresh = maximo.record(key)["_rowstamp"]
    assert (await asked.patch(key, {"description": "Pump", "_rowstamp": fresh})).is_success


async def test_a_transaction_is_known_for_five_minutes(maximo: Maximo, asked: MaximoTalk) -> None:
    [key] = maximo.plant(1)

    async def send() -> Any:
        return await asked.patch(key, {"description": "Pump"}, transactionid="one")

    assert (await send()).status_code == 204
    assert words(await send()).startswith("409 BMXAA8745E")
    assert (await asked.patch(key, {"description": "Valve"}, transactionid="two")).is_success
    maximo.clock.advance(300)
    assert (await send()).status_code == 204


async def test_a_transaction_that_failed_is_not_known(maximo: Maximo, asked: MaximoTalk) -> None:
    [key] = maximo.plant(1)
    maximo.lock(key)
    sent = {"description": "Pump"}
    assert (await asked.patch(key, sent, transactionid="one")).status_code == 400
    maximo.unlock(key)
    assert (await asked.patch(key, sent, transactionid="one")).is_success


async def test_sync_makes_or_changes_by_site_and_number(maximo: Maximo, asked: MaximoTalk) -> None:
    asked.http.headers["x-method-override"] = "SYNC"
    body = {"siteid": "BEDFORD", "wonum": "7"}
    assert (await asked.create("Pump", **body)).status_code == 201
    assert (await asked.create("Valve", **body)).status_code == 204
    assert [record["description"] for record in maximo.records()] == ["Valve"]


@pytest.mark.parametrize(
    ("field", "value", "code"),
    [
        ("changedate", "2026-11-23T07:00:00-05:00", "BMXAA4191E"),
        ("historyflag", True, "BMXAA4191E"),
        ("wonum", "8", "BMXAA4191E"),
        ("siteid", "NASHUA", "BMXAA4191E"),
        ("no_such_field", 1, "BMXAA8744E"),
        ("description", "x" * 101, "BMXAA4049E"),
        ("status", "DONE", "BMXAA4021E"),
    ],
)
async def test_what_cannot_be_written_is_refused_whole(
    maximo: Maximo, asked: MaximoTalk, field: str, value: Any, code: str
) -> None:
    [key] = maximo.plant(1)
    before = maximo.record(key)
    reply = await asked.patch(key, {"wopriority": 1, field: value})
    assert words(reply).startswith(f"400 {code}")
    assert maximo.record(key) == before


async def test_only_the_override_makes_a_post_a_change(maximo: Maximo, asked: MaximoTalk) -> None:
    [key] = maximo.plant(1)
    href = await asked.href(key)
    assert (await asked.http.post(href, json={})).status_code == 405
    assert (await asked.http.patch(href, json={})).status_code == 405
    assert (await asked.http.put(MAXIMO, json={})).status_code == 405
    assert (await asked.http.get("/maximo/oslc/os/mxasset")).status_code == 404
    assert words(await asked.http.get(f"{MAXIMO}/_?")).startswith("404 BMXAA8727E")


async def test_orders_are_deleted_only_where_the_company_lets(
    maximo: Maximo, asked: MaximoTalk
) -> None:
    [key] = maximo.plant(1)
    assert words(await asked.http.delete(await asked.href(key))).startswith("400 BMXAA4140E")
    sim = Maximo(deletes=True)
    first, second = sim.plant(2)
    async with talking(MaximoTalk, sim) as talk:
        assert (await talk.http.delete(await talk.href(first))).status_code == 200
        assert (await talk.patch(second, {"_action": "Delete"})).status_code == 200
    assert sim.records() == []


# --- statuses


async def test_the_same_status_is_an_error_and_its_inner_code_says_so(
    maximo: Maximo, asked: MaximoTalk
) -> None:
    [key] = maximo.plant(1)
    message = words(await asked.patch(key, {"status": "WAPPR", "wopriority": 1}))
    assert message.startswith(
        "400 BMXAA4590E - Could not change Work Order 100456 status to WAPPR.\n\tBMXAA0032E - "
    )
    assert maximo.record(key)["changedate"] == "2026-11-23T07:00:01-05:00"


async def test_a_step_that_is_not_allowed_is_refused(maximo: Maximo, asked: MaximoTalk) -> None:
    [key] = maximo.plant(1)
    assert words(await asked.patch(key, {"status": "COMP"})).startswith("400 BMXAA4590E")
    assert (await asked.patch(key, {"status": "APPR"})).is_success
    assert (await asked.patch(key, {"status": "INPRG"})).is_success
    assert (await asked.patch(key, {"status": "COMP"})).is_success
    record = maximo.record(key)
    assert record["statusdate"] == record["actfinish"] == "2026-11-23T07:00:04-05:00"
    assert record["actstart"] == "2026-11-23T07:00:03-05:00"


@pytest.mark.parametrize("steps", [["CAN"], ["APPR", "COMP", "CLOSE"]])
async def test_a_history_record_is_read_only(
    maximo: Maximo, asked: MaximoTalk, steps: list[str]
) -> None:
    [key] = maximo.plant(1)
    for status in steps:
        maximo.set_status(key, status)
    assert maximo.record(key)["historyflag"] is True
    for change in ({"description": "Pump"}, {"status": "APPR"}):
        assert words(await asked.patch(key, change)).startswith("400 BMXAA4532E")
    assert numbers(asked, await asked.find("historyflag=0")) == []
    assert numbers(asked, await asked.find("historyflag=1")) == ["100456"]


def test_people_may_edit_a_closed_order_in_history(maximo: Maximo) -> None:
    [key] = maximo.plant(1)
    for status in ("APPR", "COMP", "CLOSE", "HISTEDIT"):
        maximo.set_status(key, status)
    assert maximo.record(key)["status"] == "HISTEDIT"


async def test_an_order_with_hours_is_not_cancelled(maximo: Maximo, asked: MaximoTalk) -> None:
    [key] = maximo.plant(1)
    maximo.book(key, 2.5)
    assert "BMXAA4569E" in words(await asked.patch(key, {"status": "CAN"}))


async def test_an_order_is_born_with_a_status_but_not_in_history(asked: MaximoTalk) -> None:
    made = await asked.create("Pump", status="INPRG")
    assert (await asked.http.get(made.headers["location"])).json()["status"] == "INPRG"
    assert words(await asked.create("Pump", status="CLOSE")).startswith("400 BMXAA4590E")


async def test_a_site_has_its_own_words_for_statuses() -> None:
    sim = Maximo(synonyms={"NASHUA": {"WAPPR": "AGUARD", "APPR": "APROV"}})
    here, there = sim.create(siteid="BEDFORD"), sim.create(siteid="NASHUA")
    async with talking(MaximoTalk, sim) as asked:
        record = asked.record(await asked.read(there))
        assert record
        assert (record["status"], record["status_description"]) == ("AGUARD", "Waiting on Approval")
        assert words(await asked.patch(there, {"status": "APPR"})).startswith("400 BMXAA4021E")
        assert (await asked.patch(there, {"status": "APROV"})).is_success
        assert "BMXAA0032E" in words(await asked.patch(there, {"status": "APROV"}))
        assert (await asked.patch(here, {"status": "APPR"})).is_success
        assert len(numbers(asked, await asked.find('status="APROV"'))) == 1
        internal = {"oslc.select": "wonum", "domaininternalwhere": "status=APPR,INPRG"}
        assert len(numbers(asked, await asked.http.get(MAXIMO, params=internal))) == 2


@pytest.mark.parametrize("start", ["WAPPR", "APPR", "WSCH", "WMATL", "INPRG"])
@pytest.mark.parametrize(
    ("word", "status"),
    [("in_progress", "INPRG"), ("on_hold", "WMATL"), ("completed", "COMP"), ("cancelled", "CAN")],
)
def test_people_bring_an_order_into_any_state(start: str, word: str, status: str) -> None:
    sim = Maximo()
    key = sim.create(status=start)
    sim.move(key, word)
    assert sim.record(key)["status"] == status


def test_people_reopen_a_completed_order_and_keep_to_the_rules(maximo: Maximo) -> None:
    [key] = maximo.plant(1)
    maximo.move(key, "completed")
    maximo.reopen(key)
    assert maximo.record(key)["status"] == "INPRG"
    with pytest.raises(RefusedError, match="BMXAA0032E"):
        maximo.reopen(key)
    maximo.archive(key)
    assert maximo.records() == []


# --- the work log


async def test_an_entry_is_merged_into_the_log_by_its_id(maximo: Maximo, asked: MaximoTalk) -> None:
    [key] = maximo.plant(1)
    id_ = maximo.comment(key, "Seal ordered")
    merge = {"patchtype": "MERGE"}
    await asked.patch(key, {"worklog": [{"description": "Seal came"}]}, **merge)
    change = {"worklogid": int(id_), "description": "Seals ordered"}
    await asked.patch(key, {"worklog": [change]}, **merge)
    record = asked.record(await asked.read(key))
    assert record
    logs = record["worklog"]
    assert [log["description"] for log in logs] == ["Seals ordered", "Seal came"]
    assert [log["createby"] for log in logs] == ["WILSON", "MAXINT"]
    assert logs[0]["createdate"] == "2026-11-23T07:00:02-05:00"
    assert logs[0]["localref"] == f"{record['href']}/worklog/{id_}"


async def test_without_merge_the_whole_log_is_another_one(
    maximo: Maximo, asked: MaximoTalk
) -> None:
    [key] = maximo.plant(1)
    maximo.comment(key, "Seal ordered")
    await asked.patch(key, {"worklog": [{"description": "Seal came"}]})
    assert [log["description"] for log in maximo.comments(key)] == ["Seal came"]


async def test_an_entry_sent_twice_is_there_twice(maximo: Maximo, asked: MaximoTalk) -> None:
    [key] = maximo.plant(1)
    for _ in range(2):
        await asked.patch(key, {"worklog": [{"description": "Hot"}]}, patchtype="MERGE")
    assert len(maximo.comments(key)) == len({log["worklogid"] for log in maximo.comments(key)}) == 2


@pytest.mark.parametrize("touches", [False, True])
async def test_an_entry_changes_its_order_only_where_that_is_set(touches: bool) -> None:
    sim = Maximo(log_touches=touches)
    [key] = sim.plant(1)
    sim.comment(key, "Seal ordered")
    assert (sim.record(key)["changedate"] == "2026-11-23T07:00:02-05:00") is touches
    async with talking(MaximoTalk, sim) as asked:
        recent = 'worklog.createdate>="2026-11-23T07:00:02-05:00"'
        assert numbers(asked, await asked.find(recent)) == ["100456"]
        chosen = asked.records(await asked.find(select="wonum,worklog{description}"))
        assert chosen[0]["worklog"][0].keys() == {"localref", "description"}
