"""JSON Schemas of the files that people write, so that editors complete and check them.

Generated from the models that read the files; ``scripts/schemas.py`` stores them in
``tracbridge/schemas``.
"""

from pathlib import Path
from typing import Any

import msgspec
from pydantic import BaseModel

from tracbridge.config.connectors import settings_model
from tracbridge.config.mappings import preset_names
from tracbridge.config.model import Connection, Customer, Whole
from tracbridge.config.settings import FOLDER
from tracbridge.config.table import TABLE
from tracbridge.mapping.spec import Line, Mapped
from tracbridge.rules.spec import Rules

SHIPPED = Path(__file__).parent.parent / "schemas"
DIALECT = "https://json-schema.org/draft/2020-12/schema"

Schema = dict[str, Any]

_REFERENCE = {"type": "string", "pattern": r"^\$\{(env|file):[^}]+\}$"}
_NULL = {"type": "null"}
_WRITTEN = {row.key: row.default for row in TABLE if row.key}


def schemas() -> dict[str, Schema]:
    """Each kind of file by its schema's name."""
    mapping = _part(_overlay()["Mapping"], _overlay())
    return {
        "tracbridge": _titled(_whole(), "tracbridge.yaml"),
        "connection": _titled(_connection(), "connections/NAME.yaml"),
        "mapping": _titled(mapping, "A mapping, whole or over a preset"),
        "rules": _titled(_rules(), "Business rules"),
    }


def _titled(schema: Schema, title: str) -> Schema:
    return {"$schema": DIALECT, **schema, "title": title}


def _part(schema: Schema, defs: Schema) -> Schema:
    return {**schema, "$defs": defs}


def _overlay() -> dict[str, Schema]:
    """A mapping's parts: any may be missing where ``use`` takes a preset, null takes one away."""
    template = "#/$defs/Mapping{name}"
    _, parts = msgspec.json.schema_components([Mapped, Line], ref_template=template)
    defs = {f"Mapping{name}": part for name, part in parts.items()}
    whole = defs.pop("MappingMapped")
    use = {"type": "string", "description": "A preset or a mapping file that this one changes."}
    properties = {name: _or(part, _NULL) for name, part in whole["properties"].items()}
    properties["use"] = use
    fields = properties["fields"]["anyOf"][0]
    fields["additionalProperties"] = _or(fields["additionalProperties"], _NULL)
    line = defs["MappingLine"]["properties"]
    defs["MappingLine"]["properties"] = {n: _or(part, _NULL) for n, part in line.items()}
    for needed in ("MappingKey", "MappingMoment"):
        defs[needed].pop("required", None)
    either = {"anyOf": [{"required": ["use"]}, {"required": whole["required"]}]}
    defs["Mapping"] = {
        "type": "object",
        "description": "How the customer spells an order; each line counts in both directions.",
        "properties": properties,
        "additionalProperties": False,
        **either,
    }
    return defs


def _or(schema: Schema, other: Schema) -> Schema:
    options = (
        schema.get("anyOf", [schema]) if not schema.keys() - {"anyOf", "default"} else [schema]
    )
    return {"anyOf": options if other in options else [*options, other]}


def _connection() -> Schema:
    schema = Connection.model_json_schema()
    overlay = _overlay()
    schema["$defs"] |= overlay
    schema["properties"]["mapping"] = {
        "description": schema["properties"]["mapping"]["description"],
        "anyOf": [
            {"enum": preset_names()},
            {"type": "string", "pattern": r"\.ya?ml$"},
            {"$ref": "#/$defs/Mapping"},
        ],
    }
    schema["properties"]["customer"] = _systems(schema["$defs"])
    for name, part in schema["$defs"].items():
        if name not in overlay:
            _referable(name, part)
    _referable("", schema)
    return schema


BUILT_IN = ("rest",)
"""The connectors besides folders whose settings editors know; of others they know the name."""


def _systems(defs: Schema) -> Schema:
    """What may stand under ``customer``: one of several tables, by their ``connector``."""
    models: list[type[BaseModel]] = [Customer, *map(settings_model, BUILT_IN)]
    for model in models:
        part = model.model_json_schema()
        defs |= part.pop("$defs", {})
        defs[model.__name__] = part
    known = {"enum": [FOLDER, *BUILT_IN]}
    other = {
        "type": "object",
        "required": ["connector"],
        "properties": {"connector": {"type": "string", "not": known}},
    }
    return {"anyOf": [*({"$ref": f"#/$defs/{m.__name__}"} for m in models), other]}


def _whole() -> Schema:
    schema = Whole.model_json_schema()
    for name in ("Tenant", "Log"):
        _referable(name, schema["$defs"][name])
    _referable("", schema)
    connection = _connection()
    defs = connection.pop("$defs")
    schema["$defs"] |= {**defs, "Connection": connection}
    loose = {key: value for key, value in connection.items() if key != "required"}
    schema["$defs"] |= {"Defaults": loose}
    described = {"description": schema["properties"]["defaults"]["description"]}
    schema["properties"]["defaults"] = {"$ref": "#/$defs/Defaults", **described}
    return schema


def _referable(table: str, part: Schema) -> None:
    """A value may stand elsewhere: ``${env:NAME}``; null is one only where none need be said."""
    for name, value in part.get("properties", {}).items():
        _usual(f"{table.lower()}.{name}", value, required=name in part.get("required", ()))
        options = [_REFERENCE, *([_NULL] if value.get("default", "") is None else [])]
        if value.get("type") in ("integer", "number", "boolean") or "enum" in value:
            kept = {key: value[key] for key in ("description", "default") if key in value}
            bare = {key: item for key, item in value.items() if key not in kept and key != "title"}
            part["properties"][name] = {**kept, "anyOf": [bare, *options]}
        elif value.get("type") == "string" and _NULL in options:
            part["properties"][name] = {**value, "type": ["string", "null"]}


def _usual(key: str, value: Schema, *, required: bool) -> None:
    """The default as one would write it; none of a table, since its parts have theirs."""
    default = value.get("default")
    if required or isinstance(default, dict):
        value.pop("default", None)
    elif value.get("type") == "string" and default is not None and not isinstance(default, str):
        value["default"] = _WRITTEN[key]


def _rules() -> Schema:
    """A table with ``rules``, or the list alone."""
    _, parts = msgspec.json.schema_components([Rules], ref_template="#/$defs/{name}")
    whole = parts.pop("Rules")
    return {"anyOf": [whole, whole["properties"]["rules"]], "$defs": parts}


def written() -> dict[str, str]:
    """The files to ship, by name."""
    return {
        f"{name}.schema.json": msgspec.json.format(
            msgspec.json.encode(schema, order="deterministic"), indent=1
        ).decode()
        + "\n"
        for name, schema in schemas().items()
    }
