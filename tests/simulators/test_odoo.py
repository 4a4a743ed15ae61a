"""Odoo as it is."""

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest

from tests.simulators.client import OdooTalk, asking, talking
from tracbridge.testing.erp import START, Clock, Odoo


@pytest.fixture
def odoo() -> Odoo:
    return Odoo()


@pytest.fixture
async def asked(odoo: Odoo) -> AsyncIterator[OdooTalk]:
    async with talking(OdooTalk, odoo) as talk:
        yield talk


async def found(asked: OdooTalk, *domain: Any, **more: Any) -> list[Any]:
    reply = await asked.call("search_read", domain=list(domain), **more)
    assert reply.status_code == 200, reply.text
    return [record["name"] for record in reply.json()]


# --- values


async def test_nothing_is_false_and_a_many2one_is_a_pair(odoo: Odoo, asked: OdooTalk) -> None:
    odoo.create(name="Pump", equipment_id=31)
    [record] = asked.records(await asked.page())
    assert record["description"] is record["close_date"] is record["user_id"] is False
    assert record["stage_id"] == [1, "New Request"]
    assert record["equipment_id"] == [31, "Pump P-101/SN88"]


async def test_times_are_in_utc_and_do_not_say_so(odoo: Odoo, asked: OdooTalk) -> None:
    odoo.create(name="Pump")
    [record] = asked.records(await asked.page())
    assert record["create_date"] == record["write_date"] == "2026-11-23 12:00:01"
    assert record["request_date"] == "2026-11-23"


async def test_only_the_fields_that_are_asked_for_and_the_id_come(
    odoo: Odoo, asked: OdooTalk
) -> None:
    odoo.create(name="Pump")
    reply = await asked.call("search_read", fields=["name", "stage_id"])
    assert reply.json() == [{"id": 1, "name": "Pump", "stage_id": [1, "New Request"]}]


async def test_plain_text_becomes_html(odoo: Odoo, asked: OdooTalk) -> None:
    await asked.call("create", vals_list=[{"name": "Pump", "description": "1 < 2"}])
    assert odoo.record("1")["description"] == "<p>1 &lt; 2</p>"


async def test_null_is_taken_as_false(odoo: Odoo, asked: OdooTalk) -> None:
    odoo.create(name="Pump", priority="2")
    await asked.call("write", ids=[1], vals={"priority": None})
    assert odoo.record("1")["priority"] is False


async def test_the_number_of_tracos_has_a_field_and_can_be_looked_for(asked: OdooTalk) -> None:
    await asked.call("create", vals_list=[{"name": "Pump", "x_tracos_number": "88123"}])
    assert await found(asked, ["x_tracos_number", "=", "88123"]) == ["Pump"]
    assert await found(asked, ["x_tracos_number", "=", False]) == []


# --- domains, orders, pages


async def test_domains_are_in_prefix_notation(odoo: Odoo, asked: OdooTalk) -> None:
    odoo.plant(5)
    later = ["write_date", ">", "2026-11-23 12:00:04"]
    tied = ["&", ["write_date", "=", "2026-11-23 12:00:04"], ["id", ">", 3]]
    other = ["&", ["write_date", "=", "2026-11-23 12:00:04"], ["id", ">", 4]]
    assert await found(asked, "|", later, *other) == ["Check pump 4"]
    assert await found(asked, "|", later, *tied, order="id asc") == ["Check pump 3", "Check pump 4"]
    assert await found(asked, ["id", "in", [2, 4]], ["id", "!=", 2]) == ["Check pump 3"]
    assert await found(asked, "!", ["id", "<=", 4]) == ["Check pump 4"]
    assert await found(asked, ["name", "ilike", "PUMP 1"]) == ["Check pump 1"]
    assert await found(asked, ["stage_id", "=", 1], ["stage_id.done", "=", True]) == []


@pytest.mark.parametrize(
    "domain", [["|", ["id", "=", 1]], [["id", "~", 1]], [["no_such_field", "=", 1]], ["?"]]
)
async def test_a_wrong_domain_is_a_server_error(asked: OdooTalk, domain: list[Any]) -> None:
    reply = await asked.call("search_read", domain=domain)
    assert (reply.status_code, reply.json()["name"]) == (500, "builtins.ValueError")


async def test_order_limit_and_offset(odoo: Odoo, asked: OdooTalk) -> None:
    odoo.plant(4)
    odoo.edit("2", name="Edited")
    last = "Edited"
    names = await found(asked, order="write_date desc, id desc", limit=2)
    assert names == [last, "Check pump 3"]
    assert await found(asked, order="write_date asc, id asc", offset=3) == [last]
    assert (await asked.call("search_count", domain=[["id", ">", 1]])).json() == 3


async def test_many_in_one_second_are_in_order_of_their_ids() -> None:
    sim = Odoo(clock=Clock(tick=0))
    sim.plant(30)
    sim.edit("7", name="Edited")
    async with talking(OdooTalk, sim) as asked:
        names = await found(asked, order="write_date asc, id asc", limit=8)
        assert names[6:] == ["Edited", "Check pump 7"]
        names = await found(asked, order="write_date asc, id desc", limit=1)
        assert names == ["Check pump 29"]


async def test_the_database_may_keep_fractions_that_no_answer_shows() -> None:
    sim = Odoo(fractions=True, clock=Clock(tick=0.25))
    sim.create(name="Pump")
    async with talking(OdooTalk, sim) as asked:
        [record] = asked.records(await asked.page())
        assert record["write_date"] == "2026-11-23 12:00:00"
        assert await found(asked, ["write_date", "=", record["write_date"]]) == []
        assert await found(asked, ["write_date", ">", record["write_date"]]) == ["Pump"]


# --- writing


async def test_the_board_is_set_back_when_the_stage_is_written_without_it(
    odoo: Odoo, asked: OdooTalk
) -> None:
    odoo.create(name="Pump", kanban_state="blocked")
    await asked.call("write", ids=[1], vals={"stage_id": 2, "kanban_state": "blocked"})
    assert odoo.record("1")["kanban_state"] == "blocked"
    await asked.call("write", ids=[1], vals={"stage_id": 2})
    assert odoo.record("1")["kanban_state"] == "normal"


async def test_a_done_stage_sets_the_day_of_closing_and_another_one_takes_it_away(
    odoo: Odoo, asked: OdooTalk
) -> None:
    odoo.create(name="Pump")
    await asked.call("write", ids=[1], vals={"stage_id": 3})
    assert odoo.record("1")["close_date"] == "2026-11-23"
    odoo.reopen("1")
    assert odoo.record("1")["close_date"] is False


async def test_closing_a_recurring_request_makes_its_successor_without_our_number(
    odoo: Odoo, asked: OdooTalk
) -> None:
    odoo.create(
        name="Grease",
        maintenance_type="preventive",
        recurring_maintenance=True,
        repeat_interval=7,
        schedule_date="2026-11-23 08:00:00",
        x_tracos_number="7",
    )
    await asked.call("write", ids=[1], vals={"stage_id": 3})
    old, new = odoo.records()
    assert (old["x_tracos_number"], old["stage_id"][0]) == ("7", 3)
    assert (new["x_tracos_number"], new["stage_id"][0]) == (False, 1)
    assert new["schedule_date"] == "2026-11-30 08:00:00"


async def test_a_copy_made_by_people_has_our_number_too(odoo: Odoo) -> None:
    odoo.create(name="Pump", x_tracos_number="7")
    odoo.duplicate("1")
    assert [record["x_tracos_number"] for record in odoo.records()] == ["7", "7"]


async def test_each_write_moves_the_time_of_change_even_when_nothing_changes(
    odoo: Odoo, asked: OdooTalk
) -> None:
    odoo.create(name="Pump")
    await asked.call("write", ids=[1], vals={"name": "Pump"})
    assert odoo.record("1")["write_date"] == "2026-11-23 12:00:02"


async def test_times_and_ids_of_the_system_are_passed_over(odoo: Odoo, asked: OdooTalk) -> None:
    odoo.create(name="Pump")
    reply = await asked.call("write", ids=[1], vals={"id": 9, "write_date": "2000-01-01 00:00:00"})
    assert reply.json() is True
    assert odoo.record("1")["write_date"] == "2026-11-23 12:00:02"


@pytest.mark.parametrize(
    "values",
    [
        {"stage_id": [3, "Repaired"]},
        {"stage_id": 99},
        {"kanban_state": "open"},
        {"no_such_field": 1},
        {"schedule_date": "tomorrow"},
    ],
)
async def test_a_wrong_value_is_a_server_error_and_changes_nothing(
    odoo: Odoo, asked: OdooTalk, values: dict[str, Any]
) -> None:
    odoo.create(name="Pump")
    before = odoo.record("1")
    reply = await asked.call("write", ids=[1], vals={"name": "Valve", **values})
    assert (reply.status_code, reply.json()["name"]) == (500, "builtins.ValueError")
    assert odoo.record("1") == before


async def test_a_request_needs_a_name(odoo: Odoo, asked: OdooTalk) -> None:
    reply = await asked.call("create", vals_list=[{"description": "x"}])
    assert (reply.status_code, reply.json()["name"]) == (422, "odoo.exceptions.ValidationError")
    odoo.create(name="Pump")
    assert (await asked.call("write", ids=[1], vals={"name": ""})).status_code == 422


async def test_what_is_gone_is_left_out_of_a_reading_and_missed_by_a_write(
    odoo: Odoo, asked: OdooTalk
) -> None:
    odoo.plant(2)
    assert (await asked.call("unlink", ids=[1])).json() is True
    assert [record["id"] for record in (await asked.call("read", ids=[1, 2])).json()] == [2]
    reply = await asked.call("write", ids=[1], vals={"name": "Pump"})
    assert (reply.status_code, reply.json()["name"]) == (404, "odoo.exceptions.MissingError")


async def test_an_error_says_class_words_and_a_trace(asked: OdooTalk) -> None:
    error = (await asked.call("unlink", ids=[5])).json()
    assert error.keys() == {"name", "message", "arguments", "context", "debug"}
    assert error["debug"].startswith("Traceback")


async def test_unknown_models_and_methods_are_not_found(asked: OdooTalk) -> None:
    assert (await asked.call("search_read", model="res.partner")).status_code == 404
    assert (await asked.call("button_done")).status_code == 404


async def test_a_body_that_is_no_json_is_a_bad_request(asked: OdooTalk) -> None:
    where = "/json/2/maintenance.request/search_read"
    assert (await asked.http.post(where, content=b"{")).status_code == 400
    assert (await asked.http.post(where, content=b"[]")).status_code == 400


# --- stages, login, people


async def test_stages_have_translations_and_may_be_renamed(odoo: Odoo, asked: OdooTalk) -> None:
    odoo.create(name="Pump")
    reply = await asked.call("read", ids=[1], fields=["stage_id"], context={"lang": "pt_BR"})
    assert reply.json()[0]["stage_id"] == [1, "Nova solicitação"]
    odoo.stages[1].name = "Incoming"
    assert asked.records(await asked.page())[0]["stage_id"] == [1, "Incoming"]
    stages = (await asked.call("search_read", model="maintenance.stage")).json()
    assert [stage["id"] for stage in stages if stage["done"]] == [3, 4]


async def test_renaming_a_stage_here_renames_it_in_no_other_company(odoo: Odoo) -> None:
    odoo.stages[1].name = "Incoming"
    assert Odoo().stages[1].name == "New Request"


async def test_without_the_key_nobody_comes_in(odoo: Odoo) -> None:
    async with asking(odoo) as http:
        for login in ("", "bearer wrong", "basic odoo-key"):
            headers = {"authorization": login} if login else {}
            where = "/json/2/maintenance.request/search_count"
            reply = await http.post(where, json={}, headers=headers)
            assert reply.status_code == 401
            assert reply.json()["name"] == "werkzeug.exceptions.Unauthorized"
    assert odoo.failed_logins == 3


async def test_a_key_expires_and_a_new_one_lives_for_three_months() -> None:
    sim = Odoo(key_expires=START + timedelta(days=1))
    async with talking(OdooTalk, sim) as asked:
        key = (await asked.call("generate", model="res.users.apikeys")).json()
        sim.clock.advance(86_400)
        assert (await asked.page()).status_code == 401
        asked.http.headers["authorization"] = f"bearer {key}"
        assert (await asked.page()).status_code == 200
        sim.clock.advance(90 * 86_400)
        assert (await asked.page()).status_code == 401


async def test_people_archive_and_the_record_stays_in_the_listing(
    odoo: Odoo, asked: OdooTalk
) -> None:
    odoo.create(name="Pump")
    odoo.archive("1")
    assert [record["archive"] for record in asked.records(await asked.page())] == [True]
    odoo.delete("1")
    assert asked.records(await asked.page()) == []


@pytest.mark.parametrize(
    ("word", "stage", "board"),
    [
        ("pending", 1, "normal"),
        ("in_progress", 2, "normal"),
        ("on_hold", 2, "blocked"),
        ("completed", 3, "normal"),
        ("cancelled", 4, "normal"),
    ],
)
def test_people_bring_a_request_into_any_state(word: str, stage: int, board: str) -> None:
    sim = Odoo()
    for start in (2, 3):
        key = sim.create(name="Pump", stage_id=start)
        sim.move(key, word)
        record = sim.record(key)
        assert (record["stage_id"][0], record["kanban_state"]) == (stage, board)


# --- comments


async def test_comments_are_messages_on_the_record(odoo: Odoo, asked: OdooTalk) -> None:
    odoo.create(name="Pump")
    odoo.comment("1", "Seal ordered")
    reply = await asked.call("message_post", ids=[1], body="1 < 2")
    domain: list[Any] = [["model", "=", "maintenance.request"], ["res_id", "=", 1]]
    given = {"domain": domain, "fields": ["body", "author_id", "date"], "order": "id asc"}
    messages = (await asked.call("search_read", model="mail.message", **given)).json()
    assert [message["body"] for message in messages] == ["<p>Seal ordered</p>", "<p>1 &lt; 2</p>"]
    assert [message["id"] for message in messages][1] == reply.json()[0]
    assert [message["author_id"][1] for message in messages] == ["Ana", "TracOS"]


async def test_a_comment_posted_twice_is_there_twice_and_changes_no_request(
    odoo: Odoo, asked: OdooTalk
) -> None:
    odoo.create(name="Pump")
    before = odoo.record("1")
    for _ in range(2):
        await asked.call("message_post", ids=[1], body="<b>Hot</b>", body_is_html=True)
    assert [comment["body"] for comment in odoo.comments("1")] == ["<b>Hot</b>"] * 2
    assert odoo.record("1") == before


async def test_a_change_of_stage_leaves_a_note_that_is_no_comment(
    odoo: Odoo, asked: OdooTalk
) -> None:
    odoo.create(name="Pump")
    odoo.set_status("1", 2)
    given = {"domain": [["res_id", "=", 1], ["message_type", "=", "notification"]]}
    [note] = (await asked.call("search_read", model="mail.message", **given)).json()
    assert note["body"] == "New Request -> In Progress"
    assert odoo.comments("1") == []


# --- the older interface


async def rpc(asked: OdooTalk, key: str, method: str, *args: Any, **named: Any) -> Any:
    call = ["acme", 2, key, "maintenance.request", method, list(args), named]
    params = {"service": "object", "method": "execute_kw", "args": call}
    body = {"jsonrpc": "2.0", "method": "call", "id": 7, "params": params}
    reply = await asked.http.post("/jsonrpc", json=body)
    assert reply.status_code == 200
    return reply.json()


async def test_json_rpc_answers_200_with_a_result_or_an_error(odoo: Odoo, asked: OdooTalk) -> None:
    made = await rpc(asked, "odoo-key", "create", [{"name": "Pump"}])
    assert made == {"jsonrpc": "2.0", "id": 7, "result": [1]}
    rows = await rpc(asked, "odoo-key", "search_read", [["id", "=", 1]], fields=["name"])
    assert rows["result"] == [{"id": 1, "name": "Pump"}]
    missing = await rpc(asked, "odoo-key", "write", [2], {"name": "Valve"})
    assert missing["error"]["data"]["name"] == "odoo.exceptions.MissingError"
    denied = await rpc(asked, "wrong", "unlink", [1])
    assert denied["error"]["code"] == 200
    assert len(odoo.records()) == 1


async def test_orders_may_leave_their_direction_out(odoo: Odoo, asked: OdooTalk) -> None:
    odoo.plant(2)
    assert await found(asked, order="id") == ["Check pump 0", "Check pump 1"]
    reply = await asked.call("search_read", order="id upwards")
    assert (reply.status_code, reply.json()["name"]) == (500, "builtins.ValueError")


async def test_fields_can_be_asked_for_and_paths_must_be_known(asked: OdooTalk) -> None:
    fields = (await asked.call("fields_get")).json()
    assert fields["write_date"]["readonly"] is True
    assert fields["x_tracos_number"]["readonly"] is False
    assert (await asked.http.get("/json/2/maintenance.request/read")).status_code == 404


async def test_messages_are_found_by_author_and_time(odoo: Odoo, asked: OdooTalk) -> None:
    odoo.create(name="Pump")
    odoo.comment("1", "Seal ordered")
    domain = [["author_id", "=", 7], ["date", ">=", "2026-11-23"]]
    assert len((await asked.call("search_read", model="mail.message", domain=domain)).json()) == 1
    wrong = await asked.call("search_read", model="mail.message", domain=[["subject", "=", 1]])
    assert wrong.status_code == 500
