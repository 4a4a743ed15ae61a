"""Two filled sides that meet: for the first time, or again after our memory became an older one.
And several systems at once, of which one is away.
"""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.e2e.test_erp import document
from tests.e2e.trouble import Fleet, Member, erps
from tests.harness import Doc, Server
from tracbridge.testing.erp import Refuse

OURS = {2: "Worked on", 3: "Another pump"}
"""TracOS's words, where they are others than his."""

LONG_AGO = datetime.now(UTC) - timedelta(days=40)

# -- first contact ---------------------------------------------------------------------------------


def meet(one: Member) -> list[str]:
    """Three orders on both sides: equal ones; of one day with other words; strangers of one number.

    Returns his keys.
    """
    keys = [key for number in (1, 2, 3) for key in one.sim.plant(1, **one.carrying(number))]
    equal, other, stranger = (one.twin(key, n) for n, key in enumerate(keys, start=1))
    other |= {"description": OURS[2]}
    stranger |= {"description": OURS[3], "title": "Another one", "createdAt": LONG_AGO}
    one.plant(equal, other, stranger)
    return keys


@pytest.mark.parametrize(
    ("mode", "held"), [("check", {"3"}), ("link", set()), ("hold", {"2", "3"})]
)
def test_orders_that_both_sides_had_meet_as_the_connection_says(
    replica_set: Server, tmp_path: Path, mode: str, held: set[str]
) -> None:
    with erps(replica_set, tmp_path, more=f"conflicts: {{first_contact: {mode}}}") as fleet:
        keys = {one.name: meet(one) for one in fleet}
        theirs = {one.name: [one.says(key)[1] for key in keys[one.name]] for one in fleet}
        fleet.run(codes=(3 if held else 0,))
        fleet.run()
        for one in fleet:
            assert len(one.keys) == len(one.docs) == 3, "nothing is made on either side"
            links = {link["ref"]: link for link in one.kept_in("links")}
            assert {ref for ref, link in links.items() if link.get("held")} == held
            assert {note["ref"] for note in one.kept_in("conflicts")} == {"2", "3"}
            for number, key in enumerate(keys[one.name], start=1):
                if str(number) not in held:
                    one.agree(key)
                else:
                    assert one.says(key) == (OURS[number], theirs[one.name][number - 1])


# -- our memory became an older one ----------------------------------------------------------------


def copy_of(fleet: Fleet) -> dict[str, list[Doc]]:
    """All that we remember."""
    database = fleet.site.server.client[fleet.site.state]
    return {name: list(database[name].find()) for name in database.list_collection_names()}


def put_back(fleet: Fleet, copy: Mapping[str, list[Doc]]) -> None:
    """We remember that, and nothing else."""
    database = fleet.site.server.client[fleet.site.state]
    for name in database.list_collection_names():
        database[name].delete_many({})
        if copy.get(name):
            database[name].insert_many(copy[name])


def live(fleet: Fleet, keys: dict[str, list[str]]) -> None:
    """A day that a backup knows nothing of: edits on both sides, and new orders of both."""
    for one in fleet:
        ours, theirs, there, both, done = keys[one.name]
        one.plant(document(7), document(8))
        keys[one.name] += one.sim.plant(1)
        one.edit(ours, description="Worked on")
        one.write(theirs, "Planned")
        one.write(there, "Planned for a while")
        one.edit(both, description="Worked on")
        one.edit(done, status="completed")
    fleet.run()
    fleet.run()
    for one in fleet:
        assert len(one.keys) == len(one.docs) == 8
        one.whole()


def test_an_older_memory_makes_no_double_and_reverts_nothing_silently(
    replica_set: Server, tmp_path: Path
) -> None:
    with erps(replica_set, tmp_path) as fleet:
        keys = {one.name: one.sim.plant(5) for one in fleet}
        fleet.run()
        copy = copy_of(fleet)
        before = {one.name: one.says(keys[one.name][2])[1] for one in fleet}
        live(fleet, keys)
        made = {one.name: (one.keys, [doc["_id"] for doc in one.docs]) for one in fleet}
        for one in fleet:
            _, theirs, there, both, _, _ = keys[one.name]
            one.write(there, before[one.name])
            one.write(both, "Planned meanwhile")
            one.edit(theirs, description="Worked on since")
        put_back(fleet, copy)
        fleet.run()
        fleet.run()
        for one in fleet:
            ours, theirs, there, both, done, new = keys[one.name]
            assert (one.keys, [doc["_id"] for doc in one.docs]) == made[one.name], "no double"
            assert one.says(ours) == ("Worked on", "Worked on")
            assert (one.doc(done) or {})["status"] == "completed"
            assert one.number(new) not in (None, 7, 8)
            notes = {note["ref"]: note for note in one.kept_in("conflicts")}
            assert notes.keys() == {str(one.number(theirs)), str(one.number(both))}
            assert said(notes[str(one.number(theirs))]) == ("Worked on since", "Planned")
            assert said(notes[str(one.number(both))]) == ("Worked on", "Planned meanwhile")
            assert before[one.name] in replaced(one, there), "what he had taken back is on record"
            one.whole()
        fleet.rests()


def said(note: Doc) -> tuple[str, str]:
    """The descriptions of both sides in a conflict."""
    return note["tracos"]["description"], note["customer"]["description"]


def replaced(one: Member, key: str) -> list[str]:
    """Descriptions of his that our versions took the place of, as the history has them."""
    entries = [e for e in one.kept_in("history") if e["ref"] == str(one.number(key))]
    return [(e["before"] or {}).get("description", "") for e in entries if e["side"] == "customer"]


@pytest.mark.faults
def test_a_memory_that_is_lost_altogether_makes_no_double(
    replica_set: Server, tmp_path: Path
) -> None:
    with erps(replica_set, tmp_path) as fleet:
        keys = {one.name: one.sim.plant(5) for one in fleet}
        fleet.run()
        live(fleet, keys)
        made = {one.name: (one.keys, [doc["_id"] for doc in one.docs]) for one in fleet}
        for one in fleet:
            one.edit(keys[one.name][0], description="Worked on since")
        put_back(fleet, {})
        fleet.run()
        fleet.run()
        for one in fleet:
            assert (one.keys, [doc["_id"] for doc in one.docs]) == made[one.name]
            assert one.says(keys[one.name][0]) == ("Worked on since", "Worked on since")
            one.whole()
        fleet.rests()


# -- one of several is away ------------------------------------------------------------------------


def breaker(fleet: Fleet, name: str, *words: str) -> dict[str, tuple[str, int]]:
    """State and failures in a row of each kind of call of a connection."""
    said = fleet.cli("breaker", *words, "--connection", name, "--json")
    found = said.json().get("operations", {})
    return {kind: (one["state"], one["failures"]) for kind, one in found.items()}


@pytest.mark.faults
def test_one_that_is_away_stops_no_other_and_its_breaker_shows_it(
    replica_set: Server, tmp_path: Path
) -> None:
    with erps(replica_set, tmp_path) as fleet:
        keys = {one.name: one.sim.plant(2) for one in fleet}
        fleet.run()
        away = fleet["maximo"]
        away.sim.faults.refuse = Refuse(status=503)
        away.sim.requests.clear()
        for one in fleet:
            one.write(keys[one.name][0], "Planned")
            one.edit(keys[one.name][1], description="Worked on")
        done = fleet.run(codes=(1,))
        assert {name for name, did in done.items() if did.get("error")} == {"maximo"}
        assert breaker(fleet, "maximo") == {"read": ("closed", away.sim.requests.total)}
        assert breaker(fleet, "odoo") == {}, "nothing has failed"
        for one in fleet:
            here = one is not away
            assert (one.says(keys[one.name][0])[0] == "Planned") is here
            assert (one.says(keys[one.name][1])[1] == "Worked on") is here
        away.sim.faults.refuse = None
        fleet.run()
        for one in fleet:
            assert one.says(keys[one.name][0]) == ("Planned", "Planned")
            assert one.says(keys[one.name][1]) == ("Worked on", "Worked on")
            one.whole()
        fleet.rests()


@pytest.mark.faults
def test_one_that_stays_away_is_left_alone_from_run_to_run(
    replica_set: Server, tmp_path: Path
) -> None:
    with erps(replica_set, tmp_path, "odoo", "maximo") as fleet:
        fleet.run()
        away = fleet["maximo"]
        away.sim.faults.refuse = Refuse(status=503)
        away.sim.requests.clear()
        for _ in range(3):
            fleet.run(codes=(1,))
        assert away.sim.requests.total <= 8, (
            "three runs that know nothing of each other knock twelve times"
        )
        state, failures = breaker(fleet, "maximo")["read"]
        assert (state, failures) == ("open", away.sim.requests.total)
        away.sim.faults.refuse = None
        breaker(fleet, "maximo", "closed")
        fleet.run()
        fleet.rests()
