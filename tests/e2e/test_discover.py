"""``discover`` looks at a customer's records and proposes the mapping that then runs."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.erp import Erp, erp
from tests.e2e.site import Site
from tests.harness import Said, Server, order
from tracbridge.config.yamlfile import parse
from tracbridge.testing.erp.odoo.api import Odoo
from tracbridge.testing.erp.odoo.model import Stage

STATES = ("pending", "in_progress", "completed", "cancelled")


@pytest.fixture
def odoo(replica_set: Server, tmp_path: Path) -> Iterator[Erp]:
    with erp(replica_set, tmp_path, "odoo") as made:
        for number, key in enumerate(made.sim.plant(24)):
            made.sim.move(key, STATES[number % 4])
        yield made


def discovered(company: Erp, *words: str) -> Said:
    return company.site.cli("discover", "odoo", *words)


def take(company: Erp, text: str) -> None:
    """The connection goes by that mapping from now on."""
    file = company.site.root / "connections/odoo.yaml"
    lines = [line for line in file.read_text().splitlines() if not line.startswith("mapping:")]
    file.write_text("\n".join([*lines, "mapping: mappings/odoo.yaml"]) + "\n")
    company.site.write("mappings/odoo.yaml", text)


def test_the_file_goes_to_stdout_and_the_findings_to_the_terminal(odoo: Erp) -> None:
    before = odoo.sim.records()
    said = discovered(odoo)
    assert said.code == 0, said.err
    assert parse(said.out, "proposal").value["use"] == "odoo"
    assert "Proposed by tracbridge discover odoo from 24 records." in said.out
    assert "LEVEL" in said.err
    assert "24 of 24 records would be understood" in said.err
    assert odoo.sim.records() == before
    assert odoo.sim.requests.writes == 0
    assert odoo.site.memory()["links"] == []


def test_a_file_that_is_there_is_never_overwritten(odoo: Erp) -> None:
    said = discovered(odoo, "--out", "mappings/acme.yaml")
    assert said.code == 0, said.err
    file = odoo.site.root / "mappings/acme.yaml"
    assert "Next: mapping: mappings/acme.yaml in connection odoo" in said.out
    assert parse(file.read_text(), "file").value["use"] == "odoo"
    file.write_text("mine")
    again = discovered(odoo, "--out", "mappings/acme.yaml")
    assert (again.code, file.read_text()) == (1, "mine")
    assert "is there already; nothing was written" in again.err


def test_programs_get_the_same_as_json(odoo: Erp) -> None:
    found = discovered(odoo, "--json").json()
    assert (found["records"], found["understood"], found["preset"]) == (24, 24, "odoo")
    assert found["gaps"] == []
    assert {one["level"] for one in found["found"]} <= {"GAP", "GUESS", "FOUND", "NOTE"}
    assert parse(found["file"], "file").value["use"] == "odoo"


def test_only_so_many_records_are_looked_at(odoo: Erp) -> None:
    assert discovered(odoo, "--records", "5", "--json").json()["records"] == 5


def test_a_gap_is_refused_by_name_until_somebody_fills_it_in_and_then_it_runs(odoo: Erp) -> None:
    assert isinstance(odoo.sim, Odoo)
    odoo.sim.stages[5] = Stage(5, "Xyzzy")
    (key,) = odoo.sim.plant(1)
    odoo.sim.edit(key, stage_id=5)
    said = discovered(odoo)
    assert said.code == 3
    assert "once this is filled in: fields.status." in said.err
    take(odoo, said.out)
    check = odoo.site.cli("check")
    assert check.code == 2
    (line,) = check.out.splitlines()
    assert "mappings/odoo.yaml" in line
    assert "fields.status: '?' is no status of TracOS" in line
    take(odoo, said.out.replace('"?"', "on_hold"))
    assert odoo.site.cli("mapping", "check").code == 0
    assert odoo.run()["inbound"]["created"] == 25
    assert (odoo.doc(key) or {})["status"] == "on_hold"
    odoo.agree(key)


def test_a_customer_without_records_is_told(replica_set: Server, tmp_path: Path) -> None:
    with erp(replica_set, tmp_path, "odoo") as empty:
        said = discovered(empty)
    assert (said.code, said.out) == (1, "")
    assert "shows no record" in said.err


def test_files_of_a_mailbox_customer_are_looked_at_where_they_lie(
    replica_set: Server, tmp_path: Path
) -> None:
    site = Site(replica_set, tmp_path)
    place = site.connect("box")
    files = [place.drop(order(number, STATES[number % 4])) for number in range(1, 31)]
    said = site.cli("discover")
    other = site.connect("other")
    unclear = site.cli("discover")
    site.close()
    assert (said.code, parse(said.out, "proposal").value["use"]) == (0, "flags"), said.err
    assert all(file.exists() for file in files)
    assert other.inbound.is_dir()
    assert (unclear.code, "which connection is meant" in unclear.err) == (2, True)
