"""Runs over the API, and one taken back while a worker of the same process holds the lease."""

from datetime import timedelta

import pytest

from tests.api.conftest import Desk
from tests.harness import NOW, order
from tracbridge.desk import wishing
from tracbridge.ports.wishes import Wish

WHERE = "/connections/pump/runs"


async def changed(desk: Desk) -> str:
    """The run that changed order 7."""
    desk.pump.drop(order(7, summary="Pump"))
    await desk.once()
    desk.pump.drop(order(7, at=NOW + timedelta(hours=1), summary="Wrong"))
    await desk.once()
    return str((await desk.get(WHERE))["items"][0]["run"])


async def test_runs_are_listed_newest_first_page_by_page(desk: Desk) -> None:
    run = await changed(desk)
    first = await desk.get(f"{WHERE}?limit=1")
    rest = await desk.get(f"{WHERE}?limit=1&after={first['next']}")
    assert [one["did"] for one in (*first["items"], *rest["items"])] == [
        {"updated": 1},
        {"created": 1},
    ]
    assert rest["next"] is None
    shown = await desk.get(f"{WHERE}/{run}")
    assert (shown["run"], shown["exit"], shown["changes"]) == (run, 0, 1)
    await desk.get(f"{WHERE}/nothing", status=404)
    await desk.get(f"{WHERE}?after=nowhere", status=422)


async def test_a_run_is_taken_back_by_the_worker_that_holds_the_lease(desk: Desk) -> None:
    run = await changed(desk)
    place = f"{WHERE}/{run}/undo"
    plan = await desk.post(place, {"preview": True})
    assert (plan["preview"], plan["set_back"]) == (True, 1)
    assert desk.pump.doc(7)["description"] == "Wrong"  # type: ignore[index]
    async with desk.working():
        done = await desk.post(place, {"why": "a wrong list"})
    assert (done["state"], done["undoes"], done["set_back"]) == ("done", run, 1)
    assert desk.pump.doc(7)["description"] == "Pump"  # type: ignore[index]
    undo = await desk.get(f"{WHERE}/{done['run']}")
    assert undo["undoes"] == run
    assert await desk.audited() == [("ollie", "run.undo", run)]


async def test_what_no_worker_has_done_in_time_is_kept_and_done_later(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(wishing, "PATIENCE", 0.0)
    run = await changed(desk)
    wish = await desk.post(f"{WHERE}/{run}/undo", {"order": "7"}, status=202)
    assert wish["state"] == "open"
    place = wish["status"].removeprefix("/api/v1")
    assert (await desk.get(place))["state"] == "open"
    await desk.once()
    done = await desk.get(place)
    assert (done["state"], done["outcome"]["set_back"]) == ("done", 1)
    assert desk.pump.doc(7)["description"] == "Pump"  # type: ignore[index]
    await desk.get(place.replace("pump", "fan"), status=404)


async def test_a_run_of_nobody_or_of_others_cannot_be_taken_back(desk: Desk) -> None:
    run = await changed(desk)
    await desk.post(f"{WHERE}/nothing/undo", status=404)
    await desk.post(f"/connections/fan/runs/{run}/undo", status=404)
    await desk.post(f"/connections/globex/runs/{run}/undo", status=404)
    await desk.post(f"{WHERE}/{run}/undo", who="viewer", status=403)
    assert not await desk.audited()


async def test_a_wish_that_nobody_knows_how_to_fulfil_fails_alone(desk: Desk) -> None:
    run = await changed(desk)
    service = await desk.hosted.service("pump")
    assert service is not None
    now = service.connection.clock.now()
    await service.state.wishes.put(Wish("w1", "pump", "dance", {}, now, "ollie"))
    await service.state.wishes.put(Wish("w2", "pump", "undo", {"run": run, "ref": None}, now, "o"))
    assert await service.wishing.waits()
    await desk.once()
    failed = await desk.get("/connections/pump/wishes/w1")
    assert (failed["state"], "how to dance" in failed["error"]) == ("failed", True)
    assert (await desk.get("/connections/pump/wishes/w2"))["state"] == "done"
    assert not await service.wishing.waits()
    assert desk.pump.doc(7)["description"] == "Pump"  # type: ignore[index]
