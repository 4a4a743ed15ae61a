"""What commands tell of connections set up by files: own keys, rules that hold, what stays here."""

import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.site import Place, Site
from tests.harness import NOW, Server, doc, order

LATER = NOW + timedelta(hours=1)


@pytest.fixture
def site(replica_set: Server, tmp_path: Path) -> Iterator[Site]:
    site = Site(replica_set, tmp_path)
    yield site
    site.close()


# -- orders that do not go to the customer -----------------------------------------------------


def test_an_order_that_is_not_created_at_the_customers_is_not_on_its_way(site: Site) -> None:
    acme = site.connect("acme", "create: [customer]")
    acme.drop(order(1))
    acme.plant(doc(5), doc(6))
    site.summaries()
    (now,) = site.cli("status", "--json").json()
    assert (now["in_sync"], now["on_their_way"], now["not_created"]) == (1, 0, 2)
    assert now["oldest_undelivered"] is None
    text = site.cli("status").out
    assert "  on their way  0 orders\n" in text
    assert "  only TracOS   2   not created at the customer's (create)\n" in text
    assert "not created at the customer's (create)" in site.cli("show", "5").out


def test_an_edit_of_an_order_that_both_hold_goes_out_whoever_creates(site: Site) -> None:
    acme = site.connect("acme", "create: [customer]")
    acme.drop(order(1))
    acme.plant(doc(5))
    site.summaries()
    site.edit(1, description="Edited", isSynced=False)
    (now,) = site.cli("status", "--json").json()
    assert (now["in_sync"], now["on_their_way"], now["not_created"]) == (0, 1, 1)
    assert now["oldest_undelivered"] is not None


# -- what a rule holds -------------------------------------------------------------------------

HOLDS = """
rules:
  - name: no re-opening
    on: inbound transition
    when: old.status == "completed"
    then: {hold: "A planner has to agree."}
  - name: no empty text
    on: inbound
    when: new.description == ""
    then: {reject: "An order needs a text."}
"""
WAITS = "1 waits for approval: tracbridge approve CASE"


def held(site: Site, name: str = "acme") -> Place:
    """A connection with one case that waits for approval, and one that is refused."""
    site.write("rules.yaml", HOLDS)
    place = site.connect(name, "rules: rules.yaml")
    place.drop(order(7, "completed"))
    site.summaries()
    place.drop(order(7, "pending", LATER))
    place.drop(order(8, summary=""))
    return place


def test_what_waits_for_approval_is_told_apart_from_what_is_refused(site: Site) -> None:
    held(site)
    report = site.cli("run")
    lines = report.out.splitlines()
    assert report.code == 3
    assert f"{WAITS}, of tracbridge quarantine list" in lines
    assert "1 refused: tracbridge quarantine list" in lines
    assert site.cli("quarantine", "list").out.endswith(f"\n{WAITS}, or --rule NAME\n")
    status = site.cli("status").out
    assert "  to approve    1   tracbridge approve CASE, of quarantine list\n" in status
    assert "  quarantined   1   tracbridge quarantine list\n" in status
    (now,) = site.cli("status", "--json").json()
    assert (now["quarantined"], now["to_approve"]) == (2, 1)
    assert site.cli("approve", "--rule", "no re-opening").code == 0
    for said in (site.cli("run"), site.cli("status"), site.cli("quarantine", "list")):
        assert "approv" not in said.out


def test_of_several_connections_each_says_what_waits_for_approval(site: Site) -> None:
    site.connect("beta")
    held(site)
    lines = site.cli("run").out.splitlines()
    of = "--connection acme"
    assert f"acme: {WAITS} {of}, of tracbridge quarantine list {of}" in lines
    assert f"acme: 1 refused: tracbridge quarantine list {of}" in lines


def test_who_approved_and_why_is_shown_in_the_history_and_of_the_case(site: Site) -> None:
    held(site)
    site.summaries()
    (case,) = [case for case in site.cases() if case["code"] == "held_by_rule"]
    assert site.cli("quarantine", "show", case["_id"], "--json").json()["approval"] is None
    site.cli("approve", case["_id"], "--by", "Ana", "--why", "agreed by phone")
    events = site.cli("history", "7", "--json").json()
    assert [event["at"] for event in events] == sorted(event["at"] for event in events)
    (approval,) = [event for event in events if event["event"] == "approval"]
    assert (approval["rule"], approval["by"]) == ("no re-opening", "Ana")
    rows = site.cli("history", "7").out.splitlines()
    (row,) = [row.split("  ") for row in rows if "approval" in row]
    assert [cell.strip() for cell in row if cell.strip()][1:] == [
        "approval",
        'rule "no re-opening"',
        "by Ana, agreed by phone",
    ]
    shown = site.cli("quarantine", "show", case["_id"])
    assert " by Ana: agreed by phone\n" in shown.out
    told = site.cli("quarantine", "show", case["_id"], "--json").json()["approval"]
    assert (told["by"], told["why"]) == ("Ana", "agreed by phone")


# -- the customer's own keys -------------------------------------------------------------------

KEYED = """
tables: {assets: assets.csv}
mapping:
  mapping: keyed
  key: {path: code, as: text}
  updated: {path: changed}
  fields:
    description: {path: text}
    ext.asset: {path: asset, tracos: assetCode, table: assets}
    status:
      path: state
      values: {open: pending, busy: in_progress, wait: on_hold, done: completed, void: cancelled}
rules: keyed-rules.yaml
"""
COSTLY = """
rules:
  - name: costly orders wait
    on: inbound
    when: has(record.cost)
    then: {hold: "A planner has to agree."}
"""


def keyed(site: Site, *records: dict[str, Any]) -> Place:
    """A customer with keys of his own, whose records were taken in."""
    site.write("assets.csv", "his,ours\nP-1,PUMP-1\n")
    site.write("keyed-rules.yaml", COSTLY)
    acme = site.connect("acme", KEYED)
    blank = {"state": "open", "text": "Pump", "asset": "P-1", "changed": NOW.isoformat()}
    for record in records:
        acme.drop(json.dumps({**blank, **record}).encode(), f"{record['code']}.json")
    site.summaries()
    return acme


def test_a_conflict_names_the_order_by_both_its_numbers(site: Site) -> None:
    keyed(site, {"code": "OS-1", "asset": "P-9"})
    (conflict,) = site.cli("conflicts", "list", "--json").json()
    number = conflict["order"]
    assert (conflict["key"], number.isdigit()) == ("OS-1", True)
    both = f"OS-1 ({number})"
    assert f"{conflict['id']}  {both}  " in site.cli("conflicts", "list").out
    shown = site.cli("conflicts", "show", conflict["id"]).out
    assert shown.startswith(f"Order {both}, since ")
    assert site.cli("conflicts", "show", conflict["id"], "--json").json()["key"] == "OS-1"
    decide = ("conflicts", "resolve", conflict["id"], "--set", "ext.asset=PUMP-1")
    assert both in site.cli(*decide, "--preview").out
    (would,) = site.cli(*decide, "--preview", "--json").json()["resolved"]
    assert (would["order"], would["key"]) == (number, "OS-1")
    assert f"the customer's OS-1, TracOS's {number}" in site.cli("show", "OS-1").out


def test_a_case_names_the_order_by_both_its_numbers(site: Site) -> None:
    keyed(site, {"code": "OS-1", "cost": 9})
    (case,) = site.cli("quarantine", "list", "--json").json()
    assert case["key"] == "OS-1"
    assert f"  order OS-1 ({case['order']})\n" in site.cli("quarantine", "list").out
    assert f"  order OS-1 ({case['order']})\n" in site.cli("quarantine", "show", case["id"]).out
