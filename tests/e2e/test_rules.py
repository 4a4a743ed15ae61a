"""Business rules as an operator meets them: held, approved, rejected, changed, tested, replayed."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from tests.e2e.site import Place, Site
from tests.harness import NOW, Server, doc, order

LATER = NOW + timedelta(hours=1)


@pytest.fixture
def site(replica_set: Server, tmp_path: Path) -> Iterator[Site]:
    site = Site(replica_set, tmp_path)
    yield site
    site.close()


def ruled(site: Site, rules: str, more: str = "") -> Place:
    site.write("rules/acme.yaml", rules)
    return site.connect("acme", f"rules: rules/acme.yaml\n{more}")


REOPEN = """
rules:
  - name: completed stays completed
    on: inbound transition
    when: old.status == "completed" && new.status == "pending"
    then: {hold: "Acme re-opens only through a planner."}
    tests:
      - {old: {status: completed}, new: {status: pending}, expect: hold}
      - {old: {status: completed}, new: {status: in_progress}, expect: pass}
"""


def test_what_a_rule_holds_waits_until_somebody_approves_exactly_that(site: Site) -> None:
    acme = ruled(site, REOPEN)
    acme.drop(order(7, "completed"))
    site.summaries()
    acme.drop(order(7, "pending", LATER))
    code, did = site.summaries()
    assert (code, did["acme"]["inbound"]["quarantined"]) == (3, 1)
    assert acme.doc(7)["status"] == "completed"  # type: ignore[index]
    (case,) = site.cases()
    shown = site.cli("quarantine", "show", case["_id"]).out
    assert "Acme re-opens only through a planner." in shown
    assert site.cli("approve", case["_id"], "--by", "Ana", "--why", "agreed by phone").code == 0
    assert acme.doc(7)["status"] == "pending"  # type: ignore[index]
    assert not site.cases()
    (approval,) = site.records("approvals")
    assert (approval["by"], approval["why"]) == ("Ana", "agreed by phone")
    acme.drop(order(7, "completed", LATER + timedelta(hours=1)))
    acme.drop(order(7, "pending", LATER + timedelta(hours=2), summary="Other"), "again.json")
    site.summaries()
    assert acme.doc(7)["status"] == "completed"  # type: ignore[index]
    assert site.cli("approve", "--rule", "completed stays completed").code == 0
    assert acme.doc(7)["status"] == "pending"  # type: ignore[index]


def test_the_words_of_an_approval_are_forgotten_with_the_order(site: Site) -> None:
    acme = ruled(site, REOPEN)
    acme.drop(order(7, "completed"))
    site.summaries()
    acme.drop(order(7, "pending", LATER))
    site.summaries()
    (case,) = site.cases()
    site.cli("approve", case["_id"], "--by", "Ana", "--why", "Maria Souza asked for it")
    assert "Maria" in site.cli("history", "7").out
    site.cli("forget", "7", "--yes")
    assert "Maria" not in site.cli("history", "7").out
    (approval,) = site.records("approvals")
    assert (approval["by"], approval["why"]) == ("Ana", "")


def test_a_rule_rejects_with_its_own_words_and_the_others_go_on(site: Site) -> None:
    acme = ruled(
        site,
        """
        rules:
          - name: no empty text
            on: inbound
            when: new.description == ""
            then: {reject: "An order needs a text."}
        """,
    )
    acme.drop(order(7, summary=""))
    acme.drop(order(8))
    code, did = site.summaries()
    assert (code, did["acme"]["inbound"]["created"]) == (3, 1)
    (case,) = site.cases()
    assert (case["code"], case["ref"]) == ("rejected_by_rule", "7")
    assert case["reason"] == "An order needs a text."


def test_rules_change_ignore_and_warn_in_the_order_of_their_priority(site: Site) -> None:
    acme = ruled(
        site,
        """
        rules:
          - name: urgent ones are said
            on: inbound
            when: new.description.startsWith("URGENT")
            then: {warn: "an urgent order"}
          - name: capitals
            on: inbound
            priority: 5
            when: "true"
            then: {set: {description: new.description.upperAscii()}}
          - name: test orders
            on: inbound
            priority: 9
            when: new.description.startsWith("test")
            then: {ignore: "A test order."}
        """,
    )
    acme.drop(order(7, summary="urgent pump"))
    acme.drop(order(8, summary="test of the line"))
    said = site.cli("run", "--json")
    (did,) = said.json()["connections"]
    assert (did["inbound"]["created"], did["inbound"]["skipped"]) == (1, 1)
    assert acme.doc(7)["description"] == "URGENT PUMP"  # type: ignore[index]
    assert acme.doc(8) is None
    assert "an urgent order (rule 'urgent ones are said')" in said.err
    acme.drop(order(7, summary="urgent pump"))
    assert site.summaries()[1]["acme"]["inbound"]["unchanged"] == 1
    assert site.cli("history", "7").out.count("capitals") == 0
    (entry,) = (one for one in site.records("history") if one["side"] == "tracos")
    assert entry["why"]["rules"] == ["capitals"]
    assert "+" in entry["why"]["words"]


def test_what_goes_out_is_judged_too(site: Site) -> None:
    acme = ruled(
        site,
        """
        rules:
          - name: cancelled by a planner only
            on: outbound transition
            when: new.status == "cancelled"
            then: {hold: "A planner has to agree."}
          - name: no names
            on: outbound
            when: new.description.contains("Ms ")
            then: {set: {description: 'new.description.replace("Ms Miller", "the planner")'}}
        """,
    )
    acme.plant(doc(7, description="Ask Ms Miller"))
    site.summaries()
    sent = acme.outbound / "workorder_7.json"
    assert "Ask the planner" in sent.read_text()
    assert site.summaries()[1]["acme"]["outbound"]["delivered"] == 0
    site.edit(7, status="cancelled")
    code, did = site.summaries()
    assert (code, did["acme"]["outbound"]["delivered"]) == (3, 0)
    (case,) = site.cases()
    assert site.cli("approve", case["_id"]).code == 0
    assert '"isCanceled": true' in sent.read_text()
    assert not site.cases()


def test_a_rule_that_cannot_be_judged_lets_nothing_pass(site: Site) -> None:
    acme = ruled(
        site,
        """
        rules:
          - name: needs an asset
            on: inbound
            when: record.asset == "P-1"
            then: {warn: "the pump"}
        """,
    )
    acme.drop(order(7))
    site.summaries()
    (case,) = site.cases()
    assert (case["code"], acme.doc(7)) == ("rule_error", None)


def test_the_tests_of_a_rule_stand_beside_it(site: Site) -> None:
    ruled(site, REOPEN)
    assert site.cli("rules", "test").out == "2 tests, 0 failed.\n"
    site.write("rules/acme.yaml", REOPEN.replace("expect: pass", "expect: hold"))
    said = site.cli("rules", "test")
    assert said.code == 1
    assert "completed stays completed, test 2: expected hold, found pass" in said.out


def test_what_is_wrong_in_a_rule_file_is_told_with_its_line(site: Site) -> None:
    ruled(
        site,
        """
        rules:
          - name: one
            on: inbound
            when: new.status ==
            then: {warn: x}
          - name: two
            on: sideways
            when: "true"
            then: {warn: x}
          - name: three
            on: inbound
            whn: "true"
            then: {warn: x}
          - name: four
            on: transition
            when: "true"
            then: {set: {status: '"pending"'}}
        """,
    )
    said = site.cli("check")
    assert said.code == 2
    for words in (
        "rules/acme.yaml:2: rule 'one': 1:",
        "rules/acme.yaml:7: rules.1.on: ",
        "rules/acme.yaml:12: rules.2.whn: is no key here. The nearest is when.",
        "rules/acme.yaml:14: rule 'four': a transition is judged, not changed",
    ):
        assert words in said.out
