"""The settings of a run, read from the environment and ``.env`` by the rules of `table`."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from tracbridge.config import envfile, names
from tracbridge.config.hooks import Hooks
from tracbridge.config.mappings import Source, flags_source
from tracbridge.config.table import KNOWN, TABLE, Setting
from tracbridge.domain.errors import SettingError, shown

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

    from tracbridge.config.rules import RuleSource
    from tracbridge.domain.schedule import Blackout, Cron
from tracbridge.mapping.route import Graph

InboundMode = Literal["archive", "delete", "keep"]
ConflictPolicy = Literal["newest", "tracos", "customer", "ask"]
DeleteConflict = Literal["both", "edit_wins", "delete_wins"]
FirstContact = Literal["check", "link", "hold"]
Ack = Literal["auto", "content", "answer"]
LogLevel = Literal["TRACE", "DEBUG", "INFO", "SUCCESS", "WARNING", "ERROR", "CRITICAL"]
LogFormat = Literal["text", "json"]


Owner = Literal["both", "tracos", "customer"]
Direction = Literal["both", "inbound", "outbound"]

FOLDER = "folder"
"""The connector of a connection that names none; its settings are those of the environment."""

DEFAULT = "default"
"""The connection that the environment makes, and its tenant."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldRule:
    """Who may change one field (``owner``), which way it flows, and who wins a clash (None: as the
    connection says).
    """

    owner: Owner = "both"
    direction: Direction = "both"
    conflict: ConflictPolicy | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Tenant:
    """Whose connections they are. ``passes``: how many of theirs may run at one time."""

    id: str
    name: str = ""
    passes: int = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """The settings of one connection, checked. Paths are as written, relative to the current
    directory. ``in_file``: they stand in a file, not in the environment; ``root``: the folder of
    the files. ``connector``: the kind of the customer's system; ``system``: its settings, None
    where they are the folders below.
    """

    name: str = DEFAULT
    tenant: str = DEFAULT
    in_file: bool = False
    root: Path = Path()
    connector: str = FOLDER
    system: Any = field(default=None, repr=False)
    tracos_filter: Mapping[str, str | int | bool] = field(default_factory=dict)
    comments: bool = False
    create: frozenset[str] = frozenset({"tracos", "customer"})
    fields: Mapping[str, FieldRule] = field(default_factory=dict)
    every: float | None = None
    cron: Cron | None = None
    blackouts: tuple[Blackout, ...] = ()
    legal: Graph | None = None
    expect: Mapping[str, str | int | bool] = field(default_factory=dict)
    mapping: Source
    tables: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    rules: RuleSource | None = None
    hooks: Hooks = field(default_factory=Hooks)
    mongo_uri: str | None = field(repr=False)
    mongo_database: str
    mongo_collection: str
    mongo_max_retries: int
    mongo_retry_delay: float
    inbound_dir: Path
    outbound_dir: Path
    archive_dir: Path
    quarantine_dir: Path
    archive_retention_days: int
    history_retention_days: int
    inbound_mode: InboundMode
    settle_seconds: float
    max_file_mb: float
    file_mode: int
    zone: ZoneInfo | None
    state_database: str | None
    conflict_policy: ConflictPolicy
    delete_conflict: DeleteConflict
    first_contact: FirstContact
    acknowledge_inbound: bool
    ack: Ack
    mass_removals: tuple[int, float] | None
    mass_completions: tuple[int, float] | None
    mass_acknowledgements: tuple[int, float] | None
    log_level: LogLevel
    log_format: LogFormat
    mongod_binary: Path | None


def load(environ: Mapping[str, str], dotenv: Path | None) -> Settings:
    """The settings from the environment, else from the file ``dotenv``, else their defaults.

    Raises one `SettingError` with a line for each thing that is wrong.
    """
    file, wrong = envfile.read(dotenv) if dotenv and dotenv.exists() else ({}, [])
    wrong.extend(_unknown(file, f"in {dotenv}"))
    wrong.extend(slips(environ, "in the environment"))
    values, refused = read(TABLE, environ, file, f" in {dotenv}")
    wrong += [*refused, *overlaps(complete(values))]
    if wrong:
        raise SettingError("\n".join(wrong))
    return Settings(**values, mapping=flags_source())


def read(
    rows: Iterable[Setting], environ: Mapping[str, str], file: Mapping[str, str], where: str
) -> tuple[dict[str, Any], list[str]]:
    """The values of these settings by field, and a line for each that is not accepted."""
    values: dict[str, Any] = {}
    wrong: list[str] = []
    for setting in rows:
        given = environ.get(setting.name, "").strip()
        text = given or file.get(setting.name, "").strip() or setting.default
        try:
            values[setting.field] = setting.parse(text) if text else None
        except ValueError:
            wrong.append(_refusal(setting, text, "" if given else where))
    return values, wrong


def slips(found: Iterable[str], where: str) -> Iterator[str]:
    """A line for each name that is probably a misspelt setting's."""
    return _unknown((name for name in found if names.is_slip(name, KNOWN)), where)


def _unknown(found: Iterable[str], where: str) -> Iterator[str]:
    for name in found:
        if name not in KNOWN:
            yield f"{shown(name)} {where} is no setting; the nearest is {nearest_name(name)}."


def nearest_name(name: str) -> str:
    """The setting that an unknown name most probably means."""
    return names.nearest(name, KNOWN)


def _refusal(setting: Setting, text: str, where: str) -> str:
    value = " (its value may hold a password and is not shown)"
    if not setting.secret:
        value = "=" + shown(mask_uri(text) if "://" in text else text)
    accepted = setting.accepts.replace("`", "")
    return f"{setting.name}{value}{where} is not accepted; it takes {accepted}."


def complete(values: dict[str, Any]) -> dict[str, Any]:
    """Fill in the folders whose default lies beside the inbound folder."""
    inbound = values.get("inbound_dir")
    for name in ("archive", "quarantine"):
        if inbound and f"{name}_dir" in values and values[f"{name}_dir"] is None:
            values[f"{name}_dir"] = inbound.parent / name
    return values


def overlaps(values: Mapping[str, Any]) -> Iterator[str]:
    """The four folders are four, and what we write for the customer is never taken for his."""
    taken: dict[str, Setting] = {}
    for setting in TABLE:
        folder = values.get(setting.field)
        if not setting.field.endswith("_dir") or folder is None:
            continue
        place = placed(folder)
        named = f"{setting.name}={shown(str(folder))}"
        if place in taken:
            yield f"{named} is the same folder as {taken[place].name}; give each its own."
        if setting.name == "DATA_OUTBOUND_DIR" and any(_inside(place, other) for other in taken):
            yield f"{named} lies inside DATA_INBOUND_DIR; choose a folder outside it."
        taken.setdefault(place, setting)


def placed(folder: str | Path) -> str:
    """The same text for one folder, however it is written. No symlink is followed."""
    place = os.path.normcase(os.path.abspath(folder))  # noqa: PTH100 (it need not be there)
    return place[1:] if place.startswith("//") else place  # POSIX keeps two slashes, Linux not


def _inside(place: str, other: str) -> bool:
    return place.startswith(os.path.join(other, ""))  # noqa: PTH118 (text, not a file)


_HOST = r"(?:[\w.-]+|\[[0-9a-f:.]+\]|[\w.%-]+\.sock)(?::\d+)?"
_URI = re.compile(
    rf"(?P<scheme>[a-z][a-z0-9+.-]*)://(?:[^@/?]*@)?(?P<hosts>{_HOST}(?:,{_HOST})*)"
    r"(?P<database>/[\w%.-]*)?/?(?:\?[^@]*)?",
    re.ASCII | re.IGNORECASE,
)


def mask_uri(uri: str) -> str:
    """A connection string as it may be shown: scheme, hosts and database only.

    What cannot be read beyond doubt is hidden altogether.
    """
    if found := _URI.fullmatch(uri):
        return f"{found['scheme']}://{found['hosts']}{found['database'] or ''}"
    scheme, separator, _ = uri.partition("://")
    known = separator and scheme.casefold() in {"mongodb", "mongodb+srv"}
    return f"{scheme}://***" if known else uri if uri == "embedded" else "***"


def env_example() -> str:
    """The text of ``.env.example``: every setting, commented out, at its default."""
    return _HEAD + "\n".join(_example(setting) for setting in TABLE)


_HEAD = """\
# Settings of Tracbridge. Copy this file to .env and remove the "#" before what you want to change.
# The environment beats this file; an empty value counts as not set; paths are relative to the
# directory where the command runs. Values are taken as written: $NAME is not replaced.

"""


def _example(setting: Setting) -> str:
    lines = [setting.doc, f"Accepts {setting.accepts}."]
    if not setting.default:
        lines.append(f"Not set: {setting.otherwise}.")
    comments = "".join(f"# {line}\n".replace("`", "") for line in lines)
    return f"{comments}#{setting.name}={setting.default or setting.example}\n"


def reference_table() -> str:
    """The Markdown table of ``docs/reference/settings.md``."""
    rows = "".join(
        f"| `{setting.name}` | {_default(setting)} | {_cell(setting.accepts)} | {setting.doc} |\n"
        for setting in TABLE
    )
    return "| name | default | accepts | |\n|---|---|---|---|\n" + rows


def _default(setting: Setting) -> str:
    return f"`{setting.default}`" if setting.default else f"not set: {setting.otherwise}"


def _cell(text: str) -> str:
    return text.replace("|", "\\|")
