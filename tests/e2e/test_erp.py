"""Real ERPs, simulated over real HTTP: what both sides do to each other in daily life.

Each story is told for each system by its connection file alone.
"""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.e2e.erp import Erp, erp
from tests.harness import Doc, Server
from tracbridge.testing.erp import SYSTEMS, Refuse, Strike

NAMES = sorted(SYSTEMS)
STATUSES = ("pending", "in_progress", "on_hold", "completed", "cancelled")


LONG = [pytest.param(name, marks=pytest.mark.faults) for name in ("sap_pm", "erpnext")]
TWO = ["maximo", "odoo", *LONG]
"""Where systems hardly differ, two of them are told of each time; `make faults` tells of all."""

of_two = pytest.mark.parametrize("company", TWO, indirect=True)


@pytest.fixture(params=NAMES)
def company(request: pytest.FixtureRequest, replica_set: Server, tmp_path: Path) -> Iterator[Erp]:
    with erp(replica_set, tmp_path, request.param) as made:
        yield made


def document(number: int, **over: object) -> Doc:
    """An order of TracOS's, as new as today."""
    now = datetime.now(UTC)
    text = f"Grease bearing {number}"
    return {
        "number": number,
        "status": "pending",
        "title": text,
        "description": text,
        "createdAt": now,
        "updatedAt": now,
        "deleted": False,
        "isSynced": False,
        **over,
    }


# -- both sides are filled when they meet ------------------------------------------------------


@of_two
def test_two_filled_sides_are_linked_without_a_double_and_what_differs_is_listed(
    company: Erp,
) -> None:
    numbers = range(5_000_001, 5_001_001)
    keys = [key for n in numbers for key in company.sim.plant(1, **company.carrying(n))]
    company.plant(*(company.twin(key, number) for key, number in zip(keys, numbers, strict=True)))
    for number in numbers[:7]:
        company.site.orders.update_one({"number": number}, {"$set": {"description": "Otherwise"}})
    before = len(company.sim.records())
    summary = company.run()
    assert (summary["inbound"]["created"], summary["inbound"]["conflicts"]) == (0, 7)
    assert company.site.orders.count_documents({}) == 1_000
    assert len(company.sim.records()) == before, "nothing was made on either side"
    said = company.site.cli("conflicts", "list", "--all", "--json").json()
    assert len({one["order"] for one in said}) == 7
    company.agree(*keys)


# -- edits ---------------------------------------------------------------------------------------


def test_an_edit_of_each_side_reaches_the_other_and_then_all_is_at_rest(company: Erp) -> None:
    first, second, third = company.sim.plant(3)
    assert company.run()["inbound"]["created"] == 3
    company.rests()
    company.edit(first, description="Written in TracOS")
    company.sim.edit(second, **{company.text: company.worded("Written by the planner")})
    summary = company.run()
    assert (summary["inbound"]["updated"], summary["outbound"]["delivered"]) == (1, 1)
    assert company.shown(first)["description"] == "Written in TracOS"
    assert (company.doc(second) or {})["description"] == "Written by the planner"
    company.agree(first, second, third)
    company.rests()


@of_two
def test_edits_of_different_fields_of_one_order_both_stay(company: Erp) -> None:
    (key,) = company.sim.plant(1)
    company.run()
    company.edit(key, description="Written in TracOS")
    company.sim.move(key, "completed")
    company.run()
    assert (company.doc(key) or {})["status"] == "completed"
    assert company.shown(key)["description"] == "Written in TracOS"
    company.agree(key)
    company.rests()


def test_a_conflict_that_is_to_be_asked_is_held_and_all_else_flows(
    replica_set: Server, tmp_path: Path, system: str
) -> None:
    with erp(replica_set, tmp_path, system, more="conflicts: {policy: ask}\n") as company:
        held, other = company.sim.plant(2)
        company.run()
        company.edit(held, description="Written in TracOS")
        company.sim.edit(held, **{company.text: company.worded("Written by the planner")})
        company.edit(other, description="Undisturbed")
        assert company.run(code=3)["inbound"]["held"] == 1
        assert company.shown(held)["description"] == "Written by the planner"
        assert (company.doc(held) or {})["description"] == "Written in TracOS"
        assert company.shown(other)["description"] == "Undisturbed"
        (conflict,) = company.site.cli("conflicts", "list", "--json").json()
        company.site.cli("conflicts", "resolve", conflict["id"], "--take", "tracos")
        company.run()
        assert company.shown(held)["description"] == "Written in TracOS"
        company.agree(held, other)
        company.rests()


@pytest.fixture(params=TWO)
def system(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


@of_two
def test_cancelled_there_is_cancelled_here(company: Erp) -> None:
    first, second = company.sim.plant(2)
    company.run()
    company.sim.move(first, "cancelled")
    company.edit(second, status="cancelled")
    company.run()
    assert (company.doc(first) or {})["status"] == "cancelled"
    assert company.shown(second)["status"] == "cancelled"
    company.agree(first, second)
    company.rests()


@of_two
def test_completed_and_opened_again(company: Erp) -> None:
    (key,) = company.sim.plant(1)
    company.run()
    company.edit(key, status="completed")
    company.run()
    assert company.shown(key)["status"] == "completed"
    company.sim.reopen(key)
    company.run()
    assert (company.doc(key) or {})["status"] != "completed"
    company.agree(key)
    company.rests()


@of_two
def test_a_record_that_vanishes_is_no_delete(company: Erp) -> None:
    gone, *others = company.sim.plant(5)
    company.run()
    company.sim.faults.vanished = [gone]
    summary = company.run("--allow-mass-change")
    assert summary["inbound"]["updated"] == 0
    document = company.doc(gone) or {}
    assert (document["deleted"], document["status"]) == (False, "pending")
    assert company.site.orders.count_documents({}) == 5
    company.agree(*others)


# -- orders that TracOS had first ------------------------------------------------------------------


def test_an_order_of_tracos_is_made_there_once_and_its_key_comes_with_the_answer(
    company: Erp,
) -> None:
    company.plant(*(document(number) for number in range(1, 6)))
    assert company.run()["outbound"]["delivered"] == 5
    assert len(company.sim.records()) == 5
    for key in company.keys:
        assert company.number(key) in range(1, 6)
        company.agree(key)
    company.rests()
    first = company.keys[0]
    company.sim.edit(first, **{company.text: company.worded("The planner answers")})
    company.run()
    assert (company.doc(first) or {})["description"] == "The planner answers"
    assert company.site.orders.count_documents({}) == 5


def test_a_reply_that_is_lost_after_the_commit_makes_no_double(company: Erp) -> None:
    company.plant(*(document(number) for number in range(1, 41)))
    company.sim.faults.drop_reply = Strike(every=2, only=["writes"])
    for _ in range(20):
        said = company.site.cli("run", "--json", timeout=120)
        assert said.code in (0, 1, 3), said.err
        if said.code == 0:
            break
    assert said.code == 0, "it comes to rest by itself"
    assert len(company.sim.records()) == 40
    assert company.site.orders.count_documents({}) == 40
    company.agree(*company.keys)
    company.rests()


# -- trouble -------------------------------------------------------------------------------------


@of_two
def test_a_throttled_system_is_left_alone_for_as_long_as_it_asks(company: Erp) -> None:
    (key,) = company.sim.plant(1)
    company.run()
    company.edit(key, description="Written in TracOS")
    company.sim.faults.refuse = Refuse(status=429, retry_after="3600", times=1, only=["writes"])
    company.site.cli("run", "--json")
    asked = company.sim.requests.total
    said = company.site.cli("run", "--json")
    assert said.code == 1
    assert "pause" in said.err
    assert company.sim.requests.total == asked, "not one request during the wait"
    assert company.site.cli("breaker").out


@of_two
def test_an_outage_of_a_day_costs_one_write_for_each_order(company: Erp) -> None:
    keys = company.sim.plant(6)
    company.run()
    company.site.extra = {**company.site.extra, "MONGO_RETRY_DELAY": "0.05"}
    company.sim.faults.refuse = Refuse(status=503)
    for hour in range(4):
        for key in keys:
            company.edit(key, description=f"Hour {hour}")
        assert company.site.cli("run", "--json").code == 1
        company.site.cli("breaker", "closed")
    company.sim.faults.refuse = None
    company.sim.requests.clear()
    company.run()
    assert company.sim.requests.writes <= len(keys) * company.writes_each
    for key in keys:
        assert company.shown(key)["description"] == "Hour 3"
    company.agree(*keys)
    company.rests()


def test_a_long_title_stays_long_here_where_his_system_cuts_it(company: Erp) -> None:
    (key,) = company.sim.plant(1)
    company.run()
    title = "Replace the bearing on pump P-101 at its drive end, then align"
    assert len(title) == 62
    if "title" not in company.mapping.names or "title" not in dict(company.mapping.written):
        pytest.skip("his system has no title")
    company.edit(key, title=title)
    company.run()
    company.rests()
    assert (company.doc(key) or {})["title"] == title
    assert title.startswith(str(company.sim.record(key)[company.sim.TITLE]).rstrip())
    company.agree(key)


def test_each_status_is_reached_from_each_other_or_says_why_not(company: Erp) -> None:
    pairs = [(start, wanted) for start in STATUSES for wanted in STATUSES]
    keys = dict(zip(pairs, company.sim.plant(len(pairs)), strict=True))
    own = company.own_statuses
    for (start, _), key in keys.items():
        if start in own:
            company.sim.move(key, start)
    company.run()
    for (start, _), key in keys.items():
        if start not in own:
            company.edit(key, status=start)
    company.run()
    for (_, wanted), key in keys.items():
        company.edit(key, status=wanted)
    assert company.site.cli("run", "--allow-mass-change").code in (0, 3)
    refused = {case["source"] for case in company.site.cases()}
    for (start, wanted), key in keys.items():
        shown, document = company.shown(key)["status"], company.doc(key) or {}
        reached = company.kept("status", shown) == company.kept("status", wanted)
        link = company.state("links").find_one({"ref": str(company.number(key))}) or {}
        why = link.get("stuck") or f"tracos:{document['_id']}" in refused
        assert reached or why, (start, wanted, shown)
        assert document["status"] == wanted, (start, wanted)
    company.site.cli("run", "--allow-mass-change")
    company.sim.requests.clear()
    company.site.cli("run", "--allow-mass-change")
    assert company.sim.requests.writes == 0, "what he refuses is not tried again"


# -- how often he is called ----------------------------------------------------------------------


def test_a_changed_order_costs_little_more_than_one_call(company: Erp) -> None:
    keys = company.sim.plant(100)
    company.run()
    for key in keys:
        company.edit(key, description="Written in TracOS")
    company.sim.requests.clear()
    assert company.run()["outbound"]["delivered"] == 100
    assert company.sim.requests.total <= 130, company.sim.requests.as_json()


# -- deletions -------------------------------------------------------------------------------------


def test_deleted_there_is_deleted_here_and_back_where_his_system_has_a_mark_for_it(
    company: Erp,
) -> None:
    if "deleted" not in dict(company.mapping.written):
        pytest.skip("his system has no mark for it: a record that vanishes is no delete")
    first, second = company.sim.plant(2)
    company.run()
    put_away = company.sim.archive if company.system == "odoo" else company.sim.delete
    put_away(first)
    company.edit(second, deleted=True, deletedAt=datetime.now(UTC))
    company.run("--allow-mass-change")
    assert (company.doc(first) or {})["deleted"] is True
    assert company.shown(second)["deleted"]
    company.edit(second, deleted=False, deletedAt=None)
    company.run("--allow-mass-change")
    assert not company.shown(second)["deleted"]
    company.rests()
