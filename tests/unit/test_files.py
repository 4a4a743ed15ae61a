"""Connections from files: what they amount to, and what is refused, with its line."""

from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracbridge.config.files import Configuration, configured, deeply, found
from tracbridge.config.model import Connection, Customer
from tracbridge.config.settings import FieldRule, Settings, Tenant, load
from tracbridge.config.table import TABLE
from tracbridge.domain.errors import SettingError

CUSTOMER = "customer: {inbound: in, outbound: out}\n"
OTHER = "customer: {inbound: in2, outbound: out2, archive: a2, quarantine: q2}\n"
ELSEWHERE = "tracos: {collection: others}\n"


def write(folder: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return folder


def made(folder: Path, files: dict[str, str], **environ: str) -> Configuration:
    return configured(environ, write(folder, files))


def one(folder: Path, text: str, **environ: str) -> Settings:
    (made_of,) = made(folder, {"connections/one.yaml": text}, **environ).connections
    return made_of


# -- what files amount to ------------------------------------------------------------------------


def test_without_files_the_environment_makes_the_one_connection(tmp_path: Path) -> None:
    environ = {"DATA_INBOUND_DIR": "x", "MONGO_DATABASE": "db"}
    found_here = configured(environ, tmp_path)
    assert found_here == Configuration((load(environ, None),))
    assert found_here.connections[0].name == "default"
    assert not found_here.connections[0].in_file


def test_a_connection_that_says_only_its_folders_has_the_defaults_of_the_table(
    tmp_path: Path,
) -> None:
    settings = one(tmp_path, CUSTOMER)
    assert (settings.name, settings.tenant, settings.in_file) == ("one", "default", True)
    own = {"inbound_dir", "outbound_dir", "archive_dir", "quarantine_dir", "acknowledge_inbound"}
    own |= {"name", "in_file", "root"}
    plain = load({}, None)
    for field in {field.name for field in fields(Settings)} - own:
        assert getattr(settings, field) == getattr(plain, field), field
    assert settings.archive_dir == Path("archive")
    assert settings.quarantine_dir == Path("quarantine")
    assert settings.acknowledge_inbound is False  # the environment's connection gives receipts


@pytest.mark.parametrize("row", [row for row in TABLE if row.key], ids=lambda row: str(row.key))
def test_each_setting_with_a_key_has_its_place_in_a_connection(row: Any) -> None:
    model: Any = Connection
    *tables, key = row.key.split(".")
    for table in tables:
        model = Customer if table == "customer" else model.model_fields[table].annotation
    assert key in model.model_fields


LAYERED = """\
tenant: acme
customer:
  inbound: in
  outbound: out
  archive: done
  quarantine: bad
  mode: Keep
  settle_seconds: 0.5
  max_file_mb: 3
  file_mode: 0660
  expect: {company: "1000", plant: 4, active: true}
tracos:
  uri: ${env:URI}
  database: db
  collection: orders
  filter: {companyId: acme, plant: 4, live: true}
  transitions:
    steps: {pending: [in_progress], in_progress: [completed]}
    irreversible: [completed]
    allow: [completed]
state_database: memory
zone: America/Sao_Paulo
create: [customer]
conflicts: {policy: ASK, delete: edit_wins, first_contact: hold}
fields: {status: {owner: tracos}, description: {direction: inbound, conflict: newest}}
acknowledge: {by: content, receipts: yes}
guards: {removals: "5, 1%", completions: off, acknowledgements: "7,7%"}
retention: {archive_days: 3, history_days: 4}
retries: {max: 7, delay: 0.5}
every: 30
"""


def test_all_that_a_connection_says_becomes_a_setting(tmp_path: Path) -> None:
    settings = one(tmp_path, LAYERED, URI="mongodb://u:p@db")
    told = {
        "tenant": "acme",
        "inbound_dir": Path("in"),
        "outbound_dir": Path("out"),
        "archive_dir": Path("done"),
        "quarantine_dir": Path("bad"),
        "inbound_mode": "keep",
        "settle_seconds": 0.5,
        "max_file_mb": 3.0,
        "file_mode": 0o660,
        "expect": {"company": "1000", "plant": 4, "active": True},
        "mongo_uri": "mongodb://u:p@db",
        "mongo_database": "db",
        "mongo_collection": "orders",
        "tracos_filter": {"companyId": "acme", "plant": 4, "live": True},
        "state_database": "memory",
        "create": frozenset({"customer"}),
        "conflict_policy": "ask",
        "delete_conflict": "edit_wins",
        "first_contact": "hold",
        "ack": "content",
        "acknowledge_inbound": True,
        "mass_removals": (5, 0.01),
        "mass_completions": None,
        "mass_acknowledgements": (7, 0.07),
        "archive_retention_days": 3,
        "history_retention_days": 4,
        "mongo_max_retries": 7,
        "mongo_retry_delay": 0.5,
        "every": 30.0,
    }
    assert {name: getattr(settings, name) for name in told} == told
    assert str(settings.zone) == "America/Sao_Paulo"
    assert settings.fields == {
        "status": FieldRule(owner="tracos"),
        "description": FieldRule(direction="inbound", conflict="newest"),
    }
    assert settings.legal is not None
    assert settings.legal.way("pending", {"completed"}) == ["in_progress", "completed"]
    assert settings.legal.way("completed", {"pending"}) is None


def test_connections_stand_in_one_file_or_in_files_of_their_own(tmp_path: Path) -> None:
    top = "connections: {b: {customer: {inbound: i, outbound: o, archive: a, quarantine: q}}}"
    files = {
        "connections/a.yaml": CUSTOMER + ELSEWHERE,
        "connections/c.yml": OTHER + "tracos: {collection: third}",
        "connections/notes.txt": "no configuration",
        "tracbridge.yaml": top,
    }
    found_here = made(tmp_path, files)
    assert sorted(one.name for one in found_here.connections) == ["a", "b", "c"]
    assert found_here.files == found(tmp_path)
    assert [path.name for path in found_here.files] == ["tracbridge.yaml", "a.yaml", "c.yml"]


def test_the_files_may_lie_elsewhere(tmp_path: Path) -> None:
    (tmp_path / "x").mkdir()
    write(tmp_path / "x", {"connections/a.yaml": CUSTOMER})
    there = configured({"TRACBRIDGE_CONFIG": "x"}, tmp_path)
    assert [one.name for one in there.connections] == ["a"]
    assert there == configured({"TRACBRIDGE_CONFIG": str(tmp_path / "x")}, Path("/"))
    assert configured({}, tmp_path).files == ()


def test_what_the_defaults_say_counts_where_a_connection_says_nothing_else(tmp_path: Path) -> None:
    top = """\
defaults:
  zone: Europe/Berlin
  conflicts: {policy: ask, delete: edit_wins}
  create: [tracos, customer]
  customer: {mode: keep}
connections:
  a:
    customer: {inbound: in, outbound: out}
    tracos: {collection: others}
"""
    b = OTHER + "conflicts: {policy: customer}\ncreate: [customer]\nzone: UTC\n"
    a, b_made = made(tmp_path, {"tracbridge.yaml": top, "connections/b.yaml": b}).connections
    assert (str(a.zone), a.conflict_policy, a.delete_conflict) == (
        "Europe/Berlin",
        "ask",
        "edit_wins",
    )
    assert (str(b_made.zone), b_made.conflict_policy, b_made.delete_conflict) == (
        "UTC",
        "customer",
        "edit_wins",
    )
    assert a.create == {"tracos", "customer"}
    assert b_made.create == {"customer"}
    assert {a.inbound_mode, b_made.inbound_mode} == {"keep"}


def test_the_environment_says_which_mongodb_for_all_unless_a_connection_does(
    tmp_path: Path,
) -> None:
    files = {"connections/a.yaml": CUSTOMER, "connections/b.yaml": OTHER + ELSEWHERE}
    a, b = made(tmp_path, files, MONGO_COLLECTION="common", MONGO_MAX_RETRIES="9").connections
    assert (a.mongo_collection, b.mongo_collection) == ("common", "others")
    assert (a.mongo_max_retries, b.mongo_max_retries) == (9, 9)


def test_the_log_is_of_the_whole_process(tmp_path: Path) -> None:
    top = "log: {level: debug}\n"
    files = {"tracbridge.yaml": top, "connections/a.yaml": CUSTOMER}
    (a,) = made(tmp_path, files, LOG_LEVEL="ERROR", LOG_FORMAT="json").connections
    assert (a.log_level, a.log_format) == ("DEBUG", "json")


def test_tenants_are_introduced_with_what_they_may_use(tmp_path: Path) -> None:
    top = "tenants: {acme: {name: Acme Inc., passes: 4}, other: {}}\n"
    files = {"tracbridge.yaml": top, "connections/a.yaml": CUSTOMER + "tenant: acme"}
    found_here = made(tmp_path, files)
    assert found_here.tenants == {
        "acme": Tenant(id="acme", name="Acme Inc.", passes=4),
        "other": Tenant(id="other"),
    }
    assert found_here.connections[0].tenant == "acme"


def test_a_connection_that_is_not_enabled_is_checked_and_left_out(tmp_path: Path) -> None:
    files = {"connections/a.yaml": CUSTOMER + "enabled: false\n", "connections/b.yaml": CUSTOMER}
    assert [one.name for one in made(tmp_path, files).connections] == ["b"]
    wrong = {"connections/a.yaml": CUSTOMER + "enabled: false\nmapping: none\n"}
    with pytest.raises(SettingError, match='there is no preset "none"'):
        made(tmp_path, wrong)


def test_a_connection_is_found_by_its_name_or_the_nearest_is_told(tmp_path: Path) -> None:
    files = {"connections/acme.yaml": CUSTOMER, "connections/b.yaml": OTHER + ELSEWHERE}
    found_here = made(tmp_path, files)
    assert found_here.named("b") == found_here.connections[1]
    with pytest.raises(SettingError, match=r'^there is no connection "acne"; the nearest is acme'):
        found_here.named("acne")
    with pytest.raises(SettingError, match=r'^there is no connection "a"\.$'):
        Configuration(()).named("a")


def test_the_state_changes_when_a_file_is_written_added_or_taken_away(tmp_path: Path) -> None:
    files = {"connections/a.yaml": CUSTOMER + "mapping: mine.yaml\n", "mine.yaml": "use: flags"}
    found_here = made(tmp_path, files)
    states = [found_here.state()]
    write(tmp_path, {"connections/b.yaml": OTHER + ELSEWHERE})
    states.append(found_here.state())
    write(tmp_path, {"mine.yaml": "use: flags # changed"})
    states.append(found_here.state())
    (tmp_path / "mine.yaml").unlink()
    states.append(found_here.state())
    (tmp_path / "connections" / "b.yaml").unlink()
    states.append(found_here.state())
    assert len(set(states)) == 5
    assert found_here.state() == found_here.state()


TABLES = st.recursive(
    st.integers(0, 3) | st.lists(st.integers(0, 3), max_size=2),
    lambda below: st.dictionaries(st.sampled_from("abc"), below, max_size=3),
    max_leaves=8,
).filter(lambda value: isinstance(value, dict))


@given(TABLES, TABLES)
def test_merged_tables_say_what_the_upper_says_and_else_what_the_lower_says(
    under: dict[str, Any], over: dict[str, Any]
) -> None:
    merged = deeply(under, over)
    assert merged.keys() == under.keys() | over.keys()
    for key, value in merged.items():
        if isinstance(under.get(key), dict) and isinstance(over.get(key), dict):
            assert value == deeply(under[key], over[key])
        else:
            assert value == (over if key in over else under)[key]
    assert deeply({}, over) == over
    assert deeply(under, under) == under
