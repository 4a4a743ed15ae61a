"""The connector as a whole: reading ahead, checking, batches, and what an interface may be."""

import asyncio
import gc
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from tests.unit.rest.paged import BASE, Table
from tests.unit.rest.saved import (
    INTERFACE,
    NOW,
    Answer,
    Saved,
    order,
    orders,
    overlaid,
    reply,
    saved,
)
from tracbridge.adapters.connectors.rest.calls import Call, Reply
from tracbridge.adapters.connectors.rest.connector import RestConnector, preset_names
from tracbridge.adapters.connectors.rest.cursor import Memory
from tracbridge.adapters.connectors.rest.settings import RestSettings
from tracbridge.domain.errors import (
    BusyError,
    ConfigError,
    FatalError,
    RecordError,
    RetryableError,
    SettingError,
    StaleWriteError,
    UnknownOutcomeError,
)
from tracbridge.ports.connector import (
    Connector,
    Lingers,
    Paced,
    Peeks,
    Probes,
    Receipt,
    Record,
    Rereads,
    Write,
)
from tracbridge.ports.place import Place
from tracbridge.testing.rig import FIRST, drain

PLACE = Place("his", Path(), ZoneInfo("UTC"), lambda: NOW)


def connector(sender: Saved, place: Place = PLACE, **over: Any) -> RestConnector:
    given = {"connector": "rest", "interface": overlaid(INTERFACE, over), "url": BASE}
    return RestConnector(RestSettings.model_validate(given), place, sender=sender)


def over_table(table: Table, **over: Any) -> tuple[RestConnector, Saved]:
    sender = Saved(by=table.answer)
    return connector(sender, **over), sender


def test_it_is_a_connector_that_can_reread_probe_peek_and_is_paced() -> None:
    made = connector(Saved())
    assert isinstance(made, Rereads)
    assert isinstance(made, Probes)
    assert isinstance(made, Peeks)
    assert isinstance(made, Paced)
    assert isinstance(made, Lingers)
    assert made.traits.resumes
    assert made.traits.checks_versions
    assert made.traits.commits_within == 300
    assert not made.traits.deletes
    assert not connector(Saved(), lock=...).traits.checks_versions
    delete = {"request": {"method": "DELETE", "path": "/orders/{ref}"}}
    assert connector(Saved(), delete=delete).traits.deletes
    assert connector(Saved(), commits_within=60).traits.commits_within == 60
    plain: Connector = made
    assert plain is made


# -- check -----------------------------------------------------------------------------------------


async def test_a_check_asks_for_one_record() -> None:
    made, sender = over_table(Table([(1, 1, "")]))
    await made.check()
    (call,) = sender.calls
    assert dict(call.query)["top"] == "1"


async def test_a_check_may_be_a_request_of_its_own() -> None:
    sender = Saved(reply({"who": "us"}))
    await connector(sender, check={"path": "/whoami"}).check()
    assert sender.told == ["GET /whoami"]


@pytest.mark.parametrize(
    ("answer", "kind", "what"),
    [
        (reply({}, 401), ConfigError, "Mend auth"),
        (reply({}, 403), ConfigError, "Mend auth"),
        (reply({}, 404), ConfigError, "Mend url"),
        (reply({"message": "bad filter"}, 400), ConfigError, "bad filter"),
        (reply({}, 429, retry_after="7"), RetryableError, "fewer calls"),
        (reply({}, 503), RetryableError, "no answer"),
        (reply({}, 500), RetryableError, "no answer"),
        (saved("login_page"), RetryableError, "text/html"),
        (reply({"no": "list"}), RetryableError, "no list at orders"),
        (RetryableError("away"), RetryableError, "away"),
        (ConfigError("no address"), ConfigError, "no address"),
    ],
)
async def test_a_check_says_whether_it_may_pass(answer: Answer, kind: type, what: str) -> None:
    with pytest.raises(kind, match=what) as caught:
        await connector(Saved(answer)).check()
    assert isinstance(caught.value, ConfigError) is (kind is ConfigError)


# -- reading ---------------------------------------------------------------------------------------


async def test_all_pages_are_read_and_the_last_one_ends_the_listing() -> None:
    made, _ = over_table(Table([(n, n, "") for n in range(1, 9)]))
    pages = await drain(made)
    assert [r.ref for p in pages for r in p.records] == [str(n) for n in range(1, 9)]
    assert [page.complete for page in pages][-1]


class Slow(Saved):
    """Answers only when it is let; ``open``: questions that wait."""

    def __init__(self, by: Callable[[Call], Answer]) -> None:
        super().__init__(by=by)
        self.let = asyncio.Semaphore(0)
        self.open = self.cancelled = 0

    async def send(self, call: Call) -> Reply:
        self.open += 1
        try:
            await self.let.acquire()
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        finally:
            self.open -= 1
        return await super().send(call)


async def settled() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


async def test_what_comes_while_the_engine_works_comes_as_one_page_and_not_without_end(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    sender = Slow(Table([(n, n, "") for n in range(1, 40)]).answer)
    made = connector(sender)
    reading = made.read(None, FIRST)
    sender.let.release()
    first = await anext(reading)
    assert [record.ref for record in first.records] == ["1", "2", "3"]
    await settled()
    assert (len(sender.calls), sender.open) == (1, 1), "one question at a time"
    monkeypatch.setattr("tracbridge.adapters.connectors.rest.ahead.MANY", 6)
    for _ in range(5):
        sender.let.release()
    await settled()
    asked = len(sender.calls)
    assert asked < 1 + 5, "enough waits for the reader"
    assert sender.open == 0
    second = await anext(reading)
    assert [record.ref for record in second.records][:6] == [str(n) for n in range(4, 10)]
    await settled()
    assert len(sender.calls) > asked, "there is room again"
    await made.aclose()


async def test_a_reader_who_leaves_early_leaves_no_question_open() -> None:
    sender = Slow(Table([(n, n, "") for n in range(1, 20)]).answer)
    made = connector(sender)
    sender.let.release()
    async for _ in made.read(None, FIRST):
        await settled()
        assert sender.open == 1
        break
    gc.collect()
    await settled()
    assert (sender.open, sender.cancelled) == (0, 1)


async def test_closing_ends_a_reading_and_may_be_done_twice() -> None:
    sender = Slow(Table([(n, n, "") for n in range(1, 20)]).answer)
    made = connector(sender)
    reading = made.read(None, FIRST)
    sender.let.release()
    await anext(reading)
    await settled()
    await made.aclose()
    await made.aclose()
    assert (sender.open, sender.cancelled, sender.closed) == (0, 1, 2)


async def test_a_new_reading_ends_the_one_before() -> None:
    sender = Slow(Table([(n, n, "") for n in range(1, 20)]).answer)
    made = connector(sender)
    one, two = made.read(None, FIRST), made.read(None, FIRST)
    sender.let.release()
    await anext(one)
    await settled()
    sender.let.release()
    assert (await anext(two)).records
    assert sender.cancelled == 1
    await made.aclose()


async def test_a_page_that_fails_is_told_after_the_page_before_it() -> None:
    table = Table([(n, n, "") for n in range(1, 9)])

    def answer(call: Call) -> Answer:
        return table.answer(call) if len(table.calls) < 1 else RetryableError("away")

    reading = connector(Saved(by=answer)).read(None, FIRST)
    assert not (await anext(reading)).complete
    with pytest.raises(RetryableError, match="away"):
        await anext(reading)


@pytest.mark.parametrize(
    "answer",
    [reply({}, 401), reply({}, 500), reply({}, 400), saved("login_page"), reply(b""), reply(b"[")],
)
async def test_an_answer_that_is_none_quarantines_nothing(answer: Answer) -> None:
    with pytest.raises(RetryableError):
        await drain(connector(Saved(answer)))


async def test_a_forgotten_token_means_that_everything_is_read_again() -> None:
    paging = {"kind": "token", "path": "sync"}
    query = {"since": None, "skip": None, "from": "{token}"}
    read = {"request": {"query": query}, "first": {"query": {"from": None}}, "paging": paging}
    sender = Saved(reply({}, 410), reply({"orders": [order(1)], "sync": "new"}))
    made = connector(sender, read={**read, "changed": ...})
    pages = await drain(made, FIRST, Memory(None, "old").cursor())
    assert [r.ref for p in pages for r in p.records] == ["1"]
    assert [dict(call.query).get("from") for call in sender.calls] == ["old", None]


async def test_a_request_that_cannot_be_filled_is_a_matter_of_the_interface() -> None:
    read = {"request": {"query": {"x": "{last}"}}}
    with pytest.raises(ConfigError, match=r"interface his: read: .*last"):
        await drain(connector(Saved(), read=read))


async def test_peeking_reads_as_reading_does() -> None:
    made, _ = over_table(Table([(n, n, "") for n in range(1, 5)]))
    peeked = [page async for page in made.peek(FIRST)]
    assert peeked == await drain(made)


async def test_committing_tells_nobody_anything() -> None:
    sender = Saved()
    await connector(sender).commit(Memory(since=NOW).cursor())
    assert sender.calls == []


# -- single records --------------------------------------------------------------------------------


async def test_records_are_read_again_in_order() -> None:
    sender = Saved(reply(order(2)), reply({}, 404), reply(order(1)))
    known = [Record({}, "2"), Record({}, "3"), Record({"id": "1"})]
    two, none, one = await connector(sender).reread(known)
    assert (two and two.ref, none, one and one.ref) == ("2", None, "1")
    assert sender.told == ["GET /orders/2", "GET /orders/3", "GET /orders/1"]


async def test_a_record_that_cannot_even_be_asked_for_is_not_called_gone() -> None:
    (answer,) = await connector(Saved()).reread([Record({"x": 1})])
    assert answer is not None
    assert isinstance(answer.error, RecordError)


@pytest.mark.parametrize(
    "answer", [reply({}, 500), reply(order(8)), reply({"x": 1}), reply([]), reply(None), reply(b"")]
)
async def test_only_a_plain_no_means_that_a_record_is_gone(answer: Answer) -> None:
    with pytest.raises(RetryableError):
        await connector(Saved(answer)).reread([Record({}, "7")])


async def test_an_empty_list_means_it_too_where_a_list_is_asked_for() -> None:
    made = connector(Saved(reply([]), reply([order(7)])), one={"record": "[0]"})
    assert await made.reread([Record({}, "7")]) == [None]
    (found,) = await made.reread([Record({}, "7")])
    assert found is not None


# -- batches ---------------------------------------------------------------------------------------

KNOWN = Record(order(7, text="old"), "7", "1")


def updates(count: int) -> list[Write]:
    return [Write(f"key-{n}", order(7, text=f"new {n}"), "1", KNOWN) for n in range(count)]


async def test_each_write_of_a_batch_has_its_own_answer() -> None:
    answers: list[Answer] = [
        reply(order(7, v="2")),
        reply({}, 400),
        reply({}, 412),
        reply({}, 423),
        reply({}, 500),
        UnknownOutcomeError("cut"),
        reply(order(7, v="3")),
    ]
    found = await connector(Saved(*answers)).write(updates(7))
    kinds = [Receipt, RecordError, StaleWriteError, BusyError]
    assert [type(a) for a in found] == [*kinds, *[UnknownOutcomeError] * 2, Receipt]


@pytest.mark.parametrize(
    "answer", [reply({}, 429), reply({}, 401), RetryableError("away"), ConfigError("login refused")]
)
async def test_when_he_cannot_be_reached_the_rest_is_not_tried(answer: Answer) -> None:
    sender = Saved(reply(order(7, v="2")), answer)
    found = await connector(sender).write(updates(4))
    assert isinstance(found[0], Receipt)
    assert [type(one) for one in found[1:]] == [RetryableError] * 3
    assert len(sender.calls) == 2


async def test_once_another_process_has_taken_over_nothing_more_of_a_batch_is_sent() -> None:
    sender = Saved(reply(order(7, v="2")), reply(order(7, v="3")))

    async def hold() -> None:
        if len(sender.calls) == 2:
            raise FatalError("the lease is lost.")

    with pytest.raises(FatalError):
        await connector(sender).write_held(updates(4), hold)
    assert len(sender.calls) == 2


async def test_an_answer_keeps_no_frames_of_ours_alive() -> None:
    (answer,) = await connector(Saved(reply({}, 400))).write(updates(1))
    assert isinstance(answer, RecordError)
    assert answer.__traceback__ is None


async def test_a_batch_is_looked_for_one_by_one() -> None:
    sender = Saved(reply(order(7, text="new 0")), reply(order(7, text="old")))
    one, two = await connector(sender).probe(updates(2))
    assert one is not None
    assert two is None


# -- pace ------------------------------------------------------------------------------------------


async def test_what_becomes_of_calls_is_told_to_the_pace() -> None:
    sender = Saved(*[reply({}, 500)] * 3, reply(order(7)), reply({}, 429, retry_after="60"))
    made = connector(sender)
    await made.write(updates(3))
    failures = made.pace()["operations"]["update"]
    assert failures["failures"] == 3
    await made.write(updates(1))
    assert made.pace()["operations"]["update"]["failures"] == 0
    await made.write(updates(1))
    held = sender.pace.target.bucket.held
    assert held == pytest.approx(60.0)


async def test_a_page_for_people_is_a_failure_of_the_system() -> None:
    sender = Saved(saved("login_page"))
    made = connector(sender)
    await made.write(updates(1))
    assert made.pace()["operations"]["update"]["failures"] == 1


def test_an_operator_stops_one_kind_of_calls_or_all() -> None:
    sender = Saved()
    made = connector(sender, actions={"X": {"request": {"path": "/x"}}})
    made.force("update", "open")
    assert made.pace()["operations"].keys() == {"update"}
    made.force("", "open")
    assert set(made.pace()["operations"]) == set(made.operations)
    assert "action X" in made.operations
    other = connector(Saved())
    other.resume_pace(made.pace(), 0.0)
    assert other.pace()["operations"]["update"] == made.pace()["operations"]["update"]


def test_a_word_that_is_said_again_forgets_no_failure() -> None:
    sender = Saved()
    made = connector(sender)
    made.force("", "automatic")
    for _ in range(9):
        sender.pace.failed("read")
    assert sender.pace.state("read") == "open"
    made.force("", "automatic")
    assert sender.pace.state("read") == "open"
    made.force("", "closed")
    made.force("", "automatic")
    assert sender.pace.state("read") == "closed"


# -- interfaces ------------------------------------------------------------------------------------


def settings(**given: Any) -> RestSettings:
    return RestSettings.model_validate({"connector": "rest", "url": BASE, **given})


AUTH = {
    "odoo": {"kind": "bearer", "token": "some-key"},
    "sap_pm": {"kind": "basic", "user": "u", "password": "some-password"},
    "maximo": {"kind": "header", "token": "some-key"},
    "erpnext": {"kind": "frappe", "user": "u", "password": "some-secret"},
}


@pytest.mark.parametrize("name", preset_names())
def test_the_interfaces_that_are_shipped_are_whole(name: str) -> None:
    place = Place("x", Path(), ZoneInfo("America/Sao_Paulo"), lambda: NOW)
    made = RestConnector(settings(preset=name, auth=AUTH[name]), place, sender=Saved())
    spec = made.system.spec
    assert spec.interface == name
    assert spec.unverified
    assert all((spec.find, spec.create, spec.update, spec.lock, spec.read.sweep))


def test_a_preset_is_changed_by_a_table_over_it() -> None:
    also = {"read": {"size": 50, "sweep": None}, "commits_within": 10}
    made = RestConnector(
        settings(preset="odoo", auth=AUTH["odoo"], also=also), PLACE, sender=Saved()
    )
    assert (made.system.spec.read.size, made.system.spec.read.sweep) == (50, None)
    assert made.system.spec.commits_within == 10


def test_an_interface_may_be_a_file(tmp_path: Path) -> None:
    (tmp_path / "his.yaml").write_text(
        "interface: his\nref: '{id}'\n"
        "read: {request: {path: /orders}}\none: {request: {path: '/orders/{ref}'}}\n"
    )
    place = Place("x", tmp_path, None, lambda: NOW)
    made = RestConnector(settings(interface="his.yaml"), place, sender=Saved())
    assert made.system.spec.interface == "his"
    (tmp_path / "his.yaml").write_text("interface: his\nref: '{id}'\nread:\n  reqest: {}\none: {}")
    with pytest.raises(SettingError, match=r"his.yaml:4: read.reqest: is no key here"):
        RestConnector(settings(interface="his.yaml"), place, sender=Saved())
    (tmp_path / "his.yaml").write_text("- a list")
    with pytest.raises(SettingError, match="is a table"):
        RestConnector(settings(interface="his.yaml"), place, sender=Saved())


def test_a_preset_that_there_is_not_is_refused_with_the_nearest() -> None:
    with pytest.raises(SettingError, match=r'no interface "odo"; the nearest is odoo'):
        RestConnector(settings(preset="odo"), PLACE, sender=Saved())


def test_a_login_that_a_system_does_not_take_is_refused() -> None:
    with pytest.raises(SettingError, match="odoo takes bearer, and not basic"):
        RestConnector(settings(preset="odoo", auth=AUTH["sap_pm"]), PLACE, sender=Saved())


async def test_a_connector_makes_its_own_sender() -> None:
    made = RestConnector(settings(interface=INTERFACE), PLACE)
    assert "erp.example.com" in repr(made.asking.sender)
    await made.aclose()


async def test_an_hour_is_kept_between_readings() -> None:
    table = Table([(1, 1, "")])
    made, sender = over_table(table, read={"changed": {"overlap": 3600}})
    since = (await drain(made))[-1].cursor
    sender.calls.clear()
    await drain(made, FIRST, since)
    asked = dict(sender.calls[0].query)["since"]
    assert asked == (NOW - timedelta(days=1, hours=1, seconds=-1)).isoformat(
        timespec="milliseconds"
    )


async def test_records_are_given_as_they_came() -> None:
    data = b'{"orders": [{"id": 9007199254740993, "at": "2026-11-20T10:00:00Z", "v": 1.50}]}'
    (page, *_) = await drain(connector(Saved(reply(data), orders([]), orders([]))))
    (record,) = page.records
    assert record.ref == "9007199254740993"
    assert record.raw == data[len(b'{"orders": [') : -2]
