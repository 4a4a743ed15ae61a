"""The quarantine desk over the API, beside a worker of the same process that holds the lease."""

import asyncio
import json
from collections.abc import Collection
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.api.conftest import Desk
from tests.e2e.erp import erp
from tests.harness import NOW, Server, order
from tracbridge.bootstrap import Clients
from tracbridge.bootstrap.hosting import Hosted
from tracbridge.config.files import configured
from tracbridge.domain.workorder import Side
from tracbridge.engine.session import session
from tracbridge.runtime.hub import Hub

WHERE = "/connections/pump/quarantine"

BAD = order(7, summary="Pump", lastUpdateDate="yesterday")


async def refused(desk: Desk, *bodies: Any) -> list[dict[str, Any]]:
    """What was refused of these, newest first."""
    for number, body in enumerate(bodies or (BAD,)):
        desk.pump.drop(body, f"bad-{number}.json")
    await desk.once()
    items: list[dict[str, Any]] = (await desk.get(WHERE))["items"]
    return items


async def test_cases_are_listed_in_pages_filtered_and_grouped_by_cause(desk: Desk) -> None:
    other = order(9, isActive=True)
    cases = await refused(desk, BAD, order(8, lastUpdateDate="never"), other)
    first = await desk.get(f"{WHERE}?limit=2")
    rest = await desk.get(f"{WHERE}?limit=2&after={first['next']}")
    ids = [one["id"] for one in (*first["items"], *rest["items"])]
    assert sorted(ids) == sorted(one["id"] for one in cases)
    assert len(set(ids)) == 3
    assert rest["next"] is None
    causes = (await desk.get(f"{WHERE}/causes"))["items"]
    assert [one["cases"] for one in causes] == [2, 1]
    (mine,) = (await desk.get(f"{WHERE}?order=7"))["items"]
    assert mine["order"] == "7"
    same = (await desk.get(f"{WHERE}?code={causes[0]['code']}"))["items"]
    assert {one["order"] for one in same} == {"7", "8"}
    await desk.get(f"{WHERE}?state=gone", status=422)
    await desk.get(f"{WHERE}?colour=red", status=422)


async def test_the_bytes_come_as_an_attachment_that_no_browser_interprets(desk: Desk) -> None:
    page = b"<script>alert(1)</script>"
    desk.pump.drop(page, "page.json")
    await desk.once()
    (case,) = (await desk.get(WHERE))["items"]
    headers = {"x-test-caller": "viewer"}
    answer = await desk.http.get(f"/api/v1{WHERE}/{case['id']}/original", headers=headers)
    assert answer.content == page
    assert answer.headers["content-type"] == "application/octet-stream"
    assert answer.headers["content-disposition"].startswith("attachment;")
    assert answer.headers["x-content-type-options"] == "nosniff"


async def test_a_retry_is_done_by_the_worker_that_holds_the_lease(desk: Desk) -> None:
    (case,) = await refused(desk)
    async with desk.working():
        done = await desk.post(f"{WHERE}/{case['id']}/retry")
        assert (done["state"], done["results"][0]["outcome"]) == ("done", "refused again")
        (again,) = done["results"][0]["cases"]
        assert (await desk.get(f"{WHERE}/{again}"))["state"] == "open"
        assert (await desk.get(f"/connections/pump/wishes/{done['wish']}"))["state"] == "done"
        both = await desk.post(f"{WHERE}/retry", {"ids": [again]})
        assert len(both["results"]) == 1
    assert [what for _, what, _ in await desk.audited()] == ["case.retry"] * 2


async def test_an_edited_record_is_taken_in_and_the_customer_is_told(desk: Desk) -> None:
    (case,) = await refused(desk)
    mended = json.dumps({**BAD, "lastUpdateDate": NOW.isoformat()})
    async with desk.working():
        done = await desk.post(f"{WHERE}/{case['id']}/edit", {"content": mended, "why": "a slip"})
        assert done["results"] == [
            {
                "id": case["id"],
                "order": "7",
                "outcome": "applied",
                "counts": {"created": 1},
                "cases": [],
            }
        ]
    assert desk.pump.doc(7)["description"] == "Pump"  # type: ignore[index]
    assert not (await desk.get(WHERE))["items"]
    events = (await desk.get("/connections/pump/orders/7/history"))["items"]
    assert events[0]["source"] == "bad-0.json (edited by ollie)"
    await desk.once()
    told = json.loads((desk.pump.outbound / "workorder_7.json").read_bytes())
    assert told["summary"] == "Pump"
    assert ("ollie", "case.edit", case["id"]) in await desk.audited()


async def test_an_edit_never_goes_over_a_newer_version(desk: Desk) -> None:
    (case,) = await refused(desk)
    desk.pump.drop(order(7, "in_progress", NOW + timedelta(hours=1), summary="Newer"))
    desk.pump.drop(order(99, lastUpdateDate="never"))
    await desk.once()
    found = await desk.get(f"{WHERE}/{case['id']}")
    assert found["state"] == "closed"
    mended = json.dumps({**BAD, "lastUpdateDate": NOW.isoformat()})
    await desk.post(f"{WHERE}/{case['id']}/edit", {"content": mended}, status=409)
    assert desk.pump.doc(7)["description"] == "Newer"  # type: ignore[index]


async def test_an_edit_that_is_no_better_or_another_order_is_refused_at_once(desk: Desk) -> None:
    (case,) = await refused(desk)
    place = f"{WHERE}/{case['id']}/edit"
    said = [
        (await desk.post(place, {"content": content}, status=422))["detail"]
        for content in (json.dumps(BAD), "{oops", json.dumps(order(8)), "[]")
    ]
    assert "yesterday" in said[0]
    assert "order 8, not order 7" in said[2]
    assert (await desk.get(f"{WHERE}/{case['id']}"))["state"] == "open"
    assert not await desk.audited()
    assert not desk.rung


async def test_a_discarded_case_is_closed_for_good(desk: Desk) -> None:
    (case,) = await refused(desk)
    await desk.post(f"{WHERE}/{case['id']}/discard", who="viewer", status=403)
    done = await desk.post(f"{WHERE}/discard", {"ids": [case["id"]], "why": "a test of his"})
    assert done == {"results": [{"id": case["id"], "outcome": "discarded"}]}
    await desk.post(f"{WHERE}/{case['id']}/discard", status=409)
    await desk.post(f"{WHERE}/{case['id']}/retry", status=409)
    await desk.post(f"{WHERE}/nothing/discard", status=404)
    assert await desk.audited() == [("ollie", "case.discard", case["id"])]


async def test_a_change_that_a_rule_holds_passes_once_it_is_approved(desk: Desk) -> None:
    desk.pump.drop(order(7, "completed"))
    await desk.once()
    desk.pump.drop(order(7, "pending", NOW + timedelta(hours=1)))
    await desk.once()
    (case,) = (await desk.get("/connections/pump/approvals"))["items"]
    async with desk.working():
        words = {"rule": "completed stays completed", "why": "agreed by phone"}
        done = await desk.post("/connections/pump/approvals", words)
    assert [one["outcome"] for one in done["results"]] == ["applied"]
    assert desk.pump.doc(7)["status"] == "pending"  # type: ignore[index]
    let = (await desk.get(f"{WHERE}/{case['id']}"))["approval"]
    assert (let["by"], let["why"]) == ("ollie", "agreed by phone")
    await desk.post("/connections/pump/approvals", status=422)


async def test_what_is_asked_for_while_paused_says_so_and_changes_nothing(desk: Desk) -> None:
    (case,) = await refused(desk)
    await desk.post("/connections/pump/pause", {"sides": ["customer"]})
    async with desk.working():
        told = await desk.post(f"{WHERE}/{case['id']}/retry", status=409)
    assert "paused" in told["detail"]
    assert (await desk.get(f"{WHERE}/{case['id']}"))["state"] == "open"


async def test_the_command_line_leaves_it_to_a_service_that_reads_the_records_itself(
    replica_set: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with erp(replica_set, tmp_path, "odoo") as one:
        monkeypatch.chdir(one.site.root)
        (key,) = await asyncio.to_thread(one.sim.plant, 1)
        drifted = one.sim._drifted
        monkeypatch.setattr(one.sim, "_drifted", lambda r: drifted(r) | {"stage_id": [9, "Odd"]})
        await asyncio.to_thread(one.run, code=3)
        monkeypatch.setattr(one.sim, "_drifted", drifted)
        async with Clients() as clients:
            hosted = Hosted(clients, configured(one.site.env, one.site.root), Hub("t"), noone)
            service = await hosted.service("odoo")
            assert service is not None
            async with session(service.connection, service.state.runs, "at work"):
                said = await asyncio.to_thread(one.site.cli, "quarantine", "retry", "--all")
                assert "a run works just now; its next pass takes it" in said.out, said.err
                assert await service.wishing() == 1
        assert one.state("wishes").find_one({})["state"] == "done"  # type: ignore[index]
        assert one.doc(key)
        assert not one.site.cases()


def noone(connection: str, sides: Collection[Side]) -> None:
    """Nobody is woken."""
