"""Orders over the API: where they stand, whether both sides agree, what happened and why."""

from datetime import timedelta

from tests.api.conftest import Desk
from tests.harness import NOW, doc, order

WHERE = "/connections/pump/orders"


async def test_an_order_shows_both_sides_its_convergence_its_history_and_why(desk: Desk) -> None:
    desk.pump.drop(order(7, "in_progress", summary="Grease the pump"))
    await desk.once()
    shown = await desk.get(f"{WHERE}/007")
    assert shown["order"] == "7"
    for side in ("tracos", "last_agreed", "customer"):
        assert shown[side]["description"] == "Grease the pump"
    assert shown["convergence"]["converged"] == "true"
    (new,) = [e for e in (await desk.get(f"{WHERE}/7/history"))["items"] if e["side"] == "tracos"]
    assert (new["event"], new["source"]) == ("new", "7.json")
    fields = (await desk.get(f"{WHERE}/7/why"))["fields"]
    (step,) = [one for one in fields["description"] if one["side"] == "tracos"]
    assert (step["event"], step["write"]["to"]) == ("7.json", "Grease the pump")
    assert step["mapping"]
    assert step["acknowledged"] is True


async def test_convergence_goes_from_false_over_unknown_to_true(desk: Desk) -> None:
    desk.pump.plant(doc(8, "pending"))
    said = []
    said.append(await desk.get(f"{WHERE}/8/convergence"))
    await desk.once()
    said.append(await desk.get(f"{WHERE}/8/convergence"))
    file = desk.pump.outbound / "workorder_8.json"
    file.rename(desk.site.root / "taken.json")
    await desk.once()
    await desk.once()
    said.append(await desk.get(f"{WHERE}/8/convergence"))
    assert [one["converged"] for one in said] == ["false", "unknown", "true"]
    assert said[0]["reason"] == "waiting"
    desk.pump.orders.update_one({"number": 8}, {"$set": {"isSynced": False, "title": "Other"}})
    now = await desk.get(f"{WHERE}/8/convergence")
    assert (now["converged"], now["reason"]) == ("false", "waiting")


async def test_orders_are_found_by_number_by_its_beginning_and_by_state_page_by_page(
    desk: Desk,
) -> None:
    for number in (11, 12, 13, 21):
        desk.pump.drop(order(number))
    await desk.once()
    numbers: list[str] = []
    after: str | None = ""
    while after is not None:
        page = await desk.get(f"{WHERE}?q=1&limit=2&after={after}")
        assert len(page["items"]) <= 2
        numbers += [one["order"] for one in page["items"]]
        after = page["next"]
    assert numbers == ["11", "12", "13"]
    assert [one["order"] for one in (await desk.get(f"{WHERE}?q=21"))["items"]] == ["21"]
    assert not (await desk.get(f"{WHERE}?state=held"))["items"]
    desk.pump.drop(order(12, "in_progress", NOW + timedelta(hours=1)))
    edited = {"status": "cancelled", "isSynced": False, "updatedAt": NOW + timedelta(hours=2)}
    desk.pump.orders.update_one({"number": 12}, {"$set": edited})
    await desk.once()
    (held,) = (await desk.get(f"{WHERE}?state=held"))["items"]
    assert (held["order"], held["convergence"]["reason"]) == ("12", "held")


async def test_totals_add_up_to_all_orders(desk: Desk) -> None:
    for number in (1, 2, 3, 4, 5):
        desk.pump.drop(order(number, "completed" if number == 5 else "pending"))
    await desk.once()
    desk.pump.drop(order(2, "in_progress", NOW + timedelta(hours=1)))
    edited = {"status": "cancelled", "isSynced": False, "updatedAt": NOW + timedelta(hours=2)}
    desk.pump.orders.update_one({"number": 2}, {"$set": edited})
    desk.pump.orders.delete_one({"number": 3})
    desk.pump.drop(order(3, "in_progress", NOW + timedelta(hours=1)))
    desk.pump.drop(order(5, "pending", NOW + timedelta(hours=1)))
    await desk.once()
    desk.pump.orders.update_one(
        {"number": 4}, {"$set": {"title": "New", "isSynced": False, "updatedAt": NOW}}
    )
    desk.pump.plant(doc(9))
    totals = await desk.get("/connections/pump/convergence")
    states = totals["states"]
    assert sum(states.values()) == totals["orders"] == 5
    assert {name: n for name, n in states.items() if n} == {
        "agrees": 1,
        "held": 1,
        "missing": 1,
        "changed": 1,
        "quarantined": 1,
    }
    assert totals["new_in_tracos"] == 1


async def test_an_order_is_sent_again_on_request_and_that_is_on_record(desk: Desk) -> None:
    desk.pump.plant(doc(8))
    await desk.once()
    (desk.pump.outbound / "workorder_8.json").unlink()
    await desk.once()
    assert await desk.post(f"{WHERE}/8/resend", {"why": "he lost it"}) == {
        "order": "8",
        "resend": True,
    }
    assert desk.rung == ["pump"]
    assert await desk.audited() == [("ollie", "order.resend", "8")]
    await desk.once()
    assert (desk.pump.outbound / "workorder_8.json").exists()


async def test_what_a_caller_may_not_see_is_not_there_in_the_same_words(desk: Desk) -> None:
    desk.places["globex"].drop(order(7))
    await desk.once()
    theirs = await desk.get("/connections/globex/orders/7", status=404)
    nobody = await desk.get("/connections/nobody/orders/7", status=404)
    unknown = await desk.get(f"{WHERE}/4711", status=404)
    assert theirs == nobody == unknown
    await desk.get("/connections/globex/orders/7", "admin")
    await desk.post(f"{WHERE}/7/resend", who="viewer", status=403)
    assert not desk.rung
