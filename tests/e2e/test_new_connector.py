"""A connector just written, installed, and used in a connection, as the how-to page has it."""

import json
import os
import tomllib
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from typer.testing import CliRunner

from tests.e2e.site import Site
from tests.harness import NOW, ROOT, Doc, Server, order
from tracbridge.cli.connector import app


def install(package: Path) -> Path:
    """What an installer leaves of a package, without one; returns what has to be on the path."""
    project = tomllib.loads((package / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    points = project["entry-points"]["tracbridge.connectors"].items()
    info = package / "src" / f"{project['name'].replace('-', '_')}-{project['version']}.dist-info"
    info.mkdir()
    named = f"Name: {project['name']}\nVersion: {project['version']}\n"
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\n{named}")
    lines = "".join(f"{name} = {value}\n" for name, value in points)
    (info / "entry_points.txt").write_text(f"[tracbridge.connectors]\n{lines}")
    return package / "src"


@pytest.fixture
def site(replica_set: Server, tmp_path: Path) -> Iterator[Site]:
    """A connection to the system of a connector that was just written."""
    package = tmp_path / "tracbridge-acme"
    assert CliRunner().invoke(app, ["new", "acme", "--folder", str(package)]).exit_code == 0
    path = os.pathsep.join([str(install(package)), str(ROOT / "src")])
    site = Site(replica_set, tmp_path, extra={"PYTHONPATH": path})
    site.write("connections/acme.yaml", "customer: {connector: acme, file: data/acme.jsonl}\n")
    (tmp_path / "data").mkdir(exist_ok=True)
    yield site
    site.close()


def lines(site: Site) -> list[Doc]:
    text = (site.root / "data" / "acme.jsonl").read_text(encoding="utf-8")
    return [json.loads(line) for line in text.splitlines()]


def say(site: Site, line: Doc) -> None:
    with (site.root / "data" / "acme.jsonl").open("a", encoding="utf-8") as file:
        file.write(json.dumps(line) + "\n")


def test_it_is_listed_and_its_connection_is_in_order(site: Site) -> None:
    listed = site.cli("check")
    assert listed.code == 0, listed.out + listed.err


def test_what_it_cannot_use_is_refused_before_anything_runs(site: Site) -> None:
    site.write("connections/acme.yaml", "customer: {connector: acme, fiel: data/acme.jsonl}\n")
    said = site.cli("run")
    assert said.code == 2
    assert "fiel" in said.err


def test_orders_flow_both_ways_and_come_to_rest(site: Site) -> None:
    say(site, {"ref": "7", "body": order(7, "pending", costCentre="7-A")})
    code, did = site.summaries()
    assert (code, did["acme"]["inbound"]["created"]) == (0, 1)
    later = NOW + timedelta(hours=1)
    site.orders.update_one({"number": 7}, {"$set": {"status": "completed", "updatedAt": later}})
    code, did = site.summaries()
    assert (code, did["acme"]["outbound"]["delivered"]) == (0, 1)
    last = lines(site)[-1]
    assert (last["ref"], last["body"]["isDone"], last["body"]["costCentre"]) == ("7", True, "7-A")
    for _ in range(2):
        code, did = site.summaries()
        assert code == 0
    assert did["acme"]["outbound"]["delivered"] == 0
    assert len(lines(site)) == 2


def test_a_line_that_is_no_order_waits_in_quarantine_and_the_others_go_on(site: Site) -> None:
    say(site, {"ref": "8"})
    say(site, {"ref": "9", "body": order(9, "pending")})
    code, did = site.summaries()
    assert (code, did["acme"]["inbound"]["quarantined"]) == (3, 1)
    assert did["acme"]["inbound"]["created"] == 1
    assert "acme.jsonl:1" in site.cli("quarantine", "list").out
