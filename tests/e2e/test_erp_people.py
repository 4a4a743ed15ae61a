"""People at the customer's: who are a moment quicker than we, who keep records open, and whose
system refuses what we send.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.test_erp import document
from tests.e2e.trouble import NAMES, Fleet, Member, erps
from tests.harness import Said, Server
from tracbridge.testing.erp import Refuse


@pytest.fixture
def fleet(replica_set: Server, tmp_path: Path) -> Iterator[Fleet]:
    with erps(replica_set, tmp_path) as made:
        yield made


# -- between our read and our write ----------------------------------------------------------------

LAST = {"odoo": "read", "erpnext": "update", "maximo": "update", "sap_pm": "update"}
"""The last request before which an edit of his is noticed. Odoo knows no versions: what is written
between our look and our write, a few milliseconds later, it writes over.
"""


def complete_before(one: Member, operation: str, key: str) -> None:
    """The planner completes the order just before our next request of that kind."""
    one.once(operation, lambda: one.sim.move(key, "completed"))


def write_before(one: Member, operation: str, key: str) -> None:
    """The planner writes a text of his own just before our next request of that kind."""
    one.once(operation, lambda: one.write(key, "Planned meanwhile"))


def test_an_edit_between_our_read_and_our_write_of_another_field_stays(fleet: Fleet) -> None:
    keys = {one.name: one.sim.plant(1)[0] for one in fleet}
    fleet.run()
    for one in fleet:
        one.edit(keys[one.name], description="Worked on")
        complete_before(one, "update", keys[one.name])
    fleet.run()
    for one in fleet:
        assert one.sim.before is None, "there was an edit in between"
    fleet.run()
    for one in fleet:
        assert one.says(keys[one.name]) == ("Worked on", "Worked on")
        assert (one.doc(keys[one.name]) or {})["status"] == "completed"
        assert one.kept_in("conflicts") == []
        assert one.cases == []
        one.whole()
    fleet.rests()


def test_an_edit_between_our_read_and_our_write_of_the_same_field_is_on_record(
    fleet: Fleet,
) -> None:
    """Policy newest, and both within its bound: TracOS's stands, and his can be taken."""
    keys = {one.name: one.sim.plant(1)[0] for one in fleet}
    fleet.run()
    for one in fleet:
        one.edit(keys[one.name], description="Worked on")
        write_before(one, LAST[one.name], keys[one.name])
    fleet.run()
    for one in fleet:
        assert one.sim.before is None, "there was an edit in between"
        (note,) = one.kept_in("conflicts")
        assert note["tracos"] == {"description": "Worked on"}
        assert note["customer"] == {"description": "Planned meanwhile"}
        assert one.says(keys[one.name]) == ("Worked on", "Worked on")
        assert one.cases == []
        one.whole()
    fleet.rests()


# -- open in another one's hands -------------------------------------------------------------------


def test_a_record_that_a_user_has_open_waits_and_the_others_go_on(fleet: Fleet) -> None:
    keys = {one.name: one.sim.plant(4) for one in fleet}
    fleet.run()
    for one in fleet:
        for key in keys[one.name]:
            one.edit(key, description="Worked on")
        one.sim.lock(keys[one.name][1], "WILSON")
    fleet.run(codes=(3,))
    assert fleet.said.err.count("WILSON") == 4, "we say who has it open"
    for one in fleet:
        locked = keys[one.name][1]
        for key in keys[one.name]:
            assert (one.says(key)[1] == "Worked on") is (key != locked)
        assert one.cases == []
        assert (one.doc(locked) or {})["isSynced"] is not True
        one.sim.requests.clear()
    fleet.run(codes=(3,))
    for one in fleet:
        assert one.sim.requests.writes == 1, "asked once in a run"
        one.sim.unlock(keys[one.name][1])
    fleet.run()
    for one in fleet:
        assert one.says(keys[one.name][1]) == ("Worked on", "Worked on")
        one.whole()
    fleet.rests()


# -- refused ---------------------------------------------------------------------------------------

BUSINESS = {
    "erpnext": (417, "Something went wrong"),
    "maximo": (400, "BMXAA0024E - The action failed."),
    "odoo": (422, "Something went wrong."),
    "sap_pm": (400, "An exception was raised"),
}
"""The status of a refusal, and its words."""


def refuse(fleet: Fleet) -> dict[str, list[str]]:
    """Three changes and a new order that each system refuses; the keys of four orders."""
    keys = {one.name: one.sim.plant(4) for one in fleet}
    fleet.run()
    for one in fleet:
        status, _ = BUSINESS[one.name]
        one.sim.faults.refuse = Refuse(status=status, only=["update", "create"])
        for key in keys[one.name][:3]:
            one.edit(key, description="Worked on")
        one.plant(document(7))
        one.sim.requests.clear()
    fleet.run(codes=(3,))
    return keys


def states(one: Member) -> dict[int | None, str]:
    """What has become of each case, by the order's number."""
    return {int(case["ref"]): case["state"] for case in one.kept_in("quarantine")}


def test_what_is_refused_is_on_record_once_in_his_words_and_goes_out_when_something_changed(
    fleet: Fleet,
) -> None:
    keys = refuse(fleet)
    for one in fleet:
        assert one.sim.requests.writes == 4
        assert len(one.cases) == 4
        assert {case["code"] for case in one.cases} == {"refused_by_customer"}
        assert all(BUSINESS[one.name][1] in case["reason"] for case in one.cases)
        one.sim.requests.clear()
    for _ in range(2):
        fleet.run()
    for one in fleet:
        assert one.sim.requests.writes == 0, "it is not tried again as it is"
        assert len(one.kept_in("quarantine")) == 4, "on record once"
        one.sim.faults.refuse = None
        first, second, *_ = keys[one.name]
        one.edit(first, description="Worked on, otherwise")
        one.sim.move(second, "completed")
    fleet.run()
    for one in fleet:
        first, second, third, _ = keys[one.name]
        assert one.says(first) == ("Worked on, otherwise",) * 2
        assert one.says(second) == ("Worked on",) * 2
        assert (one.doc(second) or {})["status"] == "completed"
        assert one.says(third)[1] != "Worked on", "nothing has changed there"
        assert len(one.keys) == 4
        assert states(one) == {
            one.number(first): "closed",
            one.number(second): "closed",
            one.number(third): "open",
            7: "open",
        }


SOME = [pytest.param(["odoo"], id="odoo"), pytest.param(NAMES, id="all", marks=pytest.mark.faults)]


@pytest.mark.parametrize("names", SOME)
def test_a_refused_write_is_tried_again_by_a_retry_and_only_then(
    replica_set: Server, tmp_path: Path, names: list[str]
) -> None:
    with erps(replica_set, tmp_path, *names) as fleet:
        keys = refuse(fleet)
        for one in fleet:
            one.sim.requests.clear()
            assert retry(fleet, one).code == 3
            assert one.sim.requests.writes == 4, "asked once more, and refused again"
            assert len(one.cases) == 4
            one.sim.faults.refuse = None
        fleet.run()
        for one in fleet:
            assert len(one.keys) == 4, "by itself nothing goes out"
            assert retry(fleet, one).code == 0
            assert one.cases == []
            assert len(one.keys) == 5
            for key in keys[one.name][:3]:
                assert one.says(key) == ("Worked on", "Worked on")
        fleet.run()
        for one in fleet:
            one.whole()
        fleet.rests()


def retry(fleet: Fleet, one: Member) -> Said:
    """An operator has all of its cases tried again."""
    return fleet.cli("quarantine", "retry", "--all", "--connection", one.name)
