"""Connections over the API: how they fare, paused and resumed per direction, woken."""

from tests.api.conftest import Desk
from tests.harness import doc, order


async def test_a_caller_sees_the_connections_of_his_tenants_page_by_page(desk: Desk) -> None:
    desk.pump.drop(order(7, lastUpdateDate="yesterday"))
    await desk.once()
    page = await desk.get("/connections")
    assert [one["connection"] for one in page["items"]] == ["fan", "pump"]
    fan, pump = page["items"]
    assert (fan["health"], pump["health"]) == ("in order", "needs attention")
    assert pump["status"]["quarantined"] == 1
    names: list[str] = []
    after: str | None = ""
    while after is not None:
        one = await desk.get(f"/connections?limit=1&after={after}", "admin")
        names += [each["connection"] for each in one["items"]]
        after = one["next"]
    assert names == ["fan", "globex", "pump"]
    await desk.get("/connections/globex", status=404)
    assert (await desk.get("/connections/pump"))["tenant"] == "acme"


async def test_a_direction_that_is_paused_waits_until_it_is_resumed(desk: Desk) -> None:
    await desk.post("/connections/pump/pause", {"sides": ["customer"]}, "viewer", 403)
    told = await desk.post("/connections/pump/pause", {"sides": ["customer"], "why": "his import"})
    assert told["paused"]["customer"]["by"] == "ollie"
    desk.pump.drop(order(7))
    desk.pump.plant(doc(8))
    await desk.once()
    assert desk.pump.doc(7) is None
    assert (desk.pump.outbound / "workorder_8.json").exists()
    assert (await desk.get("/connections/pump"))["paused"]["customer"]["why"] == "his import"
    assert (await desk.get("/connections/pump/controls"))["paused"].keys() == {"customer"}
    desk.bells.of("pump").heard()
    assert not (await desk.post("/connections/pump/resume", {"sides": ["customer"]}))["paused"]
    assert desk.rung == ["pump"]
    assert desk.bells.of("pump").heard() is None, "a whole pass, which looks at the pauses anew"
    await desk.once()
    assert desk.pump.doc(7)
    assert [what for _, what, _ in await desk.audited()] == [
        "connection.pause",
        "connection.resume",
    ]


async def test_a_run_that_is_asked_for_wakes_the_worker(desk: Desk) -> None:
    await desk.post("/connections/fan/run", {"sides": ["tracos"]}, status=202)
    assert desk.rung == ["fan"]
    await desk.post("/connections/fan/run", {"sides": ["moon"]}, status=422)
    await desk.post("/connections/fan/run", {"colour": "red"}, status=422)
    assert await desk.audited() == [("ollie", "connection.run", "tracos")]


async def test_a_folder_has_no_breakers(desk: Desk) -> None:
    told = await desk.get("/connections/pump/breaker", status=409)
    assert "no breakers" in told["detail"]
    await desk.post("/connections/pump/breaker", {"state": "open"}, status=409)
