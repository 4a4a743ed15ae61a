"""What the how-to page promises to a newcomer: little YAML, and a mapping that holds."""

import json
import re
from zoneinfo import ZoneInfo

import msgspec
import pytest
import yaml

from tests.harness import ROOT
from tracbridge.config.model import Connection
from tracbridge.mapping.compile import compiled
from tracbridge.mapping.declared import Declared
from tracbridge.mapping.lines import Surroundings
from tracbridge.mapping.spec import Mapped

PAGE = ROOT / "docs" / "how-to" / "connect-a-customer.md"
LONGEST = 40
ASSETS = {"BB-204": "PUMP-204", "CR-011": "CONV-011"}

_HEREDOC = re.compile(r"^cat (>>?) (\S+) <<'END'\n(.*?)^END$", re.DOTALL | re.MULTILINE)


@pytest.fixture(scope="module")
def files() -> dict[str, str]:
    """The files that the page writes, as they stand at its end."""
    written: dict[str, str] = {}
    for how, name, text in _HEREDOC.findall(PAGE.read_text(encoding="utf-8")):
        written[name] = (written[name] if how == ">>" else "") + text
    return written


@pytest.fixture(scope="module")
def connection(files: dict[str, str]) -> Connection:
    return Connection.model_validate(yaml.safe_load(files["connections/sertao.yaml"]))


@pytest.fixture(scope="module")
def mapping(files: dict[str, str], connection: Connection) -> Declared:
    assert isinstance(connection.mapping, str)
    spec = msgspec.convert(yaml.safe_load(files[connection.mapping]), Mapped)
    around = Surroundings(
        zone=connection.zone, tables={"assets": ASSETS}, expect=connection.customer.expect
    )
    return compiled(spec, around)


def test_a_customer_is_connected_by_forty_lines_of_yaml(files: dict[str, str]) -> None:
    lines = [
        line for name, text in files.items() if name.endswith(".yaml") for line in text.splitlines()
    ]
    assert 0 < len(lines) <= LONGEST


def test_the_pages_connection_names_what_the_page_writes(
    files: dict[str, str], connection: Connection
) -> None:
    assert connection.mapping in files
    assert connection.tables == {"assets": "tables/sertao-assets.csv"}
    assert connection.zone == ZoneInfo("America/Fortaleza")


def test_the_pages_mapping_reads_the_pages_sample(files: dict[str, str], mapping: Declared) -> None:
    records = json.loads(files["sample.json"])["ordens"]
    orders = [mapping.from_customer(record) for record in records]
    assert [order.ref for order in orders] == ["OS-000123", "OS-000124"]
    assert [order.fields["status"] for order in orders] == ["in_progress", "pending"]
    assert [order.fields["ext.asset"] for order in orders] == list(ASSETS.values())
