"""``tracbridge init`` as a new user calls it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.site import Site
from tests.harness import Server, order


@pytest.fixture
def site(replica_set: Server, tmp_path: Path) -> Iterator[Site]:
    site = Site(replica_set, tmp_path)
    yield site
    site.close()


def test_a_first_file_runs_as_it_is(site: Site) -> None:
    said = site.cli("init", "acme")
    assert (said.code, "connections/acme.yaml is written" in said.out) == (0, True)
    assert "go on with it: tracbridge init default" in said.out
    schema = site.root / ".tracbridge" / "schemas" / "connection.schema.json"
    assert schema.is_file()
    assert site.cli("check").code == 0
    path = site.drop(order(7, "pending"))
    path.replace(site.root / "data" / "acme" / "inbound" / "7.json")
    code, did = site.summaries()
    assert (code, did["acme"]["inbound"]["created"]) == (0, 0 + 1)
    made = site.orders.find_one({"number": 7})
    assert made is not None
    assert made["companyId"] == "acme"


def test_default_takes_over_what_the_environment_made_after_another_one_too(site: Site) -> None:
    site.cli("init", "acme")
    site.cli("init", "default")
    text = (site.root / "connections" / "default.yaml").read_text(encoding="utf-8")
    assert "inbound: data/inbound" in text
    assert (site.root / "data" / "inbound").is_dir()


def test_nothing_that_is_there_is_overwritten(site: Site) -> None:
    site.cli("init", "acme")
    path = site.root / "connections" / "acme.yaml"
    path.write_text("# mine\n" + path.read_text())
    said = site.cli("init", "acme")
    assert (said.code, "is there already" in said.err) == (1, True)
    assert path.read_text().startswith("# mine")


@pytest.mark.parametrize("name", ["../x", "A", "a b", "", "-x"])
def test_a_name_that_is_none_is_refused(site: Site, name: str) -> None:
    assert site.cli("init", "--", name).code == 2
    assert not (site.root / "connections").exists()


def test_a_preset_that_there_is_not_is_refused_with_the_nearest(site: Site) -> None:
    said = site.cli("init", "acme", "--preset", "odo")
    assert (said.code, "odoo" in said.err) == (2, True)


def test_default_takes_over_what_the_environment_said_and_says_what_to_remove(site: Site) -> None:
    site.extra = {"CONFLICT_POLICY": "ask", "DATA_INBOUND_DIR": "in", "DATA_OUTBOUND_DIR": "out"}
    (site.root / "out").mkdir(exist_ok=True)
    said = site.cli("init")
    assert "CONFLICT_POLICY, DATA_INBOUND_DIR, DATA_OUTBOUND_DIR" in said.out
    assert site.cli("check").code == 2
    site.extra = {}
    assert site.cli("check").code == 0
    assert "policy: ask" in (site.root / "connections" / "default.yaml").read_text()


@pytest.mark.parametrize("said", [None, "true", "false"])
def test_receipts_stay_as_the_environment_had_them(site: Site, said: str | None) -> None:
    site.extra = {"ACKNOWLEDGE_INBOUND": said} if said else {}
    site.cli("init")
    text = (site.root / "connections" / "default.yaml").read_text()
    assert f"acknowledge: {{receipts: {said or 'true'}}}" in text


def test_the_first_file_of_a_system_that_is_called_says_how_to_log_in(site: Site) -> None:
    said = site.cli("init", "acme-odoo", "--preset", "odoo", "--url", "https://acme.example")
    assert said.code == 0, said.err
    assert "ACME_ODOO_KEY" in said.out
    text = (site.root / "connections" / "acme-odoo.yaml").read_text(encoding="utf-8")
    assert 'token: "${env:ACME_ODOO_KEY}"' in text
    site.extra = {**site.extra, "ACME_ODOO_KEY": "of-no-use"}
    shown = site.cli("mapping", "show", "--connection", "acme-odoo")
    assert "mapping: odoo" in shown.out, shown.err


def test_a_preset_without_a_system_to_call_takes_no_address(site: Site) -> None:
    said = site.cli("init", "acme", "--url", "https://acme.example")
    assert said.code == 2
    assert "--preset" in said.err
