"""``check --write`` changes a text of a test order at the customer's, reads it, puts it back."""

import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.erp import Erp, erp
from tests.e2e.site import Site
from tests.harness import Doc, Server, doc
from tracbridge.testing.erp import SYSTEMS, Refuse, Strike
from tracbridge.testing.erp.odoo.api import Odoo
from tracbridge.testing.erp.odoo.model import Stage
from tracbridge.testing.erp.wire import Deed

STEPS = ["order", "write", "read back", "restore", "as before"]


@pytest.fixture(params=sorted(SYSTEMS))
def each(request: pytest.FixtureRequest, replica_set: Server, tmp_path: Path) -> Iterator[Erp]:
    with erp(replica_set, tmp_path, request.param) as made:
        yield made


@pytest.fixture
def odoo(replica_set: Server, tmp_path: Path) -> Iterator[Erp]:
    with erp(replica_set, tmp_path, "odoo") as made:
        yield made


def ready(company: Erp) -> str:
    """The key of an order that both sides hold."""
    (key,) = company.sim.plant(1)
    company.run()
    return key


def checked(company: Erp, *words: str, code: int = 0) -> dict[str, dict[str, Any]]:
    said = company.site.cli("check", company.name, "--json", *words)
    assert said.code == code, said.out + said.err
    return {one["name"]: one for one in said.json()}


def wrong(found: dict[str, dict[str, Any]]) -> list[str]:
    return [name for name, one in found.items() if not one["ok"]]


# -- looking -------------------------------------------------------------------------------------


def test_a_customer_who_answers_is_read_and_nothing_is_changed(each: Erp) -> None:
    each.sim.plant(3)
    before = each.sim.records()
    found = checked(each)
    assert found["customer"]["text"] == "answers, and lets us in"
    assert found["read"]["text"].startswith("3 records on the first page, newest change 20")
    assert each.sim.records() == before
    assert each.sim.requests.writes == 0


def test_the_connection_may_also_be_named_by_the_option(odoo: Erp) -> None:
    said = odoo.site.cli("check", "--connection", "odoo", "--json")
    assert {one["name"] for one in said.json()} >= {"customer", "read"}


def test_records_that_would_be_refused_are_named_with_the_reason(odoo: Erp) -> None:
    good, bad = odoo.sim.plant(2)
    odoo.sim.edit(bad, stage_id=stage(odoo))
    found = checked(odoo)
    assert "1 would be refused, such as: /stage_id/0" in found["read"]["text"]
    odoo.sim.edit(good, stage_id=stage(odoo))
    assert wrong(checked(odoo, code=1)) == ["read"]


def stage(company: Erp) -> int:
    """One that the mapping does not know."""
    assert isinstance(company.sim, Odoo)
    company.sim.stages[5] = Stage(5, "Waiting for parts")
    return 5


# -- writing -------------------------------------------------------------------------------------


def test_a_write_arrives_is_read_back_and_taken_back_exactly(each: Erp) -> None:
    key = ready(each)
    before, document = each.sim.record(key), each.doc(key)
    found = checked(each, "--write", key)
    assert [name for name in found if name in STEPS] == STEPS
    assert "[tracbridge]" in found["write"]["text"]
    assert differing(each.sim.record(key), before) <= CLOCKS
    assert each.doc(key) == document, "TracOS is not touched"
    each.rests()


CLOCKS = {
    *("write_date", "write_uid"),
    *("LastChangeDateTime", "LastChangeByUser", "__metadata"),
    *("changedate", "changeby", "_rowstamp"),
    *("modified", "modified_by"),
}


def unmarked(document: Doc | None) -> Doc:
    """TracOS's order, but for the view of when it was given to the customer."""
    return {name: value for name, value in (document or {}).items() if name != "syncedAt"}


def differing(record: dict[str, Any], before: dict[str, Any]) -> set[str]:
    return {name for name, value in record.items() if value != before[name]}


def test_the_order_may_be_named_by_tracos_number(odoo: Erp) -> None:
    key = ready(odoo)
    assert wrong(checked(odoo, "--write", str(odoo.number(key)))) == []


def test_the_write_stands_in_the_orders_history_with_who_asked_for_it(odoo: Erp) -> None:
    key = ready(odoo)
    checked(odoo, "--write", key)
    said = odoo.site.cli("history", key, "--json").json()
    (there, back) = [one for one in said if "title" in one["fields"]][-2:]
    assert there["fields"]["title"]["to"] == back["fields"]["title"]["from"]
    assert there["fields"]["title"]["from"] == back["fields"]["title"]["to"]
    assert "check --write by " in str(there["why"])


@pytest.mark.parametrize(
    ("side", "words"),
    [
        ("customer", "was changed by the customer since (title): tracbridge run first"),
        ("tracos", "was changed in TracOS since: tracbridge run first"),
        ("nobody", "is not linked: name a test order that both sides hold"),
    ],
)
def test_an_order_that_both_sides_do_not_agree_on_is_left_alone(
    odoo: Erp, side: str, words: str
) -> None:
    key = ready(odoo)
    if side == "customer":
        odoo.sim.edit(key, name="By the planner")
    elif side == "tracos":
        odoo.edit(key, title="By TracOS")
    odoo.sim.requests.clear()
    found = checked(odoo, "--write", "77" if side == "nobody" else key, code=1)
    assert words in found["order"]["text"]
    assert odoo.sim.requests.writes == 0


def test_a_deleted_record_is_named(odoo: Erp) -> None:
    key = ready(odoo)
    number = odoo.number(key)
    odoo.sim.delete(key)
    found = checked(odoo, "--write", str(number), code=1)
    assert "his system does not show the record" in found["order"]["text"]


def test_while_a_worker_is_at_work_nothing_is_written(odoo: Erp) -> None:
    key = ready(odoo)
    with odoo.site.popen("run", "--every", "1") as worker:
        try:
            odoo.site.until(lambda: odoo.state("leases").find_one({"owner": {"$exists": True}}))
            odoo.sim.requests.clear()
            found = checked(odoo, "--write", key, code=1)
        finally:
            worker.terminate()
            worker.communicate()
    assert "is being worked on by process" in found["write"]["text"]
    assert odoo.sim.requests.writes == 0


def test_where_something_else_is_wrong_nothing_is_written(odoo: Erp) -> None:
    key = ready(odoo)
    odoo.site.extra = {**odoo.site.extra, "ERP_KEY": "another"}
    found = checked(odoo, "--write", key, code=1)
    assert set(wrong(found)) == {"customer", "write"}
    assert "mend the other things first" in found["write"]["text"]


def test_a_mailbox_customer_is_told_that_he_answers_nothing(
    replica_set: Server, tmp_path: Path
) -> None:
    site = Site(replica_set, tmp_path)
    place = site.connect("box")
    place.plant(doc(7))
    said = site.cli("check", "box", "--write", "7")
    site.close()
    assert said.code == 1
    assert "does not answer writes" in said.out


def test_several_connections_need_a_name_for_a_write(replica_set: Server, tmp_path: Path) -> None:
    site = Site(replica_set, tmp_path)
    for name in ("one", "two"):
        site.connect(name)
    said = site.cli("check", "--write", "7")
    site.close()
    assert (said.code, "which connection is meant" in said.out) == (2, True)


# -- what goes wrong ---------------------------------------------------------------------------


def test_a_refused_write_leaves_nothing(odoo: Erp) -> None:
    key = ready(odoo)
    before = odoo.sim.record(key)
    odoo.sim.lock(key, "Ana")
    found = checked(odoo, "--write", key, code=1)
    assert wrong(found) == ["write"]
    assert "is being edited by Ana" in found["write"]["text"]
    odoo.sim.unlock(key)
    assert odoo.sim.record(key) == before
    odoo.rests()


def test_what_cannot_be_put_back_is_said_with_both_values_and_the_next_run_does_it(
    odoo: Erp,
) -> None:
    key = ready(odoo)
    before, document = odoo.sim.record(key), odoo.doc(key)
    odoo.sim.faults.refuse = Refuse(status=409, after=1, only=["update"])
    found = checked(odoo, "--write", key, code=1)
    assert wrong(found) == ["restore"]
    shown, meant = odoo.sim.record(key)["name"], before["name"]
    assert shown != meant
    assert f'may show title "{shown}" instead of "{meant}"' in found["restore"]["text"]
    odoo.sim.faults.refuse = None
    odoo.run()
    assert differing(odoo.sim.record(key), before) <= CLOCKS
    assert unmarked(odoo.doc(key)) == unmarked(document)
    odoo.rests()


@pytest.mark.parametrize("after", [0, 1])
def test_an_answer_that_never_comes_is_looked_for_by_the_next_run(odoo: Erp, after: int) -> None:
    key = ready(odoo)
    before, document = odoo.sim.record(key), odoo.doc(key)
    odoo.sim.faults.drop_reply = Strike(times=1, after=after, only=["update"])
    found = checked(odoo, "--write", key, code=1)
    assert wrong(found) == [["write"], ["restore"]][after]
    assert "the next run puts it back" in found[wrong(found)[0]]["text"]
    odoo.run()
    assert differing(odoo.sim.record(key), before) <= CLOCKS
    assert unmarked(odoo.doc(key)) == unmarked(document)
    odoo.rests()


@pytest.fixture
def maximo(replica_set: Server, tmp_path: Path) -> Iterator[Erp]:
    with erp(replica_set, tmp_path, "maximo") as made:
        yield made


def meanwhile(company: Erp, key: str, **fields: Any) -> None:
    """A person of his changes the record just before ours is put back."""
    writes = iter(range(10))

    def before(deed: Deed) -> None:
        if deed.operation == "update" and next(writes) == 1:
            company.sim.edit(key, **fields)

    company.sim.before = before


def test_an_edit_of_another_field_meanwhile_is_kept(maximo: Erp) -> None:
    key = ready(maximo)
    before = maximo.sim.record(key)
    meanwhile(maximo, key, wopriority=9)
    found = checked(maximo, "--write", key, code=1)
    assert wrong(found) == ["as before"]
    assert "ext.priority changed with title" in found["as before"]["text"]
    assert differing(maximo.sim.record(key), before) <= {*CLOCKS, "wopriority"}
    maximo.run()
    assert (maximo.doc(key) or {})["priority"] == 9
    maximo.rests()


def test_an_edit_of_that_text_meanwhile_stays_and_goes_to_tracos(maximo: Erp) -> None:
    key = ready(maximo)
    meanwhile(maximo, key, description="By the planner")
    found = checked(maximo, "--write", key, code=1)
    assert wrong(found) == ["restore"]
    assert 'somebody wrote "By the planner" there meanwhile' in found["restore"]["text"]
    assert maximo.sim.record(key)["description"] == "By the planner"
    maximo.run()
    assert (maximo.doc(key) or {})["title"] == "By the planner"
    maximo.rests()


@pytest.mark.parametrize(
    "at",
    [
        *("I4:1", "O3:1", "O4:2"),
        *(pytest.param(at, marks=pytest.mark.faults) for at in ("O2:1", "O4:1", "O2:2", "O3:2")),
    ],
)
def test_killed_anywhere_the_next_run_puts_the_old_text_back(
    replica_set: Server, tmp_path: Path, at: str
) -> None:
    with erp(replica_set, tmp_path, "odoo") as odoo:
        text = (odoo.site.root / "connections/odoo.yaml").read_text()
        text = text.replace("customer: {", "customer: {also: {commits_within: 0.001}, ")
        (odoo.site.root / "connections/odoo.yaml").write_text(text)
        key = ready(odoo)
        before, document = odoo.sim.record(key), odoo.doc(key)
        odoo.site.extra = {**odoo.site.extra, "CRASH_AT": at}
        assert odoo.site.cli("check", "odoo", "--write", key).code == -signal.SIGKILL
        odoo.site.extra = {n: v for n, v in odoo.site.extra.items() if n != "CRASH_AT"}
        odoo.run()
        assert differing(odoo.sim.record(key), before) <= CLOCKS
        assert unmarked(odoo.doc(key)) == unmarked(document)
        odoo.rests()


def test_interrupted_it_says_what_may_be_left_and_the_next_run_puts_it_back(odoo: Erp) -> None:
    key = ready(odoo)
    before = odoo.sim.record(key)
    with odoo.site.popen("check", "odoo", "--write", key) as process:
        odoo.sim.before = lambda deed: process.send_signal(signal.SIGINT) if deed.writes else None
        _, said = process.communicate(timeout=60)
    odoo.sim.before = None
    assert process.returncode != 0
    assert 'may show title "[tracbridge]" instead of "Check pump 0"' in said
    odoo.site.until(lambda: odoo.site.cli("run").code == 0)
    assert differing(odoo.sim.record(key), before) <= CLOCKS
