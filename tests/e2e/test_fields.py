"""Who may change which field, which side's orders are born, what belongs to whom: by a file."""

import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from tests.e2e.site import Place, Site
from tests.harness import NOW, Doc, Server, doc, order

LATER = NOW + timedelta(hours=1)
LATEST = NOW + timedelta(hours=2)


@pytest.fixture
def site(replica_set: Server, tmp_path: Path) -> Iterator[Site]:
    site = Site(replica_set, tmp_path)
    yield site
    site.close()


def sent(place: Place, number: int) -> Doc | None:
    """What lies in the outbound folder of that order."""
    path = place.outbound / f"workorder_{number}.json"
    body: Doc | None = json.loads(path.read_bytes()) if path.exists() else None
    return body


def edit(place: Place, number: int, **values: object) -> None:
    """A technician changes it in TracOS."""
    values |= {"updatedAt": LATEST, "isSynced": False}
    assert place.orders.update_one({"number": number}, {"$set": values}).matched_count == 1


def test_the_owner_of_a_field_is_put_right_where_the_other_side_changed_it(site: Site) -> None:
    acme = site.connect("acme", "fields: {status: {owner: tracos}, description: {owner: customer}}")
    acme.drop(order(7, "pending", summary="Pump"))
    site.summaries()
    acme.drop(order(7, "completed", LATER, summary="Pump, loud"))
    assert site.summaries()[0] == 0
    now = acme.doc(7)
    assert now is not None
    assert (now["status"], now["description"]) == ("pending", "Pump, loud")
    told = sent(acme, 7)
    assert told is not None
    assert (told["isPending"], told["isDone"]) == (True, False)
    (acme.outbound / "workorder_7.json").unlink()
    edit(acme, 7, description="Only I say this", status="on_hold")
    assert site.summaries()[0] == 0
    told = sent(acme, 7)
    assert told is not None
    assert (told["isOnHold"], told["summary"]) == (True, "Pump, loud")
    now = acme.doc(7)
    assert now is not None
    assert (now["status"], now["description"]) == ("on_hold", "Pump, loud")
    assert "alone: put right" in site.cli("history", "7").out
    site.summaries()
    site.rests()


def test_a_field_of_one_direction_is_not_passed_the_other_way(site: Site) -> None:
    acme = site.connect("acme", "fields: {description: {direction: inbound}}")
    acme.drop(order(7, "pending", summary="Pump"))
    site.summaries()
    edit(acme, 7, description="Our own words", status="completed")
    assert site.summaries()[0] == 0
    told = sent(acme, 7)
    assert told is not None
    assert (told["isDone"], told["summary"]) == (True, "Pump")
    now = acme.doc(7)
    assert now is not None
    assert now["description"] == "Our own words"
    site.rests()


def test_a_field_may_have_a_policy_of_its_own(site: Site) -> None:
    acme = site.connect("acme", "fields: {description: {conflict: tracos}}")
    acme.drop(order(7, "pending", summary="Pump"))
    site.summaries()
    acme.orders.update_one(
        {"number": 7},
        {"$set": {"description": "Ours", "status": "on_hold", "updatedAt": LATER}},
    )
    acme.drop(order(7, "in_progress", LATEST, summary="Theirs"))
    site.summaries()
    now = acme.doc(7)
    assert now is not None
    assert (now["status"], now["description"]) == ("in_progress", "Ours")


def test_orders_are_created_on_the_sides_that_are_named_only(site: Site) -> None:
    acme = site.connect("acme", "create: [customer]")
    beta = site.connect("beta", "create: [tracos]")
    for place in (acme, beta):
        place.drop(order(7))
        place.plant(doc(8))
    code, did = site.summaries()
    assert (code, did["acme"]["inbound"]["created"], did["beta"]["inbound"]["created"]) == (0, 1, 0)
    assert did["beta"]["inbound"]["skipped"] == 1
    assert (sent(acme, 8), sent(beta, 8) is not None) == (None, True)
    assert beta.doc(7) is None
    edit(acme, 7, status="completed")
    site.summaries()
    told = sent(acme, 7)
    assert told is not None
    assert told["isDone"] is True
    site.rests()


def test_a_record_of_another_tenant_is_refused_and_ours_say_whose_they_are(site: Site) -> None:
    acme = site.connect("acme")
    path = site.root / "connections" / "acme.yaml"
    text = path.read_text().replace("settle_seconds: 0}", 'settle_seconds: 0, expect: {org: "1"}}')
    path.write_text(text, encoding="utf-8")
    acme.drop(order(7, org="1"))
    acme.drop(order(8, org="2"))
    acme.drop(order(9))
    acme.plant(doc(10))
    code, did = site.summaries()
    assert (code, did["acme"]["inbound"]["created"], did["acme"]["inbound"]["quarantined"]) == (
        3,
        1,
        2,
    )
    assert {case["code"] for case in site.cases()} == {"tenant_mismatch"}
    assert acme.doc(8) is None
    told = sent(acme, 10)
    assert told is not None
    assert told["org"] == "1"


LEGAL = """
tracos:
  filter: {companyId: acme}
  transitions:
    steps:
      pending: [in_progress, cancelled]
      in_progress: [on_hold, completed]
      on_hold: [in_progress]
      completed: [in_progress]
    irreversible: [cancelled]
    allow: [cancelled]
"""


def test_what_no_legal_steps_of_tracos_lead_to_is_refused_by_both_names(site: Site) -> None:
    acme = site.connect("acme")
    path = site.root / "connections" / "acme.yaml"
    path.write_text(path.read_text().replace("tracos: {filter: {companyId: acme}}\n", LEGAL))
    for number, status in ((7, "cancelled"), (8, "pending"), (9, "completed")):
        acme.drop(order(number, status))
    site.summaries()
    for number, status in ((7, "completed"), (8, "on_hold"), (9, "cancelled")):
        acme.drop(order(number, status, LATER))
    code, did = site.summaries()
    assert (code, did["acme"]["inbound"]["updated"], did["acme"]["inbound"]["quarantined"]) == (
        3,
        1,
        2,
    )
    assert [acme.doc(n)["status"] for n in (7, 8, 9)] == [  # type: ignore[index]
        "cancelled",
        "on_hold",
        "completed",
    ]
    said = sorted(case["reason"] for case in site.cases())
    assert said[0].startswith(
        "would take TracOS's order from cancelled to completed: nothing leads"
    )
    assert said[1].startswith("would take TracOS's order from completed to cancelled: no way")


TABLES = """
mapping:
  use: flags
  fields:
    ext.asset: {path: asset, table: assets, tracos: assetId}
tables:
  assets: {P-101: "66f1", P-102: "66f2"}
"""


def test_a_code_that_no_table_knows_holds_that_field_only_until_the_table_knows_it(
    site: Site,
) -> None:
    acme = site.connect("acme", TABLES)
    acme.drop(order(7, "pending", asset="P-101"))
    site.summaries()
    now = acme.doc(7)
    assert now is not None
    assert now["assetId"] == "66f1"
    acme.drop(order(7, "in_progress", LATER, asset="P-103"))
    acme.drop(order(8, "pending", asset="P-104"))
    code, _ = site.summaries()
    assert code == 3
    seven, eight = acme.doc(7), acme.doc(8)
    assert seven is not None
    assert eight is not None
    assert (seven["status"], seven["assetId"]) == ("in_progress", "66f1")
    assert (eight["status"], eight.get("assetId")) == ("pending", None)
    shown = site.cli("conflicts", "list").out + site.cli("show", "7").out
    assert "P-103" in shown
    path = site.root / "connections" / "acme.yaml"
    path.write_text(path.read_text().replace('P-102: "66f2"', 'P-102: "66f2", P-103: "66f3"'))
    acme.drop(order(7, "in_progress", LATER, asset="P-103"))
    site.summaries()
    now = acme.doc(7)
    assert now is not None
    assert now["assetId"] == "66f3"
    edit(acme, 7, assetId="66f2")
    site.summaries()
    told = sent(acme, 7)
    assert told is not None
    assert told["asset"] == "P-102"


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (
            "fields: {titel: {owner: tracos}}",
            "connections/acme.yaml:4: fields.titel: is no field here. The nearest is title.",
        ),
        ("tracos: {filter: {status: 1}}", "tracos.filter.status: changes with the order"),
        (
            "tracos: {filter: {a: 1}, transitions: {steps: {done: [pending]}}}",
            'connections.acme.tracos.transitions.steps.done: "done" is not accepted',
        ),
    ],
)
def test_what_a_connection_cannot_mean_is_told_with_its_line(
    site: Site, more: str, said: str
) -> None:
    site.connect("acme")
    path = site.root / "connections" / "acme.yaml"
    lines = [line for line in path.read_text().splitlines() if not line.startswith("tracos")]
    if not more.startswith("tracos"):
        lines.append("tracos: {filter: {companyId: acme}}")
    path.write_text("\n".join([*lines, more]) + "\n")
    found = site.cli("check")
    assert found.code == 2
    assert said in found.out
