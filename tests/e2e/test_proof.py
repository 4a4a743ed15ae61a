"""Proof before go-live: check, try and drift of a mapping, and a replay of what was recorded."""

import shutil
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import orjson
import pytest

from tests.e2e.site import Place, Site
from tests.harness import NOW, Doc, Server, order
from tracbridge.adapters.connectors.folder.recorded import taken_at

LATER = NOW + timedelta(hours=1)


@pytest.fixture
def site(replica_set: Server, tmp_path: Path) -> Iterator[Site]:
    site = Site(replica_set, tmp_path)
    yield site
    site.close()


NARROW = """
mapping:
  mapping: narrow
  key: {path: id}
  updated: {path: changed, format: "YYYY-MM-DD HH:mm"}
  fields:
    title: {path: name, limit: 12}
    description: {path: text}
    status: {path: state, values: {open: pending, open2: pending, busy: in_progress, done: completed}}
"""  # noqa: E501


def test_check_names_what_is_missing_ambiguous_cut_or_without_zone(site: Site) -> None:
    site.connect("acme", NARROW)
    said = site.cli("mapping", "check")
    assert said.code == 1
    for text in ("on_hold", "cancelled", "has no counterpart", "lacks:", "no zone is set"):
        assert text in said.out
    found = site.cli("mapping", "check", "--json").json()
    title = next(one for one in found if one["where"] == "fields.title")
    assert (title["level"], "characters" in title["example"]) == ("LOSSY", True)
    whole = site.cli("check")
    assert whole.code == 1
    assert "on_hold" in whole.out


def test_every_preset_passes_its_own_check(site: Site) -> None:
    site.connect("acme", "zone: America/Sao_Paulo")
    names = [one["preset"] for one in site.cli("mapping", "list", "--json").json()]
    assert names == ["erpnext", "flags", "maximo", "odoo", "protheus", "sap_pm"]
    for name in names:
        said = site.cli("mapping", "check", name)
        assert (said.code, name) == (0, name), said.out


def test_try_shows_each_record_as_it_comes_and_as_it_would_go_back(site: Site) -> None:
    site.connect("acme")
    good, bad = order(7, "completed"), order(8, "pending", isPending="no")
    site.write("sample.json", orjson.dumps([good, bad]).decode())
    said = site.cli("mapping", "try", "sample.json")
    assert said.code == 1
    assert "completed" in said.out
    assert "Would be refused: /isPending" in said.out
    first, second = site.cli("mapping", "try", "sample.json", "--json").json()
    assert first["tracos"]["number"] == 7
    assert first["tracos"]["status"] == "completed"
    assert first["output"]["isDone"] is True
    assert second["error"].startswith("/isPending")
    assert not site.orders.count_documents({})


def test_show_prints_a_mapping_that_can_be_used_as_a_file(site: Site) -> None:
    site.connect("acme")
    words = site.cli("mapping", "show", "maximo").out
    site.write("mine.yaml", words)
    assert site.cli("mapping", "show", "mine.yaml").out == words


def test_drift_finds_what_would_be_refused_before_it_is(site: Site) -> None:
    acme = site.connect("acme")
    for number in range(1, 21):
        acme.drop(order(number, "pending", extra="A"))
    site.summaries()
    assert site.cli("mapping", "drift").out.startswith("No record waits")
    acme.drop(order(21, "pending", extra="B"))
    assert site.cli("mapping", "drift").code == 0
    changed: Doc = {**order(22, "pending"), "isPending": "true", "shift": {"name": "night"}}
    acme.drop(changed)
    acme.drop(b'{"orderNo": 23,', "torn.json")
    said = site.cli("mapping", "drift")
    assert said.code == 1
    assert "REFUSED" in said.out
    assert "/isPending" in said.out
    assert "was bool and is text, such as 'true'" in said.out
    found = site.cli("mapping", "drift", "--json").json()
    assert found["before"] == 20
    kinds = {(one["kind"], one["path"]) for one in found["found"]}
    assert ("NEW", "shift") in kinds
    assert ("KIND", "isPending") in kinds
    assert not [path for kind, path in kinds if kind == "GONE"]
    assert sorted(path.name for path in acme.inbound.glob("*.json")) == [
        "21.json",
        "22.json",
        "torn.json",
    ]


REOPEN = """
rules:
  - name: completed stays completed
    on: transition
    when: old.status == "completed" && new.status != "completed"
    then: {reject: "Re-opening needs a planner."}
"""
SHOUT = """
mapping: {use: flags, fields: {description: {path: summary, case: upper}}}
"""


@pytest.fixture
def lived(site: Site) -> Place:
    """A connection that has seen an order completed and re-opened, and another one edited."""
    acme = site.connect("acme")
    acme.drop(order(7, "completed"))
    acme.drop(order(8, "pending"))
    site.summaries()
    acme.drop(order(7, "in_progress", LATER))
    site.orders.update_one({"number": 8}, {"$set": {"status": "on_hold", "isSynced": False}})
    site.summaries()
    return acme


def test_the_same_version_replayed_makes_no_difference(site: Site, lived: Place) -> None:
    said = site.cli("rules", "replay", "--since", "30d")
    assert said.code == 0, said.err
    assert said.out.startswith("3 records and 1 edit of 2 orders: each ends as it did.")
    assert site.cli("rules", "replay", "--mapping", "flags").code == 0
    assert lived.doc(7)["status"] == "in_progress"  # type: ignore[index]


def test_other_rules_show_which_orders_would_have_ended_otherwise(site: Site, lived: Place) -> None:
    site.write("new.yaml", REOPEN)
    said = site.cli("rules", "replay", "--rules", "new.yaml", "--json")
    assert said.code == 3
    (one,) = said.json()["differences"]
    assert one["order"] == "7"
    assert one["fields"] == {"status": ["in_progress", "completed"]}
    assert (one["old"], one["new"].partition(":")[0]) == ("applied", "refused")
    assert lived.doc(7)["status"] == "in_progress"  # type: ignore[index]
    table = site.cli("rules", "replay", "--rules", "new.yaml").out
    assert "Re-opening needs a planner." in table
    assert "1 order would end otherwise." in table


def test_what_stood_before_the_window_counts_as_old(site: Site, lived: Place) -> None:
    """The order was completed before the days that are replayed."""
    first, second = sorted((site.root / "data" / "acme" / "archive").glob("*/*"))
    shutil.rmtree(first)
    long_ago = {"$set": {"at": NOW - timedelta(days=90)}}
    site.server.client[site.state]["tracbridge_history"].update_many({"number": 1}, long_ago)
    site.write("new.yaml", REOPEN)
    since = taken_at(second.name).isoformat()
    said = site.cli("rules", "replay", "--rules", "new.yaml", "--since", since, "--json")
    assert [one["order"] for one in said.json()["differences"]] == ["7"]


def test_a_changed_file_is_compared_with_the_version_in_use(site: Site, lived: Place) -> None:
    path = site.root / "connections" / "acme.yaml"
    path.write_text(path.read_text() + SHOUT, encoding="utf-8")
    said = site.cli("rules", "replay", "--json")
    assert said.code == 0, said.out
    site.write("new.yaml", REOPEN)
    path.write_text(path.read_text() + "rules: new.yaml\n", encoding="utf-8")
    said = site.cli("rules", "replay", "--json")
    assert [one["order"] for one in said.json()["differences"]] == ["7"]
    assert lived.doc(7)["status"] == "in_progress"  # type: ignore[index]
