"""The conflict desk over the API."""

from datetime import timedelta
from typing import Any

from tests.api.conftest import Desk
from tests.harness import NOW, order

WHERE = "/connections/pump/conflicts"


async def clash(desk: Desk, number: int = 7) -> dict[str, Any]:
    """Both sides changed the description; a person decides."""
    desk.pump.drop(order(number, summary="Pump"))
    await desk.once()
    desk.pump.drop(order(number, at=NOW + timedelta(hours=1), summary="Pump, his"))
    ours = {"description": "Pump, ours", "isSynced": False, "updatedAt": NOW + timedelta(hours=2)}
    desk.pump.orders.update_one({"number": number}, {"$set": ours})
    await desk.once()
    (found,) = (await desk.get(f"{WHERE}?order={number}"))["items"]
    return dict(found)


async def test_a_conflict_shows_three_values_and_is_decided_for_one_side(desk: Desk) -> None:
    found = await clash(desk)
    shown = await desk.get(f"{WHERE}/{found['id']}")
    assert shown["meaning"] == "Both sides changed it."
    values = shown["fields"]["description"]
    assert [values[k] for k in ("last_agreed", "tracos", "customer")] == [
        "Pump",
        "Pump, ours",
        "Pump, his",
    ]
    place = f"{WHERE}/{found['id']}/resolve"
    plan = await desk.post(place, {"take": "customer", "preview": True})
    assert plan["resolved"][0]["fields"] == {"description": "Pump, his"}
    assert desk.pump.doc(7)["description"] == "Pump, ours"  # type: ignore[index]
    assert not desk.rung
    words = {"take": "customer", "fields": ["description"], "why": "he is on site"}
    done = await desk.post(place, words)
    assert done["resolved"][0]["fields"] == {"description": "Pump, his"}
    assert desk.pump.doc(7)["description"] == "Pump, his"  # type: ignore[index]
    assert not (await desk.get(WHERE))["items"]
    (decided,) = (await desk.get(f"{WHERE}?state=decided&order=7"))["items"]
    assert decided["resolutions"][0]["by"] == "ollie"
    assert desk.rung == ["pump"]
    assert await desk.audited() == [("ollie", "conflict.resolve", found["id"])]


async def test_another_value_can_be_set_and_both_sides_show_it(desk: Desk) -> None:
    found = await clash(desk)
    place = f"{WHERE}/{found['id']}/resolve"
    await desk.post(place, {"values": {"description": "Both"}})
    assert desk.pump.doc(7)["description"] == "Both"  # type: ignore[index]
    await desk.once()
    assert (await desk.get("/connections/pump/orders/7"))["tracos"]["description"] == "Both"


async def test_what_cannot_be_decided_says_why_and_changes_nothing(desk: Desk) -> None:
    found = await clash(desk)
    place = f"{WHERE}/{found['id']}/resolve"
    for body in ({}, {"take": "customer", "values": {"description": "x"}}, {"take": "nobody"}):
        await desk.post(place, body, status=422)
    await desk.post(place, {"values": {"colour": "red"}}, status=422)
    await desk.post(place, {"values": {"description": ""}}, status=422)
    await desk.post(place, {"take": "tracos", "fields": ["status"]}, status=409)
    await desk.post(place, {"take": "tracos"}, who="viewer", status=403)
    await desk.post(f"{WHERE}/nothing/resolve", {"take": "tracos"}, status=404)
    theirs = f"/connections/globex/conflicts/{found['id']}/resolve"
    await desk.post(theirs, {"take": "tracos"}, status=404)
    await desk.post(theirs, {"take": "tracos"}, who="admin", status=404)
    assert (await desk.get(f"{WHERE}/{found['id']}"))["waiting"] is True
    assert not await desk.audited()
