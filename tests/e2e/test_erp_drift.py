"""``mapping drift`` of a system behind an API, of whose records none are kept."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.erp import Erp, erp
from tests.harness import Server
from tracbridge.testing.erp import Drift


@pytest.fixture
def company(replica_set: Server, tmp_path: Path) -> Iterator[Erp]:
    with erp(replica_set, tmp_path, "odoo") as made:
        yield made


def found(company: Erp, code: int) -> set[tuple[str, str, bool]]:
    said = company.site.cli("mapping", "drift", "--json")
    assert said.code == code, said.err
    return {(one["kind"], one["path"], one["matters"]) for one in said.json()["found"]}


def test_records_of_another_shape_are_seen_before_a_run_takes_them(company: Erp) -> None:
    keys = company.sim.plant(8)
    company.run()
    assert found(company, 0) == set()
    company.sim.faults.drift = Drift(
        added={"x_line": "A"}, removed=["name"], renamed={"kanban_state": "x_state"}
    )
    drifted = found(company, 1)
    assert ("GONE", "name", True) in drifted
    assert ("NEW", "x_line", False) in drifted
    company.sim.faults.drift = None
    assert found(company, 0) == set()
    company.agree(*keys)
    company.rests()


def test_a_run_that_takes_records_of_another_shape_says_so_once(company: Erp) -> None:
    keys = company.sim.plant(12)
    company.run()
    company.sim.faults.drift = Drift(removed=["name"])
    for told in (1, 0):
        for key in keys[:6]:
            company.sim.edit(key, description=f"<p>{told}</p>")
        said = company.site.cli("run")
        assert said.err.count("records_drift") == told, said.err
        assert ("was in 12 of 12 records and is in none" in said.err) is bool(told)


def test_what_was_never_read_has_no_shape_to_differ_from(company: Erp) -> None:
    company.sim.plant(2)
    assert found(company, 0) == set()


def test_of_what_records_looked_like_no_value_is_kept(company: Erp) -> None:
    company.sim.plant(3)
    company.run()
    (row,) = company.state("cursors").find({"_id": {"$regex": ":shapes$"}})
    kept = row["cursor"]
    assert kept["records"] == 3
    assert ["name", 3, ["text"]] in kept["places"]
    assert "pump" not in str(kept).lower()
