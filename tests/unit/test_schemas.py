"""The shipped JSON Schemas: fresh, sound, and of one mind with the reader."""

import json
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from tracbridge.config.files import configured
from tracbridge.config.first import first_file
from tracbridge.config.mappings import PRESETS, preset_names
from tracbridge.config.schema import SHIPPED, schemas, written
from tracbridge.config.yamlfile import read
from tracbridge.domain.errors import SettingError


def as_json(value: Any) -> Any:
    """As an editor sees it: keys are texts."""
    if isinstance(value, dict):
        return {str(key): as_json(item) for key, item in value.items()}
    return [as_json(item) for item in value] if isinstance(value, list) else value


def validator(name: str) -> Draft202012Validator:
    return Draft202012Validator(json.loads((SHIPPED / f"{name}.schema.json").read_text()))


def test_what_is_shipped_is_what_the_models_say() -> None:
    shipped = {path.name: path.read_text(encoding="utf-8") for path in SHIPPED.iterdir()}
    assert shipped == written(), "run scripts/schemas.py"


@pytest.mark.parametrize("name", sorted(schemas()))
def test_each_schema_is_one(name: str) -> None:
    Draft202012Validator.check_schema(schemas()[name])


@pytest.mark.parametrize("name", preset_names())
def test_each_preset_is_a_mapping_by_the_schema(name: str) -> None:
    value = as_json(read(PRESETS / f"{name}.yaml").value)
    assert not list(validator("mapping").iter_errors(value))


GOOD = {
    "plain": "customer: {inbound: in, outbound: out}",
    "layered": """
customer: {inbound: in, outbound: out, mode: keep, settle_seconds: 0.5, file_mode: "0640"}
tenant: acme
zone: Europe/Berlin
mapping:
  use: odoo
  fields:
    ext.priority: null
    status:
      cases:
        - {is: pending, when: {stage_id: 1}}
        - {is: in_progress, when: {stage_id: 2}}
        - {is: on_hold, when: {kanban_state: blocked}}
        - {is: completed, when: {stage_id: 9}}
        - {is: cancelled, when: {stage_id: 4}}
fields: {status: {owner: tracos}, description: {direction: inbound, conflict: ask}}
tracos: {filter: {companyId: acme, plant: 4}}
guards: {removals: "20, 5 %", completions: off}
""",
    "nothing said": """
customer: {inbound: in, outbound: out, archive: null, quarantine: null}
tracos: {uri: null, database: null, collection: null, transitions: null}
retries: {max: null, delay: null}
state_database: null
zone: null
every: null
fields: {status: {conflict: null}}
""",
    "references": """
customer: {inbound: "${env:IN}", outbound: out}
acknowledge: {receipts: "${env:RECEIPTS}"}
retention: {archive_days: "${env:DAYS}"}
tables: {assets: {P-1: "66"}}
mapping:
  use: flags
  fields: {ext.asset: {path: asset, table: assets, tracos: assetId}}
""",
}


@pytest.mark.parametrize("name", sorted(GOOD))
def test_what_the_reader_takes_the_schema_takes_too(name: str, tmp_path: Path) -> None:
    (tmp_path / "connections").mkdir()
    path = tmp_path / "connections" / "one.yaml"
    path.write_text(GOOD[name], encoding="utf-8")
    configured({"IN": "x", "RECEIPTS": "true", "DAYS": "3"}, tmp_path)
    assert not list(validator("connection").iter_errors(as_json(read(path).value)))


BAD = {
    "typo": "customer: {inbond: in, outbound: out}",
    "type": "customer: {inbound: in, outbound: out}\nretention: {archive_days: often}",
    "word": "customer: {inbound: in, outbound: out}\nconflicts: {policy: latest}",
    "mapping": "customer: {inbound: in, outbound: out}\nmapping: {use: flags, feelds: {}}",
    "line": "customer: {inbound: in, outbound: out}\n"
    "mapping: {use: flags, fields: {title: {pth: a}}}",
    "missing": "customer: {inbound: in}",
    **{
        f"null {key}": f"customer: {{inbound: in, outbound: out}}\n{table}: {{{key}: null}}"
        for table, key in (
            ("acknowledge", "receipts"),
            ("retention", "archive_days"),
            ("guards", "removals"),
            ("conflicts", "policy"),
        )
    },
    "null mode": "customer: {inbound: in, outbound: out, mode: null}",
    "null folder": "customer: {inbound: null, outbound: out}",
    "list for a folder": "customer: {inbound: [in], outbound: out}",
    "number for a mapping": "customer: {inbound: in, outbound: out}\nmapping: 5",
    "half a mapping": "customer: {inbound: in, outbound: out}\nmapping: {mapping: mine}",
}


@pytest.mark.parametrize("name", sorted(BAD))
def test_what_the_reader_refuses_the_schema_refuses_too(name: str, tmp_path: Path) -> None:
    (tmp_path / "connections").mkdir()
    path = tmp_path / "connections" / "one.yaml"
    path.write_text(BAD[name], encoding="utf-8")
    with pytest.raises(SettingError):
        configured({}, tmp_path)
    assert list(validator("connection").iter_errors(as_json(read(path).value)))


def test_defaults_are_shown_as_one_would_write_them() -> None:
    parts = schemas()["connection"]["$defs"]
    customer, guards = parts["Customer"]["properties"], parts["Guards"]["properties"]
    assert customer["file_mode"]["default"] == "0640"
    assert guards["removals"]["default"] == "20,5%"
    assert "default" not in customer["inbound"]
    for part in (part for name, part in parts.items() if not name.startswith("Mapping")):
        for value in part.get("properties", {}).values():
            assert not isinstance(value.get("default"), dict)


def test_the_first_file_is_one_and_takes_over_what_the_environment_said(tmp_path: Path) -> None:
    given = {
        "DATA_INBOUND_DIR": "/srv/in box",
        "DATA_OUTBOUND_DIR": "out",
        "DATA_TIMEZONE": "Europe/Berlin",
        "CONFLICT_POLICY": "ask",
        "DELETE_CONFLICT": "edit_wins",
        "DATA_FILE_MODE": "0600",
        "MASS_REMOVALS": "5, 1%",
        "ACKNOWLEDGE_INBOUND": "true",
    }
    (tmp_path / "connections").mkdir()
    path = tmp_path / "connections" / "default.yaml"
    path.write_text(first_file("default", "flags", preset_names(), given), encoding="utf-8")
    (one,) = configured({}, tmp_path).connections
    said = (one.inbound_dir, str(one.zone), one.conflict_policy, one.delete_conflict)
    assert said == (Path("/srv/in box"), "Europe/Berlin", "ask", "edit_wins")
    assert (one.file_mode, one.mass_removals) == (0o600, (5, 0.01))
    assert one.acknowledge_inbound
    assert not list(validator("connection").iter_errors(as_json(read(path).value)))
