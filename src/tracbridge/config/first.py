"""The first file of a connection, with comments for the person who goes on writing it. Pure."""

from collections.abc import Mapping
from typing import Final

from tracbridge.config.table import TABLE

SCHEMAS: Final = ".tracbridge/schemas"
"""Where a copy of the schemas lies, below the folder of ``tracbridge.yaml``."""

_TEXT: Final = """\
# yaml-language-server: $schema=../{schemas}/connection.schema.json
# Connection {name}: one system of a customer, and the orders of TracOS that belong to it.
# Next: tracbridge check --connection {name}, then preview, then run.
tenant: {name}

{system}
# A preset ({presets}), a file, or a preset with changes:
#   mapping:
#     use: {preset}
#     fields:
#       ext.priority: {{path: priority, as: integer, tracos: priority}}
# Look at it with: tracbridge mapping show; prove it with: tracbridge mapping check
mapping: {mapping}

# Where his clocks hang, for dates without an offset.
{zone}

tracos:
  # uri: ${{env:TRACOS_URI}}     # else MONGO_URI; a password never stands in this file
  # database: tractian
  # Only documents with these values are his, and new ones get them. Needed where several
  # connections share a collection.
  {filter}

# Who wins where both sides changed the same field: newest, tracos, customer, ask.
conflicts: {{policy: {policy}{conflicts}}}

# fields:                       # one owner instead: the other side's change is put right
#   description: {{owner: customer}}
# create: [customer]            # orders are born on this side only (default: both)
# rules: rules/{name}.yaml      # business rules: tracbridge rules test
# every: 30                     # seconds between two passes of a service
{rest}"""

_FOLDERS: Final = """\
customer:
  inbound: {inbound}     # his JSON files come here
  outbound: {outbound}   # ours go here; the folder must not be the same
{customer}\
  # mode: keep                 # archive (default), delete, or keep what we have read
  # expect: {{company: "1000"}}  # what each of his records must show to be his
"""

_REST: Final = """\
customer:
  connector: rest              # his system is called over HTTP
  preset: {preset}             # how it is read and written; see docs/reference/interfaces.md
  url: {url}
  auth: {auth}
  # networks: [10.20.0.0/16]   # private addresses and http:// only where they are named
  # calls_per_second: 10       # no more than he allows
  # expect: {{company: "1000"}}  # what each of his records must show to be his
"""

AUTH: Final[Mapping[str, str]] = {
    "odoo": '{{kind: bearer, token: "${{env:{key}}}"}}',
    "sap_pm": '{{kind: basic, user: TRACBRIDGE, password: "${{env:{key}}}"}}',
    "maximo": '{{kind: header, header: apikey, token: "${{env:{key}}}"}}',
    "erpnext": '{{kind: frappe, user: API_KEY, password: "${{env:{key}}}"}}',
}
"""How one logs in to the systems that are called, by preset; secrets stand elsewhere."""


KEYED: Final[Mapping[str, str]] = {
    "sap_pm": "{use: sap_pm, key: {as: text, ours: YY1_TracosNumber}}"
}
"""Mappings of systems that give new orders numbers of their own, where the preset takes theirs."""


def rest_of(name: str, preset: str, url: str) -> str:
    """The part of a customer whose system is called at that address."""
    key = f"{name.upper().replace('-', '_')}_KEY"
    return _REST.format(preset=preset, url=quoted(url), auth=AUTH[preset].format(key=key))


def first_file(
    name: str, preset: str, presets: list[str], given: Mapping[str, str], url: str = ""
) -> str:
    """The text; ``given``: settings of the environment that it takes over, by their names; ``url``:
    of a system that is called.
    """
    keys = {row.key: given[row.name] for row in TABLE if row.key and row.name in given}
    inbound = keys.pop("customer.inbound", f"data/{name}/inbound")
    outbound = keys.pop("customer.outbound", f"data/{name}/outbound")
    zone = keys.pop("zone", "")
    policy = keys.pop("conflicts.policy", "newest")
    clash = {key: keys.pop(key) for key in list(keys) if key.startswith("conflicts.")}
    own = {key: value for key, value in keys.items() if key.startswith("customer.")}
    lines = (f"  {key.partition('.')[2]}: {quoted(value)}\n" for key, value in own.items())
    folders = _FOLDERS.format(
        inbound=quoted(inbound), outbound=quoted(outbound), customer="".join(lines)
    )
    left = {key: value for key, value in keys.items() if key not in own}
    return _TEXT.format(
        schemas=SCHEMAS,
        name=name,
        mapping=KEYED.get(preset, preset) if url else preset,
        system=rest_of(name, preset, url) if url else folders,
        preset=preset,
        presets=", ".join(presets),
        zone=f"zone: {zone}" if zone else "# zone: America/Sao_Paulo",
        filter=_filter(name),
        policy=policy,
        conflicts="".join(f", {key.partition('.')[2]}: {value}" for key, value in clash.items()),
        rest="".join(_tables(left)),
    )


def _filter(name: str) -> str:
    return "filter: {}" if name == "default" else f"filter: {{companyId: {name}}}"


def _tables(left: Mapping[str, str]) -> list[str]:
    """What else the environment said, table by table."""
    tables: dict[str, list[str]] = {}
    for key, value in left.items():
        table, _, name = key.partition(".")
        tables.setdefault(table, []).append(f"{name}: {quoted(value)}")
    return [f"{table}: {{{', '.join(parts)}}}\n" for table, parts in tables.items()]


def quoted(text: str) -> str:
    """As YAML reads it back as a text, or as the bool that it is."""
    plain = text.replace("/", "").replace("_", "").replace("-", "").replace(".", "").isalnum()
    return text if plain else '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
