"""Knobs, people and counters over HTTP, for tests in other processes."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import httpx2
import pytest

from tests.simulators.client import OdooTalk, talking
from tracbridge.testing.erp import SYSTEMS, Clock, Odoo, Strike, serve_in_thread
from tracbridge.testing.erp.control import PEOPLE


@pytest.fixture
def odoo() -> Odoo:
    sim = Odoo()
    sim.plant(2)
    return sim


@pytest.fixture
async def asked(odoo: Odoo) -> AsyncIterator[OdooTalk]:
    async with talking(OdooTalk, odoo) as talk:
        yield talk


async def told(asked: OdooTalk, path: str, **given: Any) -> Any:
    reply = await asked.http.post(f"/_simulator/{path}", json=given)
    assert reply.status_code == 200, reply.text
    return reply.json()


async def looked(asked: OdooTalk, path: str) -> Any:
    return (await asked.http.get(f"/_simulator/{path}")).json()


async def test_faults_are_set_looked_at_and_cleared(odoo: Odoo, asked: OdooTalk) -> None:
    await told(asked, "faults", drop_reply={"times": 1}, locked={"1": "ana"}, latency=0)
    with pytest.raises(httpx2.RemoteProtocolError):
        await asked.create("Pump")
    shown = await looked(asked, "faults")
    assert shown["locked"] == {"1": "ana"}
    assert (shown["drop_reply"]["times"], shown["drop_reply"]["struck"]) == (1, 1)
    assert (await asked.http.delete("/_simulator/faults")).json() == {}
    assert odoo.faults.drop_reply is None


async def test_faults_are_merged_and_null_takes_one_away(odoo: Odoo, asked: OdooTalk) -> None:
    await told(asked, "faults", drop_reply={"times": 1}, stale=5)
    await told(asked, "faults", drop_reply=None, html={"after": 2})
    assert odoo.faults.drop_reply is None
    assert odoo.faults.stale == 5
    assert odoo.faults.html == Strike(after=2)


@pytest.mark.parametrize(
    "given",
    [{"no_such_fault": {}}, {"no_such_fault": None}, {"drop_reply": {"often": 1}}, {"stale": "x"}],
)
async def test_a_fault_that_is_none_is_refused_and_none_is_set(
    odoo: Odoo, asked: OdooTalk, given: dict[str, Any]
) -> None:
    reply = await asked.http.post("/_simulator/faults", json={"skew": 5, **given})
    assert (reply.status_code, list(reply.json())) == (422, ["error"])
    assert odoo.faults.skew == 0


async def test_requests_are_counted(odoo: Odoo, asked: OdooTalk) -> None:
    await asked.page()
    await asked.page()
    await asked.create("Pump")
    await asked.call("no_such_method")
    counts = await looked(asked, "requests")
    assert counts["operations"] == {"list": 2, "create": 1, "unknown": 1}
    assert (counts["total"], counts["reads"], counts["writes"]) == (4, 2, 1)
    assert counts["statuses"] == {"200": 3, "404": 1}
    assert odoo.requests["list"] == 2
    assert [seen.operation for seen in odoo.requests.seen][2:] == ["create", "unknown"]
    assert b'"Pump"' in odoo.requests.seen[2].data
    await asked.http.delete("/_simulator/requests")
    assert (await looked(asked, "requests"))["total"] == 0


async def test_the_clock_is_put_forward(odoo: Odoo, asked: OdooTalk) -> None:
    before = odoo.now()
    assert (await told(asked, "clock", advance=90))["now"] == "2026-11-23T12:01:32Z"
    assert (odoo.now() - before).total_seconds() == 90


async def test_people_are_told_what_to_do(odoo: Odoo, asked: OdooTalk) -> None:
    assert await told(asked, "people/create", name="Pump") == "3"
    assert await told(asked, "people/plant", count=2) == ["4", "5"]
    await told(asked, "people/edit", key="3", name="Valve")
    await told(asked, "people/move", key="3", word="completed")
    await told(asked, "people/delete", key="1")
    await told(asked, "people/lock", key="2")
    assert (await told(asked, "people/record", key="3"))["name"] == "Valve"
    assert len(await looked(asked, "records")) == 4
    assert odoo.record("3")["stage_id"] == [3, "Repaired"]
    assert odoo.faults.locked == {"2": "ana"}


@pytest.mark.parametrize(
    ("path", "given"),
    [
        ("people/_put", {}),
        ("people/settle", {}),
        ("people/edit", {"no_key": 1}),
        ("people/record", {"key": "99"}),
        ("people/move", {"key": "1", "word": "done"}),
        ("clock", {"advance": "x"}),
    ],
)
async def test_what_people_cannot_do_is_refused(
    asked: OdooTalk, path: str, given: dict[str, Any]
) -> None:
    reply = await asked.http.post(f"/_simulator/{path}", json=given)
    assert reply.status_code == 422


async def test_what_the_system_refuses_to_people_is_said(asked: OdooTalk) -> None:
    reply = await asked.http.post("/_simulator/people/edit", json={"key": "99", "name": "x"})
    assert reply.status_code == 422
    assert "MissingError" in reply.json()["error"]


async def test_the_knobs_count_as_no_requests_and_need_no_login(odoo: Odoo) -> None:
    async with talking(OdooTalk, odoo) as asked:
        del asked.http.headers["authorization"]
        await looked(asked, "faults")
        assert (await asked.http.get("/_simulator/no_such_knob")).status_code == 404
    assert odoo.requests.total == 0


@pytest.mark.parametrize("system", SYSTEMS)
def test_people_of_every_system_can_do_everything(system: str) -> None:
    sim = SYSTEMS[system]()
    assert all(callable(getattr(sim, name)) for name in PEOPLE)


@pytest.mark.parametrize("system", SYSTEMS)
def test_planted_orders_are_the_same_each_time(system: str) -> None:
    first, second = SYSTEMS[system](), SYSTEMS[system]()
    assert first.plant(50) == second.plant(20) + second.plant(30)
    assert first.records() == second.records()


def test_a_server_in_a_thread_is_for_what_is_not_asynchronous() -> None:
    sim = Odoo()
    with serve_in_thread(sim) as address, httpx2.Client(base_url=address, **PLAIN) as client:
        assert client.post("/_simulator/people/plant", json={"count": 3}).json() == ["1", "2", "3"]
        port = int(address.rpartition(":")[2])
        with (
            pytest.raises(OSError, match=f"port {port} of 127.0.0.1 cannot be had"),
            serve_in_thread(Odoo(), port),
        ):
            pass
    with httpx2.Client(**PLAIN) as client, pytest.raises(httpx2.ConnectError):
        client.get(address)


PLAIN: dict[str, Any] = {"verify": False, "trust_env": False}


def test_the_clock_can_be_set() -> None:
    clock = Clock(tick=0)
    clock.advance(5)
    clock.set(datetime(2026, 1, 1, 9, tzinfo=timezone(timedelta(hours=-3))))
    assert clock.now() == clock.stamp() == datetime(2026, 1, 1, 12, tzinfo=UTC)


def test_a_real_clock_goes_with_the_machines() -> None:
    clock = Clock.real()
    clock.advance(86_400)
    assert clock.now() - datetime.now(UTC) > timedelta(hours=23)


async def test_without_a_server_a_dropped_reply_is_a_reset() -> None:
    sim = Odoo()
    sim.faults.drop_reply = Strike()
    transport = httpx2.ASGITransport(sim)
    headers = {"authorization": "bearer odoo-key"}
    async with httpx2.AsyncClient(
        transport=transport, base_url="http://odoo", headers=headers
    ) as http:
        with pytest.raises(ConnectionResetError):
            await OdooTalk(http).create("Pump")
    assert len(sim.records()) == 1
