"""Each fault, on each of the systems."""

import asyncio
import gzip
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx2
import pytest

from tests.simulators.client import FrappeTalk, MaximoTalk, OdooTalk, SapTalk, Talk, talking
from tracbridge.testing.erp import (
    Bomb,
    Drift,
    Elsewhere,
    Late,
    Refuse,
    Simulator,
    Strike,
    Trickle,
)

TALKS: tuple[type[Talk], ...] = (OdooTalk, SapTalk, MaximoTalk, FrappeTalk)
every_system = pytest.mark.parametrize("talk", TALKS, ids=lambda talk: talk.make.SYSTEM)


@asynccontextmanager
async def company(talk: type[Talk], orders: int = 3, **options: Any) -> AsyncIterator[Any]:
    sim = talk.make(**options)
    sim.plant(orders)
    async with talking(talk, sim) as asked:
        yield sim, asked


def titles(sim: Simulator) -> list[str]:
    return [str(record[sim.TITLE]) for record in sim.records()]


def shown(sim: Simulator, records: list[dict[str, Any]]) -> list[str]:
    return [str(record[sim.TITLE]) for record in records]


def first_key(sim: Simulator) -> str:
    return next(iter(sim.store)).key


# --- writes


@every_system
async def test_a_dropped_reply_leaves_the_effect(talk: type[Talk]) -> None:
    async with company(talk) as (sim, asked):
        sim.faults.drop_reply = Strike(times=2)
        for _ in range(2):
            with pytest.raises(httpx2.RemoteProtocolError):
                await asked.create("Pump")
        assert (await asked.create("Valve")).is_success
        assert titles(sim)[3:] == ["Pump", "Pump", "Valve"]
        assert sim.requests.statuses[0] == 2


@every_system
async def test_every_third_reply_is_dropped(talk: type[Talk]) -> None:
    async with company(talk, 1) as (sim, asked):
        sim.faults.drop_reply = Strike(every=3)
        outcomes = []
        for number in range(6):
            try:
                await asked.update(first_key(sim), f"Pump {number}")
                outcomes.append("said")
            except httpx2.RemoteProtocolError:
                outcomes.append("dropped")
        assert outcomes == ["said", "said", "dropped"] * 2
        assert titles(sim) == ["Pump 5"]


@every_system
async def test_a_refused_write_is_said_and_not_dropped(talk: type[Talk]) -> None:
    async with company(talk) as (sim, asked):
        sim.lock(first_key(sim))
        sim.faults.drop_reply = Strike()
        assert (await asked.update(first_key(sim), "Pump")).status_code in (400, 409, 417)


@every_system
async def test_a_dropped_request_has_no_effect(talk: type[Talk]) -> None:
    async with company(talk) as (sim, asked):
        before = sim.records()
        sim.faults.drop_request = Strike(times=1)
        with pytest.raises(httpx2.RemoteProtocolError):
            await asked.create("Pump")
        assert sim.records() == before


@every_system
async def test_a_slow_commit_comes_after_its_connection_was_dropped(talk: type[Talk]) -> None:
    async with company(talk, 1) as (sim, asked):
        sim.faults.slow_commit = Late(times=1, by=60)
        with pytest.raises(httpx2.RemoteProtocolError):
            await asked.create("Pump")
        assert titles(sim) == ["Check pump 0"]
        sim.clock.advance(59)
        assert titles(sim) == ["Check pump 0"]
        sim.clock.advance(2)
        assert titles(sim) == ["Check pump 0", "Pump"]


@every_system
async def test_a_locked_record_is_refused_by_name_until_it_is_unlocked(talk: type[Talk]) -> None:
    async with company(talk) as (sim, asked):
        key = first_key(sim)
        sim.lock(key, "WILSON")
        reply = await asked.update(key, "Pump")
        assert reply.status_code in (400, 409, 417)
        assert "WILSON" in reply.text
        assert titles(sim)[0] == "Check pump 0"
        sim.unlock(key)
        assert (await asked.update(key, "Pump")).is_success


@every_system
async def test_a_request_that_breaks_off_in_its_body_is_not_done(talk: type[Talk]) -> None:
    """As where its sender is killed."""
    async with company(talk) as (sim, asked):
        before = sim.records()
        url = asked.http.base_url
        _, writer = await asyncio.open_connection(url.host, url.port)
        head = b"POST " + CREATES[talk] + b" HTTP/1.1\r\nhost: here\r\ncontent-length: 90\r\n\r\n"
        writer.write(head + b'{"description"')
        await writer.drain()
        writer.close()
        await writer.wait_closed()
        assert (await asked.page()).is_success
        assert sim.records() == before
        assert sim.requests.writes == 0


CREATES = {
    OdooTalk: b"/json/2/maintenance.request/create",
    SapTalk: b"/sap/opu/odata/sap/API_MAINTENANCEORDER;v=0002/MaintenanceOrder",
    MaximoTalk: b"/maximo/oslc/os/mxwo?lean=1",
    FrappeTalk: b"/api/resource/Asset%20Repair",
}


# --- whole answers


@every_system
async def test_throttled_for_a_time(talk: type[Talk]) -> None:
    async with company(talk) as (sim, asked):
        sim.faults.refuse = Refuse(status=429, retry_after="30", seconds=30)
        reply = await asked.page()
        assert (reply.status_code, reply.headers["retry-after"]) == (429, "30")
        sim.clock.advance(29)
        assert (await asked.page()).status_code == 429
        sim.clock.advance(1)
        assert (await asked.page()).status_code == 200


@every_system
@pytest.mark.parametrize("status", [400, 401, 403, 404, 409, 412, 413, 422, 429, 500, 502, 503])
async def test_any_status_in_the_systems_own_words(talk: type[Talk], status: int) -> None:
    async with company(talk) as (sim, asked):
        before = sim.records()
        sim.faults.refuse = Refuse(status=status, only=["create"])
        reply = await asked.create("Pump")
        assert reply.status_code == status
        assert len(reply.text) > 20
        assert sim.records() == before


@every_system
async def test_the_login_expires_in_the_middle_of_a_reading(talk: type[Talk]) -> None:
    async with company(talk, 30) as (sim, asked):
        sim.faults.expired = Strike(after=2, times=1)
        statuses = [(await asked.page(number)).status_code for number in (1, 2, 3, 3)]
        assert statuses == [200, 200, 401, 200]
        assert sim.failed_logins == 0


@every_system
async def test_an_html_page_comes_with_status_200(talk: type[Talk]) -> None:
    async with company(talk) as (sim, asked):
        sim.faults.html = Strike(times=1)
        reply = await asked.page()
        assert reply.status_code == 200
        assert reply.headers["content-type"].startswith("text/html")
        assert reply.text.startswith("<!DOCTYPE html>")


@every_system
async def test_an_answer_is_truncated_and_its_length_right(talk: type[Talk]) -> None:
    async with company(talk) as (sim, asked):
        sim.faults.truncated = Strike(times=1)
        with pytest.raises(ValueError, match=r"Unterminated|Expecting"):
            (await asked.page()).json()
        assert len(asked.records(await asked.page())) == 3


@every_system
async def test_an_answer_is_empty(talk: type[Talk]) -> None:
    async with company(talk) as (sim, asked):
        sim.faults.empty = Strike(times=1)
        reply = await asked.page()
        assert (reply.status_code, reply.content) == (200, b"")


@every_system
async def test_an_answer_is_shorter_than_it_says(talk: type[Talk]) -> None:
    async with company(talk) as (sim, asked):
        sim.faults.wrong_length = Strike(times=1)
        with pytest.raises(httpx2.RemoteProtocolError, match=r"without sending complete"):
            await asked.page()
        assert (await asked.page()).is_success


@every_system
async def test_a_write_that_is_done_is_answered_in_html(talk: type[Talk]) -> None:
    async with company(talk) as (sim, asked):
        sim.faults.html = Strike(only=["create"])
        assert (await asked.create("Pump")).text.startswith("<!DOCTYPE html>")
        assert titles(sim)[-1] == "Pump"


@every_system
async def test_a_gzip_bomb_is_small_on_the_wire(talk: type[Talk]) -> None:
    async with company(talk) as (sim, asked):
        sim.faults.bomb = Bomb(megabytes=8, times=1)
        request = asked.http.build_request("GET", "/_simulator/clock")
        assert (await asked.http.send(request)).is_success  # the knobs' own path is never struck
        async with asked.http.stream(*(await _request_of_page(asked))) as reply:
            assert reply.headers["content-encoding"] == "gzip"
            packed = b"".join([part async for part in reply.aiter_raw()])
        assert len(packed) < 20_000
        assert len(gzip.decompress(packed)) == 8 * 2**20 + 2


async def _request_of_page(asked: Talk) -> tuple[str, str]:
    """The method and address of some read. The fault is left for the next one."""
    addresses = {
        OdooTalk: ("POST", "/json/2/maintenance.request/search_count"),
        SapTalk: ("GET", "/sap/opu/odata/sap/API_MAINTENANCEORDER;v=0002/MaintenanceOrder"),
        MaximoTalk: ("GET", "/maximo/oslc/os/mxwo"),
        FrappeTalk: ("GET", "/api/resource/Asset%20Repair"),
    }
    return addresses[type(asked)]


@every_system
async def test_one_byte_after_the_other(talk: type[Talk]) -> None:
    naps: list[float] = []

    async def nap(seconds: float) -> None:
        naps.append(seconds)

    async with company(talk, 1, sleep=nap) as (sim, asked):
        sim.faults.trickle = Trickle(pause=1.0, times=1)
        reply = await asked.page()
        assert len(asked.records(reply)) == 1
        assert naps == [1.0] * len(reply.content)


async def test_a_trickle_outlives_every_timeout_between_bytes_but_no_deadline() -> None:
    async with company(OdooTalk) as (sim, asked):
        sim.faults.trickle = Trickle(pause=0.01)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.1):
                await asked.page()


@every_system
async def test_each_answer_has_its_latency(talk: type[Talk]) -> None:
    naps: list[float] = []

    async def nap(seconds: float) -> None:
        naps.append(seconds)

    async with company(talk, sleep=nap) as (sim, asked):
        sim.faults.latency = 0.25
        await asked.page()
        await asked.page()
        assert naps == [0.25, 0.25]


# --- pages


@every_system
async def test_a_row_is_in_a_page_twice(talk: type[Talk]) -> None:
    async with company(talk) as (sim, asked):
        sim.faults.duplicate_rows = Strike(times=1)
        names = shown(sim, asked.records(await asked.page()))
        assert names == ["Check pump 0", "Check pump 1", "Check pump 2", "Check pump 0"]


@every_system
async def test_a_page_is_in_another_order(talk: type[Talk]) -> None:
    async with company(talk) as (sim, asked):
        sim.faults.reorder = Strike(times=1)
        names = shown(sim, asked.records(await asked.page()))
        assert names == ["Check pump 2", "Check pump 1", "Check pump 0"]


@every_system
async def test_page_two_comes_twice(talk: type[Talk]) -> None:
    async with company(talk, 40) as (sim, asked):
        sim.faults.repeat_page = Strike(after=2, times=1)
        pages = [shown(sim, asked.records(await asked.page(number))) for number in (1, 2, 3, 4)]
        assert pages[2] == pages[1] != pages[0]
        assert pages[3][0] == "Check pump 30"


@every_system
async def test_page_two_is_left_out(talk: type[Talk]) -> None:
    async with company(talk, 40) as (sim, asked):
        sim.faults.skip_page = Strike(after=1, times=1)
        pages = [shown(sim, asked.records(await asked.page(number))) for number in (1, 2)]
        assert [page[0] for page in pages] == ["Check pump 0", "Check pump 20"]


@every_system
async def test_rows_move_between_two_pages_when_people_work(talk: type[Talk]) -> None:
    async with company(talk, 20) as (sim, asked):
        first = shown(sim, asked.records(await asked.page(1)))
        sim.edit(first_key(sim), **{sim.TITLE: "Edited"})
        second = shown(sim, asked.records(await asked.page(2)))
        assert "Check pump 10" not in first + second
        assert second[-1] == "Edited"


@every_system
async def test_people_are_a_moment_quicker_than_a_write(talk: type[Talk]) -> None:
    async with company(talk) as (sim, asked):

        def before(deed: Any) -> None:
            if deed.operation == "update":
                sim.before = None
                sim.edit(first_key(sim), **{sim.TEXT: "quicker"})

        sim.before = before
        await asked.update(first_key(sim), "Pump")
        assert "quicker" in str(sim.record(first_key(sim))[sim.TEXT])


@every_system
async def test_a_record_of_another_company_is_in_the_page(talk: type[Talk]) -> None:
    scopes = {
        OdooTalk: ("company_id", [2, "Other Company"]),
        SapTalk: ("CompanyCode", "9910"),
        MaximoTalk: ("siteid", "OTHER"),
        FrappeTalk: ("company", "Other Company"),
    }
    async with company(talk) as (sim, asked):
        sim.faults.foreign_row = Strike(times=1)
        records = asked.records(await asked.page())
        field, value = scopes[talk]
        assert [record[field] == value for record in records] == [False, False, False, True]
        assert sim.TITLE in records[-1]


@every_system
async def test_a_vanished_record_is_in_no_listing_and_can_be_read(talk: type[Talk]) -> None:
    async with company(talk) as (sim, asked):
        key = first_key(sim)
        sim.faults.vanished = [key]
        names = shown(sim, asked.records(await asked.page()))
        assert names == ["Check pump 1", "Check pump 2"]
        record = asked.record(await asked.read(key))
        assert record
        assert record[sim.TITLE] == "Check pump 0"


@every_system
async def test_a_replica_shows_what_was(talk: type[Talk]) -> None:
    async with company(talk, 1) as (sim, asked):
        key = first_key(sim)
        sim.clock.advance(60)
        await asked.update(key, "Pump")
        await asked.create("Valve")
        sim.faults.stale = 30
        assert shown(sim, asked.records(await asked.page())) == ["Check pump 0"]
        record = asked.record(await asked.read(key))
        assert record
        assert record[sim.TITLE] == "Check pump 0"
        sim.clock.advance(60)
        assert shown(sim, asked.records(await asked.page())) == ["Pump", "Valve"]


@every_system
async def test_a_deleted_record_is_still_on_the_replica(talk: type[Talk]) -> None:
    async with company(talk) as (sim, asked):
        sim.clock.advance(60)
        sim.store.drop(first_key(sim), sim.now())
        assert len(asked.records(await asked.page())) == 2
        sim.faults.stale = 30
        assert len(asked.records(await asked.page())) == 3


@every_system
async def test_the_servers_clock_is_wrong(talk: type[Talk]) -> None:
    async with company(talk) as (sim, asked):
        sim.faults.skew = -3600
        await asked.create("Pump")
        assert shown(sim, asked.records(await asked.page()))[0] == "Pump"
        assert (sim.now() - sim.clock.now()).total_seconds() == -3600


@every_system
async def test_whoever_has_a_record_open_may_edit_it(talk: type[Talk]) -> None:
    async with company(talk) as (sim, _):
        sim.lock(first_key(sim))
        sim.edit(first_key(sim), **{sim.TITLE: "Pump"})
        assert titles(sim)[0] == "Pump"


@every_system
async def test_fields_are_added_renamed_and_removed(talk: type[Talk]) -> None:
    async with company(talk) as (sim, asked):
        sim.faults.drift = Drift(
            added={"surprise": 1}, renamed={sim.TITLE: "heading"}, removed=[sim.TEXT]
        )
        for record in asked.records(await asked.page()):
            assert record["surprise"] == 1
            assert "heading" in record
            assert not {sim.TITLE, sim.TEXT} & record.keys()
        sim.faults.clear()
        assert sim.TITLE in asked.records(await asked.page())[0]


async def test_the_next_link_of_maximo_leads_to_another_host() -> None:
    async with company(MaximoTalk, 30) as (sim, asked):
        sim.faults.foreign_link = Elsewhere(times=1)
        link = asked.next_link(await asked.page())
        assert link.startswith("http://169.254.169.254/maximo/oslc/os/mxwo?")
        assert asked.next_link(await asked.page()).startswith(str(asked.http.base_url))


async def test_the_next_link_of_sap_leads_to_another_host() -> None:
    async with company(SapTalk, 30, page_size=10) as (sim, asked):
        sim.faults.foreign_link = Elsewhere(host="http://evil.example")
        where = "/sap/opu/odata/sap/API_MAINTENANCEORDER;v=0002/MaintenanceOrder"
        reply = await asked.http.get(where)
        assert reply.json()["d"]["__next"].startswith(f"http://evil.example{where}?")


# --- which requests are struck


async def test_a_fault_may_be_meant_for_one_operation_only() -> None:
    async with company(OdooTalk) as (sim, asked):
        sim.faults.refuse = Refuse(status=500, only=["update"])
        assert (await asked.create("Pump")).is_success
        assert (await asked.update("1", "Pump")).status_code == 500
        sim.faults.refuse = Refuse(status=500, only=["reads"])
        assert (await asked.update("1", "Pump")).is_success
        assert (await asked.page()).status_code == 500


async def test_a_fault_may_be_meant_for_one_action_or_all() -> None:
    async with company(SapTalk) as (sim, asked):
        sim.faults.refuse = Refuse(status=503, only=["action:LockMaintenanceOrder"])
        assert (await asked.act("ReleaseMaintenanceOrder", "4000000")).is_success
        assert (await asked.act("LockMaintenanceOrder", "4000000")).status_code == 503
        sim.faults.refuse = Refuse(status=503, only=["action"])
        assert (await asked.act("UnlockMaintenanceOrder", "4000000")).status_code == 503
        assert (await asked.update("4000000", "Pump")).is_success


async def test_a_fault_counts_what_it_saw_and_struck() -> None:
    async with company(OdooTalk) as (sim, asked):
        sim.faults.refuse = fault = Refuse(status=500, after=1, times=1)
        statuses = [(await asked.page()).status_code for _ in range(3)]
        assert statuses == [200, 500, 200]
        assert (fault.seen, fault.struck) == (3, 1)
