"""A mapping, or a table, that changes while orders are under way: nothing is reverted or lost."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.site import Place, Site
from tests.harness import Doc, Server, order

LATER = datetime(2026, 3, 22, 8, tzinfo=UTC)


@pytest.fixture
def site(replica_set: Server, tmp_path: Path) -> Iterator[Site]:
    site = Site(replica_set, tmp_path)
    yield site
    site.close()


def sent(place: Place, number: int) -> Doc | None:
    """What lies in the outbound folder of that order, read and taken."""
    path = place.outbound / f"workorder_{number}.json"
    if not path.exists():
        return None
    text = path.read_text(encoding="utf-8")
    path.unlink()
    pairs: list[tuple[str, Any]] = json.loads(text, object_pairs_hook=lambda pairs: pairs)
    assert len(dict(pairs)) == len(pairs), f"a key stands there twice: {text}"
    return dict(pairs)


def rest(site: Site, place: Place, *numbers: int) -> None:
    """He takes whatever lies there until nothing comes any more."""
    for _ in range(4):
        site.summaries()
        for number in numbers:
            sent(place, number)
    assert site.summaries()[1][place.name]["outbound"]["delivered"] == 0


def edit(place: Place, number: int, **values: object) -> None:
    """A technician changes it in TracOS."""
    values |= {"updatedAt": datetime.now(UTC), "isSynced": False}
    assert place.orders.update_one({"number": number}, {"$set": values}).matched_count == 1


PRIORITY = (
    "mapping: {use: flags, fields: {ext.priority: {path: prio, as: integer, tracos: priority}}}"
)


# -- a new field ------------------------------------------------------------------------------


def test_a_field_that_is_new_in_the_mapping_is_filled_with_what_he_said_before(site: Site) -> None:
    acme = site.connect("acme")
    acme.drop(order(7, prio=2))
    acme.drop(order(8))
    rest(site, acme, 7, 8)
    site.connect("acme", PRIORITY)
    assert site.cli("preview", "--json").json()["exit"] == 0
    code, said = site.summaries()
    assert (code, said["acme"]["outbound"]["delivered"]) == (0, 0)
    assert (acme.doc(7) or {})["priority"] == 2
    assert "priority" not in (acme.doc(8) or {})
    assert "before it could be understood" in site.cli("history", "7").out
    rest(site, acme, 7, 8)
    assert site.cli("reconcile").code == 0
    edit(acme, 7, description="Louder")
    site.summaries()
    told = sent(acme, 7)
    assert told is not None
    assert (told["prio"], told["summary"]) == (2, "Louder")


def test_where_tracos_has_another_value_in_a_new_field_a_person_decides(site: Site) -> None:
    acme = site.connect("acme")
    acme.drop(order(7, prio=2))
    acme.drop(order(8))
    rest(site, acme, 7, 8)
    for number in (7, 8):
        acme.orders.update_one({"number": number}, {"$set": {"priority": 5}})
    site.connect("acme", PRIORITY)
    site.summaries()
    # He said nothing of order 8: TracOS's value goes to him. Of order 7 both say something.
    assert (sent(acme, 8) or {})["prio"] == 5
    assert sent(acme, 7) is None
    (conflict,) = site.records("conflicts")
    assert (conflict["ref"], conflict["kind"]) == ("7", "first-contact")
    assert site.cli("conflicts", "resolve", conflict["_id"], "--take", "customer").code == 0
    rest(site, acme, 7, 8)
    assert (acme.doc(7) or {})["priority"] == 2
    site.rests()


def test_a_field_that_the_mapping_knows_no_more_sends_nothing_again(site: Site) -> None:
    acme = site.connect("acme", PRIORITY)
    acme.drop(order(7, prio=2))
    rest(site, acme, 7)
    site.connect("acme")
    assert site.summaries()[1]["acme"]["outbound"]["delivered"] == 0
    site.rests()


# -- a table that does not know a code --------------------------------------------------------

ASSETS = """
mapping:
  mapping: acme
  key: {path: no}
  updated: {path: at}
  fields:
    status: {path: state, values: {open: pending, done: completed}}
    description: {path: text}
    ext.asset: {path: asset, table: assets, tracos: assetId}
tables:
  assets: {CR-001: CONV-001, CR-002: CONV-002, %s}
"""


def record(number: int, asset: str, day: int = 20, **over: Any) -> Doc:
    at = f"2026-03-{day}T08:00:00Z"
    return {"no": number, "at": at, "state": "open", "text": "Oil", "asset": asset, **over}


def drop(place: Place, body: Doc) -> None:
    place.drop(json.dumps(body).encode(), f"{body['no']}.json")


def test_a_code_that_no_table_knows_stays_his_until_it_is_known(site: Site) -> None:
    acme = site.connect("acme", ASSETS % "CR-003: CONV-003")
    drop(acme, record(7, "XX-999"))
    drop(acme, record(8, "CR-001"))
    assert site.summaries()[0] == 3
    assert (sent(acme, 7) or record(7, "XX-999"))["asset"] == "XX-999"
    sent(acme, 8)
    drop(acme, record(8, "XX-998", 21))
    site.summaries()
    assert (acme.doc(8) or {})["assetId"] == "CONV-001"
    edit(acme, 8, description="Grease")
    edit(acme, 7, description="Grease")
    site.summaries()
    for number, code in ((7, "XX-999"), (8, "XX-998")):
        told = sent(acme, number)
        assert told is not None
        assert (told["asset"], told["text"]) == (code, "Grease")
    # Two codes wait, and are taken in by the next run once the table knows them.
    assert len(site.records("conflicts")) == 2
    site.connect("acme", ASSETS % "XX-999: CONV-999, XX-998: CONV-998")
    assert site.summaries()[0] == 0
    assert [(acme.doc(n) or {})["assetId"] for n in (7, 8)] == ["CONV-999", "CONV-998"]
    assert all(one["decided"] for one in site.records("conflicts"))
    rest(site, acme, 7, 8)
    site.rests()


def test_a_person_takes_his_code_as_the_table_has_it_or_another_value(site: Site) -> None:
    acme = site.connect("acme", ASSETS % "CR-003: CONV-003")
    drop(acme, record(7, "XX-999"))
    drop(acme, record(8, "XX-998"))
    rest(site, acme, 7, 8)
    by_order = {one["ref"]: one["_id"] for one in site.records("conflicts")}
    said = site.cli("conflicts", "resolve", by_order["7"], "--take", "customer")
    assert said.code == 1
    assert "no table knows 'XX-999'" in said.err + said.out
    assert "XX-999" in site.cli("conflicts", "show", by_order["7"]).out
    site.connect("acme", ASSETS % "XX-999: CONV-999")
    assert site.cli("conflicts", "resolve", by_order["7"], "--take", "customer").code == 0
    assert site.cli("conflicts", "resolve", by_order["8"], "--set", "ext.asset=CONV-002").code == 0
    site.summaries()
    assert [(acme.doc(n) or {})["assetId"] for n in (7, 8)] == ["CONV-999", "CONV-002"]
    assert (sent(acme, 8) or {})["asset"] == "CR-002"
    assert "waits" not in site.cli("show", "8").out
    rest(site, acme, 7, 8)
    site.rests()


def waiting_for(site: Site, fields: str) -> list[Doc]:
    """Conflicts about that field that wait for a person."""
    rows = site.records("conflicts")
    return [one for one in rows if one["decided"] is None and fields in one["fields"]]


def test_a_code_that_tracos_shows_by_now_waits_no_more(site: Site) -> None:
    """A person entered it there; or we did, and were killed before we remembered it."""
    acme = site.connect("acme", ASSETS % "CR-003: CONV-003")
    drop(acme, record(7, "XX-999"))
    rest(site, acme, 7)
    assert len(waiting_for(site, "ext.asset")) == 1
    edit(acme, 7, assetId="CONV-999")
    site.connect("acme", ASSETS % "XX-999: CONV-999")
    site.summaries()
    assert not waiting_for(site, "ext.asset")
    assert "waits" not in site.cli("show", "7").out
    rest(site, acme, 7)
    assert (acme.doc(7) or {})["assetId"] == "CONV-999"
    assert (acme.doc(7) or {})["isSynced"] is True
    site.rests()


def test_where_tracos_changed_meanwhile_a_person_decides_on_the_code(site: Site) -> None:
    acme = site.connect("acme", ASSETS % "CR-003: CONV-003")
    drop(acme, record(7, "CR-001"))
    rest(site, acme, 7)
    drop(acme, record(7, "XX-999", 21))
    rest(site, acme, 7)
    edit(acme, 7, assetId="CONV-002")
    site.connect("acme", ASSETS % "XX-999: CONV-999")
    rest(site, acme, 7)
    now = acme.doc(7)
    assert now is not None
    assert (now["assetId"], now["isSynced"]) == ("CONV-002", False)
    waits = waiting_for(site, "ext.asset")
    assert {one["kind"] for one in waits} == {"unresolved", "clash"}
    clash = next(one["_id"] for one in waits if one["kind"] == "clash")
    assert site.cli("conflicts", "resolve", clash, "--take", "customer").code == 0
    assert not waiting_for(site, "ext.asset")
    rest(site, acme, 7)
    assert (acme.doc(7) or {})["assetId"] == "CONV-999"
    site.rests()


def test_a_code_in_a_field_that_the_mapping_has_no_more_waits_no_more(site: Site) -> None:
    acme = site.connect("acme", ASSETS % "CR-003: CONV-003")
    drop(acme, record(7, "XX-999"))
    rest(site, acme, 7)
    text = (ASSETS % "CR-003: CONV-003").replace(
        "    ext.asset: {path: asset, table: assets, tracos: assetId}\n", ""
    )
    site.connect("acme", text)
    rest(site, acme, 7)
    assert not waiting_for(site, "ext.asset")
    assert (acme.doc(7) or {})["isSynced"] is True
    site.rests()


# -- words that mean something else -----------------------------------------------------------

WORDS = """
mapping:
  mapping: acme
  key: {path: no}
  updated: {path: at}
  fields:
    status: {path: state, values: {open: pending, waiting: %s, done: completed, hold: on_hold}}
    description: {path: text}
"""


def waiting(number: int) -> Doc:
    return {"no": number, "at": "2026-03-20T08:00:00Z", "state": "waiting", "text": "Grease"}


def test_an_old_record_under_a_new_mapping_brings_only_what_the_mapping_makes_of_it(
    site: Site,
) -> None:
    acme = site.connect("acme", WORDS % "pending")
    drop(acme, waiting(7))
    rest(site, acme, 7)
    edit(acme, 7, description="Grease the bearing")
    rest(site, acme, 7)
    site.connect("acme", WORDS % "on_hold")
    drop(acme, waiting(7))
    site.summaries()
    now = acme.doc(7)
    assert now is not None
    assert (now["description"], now["status"]) == ("Grease the bearing", "on_hold")
    assert (sent(acme, 7) or {})["text"] == "Grease the bearing"


def test_a_word_that_means_something_else_by_now_stays_where_nobody_changed_the_status(
    site: Site,
) -> None:
    acme = site.connect("acme", WORDS % "pending")
    drop(acme, waiting(7))
    rest(site, acme, 7)
    site.connect("acme", WORDS % "on_hold")
    edit(acme, 7, description="Grease the bearing")
    site.summaries()
    told = sent(acme, 7)
    assert told is not None
    assert (told["state"], told["text"]) == ("waiting", "Grease the bearing")
    edit(acme, 7, status="completed")
    site.summaries()
    assert (sent(acme, 7) or {})["state"] == "done"


# -- keys of his own --------------------------------------------------------------------------


def test_a_preview_of_new_orders_with_keys_of_his_own_shows_what_the_run_does(site: Site) -> None:
    acme = site.connect("acme", "mapping: maximo")
    body = {
        "wonum": "100456",
        "siteid": "BEDFORD",
        "status": "WAPPR",
        "description": "Replace bearing",
        "reportdate": "2026-03-18T16:02:00-05:00",
        "changedate": "2026-03-20T09:14:06-05:00",
    }
    acme.drop(json.dumps({"member": [body]}).encode(), "export.json")
    plan = site.cli("preview", "--json").json()
    assert plan["exit"] == 0
    changes = plan["connections"][0]["changes"]
    assert {one["action"] for one in changes} >= {"create"}
    assert all("100456" in str(one["number"]) for one in changes)
    counts = plan["connections"][0]
    _, said = site.summaries()
    assert said["acme"]["inbound"] == counts["inbound"]
    assert said["acme"]["outbound"] == counts["outbound"]
