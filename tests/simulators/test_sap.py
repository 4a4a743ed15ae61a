"""SAP PM as it is."""

import re
from collections.abc import AsyncIterator
from typing import Any, Literal

import pytest

from tests.simulators.client import SAP, SapTalk, asking, talking
from tracbridge.testing.erp import Clock, SapPm
from tracbridge.testing.erp.wire import RefusedError


@pytest.fixture
def sap() -> SapPm:
    return SapPm()


@pytest.fixture
async def asked(sap: SapPm) -> AsyncIterator[SapTalk]:
    async with talking(SapTalk, sap) as talk:
        yield talk


def words(reply: Any) -> str:
    """Code and text of an error."""
    error = reply.json()["error"]
    return f"{error['code']} {error['message']['value']}"


def numbers(records: list[dict[str, Any]]) -> list[str]:
    return [record["MaintenanceOrder"] for record in records]


# --- values


async def test_a_title_is_cut_to_40_characters_and_nobody_says_so(
    sap: SapPm, asked: SapTalk
) -> None:
    title = "Substituir rolamento da bomba P-101 lado acoplamento"
    made = await asked.create(title)
    assert made.json()["d"]["MaintenanceOrderDesc"] == title[:40]
    await asked.update("4000000", "x" * 41)
    assert sap.record("4000000")["MaintenanceOrderDesc"] == "x" * 40


async def test_several_codes_stand_in_one_text_filled_up_with_blanks(
    sap: SapPm, asked: SapTalk
) -> None:
    [key] = sap.plant(1)
    for code in ("REL", "PCNF", "LKD", "DLFL"):
        sap.set_status(key, code)
    record = asked.record(await asked.read(key))
    assert record
    assert record["SystemStatusText"] == "REL  PCNF LKD  DLFL PRC  SETC"


async def test_dates_are_days_instants_and_times(sap: SapPm, asked: SapTalk) -> None:
    sap.plant(1)
    [record] = asked.records(await asked.page())
    assert record["CreationDate"] == "/Date(1795392000000)/"  # a day: no offset
    assert record["LastChangeDateTime"] == "/Date(1795435201000+0000)/"
    assert record["MaintOrdBasicStartTime"] == "PT06H00M00S"


@pytest.mark.parametrize(
    ("option", "planted", "edited", "written"),
    [("always", True, True, True), ("edited", False, True, True), ("api", False, False, True)],
)
async def test_an_order_that_was_never_changed_may_have_no_time_of_change(
    option: Literal["always", "edited", "api"], planted: bool, edited: bool, written: bool
) -> None:
    sim = SapPm(change_dates=option)
    [key] = sim.plant(1)

    def dated() -> bool:
        return bool(sim.record(key)["LastChangeDateTime"])

    assert dated() is planted
    sim.edit(key, MaintenanceOrderDesc="Pump")
    assert dated() is edited
    async with talking(SapTalk, sim) as asked:
        await asked.update(key, "Valve")
    assert dated() is written


async def test_a_filter_by_time_of_change_passes_over_orders_without_one() -> None:
    sim = SapPm(change_dates="edited")
    keys = sim.plant(3)
    sim.edit(keys[1], MaintenanceOrderDesc="Pump")
    async with talking(SapTalk, sim) as asked:
        early = "LastChangeDateTime ge datetimeoffset'2000-01-01T00:00:00Z'"
        assert numbers(await asked.find(filter=early)) == [keys[1]]
        assert len(await asked.find()) == 3


# --- queries


async def test_filters(sap: SapPm, asked: SapTalk) -> None:
    keys = sap.plant(5)
    moment = "datetimeoffset'2026-11-23T12:00:04Z'"
    by_time = (
        "LastChangeDateTime gt {0} or (LastChangeDateTime eq {0} and MaintenanceOrder gt '{1}')"
    )
    assert numbers(await asked.find(filter=by_time.format(moment, keys[2]))) == keys[3:]
    offset = "LastChangeDateTime ge datetimeoffset'2026-11-23T09:00:05-03:00'"
    assert numbers(await asked.find(filter=offset)) == keys[4:]
    assert numbers(await asked.find(filter=f"MaintenanceOrder eq '0000{keys[1]}'")) == [keys[1]]
    codes = "substringof('CRTD',SystemStatusText) and not MaintPriority eq '1'"
    assert len(await asked.find(filter=codes)) == 3


async def test_quotes_in_a_text_are_doubled(sap: SapPm, asked: SapTalk) -> None:
    sap.create(MaintenanceOrderDesc="Ana's pump")
    assert len(await asked.find(filter="MaintenanceOrderDesc eq 'Ana''s pump'")) == 1


@pytest.mark.parametrize(
    "filter_",
    [
        "LastChangeDateTime ge '2026-11-23T10:00:00Z'",
        "NoSuchField eq '1'",
        "MaintenanceOrder eq",
        "MaintenanceOrder is '1'",
        "(MaintenanceOrder eq '1'",
        "MaintenanceOrder eq '1' MaintPriority eq '1'",
        "LastChangeDateTime ge datetimeoffset'yesterday'",
        "?",
    ],
)
async def test_a_wrong_filter_is_refused(asked: SapTalk, filter_: str) -> None:
    reply = await asked.http.get(f"{SAP}/MaintenanceOrder", params={"$filter": filter_})
    assert reply.status_code == 400


async def test_the_server_pages_by_itself_and_links_to_the_next(sap: SapPm) -> None:
    sim = SapPm(page_size=2)
    keys = sim.plant(5)
    async with talking(SapTalk, sim) as asked:
        link = f"{SAP}/MaintenanceOrder?$orderby=MaintenanceOrder&$inlinecount=allpages"
        pages = []
        while link:
            page = (await asked.http.get(link)).json()["d"]
            assert page["__count"] == "5"
            pages.append(numbers(page["results"]))
            link = page.get("__next", "")
    assert pages == [keys[:2], keys[2:4], keys[4:]]


async def test_a_top_above_the_servers_page_goes_on_by_link_until_it_is_full() -> None:
    sim = SapPm(page_size=2)
    keys = sim.plant(5)
    async with talking(SapTalk, sim) as asked:
        page = (await asked.http.get(f"{SAP}/MaintenanceOrder?$top=3&$skip=1")).json()["d"]
        assert numbers(page["results"]) == keys[1:3]
        page = (await asked.http.get(page["__next"])).json()["d"]
        assert numbers(page["results"]) == keys[3:4]
        assert "__next" not in page


async def test_fields_may_be_selected(sap: SapPm, asked: SapTalk) -> None:
    sap.plant(1)
    [record] = await asked.find(select="MaintenanceOrder,MaintPriority")
    assert record.keys() == {"__metadata", "MaintenanceOrder", "MaintPriority"}


async def test_a_key_is_found_with_and_without_its_zeros(sap: SapPm, asked: SapTalk) -> None:
    [key] = sap.plant(1)
    assert (await asked.read(f"00000{key}")).json() == (await asked.read(key)).json()
    missing = await asked.read("1")
    assert missing.status_code == 404
    assert words(missing).startswith("/IWBEP/CM_MGW_RT/020")


# --- logging on, tokens, versions


async def test_a_wrong_password_is_answered_with_a_page_for_people(sap: SapPm) -> None:
    async with asking(sap, auth=("TRACBRIDGE", "wrong")) as http:
        reply = await http.get(f"{SAP}/MaintenanceOrder")
    assert reply.status_code == 401
    assert reply.headers["www-authenticate"].startswith("Basic ")
    assert reply.headers["content-type"].startswith("text/html")


async def test_a_user_is_locked_after_five_wrong_passwords(sap: SapPm) -> None:
    async with asking(sap) as http:
        for _ in range(5):
            await http.get(f"{SAP}/", auth=("TRACBRIDGE", "wrong"))
        right = {"auth": SapTalk.login["auth"]}
        assert (await http.get(f"{SAP}/", **right)).status_code == 401
        sap.login.unlock()
        assert (await http.get(f"{SAP}/", **right)).status_code == 200


async def test_a_write_needs_the_token_of_its_session(sap: SapPm, asked: SapTalk) -> None:
    where, body = f"{SAP}/MaintenanceOrder", {"MaintenanceOrderDesc": "Pump"}
    refused = await asked.http.post(where, json=body)
    assert (refused.status_code, refused.headers["x-csrf-token"]) == (403, "Required")
    headers = await asked.token()
    assert (await asked.http.post(where, json=body, headers=headers)).status_code == 201
    asked.http.cookies.clear()
    assert (await asked.http.post(where, json=body, headers=headers)).status_code == 403
    assert len(sap.records()) == 1


async def test_a_session_ends_after_half_an_hour_without_a_request(
    sap: SapPm, asked: SapTalk
) -> None:
    headers = await asked.token()
    where = f"{SAP}/MaintenanceOrder"
    statuses = []
    for seconds in (1_700, 1_700, 1_900):
        sap.clock.advance(seconds)
        statuses.append((await asked.http.post(where, json={}, headers=headers)).status_code)
    assert statuses == [201, 201, 403]
    assert (await asked.create("Pump")).status_code == 201


async def test_one_session_keeps_its_token(sap: SapPm, asked: SapTalk) -> None:
    first = await asked.token()
    assert await asked.token() == first
    sap.login.forget()
    assert await asked.token() != first


async def test_a_change_needs_the_version_that_is_there(sap: SapPm, asked: SapTalk) -> None:
    [key] = sap.plant(1)
    read = await asked.read(key)
    version = read.headers["etag"]
    assert version == read.json()["d"]["__metadata"]["etag"]
    assert re.match(r"W/\"datetimeoffset'2026-11-23T12%3A00%3A01", version)
    sap.edit(key, MaintPriority="3")
    stale = await asked.patch(key, version, MaintenanceOrderDesc="Pump")
    assert (stale.status_code, words(stale)[-26:]) == (412, "changed by JSILVA meanwhile"[-26:])
    assert (await asked.patch(key, None, MaintenanceOrderDesc="Pump")).status_code == 428
    fresh = await asked.patch(key, "*", MaintenanceOrderDesc="Pump")
    assert (fresh.status_code, fresh.content, "etag" in fresh.headers) == (204, b"", False)


async def test_two_changes_in_one_second_have_two_versions() -> None:
    sim = SapPm(clock=Clock(tick=0), change_dates="api")
    [key] = sim.plant(1)
    versions = {sim.record(key)["__metadata"]["etag"]}
    for title in ("Pump", "Valve"):
        sim.edit(key, MaintenanceOrderDesc=title)
        versions.add(sim.record(key)["__metadata"]["etag"])
    assert len(versions) == 3


async def test_a_merge_may_be_tunnelled_through_post(sap: SapPm, asked: SapTalk) -> None:
    [key] = sap.plant(1)
    headers = await asked.token() | {"x-http-method": "MERGE", "if-match": "*"}
    where = f"{SAP}/MaintenanceOrder('{key}')"
    body = {"MaintenanceOrderDesc": "Pump"}
    assert (await asked.http.post(where, json=body, headers=headers)).status_code == 204
    assert sap.record(key)["MaintenanceOrderDesc"] == "Pump"


# --- making and changing


async def test_an_order_is_answered_with_its_place_and_version(sap: SapPm, asked: SapTalk) -> None:
    made = await asked.create("Pump", YY1_TracosNumber="88123", MaintenanceOrderLongText="Hot")
    assert made.status_code == 201
    assert made.headers["location"].endswith("/MaintenanceOrder('4000000')")
    record = made.json()["d"]
    assert record["__metadata"]["etag"] == made.headers["etag"]
    assert (record["YY1_TracosNumber"], record["OrderHasLongText"]) == ("88123", "X")
    assert record["MaintenanceOrderInternalID"] == "OR000004000000"
    assert record["CreatedByUser"] == "TRACBRIDGE"


async def test_whoever_makes_an_order_may_say_its_number_once(sap: SapPm, asked: SapTalk) -> None:
    made = await asked.create("Pump", MaintenanceOrder="000000088123")
    assert made.json()["d"]["MaintenanceOrder"] == "88123"
    again = await asked.create("Pump", MaintenanceOrder="88123")
    assert (again.status_code, words(again)) == (400, "IW/118 Order 88123 already exists")


async def test_a_company_may_number_by_itself_only() -> None:
    sim = SapPm(external_numbers=False, required=("MaintenanceOrderType",))
    async with talking(SapTalk, sim) as asked:
        assert (await asked.create("Pump")).status_code == 400
        given = {"MaintenanceOrderType": "PM01"}
        assert (await asked.create("Pump", MaintenanceOrder="1", **given)).status_code == 400
        assert (await asked.create("Pump", **given)).status_code == 201


@pytest.mark.parametrize(
    "field", ["SystemStatusText", "LastChangeDateTime", "MaintenanceOrder", "NoSuchField"]
)
async def test_a_status_and_other_things_are_never_written(
    sap: SapPm, asked: SapTalk, field: str
) -> None:
    [key] = sap.plant(1)
    before = sap.record(key)
    reply = await asked.patch(key, "*", MaintenanceOrderDesc="Pump", **{field: "TECO"})
    assert reply.status_code == 400
    assert field in words(reply)
    assert sap.record(key) == before


async def test_null_empties_a_field(sap: SapPm, asked: SapTalk) -> None:
    [key] = sap.plant(1)
    await asked.patch(key, "*", MaintenanceOrderLongText=None)
    assert sap.record(key)["MaintenanceOrderLongText"] == ""
    assert sap.record(key)["OrderHasLongText"] == ""


async def test_an_order_cannot_be_deleted_over_the_api(sap: SapPm, asked: SapTalk) -> None:
    [key] = sap.plant(1)
    where = f"{SAP}/MaintenanceOrder('{key}')"
    assert (await asked.http.delete(where, headers=await asked.token())).status_code == 405
    assert (await asked.http.get(f"{SAP}/NoSuchEntity")).status_code == 404
    assert (await asked.http.get("/sap/opu/odata/sap/API_OTHER")).status_code == 404


# --- statuses

RELEASE = "ReleaseMaintenanceOrder"
COMPLETE = "TechnicallyCompleteMaintenanceOrder"
RESUME = "CancelTechnicalCompletionOfMaintenanceOrder"
LOCK, UNLOCK = "LockMaintenanceOrder", "UnlockMaintenanceOrder"
GIVE_UP = "SetMaintenanceOrderToNotExecute"
FLAG, UNFLAG = "SetMaintenanceOrderDeletionFlag", "ResetMaintenanceOrderDeletionFlag"


@pytest.mark.parametrize(
    ("actions", "codes"),
    [
        ([RELEASE], "REL"),
        ([RELEASE, COMPLETE], "TECO"),
        ([RELEASE, COMPLETE, RESUME], "REL"),
        ([LOCK], "CRTD LKD"),
        ([RELEASE, LOCK, UNLOCK], "REL"),
        ([GIVE_UP], "CRTD NOEX"),
        ([FLAG], "CRTD DLFL"),
        ([RELEASE, FLAG, UNFLAG, COMPLETE], "TECO"),
    ],
)
async def test_a_status_is_changed_by_functions(
    sap: SapPm, asked: SapTalk, actions: list[str], codes: str
) -> None:
    [key] = sap.plant(1)
    for action in actions:
        reply = await asked.act(action, key)
        assert reply.status_code == 200, reply.text
    assert reply.json()["d"]["SystemStatusText"].split() == [*codes.split(), "PRC", "SETC"]
    assert reply.headers["etag"] == sap.record(key)["__metadata"]["etag"]


@pytest.mark.parametrize(
    "actions",
    [
        [COMPLETE],
        [RELEASE, RELEASE],
        [RESUME],
        [RELEASE, LOCK, COMPLETE],
        [LOCK, LOCK],
        [UNLOCK],
        [GIVE_UP, RELEASE],
        [FLAG, FLAG],
    ],
)
async def test_what_a_status_forbids_is_refused_with_its_codes(
    sap: SapPm, asked: SapTalk, actions: list[str]
) -> None:
    [key] = sap.plant(1)
    replies = [await asked.act(action, key) for action in actions]
    assert replies[-1].status_code == 400
    assert words(replies[-1]).startswith("BS/007 ")
    assert all(reply.status_code == 200 for reply in replies[:-1])


async def test_a_closed_order_is_closed_for_good(sap: SapPm, asked: SapTalk) -> None:
    [key] = sap.plant(1)
    for code in ("REL", "TECO", "CLSD"):
        sap.set_status(key, code)
    assert (await asked.act(RESUME, key)).status_code == 400
    reply = await asked.patch(key, "*", MaintenanceOrderDesc="Pump")
    assert (reply.status_code, words(reply)[:6]) == (400, "BS/007")
    with pytest.raises(RefusedError):
        sap.reopen(key)


async def test_an_order_that_a_user_has_open_is_refused(sap: SapPm, asked: SapTalk) -> None:
    [key] = sap.plant(1)
    sap.lock(key)
    busy = "IW/123 Order 4000000 is being processed by user JSILVA"
    for reply in (await asked.update(key, "Pump"), await asked.act(RELEASE, key)):
        assert (reply.status_code, words(reply)) == (400, busy)
        details = reply.json()["error"]["innererror"]["errordetails"]
        assert details == [{"code": "IW/123", "severity": "error", "message": busy[7:]}]
    sap.unlock(key)
    assert (await asked.act(RELEASE, key)).status_code == 200


async def test_a_function_checks_a_version_that_is_given(sap: SapPm, asked: SapTalk) -> None:
    [key] = sap.plant(1)
    headers = await asked.token() | {"if-match": 'W/"old"'}
    query = {"MaintenanceOrder": f"'{key}'"}
    reply = await asked.http.post(f"{SAP}/{RELEASE}", params=query, headers=headers)
    assert reply.status_code == 412


# --- people


@pytest.mark.parametrize("start", ["CRTD", "REL", "LKD", "TECO"])
@pytest.mark.parametrize(
    ("word", "code"),
    [("in_progress", "PCNF"), ("on_hold", "LKD"), ("completed", "TECO"), ("cancelled", "NOEX")],
)
def test_people_bring_an_order_into_any_state(start: str, word: str, code: str) -> None:
    sim = SapPm()
    [key] = sim.plant(1)
    for step in {"TECO": ["REL", "TECO"], "CRTD": []}.get(start, [start]):
        sim.set_status(key, step)
    if (start, word) not in (("LKD", "on_hold"), ("TECO", "completed")):
        sim.move(key, word)
    assert code in sim.record(key)["SystemStatusText"]


async def test_people_delete_with_a_flag_and_archive_for_good(sap: SapPm, asked: SapTalk) -> None:
    first, second = sap.plant(2)
    sap.delete(first)
    assert "DLFL" in sap.record(first)["SystemStatusText"]
    sap.archive(second)
    assert numbers(await asked.find()) == [first]
    assert (await asked.read(second)).status_code == 404


def test_people_comment_at_the_end_of_the_long_text(sap: SapPm) -> None:
    [key] = sap.plant(1)
    sap.comment(key, "Seal ordered")
    text = sap.record(key)["MaintenanceOrderLongText"]
    assert text == "Vibration 0 mm/s\n* 23.11.2026 12:00:01 JSILVA\nSeal ordered"
    assert sap.comments(key) == []


@pytest.mark.parametrize(
    ("order", "first"),
    [("MaintenanceOrder desc", "4000004"), ("MaintPriority asc,MaintenanceOrder desc", "4000004")],
)
async def test_orders_go_up_or_down(sap: SapPm, asked: SapTalk, order: str, first: str) -> None:
    sap.plant(5)
    assert numbers(await asked.find(orderby=order))[0] == first
    for wrong in ("MaintenanceOrder down", "NoSuchField"):
        reply = await asked.http.get(f"{SAP}/MaintenanceOrder", params={"$orderby": wrong})
        assert reply.status_code == 400


async def test_more_filters(sap: SapPm, asked: SapTalk) -> None:
    sap.create(MaintenanceOrderDesc="Pump")
    sap.create(MaintenanceOrderDesc="Valve", MaintOrdBasicStartDate="/Date(1795392000000)/")
    day = "MaintOrdBasicStartDate ge datetime'2026-11-23T00:00:00'"
    assert len(await asked.find(filter=day)) == 1
    named = "startswith(MaintenanceOrderDesc,'Val') eq true"
    assert len(await asked.find(filter=named)) == 1
    nothing = {"$filter": "MaintOrdBasicStartDate eq null"}
    reply = await asked.http.get(f"{SAP}/MaintenanceOrder", params=nothing)
    assert len(asked.records(reply)) == 1


async def test_what_is_no_date_or_no_login_or_no_function_is_refused(
    sap: SapPm, asked: SapTalk
) -> None:
    [key] = sap.plant(1)
    assert (await asked.patch(key, "*", MaintOrdBasicStartDate="2026-11-23")).status_code == 400
    assert (await asked.act("CloseMaintenanceOrder", key)).status_code == 404
    where = f"{SAP}/MaintenanceOrder('{key}')"
    headers = await asked.token() | {"if-match": "*"}
    assert (await asked.http.patch(where, content=b"{", headers=headers)).status_code == 400
    async with asking(sap) as http:
        reply = await http.get(f"{SAP}/", headers={"authorization": "Basic no-base64"})
        assert reply.status_code == 401
