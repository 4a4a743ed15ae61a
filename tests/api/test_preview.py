"""The plan over the API."""

from tests.api.conftest import Desk
from tests.harness import doc, order


async def test_the_plan_says_what_a_pass_would_do_and_does_nothing(desk: Desk) -> None:
    desk.pump.drop(order(7, summary="Pump"))
    desk.pump.plant(doc(8))
    plan = await desk.get("/connections/pump/preview")
    assert {(one["number"], one["action"]) for one in plan["changes"]} == {
        (7, "create"),
        (8, "send"),
    }
    assert plan["more"] == 0
    one = await desk.get("/connections/pump/preview?side=tracos")
    assert [change["number"] for change in one["changes"]] == [8]
    assert desk.pump.doc(7) is None
    assert not list(desk.pump.outbound.glob("*.json"))
    assert desk.site.records("history") == []
    await desk.get("/connections/pump/preview?side=moon", status=422)
