"""``check --write`` changes one text of a test order at the customer's, reads it, and puts it back."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.erp import Erp, erp
from tests.harness import Server
from tracbridge.testing.erp import SYSTEMS, Refuse, Strike
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
    company.rests()
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
    odoo.sim.edit(bad, stage_id=odoo_stage(odoo))
    found = checked(odoo)
    assert "1 would be refused, such as: /stage_id/0" in found["read"]["text"]
    odoo.sim.edit(good, stage_id=odoo_stage(odoo))
    assert wrong(checked(odoo, code=1)) == ["read"]


def odoo_stage(company: Erp) -> Any:
    return company.sim.add_stage("Waiting for parts")  # type: ignore[attr-defined]


# -- writing -------------------------------------------------------------------------------------


def test_a_write_arrives_is_read_back_and_taken_back_exactly(each: Erp) -> None:
    key = ready(each)
    before, document = each.sim.record(key), each.doc(key)
    found = checked(each, "--write", key)
    assert [name for name in found if name in STEPS] == STEPS
    after = each.sim.record(key)
    moved = {name for name in after if after[name] != before.get(name)}
    assert each.shown(key) == each.mapping.from_customer(before).fields, moved
    assert each.doc(key) == document, "TracOS is not touched"
    each.rests()
