"""Proof before go-live: check, try and drift of a mapping, and a replay of what was recorded."""

import shutil
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import orjson
import pytest
import yaml

from tests.e2e.site import Place, Site
from tests.harness import NOW, Doc, Server, order
from tracbridge.adapters.connectors.folder.claims import taken_at

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
    cure = "Add his word for it to values, or lacks: {on_hold: ...}."
    assert f"fields.status: has no counterpart in his system (on_hold). {cure}\n" in whole.out
    assert "updated: has no offset, and no zone is set. Set zone" in whole.out


CASES = """
mapping:
  mapping: cases
  key: {path: id}
  fields:
    description: {path: text}
    status:
      cases:
        - {is: pending, when: {state: open}}
        - {is: completed, when: {state: done}}
"""


def test_what_is_to_be_added_is_said_in_the_words_of_the_line(site: Site) -> None:
    site.connect("acme", CASES)
    cures = {one["cure"] for one in site.cli("mapping", "check", "--json").json()}
    assert "Add a case for it, or lacks: {on_hold: ...}." in cures


KEYED = """
mapping: {use: flags, key: {path: code, as: text}}
"""


def test_orders_that_never_go_out_need_no_place_for_tracos_number(site: Site) -> None:
    site.connect("acme", KEYED)
    assert "key.ours" in site.cli("mapping", "check").out
    site.connect("acme", KEYED + "create: [customer]\n")
    assert "key.ours" not in site.cli("mapping", "check").out


def test_a_file_that_is_broken_is_named_with_its_line(site: Site) -> None:
    acme = site.connect("acme")
    acme.drop(order(7))
    site.write("bad.yaml", "use: flags\nfields:\n  titel: {path: name}\n")
    site.write("sample.json", "[]")
    for words in (
        "mapping check bad.yaml",
        "mapping show bad.yaml",
        "mapping try sample.json --mapping bad.yaml",
        "rules replay --mapping bad.yaml",
    ):
        said = site.cli(*words.split())
        assert said.code == 2, words
        assert said.err.startswith("tracbridge: bad.yaml:3: fields.titel: "), words
    site.write("connections/acme.yaml", "tenant: acme\nzone: Nowhere\n")
    for words in ("status", "show 7", "run", "quarantine list"):
        said = site.cli(*words.split())
        assert said.code == 2, words
        assert said.err.startswith("tracbridge: connections/acme.yaml:"), words


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


def test_try_tells_an_empty_text_from_a_missing_one_and_names_what_is_expected(site: Site) -> None:
    site.connect("acme")
    path = site.root / "connections" / "acme.yaml"
    path.write_text(path.read_text().replace("settle_seconds: 0", 'expect: {site: "03"}'))
    good = order(7, summary="", site="03")
    site.write("sample.json", orjson.dumps([good, {**good, "site": "04"}]).decode())
    first, second = site.cli("mapping", "try", "sample.json", "--json").json()
    rows = {row["path"]: row for row in first["rows"]}
    text, expected = rows["summary"], rows["site"]
    assert (text["theirs"], text["ours"], text["back"]) == ('""', "", '""')
    assert (expected["field"], expected["ours"], expected["back"]) == ("expect", "03", "03")
    (wrong,) = [row["wrong"] for row in second["rows"] if row["field"] == "expect"]
    assert wrong == "/site is not '03': another tenant's"
    said = site.cli("mapping", "try", "sample.json", "--limit", "1").out.splitlines()
    (row,) = [line for line in said if line.startswith("description")]
    assert row.split() == ["description", "summary", '""', '""', "="]
    (row,) = [line for line in said if " site " in line]
    assert row.split() == ["expect", "site", "03", "03", "="]
    (row,) = [line for line in said if "isSynced" in line]
    assert row.split() == ["isSynced", "false", "set", "by", "us", "true"]


def test_show_prints_a_mapping_that_can_be_used_as_a_file(site: Site) -> None:
    site.connect("acme")
    words = site.cli("mapping", "show", "maximo").out
    site.write("mine.yaml", words)
    assert site.cli("mapping", "show", "mine.yaml").out == words


WORDY = """
mapping: wordy
version: 1
key: {path: id}
updated: {path: changed}
fields:
  status:
    path: state
    values: {waiting: on_hold, blocked: on_hold, open: pending, busy: in_progress, done: completed,
             void: cancelled}
  description: {path: text}
"""
WORDS = ["waiting", "blocked", "open", "busy", "done", "void"]


def test_show_prints_the_tables_in_the_order_of_the_file(site: Site) -> None:
    site.connect("acme", "mapping: mine.yaml")
    site.write("mine.yaml", WORDY)
    value = yaml.safe_load(site.cli("mapping", "show").out)
    assert list(value) == ["mapping", "version", "key", "updated", "fields"]
    assert list(value["fields"]) == ["status", "description"]
    assert list(value["fields"]["status"]["values"]) == WORDS


def test_the_mapping_of_an_old_version_is_shown_to_go_back_to_it(site: Site) -> None:
    acme = site.connect("acme", "mapping: mine.yaml\nrules: rules.yaml\n")
    site.write("rules.yaml", REOPEN)
    site.write("mine.yaml", WORDY)
    record = {"id": 7, "state": "open", "text": "Pump", "changed": NOW.isoformat()}
    acme.drop(orjson.dumps(record), "7.json")
    site.summaries()
    site.write("mine.yaml", WORDY.replace("version: 1", "version: 2"))
    site.summaries()
    (event, *_) = site.cli("history", "7", "--json").json()
    old, _, rules = event["words"].partition("+")
    said = site.cli("mapping", "show", "--version", event["words"])
    assert said.out.startswith(f"# {old}\nmapping: wordy\nversion: 1\n")
    site.write("old.yaml", said.out)
    shown = site.cli("mapping", "show", "old.yaml").out
    assert shown.startswith(f"# {old}\nmapping: wordy\nversion: 1\n")
    for wrong, why in ((rules, "but of rules"), ("abc", "is on record"), ("$ne", "is on record")):
        said = site.cli("mapping", "show", "--version", wrong)
        assert (said.code, said.out) == (1, "")
        assert why in said.err
    assert site.cli("mapping", "show", "flags", "--version", old).code == 2


def test_drift_finds_what_would_be_refused_before_it_is(site: Site) -> None:
    acme = site.connect("acme")
    for number in range(1, 21):
        acme.drop(order(number, "pending", extra="A"))
    site.summaries()
    assert site.cli("mapping", "drift").out.startswith("No record waits")
    acme.drop(order(21, "pending", extra="B"))
    one = site.cli("mapping", "drift")
    assert (one.code, one.out.startswith("1 record that waits, against 20 from")) == (0, True)
    changed: Doc = {**order(22, "pending"), "isPending": "true", "shift": {"name": "night"}}
    acme.drop(changed)
    acme.drop(b'{"orderNo": 23,', "torn.json")
    said = site.cli("mapping", "drift")
    assert said.code == 1
    assert said.out.endswith("\n2 records that wait, against 20 from before.\n")
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
