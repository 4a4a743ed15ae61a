"""Where a shipped preset reads the records, it is proposed with what is different."""

from random import Random
from typing import Any

import pytest

from tests.unit.discovering import compile_, mapping, proposed, refused, said, text
from tests.unit.test_discover import plain
from tracbridge.proof.proposal.draft import Level
from tracbridge.testing.erp import SYSTEMS
from tracbridge.testing.erp.odoo.api import Odoo
from tracbridge.testing.erp.odoo.model import Stage


def records(system: str, count: int = 40) -> list[dict[str, Any]]:
    """What a simulated system shows, in all states."""
    sim = SYSTEMS[system]()
    states = ("pending", "in_progress", "completed", "on_hold", "cancelled")
    for number, key in enumerate(sim.plant(count)):
        if system != "erpnext" or number % 5 not in (1, 3):
            sim.move(key, states[number % 5])
    return sim.records()


@pytest.mark.parametrize("system", sorted(SYSTEMS))
def test_a_simulated_system_is_known_by_its_preset(system: str) -> None:
    found = records(system)
    proposal = proposed(found, "America/Sao_Paulo", presets=True)
    assert (proposal.preset, proposal.understood, proposal.gaps) == (system, 40, ())
    assert said(proposal)["use"] == system
    assert refused(proposal) == set()


@pytest.mark.parametrize("system", ["erpnext", "sap_pm"])
def test_a_preset_without_offsets_needs_a_zone(system: str) -> None:
    proposal = proposed(records(system), presets=True)
    assert (proposal.gaps, refused(proposal)) == (("zone",), {"zone"})


@pytest.mark.parametrize("system", sorted(SYSTEMS))
def test_without_its_preset_the_same_is_found_out(system: str) -> None:
    found, zone = records(system), "America/Sao_Paulo"
    preset = compile_(system, zone)[1]
    made = mapping(proposed(found, zone), zone)
    for record in found:
        ours, theirs = made.from_customer(record), preset.from_customer(record)
        if system != "odoo":  # what is blocked on its board, nobody can know
            assert ours.fields["status"] == theirs.fields["status"]
            assert (ours.created_at, ours.updated_at) == (theirs.created_at, theirs.updated_at)
        assert ours.fields["description"] == theirs.fields["description"]


def test_no_preset_is_proposed_for_a_system_of_another_kind() -> None:
    assert proposed(plain(), presets=True).preset == ""


def test_flags_of_the_requirements_are_known() -> None:
    flags = ("isActive", "isCanceled", "isDone", "isOnHold", "isPending")
    over = {flag: (lambda n, flag=flag: flags[n % 5] == flag) for flag in flags}
    names = {"id": ..., "status": ..., "created": ..., "updated": ..., "description": ...}
    dates = {"creationDate": "2026-01-01T00:00:00Z", "lastUpdateDate": "2026-01-02T00:00:00Z"}
    summary = {"orderNo": lambda n: n + 1, "summary": lambda n: f"Text {n}", "isDeleted": False}
    found = plain(**{**names, **over, **dates, **summary})
    proposal = proposed(found, presets=True)
    assert (proposal.preset, proposal.gaps) == ("flags", ())


# -- changes ---------------------------------------------------------------------------------


def renamed() -> Odoo:
    """An Odoo with stages of its own."""
    odoo = Odoo()
    names = {1: "Scrap", 2: "In Progress", 5: "Waiting for parts", 6: "Xyzzy", 7: "Done"}
    odoo.stages.update({id_: Stage(id_, name) for id_, name in names.items()})
    for number, key in enumerate(odoo.plant(40)):
        odoo.edit(key, stage_id=(1, 2, 3, 5, 6, 7)[number % 6])
    return odoo


def test_stages_by_other_names_change_the_table_and_unknown_ones_are_gaps() -> None:
    found = renamed().records()
    proposal = proposed(found, presets=True)
    assert (proposal.preset, proposal.gaps) == ("odoo", ("fields.status",))
    assert refused(proposal) == {"fields.status"}
    cases = said(proposal)["fields"]["status"]["cases"]
    by_stage = {case["when"].get("stage_id"): case for case in cases}
    assert by_stage[1]["is"] == "cancelled", "its name says otherwise than the preset"
    assert by_stage[2]["is"] == "in_progress"
    assert by_stage[5] == {
        "is": "on_hold",
        "when": {"stage_id": 5},
        "also": {"kanban_state": "normal"},
        "name": "Waiting for parts",
    }
    assert by_stage[6]["is"] == "?"
    kinds = [case["is"] for case in cases]
    assert kinds.index("completed") < kinds.index("on_hold"), "what is ended is not interrupted"
    blocked = next(n for n, c in enumerate(cases) if "stage_id" not in c["when"])
    assert cases.index(by_stage[7]) < blocked
    assert len(cases) == len({str(case["when"]) for case in cases})


def test_the_changed_preset_reads_all_of_them() -> None:
    found = renamed().records()
    made = mapping(proposed(found, presets=True), "UTC")
    statuses = {r["stage_id"][0]: made.from_customer(r).fields["status"] for r in found}
    assert statuses == {
        1: "cancelled",
        2: "in_progress",
        3: "completed",
        5: "on_hold",
        6: "pending",
        7: "completed",
    }


def maximo(**over: Any) -> list[dict[str, Any]]:
    dice = Random(3)
    found = []
    for n in range(40):
        record = {
            "wonum": str(1_000 + n),
            "siteid": "BEDFORD",
            "description": text(dice),
            "description_longdescription": f"<p>{text(dice)}</p>",
            "status": ("WAPPR", "INPRG", "COMP")[n % 3],
            "reportdate": "2026-01-01T10:00:00-05:00",
            "changedate": "2026-01-02T10:00:00-05:00",
        }
        record |= {name: value(n) if callable(value) else value for name, value in over.items()}
        found.append(record)
    return found


def test_a_synonym_of_his_own_is_added_to_the_presets_table() -> None:
    proposal = proposed(maximo(status=lambda n: ("WAPPR", "Finalizada")[n % 2]), presets=True)
    cases = said(proposal)["fields"]["status"]["cases"]
    assert cases[-1] == {"is": "completed", "when": {"status": "Finalizada"}}
    assert len(cases) == 11
    assert proposal.gaps == ()


def test_texts_that_are_otherwise_than_the_preset_says_are_changed() -> None:
    long = (
        "A title of more than one hundred characters, as a site may have it that has made its own "
    )
    long += "field longer than others have it"
    proposal = proposed(
        maximo(description=lambda n: f"{long} {n}", description_longdescription="No tags"),
        presets=True,
    )
    fields = said(proposal)["fields"]
    assert fields["title"] == {"limit": None}
    assert fields["description"] == {"html": False}
    assert "title" not in mapping(proposal).lossy


def test_further_fields_are_added_with_their_pairs() -> None:
    proposal = proposed(maximo(equipment=lambda n: [n % 3, "Pump"]), presets=True)
    value = said(proposal)
    assert value["fields"] == {
        "ext.equipment": {
            "path": "equipment",
            "as": "integer",
            "tracos": "equipment",
            "only": "read",
        }
    }
    assert value["pairs"] == ["equipment"]
    assert (
        mapping(proposal).from_customer(maximo(equipment=[5, "Pump"])[0]).fields["ext.equipment"]
        == 5
    )


def test_where_our_number_is_kept_is_added_where_the_preset_does_not_know_it() -> None:
    record = {"order": "004368", "branch": "01", "originDate": "20260301", "observation": "Leak"}
    record |= {"situation": "L", "finished": "N", "deletedMark": " "}
    found = [{**record, "order": f"{n:06d}", "tracosNumber": ""} for n in range(30)]
    proposal = proposed(found, "America/Sao_Paulo", presets=True)
    assert proposal.preset == "protheus"
    assert said(proposal)["key"] == {"ours": "tracosNumber"}
    assert "key" not in said(proposed(maximo(externalrefid=None), presets=True))


def test_a_preset_that_reads_only_some_of_them_is_not_proposed() -> None:
    found = maximo(changedate=lambda n: "soon" if n % 5 == 0 else "2026-01-02T10:00:00Z")
    assert proposed(found, presets=True).preset == ""


def test_keys_that_it_does_not_know_are_named() -> None:
    proposal = proposed(maximo(colour="red"), presets=True)
    (note,) = [one for one in proposal.found if one.where == "extra"]
    assert (note.level, note.example) == (Level.NOTE, "colour")


def test_a_status_of_several_codes_is_told_by_how_many_it_reads() -> None:
    proposal = proposed(records("sap_pm"), "UTC", presets=True)
    (status,) = [one for one in proposal.found if one.where == "fields.status"]
    assert status.what == "read as the preset has it in 40 of 40 records"
