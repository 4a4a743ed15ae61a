"""Customers whose systems speak otherwise: their records, their keys, their ways between states."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.site import Place, Site
from tests.harness import Doc, Server, doc

FIRST = 1_000_000_001


@pytest.fixture
def site(replica_set: Server, tmp_path: Path) -> Iterator[Site]:
    site = Site(replica_set, tmp_path)
    yield site
    site.close()


def maximo(number: str = "100456", at: str = "BEDFORD", **over: Any) -> Doc:
    body = {
        "wonum": number,
        "siteid": at,
        "status": "WAPPR",
        "description": "Replace bearing",
        "description_longdescription": "<p>Vibration 9.8 mm/s</p>",
        "reportdate": "2026-03-18T16:02:00-05:00",
        "changedate": "2026-03-20T09:14:06-05:00",
        "assetnum": "P101",
        "wopriority": 2,
    }
    return {**body, **over}


def drop(place: Place, *records: Doc, name: str = "export.json") -> None:
    place.drop(json.dumps({"member": list(records), "responseInfo": {}}).encode(), name)


def only(place: Place) -> Doc:
    (found,) = place.orders.find(place.owner)
    return found


def sent(place: Place) -> list[Doc]:
    """What lies in the outbound folder; the importer takes it."""
    found = []
    for path in sorted(place.outbound.glob("*.json")):
        found.append(json.loads(path.read_bytes()))
        path.unlink()
    return found


def test_an_order_with_a_key_of_its_own_gets_a_number_and_keeps_it(site: Site) -> None:
    acme = site.connect("acme", "mapping: maximo\n")
    drop(acme, maximo(), maximo(at="NASHUA", description="Another one"))
    assert site.summaries()[0] == 0
    made = {one["title"]: one for one in acme.orders.find()}
    assert sorted(one["number"] for one in made.values()) == [FIRST, FIRST + 1]
    one = made["Replace bearing"]
    assert (one["status"], one["description"]) == ("pending", "Vibration 9.8 mm/s")
    assert (one["priority"], one["companyId"]) == (2, "acme")
    drop(acme, maximo(status="INPRG", changedate="2026-03-21T09:14:06-05:00"))
    did = site.summaries()[1]["acme"]
    assert (did["inbound"]["created"], did["inbound"]["updated"]) == (0, 1)
    assert acme.orders.count_documents({}) == 2
    shown = site.cli("show", "BEDFORD/100456")
    assert shown.code == 0, shown.err
    assert "in_progress" in shown.out


def test_what_comes_back_is_in_his_words_with_his_keys_and_what_we_do_not_know(site: Site) -> None:
    acme = site.connect("acme", "mapping: maximo\n")
    drop(acme, maximo(status="INPRG"))
    site.summaries()
    site.edit(only(acme)["number"], status="completed", title="Bearing replaced", priority=1)
    assert site.summaries()[1]["acme"]["outbound"]["delivered"] == 1
    (body,) = sent(acme)
    assert (body["wonum"], body["siteid"], body["status"]) == ("100456", "BEDFORD", "COMP")
    assert (body["description"], body["wopriority"]) == ("Bearing replaced", 1)
    assert (body["assetnum"], "changedate" in body) == ("P101", False)
    site.summaries()
    drop(acme, maximo(**{**body, "changedate": "2026-03-21T09:14:06-05:00"}))
    site.summaries()
    assert only(acme)["status"] == "completed"
    assert site.cli("conflicts", "list", "--connection", "acme", "--json").json() == []


def test_a_state_is_reached_step_by_step_each_after_the_one_before_was_taken(site: Site) -> None:
    acme = site.connect("acme", "mapping: maximo\n")
    drop(acme, maximo())
    site.summaries()
    number = only(acme)["number"]
    site.edit(number, status="completed")
    states = []
    for _ in range(6):
        site.summaries()
        states += [body["status"] for body in sent(acme)]
    assert states == ["APPR", "COMP"]
    assert only(acme)["isSynced"] is True
    site.rests()


def test_a_state_that_cannot_be_reached_is_said_and_all_else_goes_on(site: Site) -> None:
    acme = site.connect("acme", "mapping: maximo\n")
    drop(acme, maximo(status="CLOSE"))
    site.summaries()
    number = only(acme)["number"]
    site.edit(number, status="in_progress", title="Once more")
    code, did = site.summaries()
    assert (code, did["acme"]["outbound"]["delivered"]) == (3, 1)
    (body,) = sent(acme)
    assert (body["status"], body["description"]) == ("CLOSE", "Once more")
    said = site.cli("show", str(number))
    assert "in_progress: nothing leads out of CLOSE" in said.out
    assert site.cli("status", "--json").json()[0]["unreachable"] == 1
    site.summaries()
    assert not sent(acme)


def test_an_order_that_tracos_had_first_is_known_again_by_its_number(site: Site) -> None:
    acme = site.connect("acme", "mapping: maximo\n")
    acme.plant(doc(7, "pending"))
    site.summaries()
    (body,) = sent(acme)
    assert ("wonum" in body, body["externalrefid"]) == (False, "7")
    site.summaries()
    drop(acme, maximo("555", status="INPRG", externalrefid="7", description=body["description"]))
    site.summaries()
    assert only(acme)["number"] == 7
    assert only(acme)["status"] == "in_progress"
    site.edit(7, title="Valve")
    site.summaries()
    (again,) = sent(acme)
    assert (again["wonum"], again["siteid"], again["externalrefid"]) == ("555", "BEDFORD", "7")


def test_a_text_that_his_system_cuts_is_no_edit_and_an_edit_of_it_keeps_the_rest(
    site: Site,
) -> None:
    acme = site.connect("acme", "mapping: maximo\n")
    drop(acme, maximo(status="INPRG"))
    site.summaries()
    number = only(acme)["number"]
    whole = "Replace the bearing of pump P-101 at the north gate " + "and align the coupling " * 4
    site.edit(number, title=whole.strip())
    site.summaries()
    (body,) = sent(acme)
    assert len(body["description"]) <= 100
    site.summaries()
    at = iter(f"2026-03-2{day}T09:14:06-05:00" for day in range(1, 9))
    drop(acme, maximo(**{**body, "changedate": next(at)}))
    site.summaries()
    assert only(acme)["title"] == whole.strip()
    edited = body["description"].replace("P-101", "P-202")
    drop(acme, maximo(**{**body, "description": edited, "changedate": next(at)}))
    site.summaries()
    assert only(acme)["title"] == whole.strip().replace("P-101", "P-202")
    assert site.cli("conflicts", "list", "--connection", "acme", "--json").json() == []


def test_what_he_lacks_stays_as_it_is_in_tracos(site: Site) -> None:
    acme = site.connect("acme", "mapping: erpnext\nzone: America/Sao_Paulo\n")
    body = {
        "name": "ACC-ASR-2026-00012",
        "creation": "2026-03-18 18:02:11.281026",
        "modified": "2026-03-20 11:14:06.785117",
        "docstatus": 0,
        "repair_status": "Pending",
        "description": "Pump",
    }
    acme.drop(json.dumps({"data": body}).encode(), "one.json")
    site.summaries()
    number = only(acme)["number"]
    site.edit(number, status="on_hold")
    assert site.summaries()[1]["acme"]["outbound"]["delivered"] == 0
    assert only(acme)["isSynced"] is True
    news = {**body, "description": "Pump, gasket", "modified": "2026-03-21 11:14:06"}
    acme.drop(json.dumps(news).encode(), "two.json")
    site.summaries()
    assert (only(acme)["status"], only(acme)["description"]) == ("on_hold", "Pump, gasket")


def test_what_his_system_has_no_place_for_is_not_told_and_not_asked_for(site: Site) -> None:
    acme = site.connect("acme", "mapping: maximo\n")
    drop(acme, maximo(status="INPRG"))
    site.summaries()
    number = only(acme)["number"]
    site.edit(number, deleted=True, deletedAt=None)
    assert site.summaries()[1]["acme"]["outbound"]["delivered"] == 0
    drop(acme, maximo(status="INPRG", description="New", changedate="2026-03-22T09:14:06-05:00"))
    site.summaries()
    assert (only(acme)["deleted"], only(acme)["title"]) == (True, "New")


def test_an_order_that_cannot_be_said_in_his_system_is_on_record_and_the_others_go(
    site: Site,
) -> None:
    """His system knows two states; TracOS's other orders are delivered all the same."""
    site.write(
        "two.yaml",
        """
        mapping: two
        key: {path: no}
        updated: {path: at}
        fields:
          status: {path: state, values: {O: pending, C: completed}}
          description: {path: text}
        """,
    )
    acme = site.connect("acme", "mapping: two.yaml")
    acme.plant(doc(1, "pending"), doc(2, "on_hold"), doc(3, "completed"))
    code, said = site.summaries()
    assert code == 3
    assert (said["acme"]["outbound"]["delivered"], said["acme"]["outbound"]["quarantined"]) == (
        2,
        1,
    )
    assert sorted(path.name for path in acme.outbound.glob("*.json")) == [
        "workorder_1.json",
        "workorder_3.json",
    ]
    (case,) = site.cases()
    assert (case["code"], case["ref"]) == ("unmapped_status", "2")
    assert site.orders.update_one({"number": 2}, {"$set": {"status": "pending"}}).modified_count
    assert site.summaries()[0] == 0
    assert not site.cases()
