"""What a configuration file may say, as pydantic models; ``docs/reference/connections.md`` and the
JSON Schema for editors come from them.

What a setting accepts is said once, in `table`: these models only give each its place in a file.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema

from tracbridge.config import names, parse
from tracbridge.config.connectors import settings_model
from tracbridge.config.hookparts import HooksPart
from tracbridge.config.settings import FOLDER
from tracbridge.config.table import KNOWN
from tracbridge.config.when import Rest, Schedule
from tracbridge.domain.errors import SettingError

Name = Annotated[str, Field(pattern=names.NAME)]

Side = Literal["tracos", "customer"]


def _read(accepts: str, read: parse.Parse, *, none: bool = False) -> BeforeValidator:
    """A value as its setting reads it; ``none``: null and an empty text are as if not set."""

    def reader(value: object) -> object:
        text = str(value).lower() if isinstance(value, bool) else str(value).strip()
        if none and (value is None or not text):
            return None
        try:
            if value is None or isinstance(value, list | dict) or not text:
                raise ValueError
            return read(text)
        except ValueError:
            raise ValueError(f"is not accepted; it takes {accepts}") from None

    return BeforeValidator(reader)


def _row(name: str, *, none: bool = False, **schema: Any) -> tuple[Any, ...]:
    """The reader, the default and the description of one setting, by its name in the table."""
    row = KNOWN[name]
    described = {"description": row.doc, **({"default": row.default} if row.default else {})}
    shape = schema or {"type": "string"}
    accepts = row.accepts.replace("`", "")
    return _read(accepts, row.parse, none=none), WithJsonSchema({**shape, **described})


def _one_of(accepts: str, fits: Callable[[Any], bool], *shapes: Any) -> tuple[Any, ...]:
    """A value of one of several kinds, refused with one sentence."""

    def reader(value: Any) -> Any:
        if not fits(value):
            raise ValueError(f"is not accepted; it takes {accepts}")
        return value

    return BeforeValidator(reader), WithJsonSchema({"anyOf": list(shapes)})


def _words(*words: str) -> dict[str, Any]:
    return {"enum": list(words)}


_NUMBER = {"type": "number"}
_TEXT = {"type": "string"}
_SECONDS = "a number of seconds above 0, up to 86400, such as `30`"
_LIMIT = {"type": "string", "pattern": r"^(off|[0-9]+ *, *[0-9.]+ *%)$"}

_SCALARS = (_TEXT, {"type": "integer"}, {"type": "boolean"})

Scalar = Annotated[
    Any,
    *_one_of("a text, a whole number or a bool", lambda v: isinstance(v, str | int), *_SCALARS),
]
"""What a filter or an expectation names."""


def _is_table(value: Any) -> bool:
    codes = value.values() if isinstance(value, dict) else ()
    return isinstance(value, str | dict) and all(
        isinstance(code, str | int) and not isinstance(code, bool) for code in codes
    )


_CODES = {"type": "object", "additionalProperties": {"anyOf": [_TEXT, {"type": "integer"}]}}

Table = Annotated[
    Any, *_one_of("a CSV file, or a table of his codes and TracOS's", _is_table, _TEXT, _CODES)
]


def _is_files(value: Any) -> bool:
    files = value if isinstance(value, list) else [value]
    return all(isinstance(file, str) and file for file in files)


Folder = Annotated[Path, *_row("DATA_INBOUND_DIR")]


class Part(BaseModel):
    """A table of a file: what it does not know is refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Customer(Part):
    """A customer who lays files into a folder and takes ours from another."""

    connector: Literal["folder"] = Field("folder", description="The kind of system.")
    inbound: Folder
    outbound: Annotated[Path, *_row("DATA_OUTBOUND_DIR")]
    archive: Annotated[Path | None, *_row("DATA_ARCHIVE_DIR", none=True)] = None
    quarantine: Annotated[Path | None, *_row("DATA_QUARANTINE_DIR", none=True)] = None
    mode: Annotated[str, *_row("DATA_INBOUND_MODE", **_words("archive", "delete", "keep"))] = (
        "archive"
    )
    settle_seconds: Annotated[float, *_row("DATA_SETTLE_SECONDS", **_NUMBER)] = 2.0
    max_file_mb: Annotated[float, *_row("DATA_MAX_FILE_MB", **_NUMBER)] = 64.0
    file_mode: Annotated[int, *_row("DATA_FILE_MODE")] = 0o640
    expect: dict[str, Scalar] = Field(
        {},
        description='What each of his records must show, by its place, such as `company: "1000"`; '
        "another one is refused as another tenant's. Ours show it too.",
    )


def _system(value: Any) -> Any:
    """The customer's system, by the settings of its connector."""
    if isinstance(value, BaseModel):
        return value
    named = value.get("connector", FOLDER) if isinstance(value, dict) else FOLDER
    if named == FOLDER:
        return Customer.model_validate(value)
    try:
        model = settings_model(str(named))
    except SettingError as error:
        raise ValueError(str(error)) from None
    return model.model_validate(value)


System = Annotated[Any, BeforeValidator(_system)]
"""The customer's system and how to reach it; what else it may say depends on ``connector``."""

Status = Literal["pending", "in_progress", "on_hold", "completed", "cancelled"]
"""TracOS's own."""


class Transitions(Part):
    """Which of TracOS's states lead to which in one step.

    A change by the customer that no such steps lead to is refused. ``irreversible``: never gone
    through, and entered only where ``allow`` names them.
    """

    steps: dict[Status, list[Status]]
    irreversible: list[Status] = []
    allow: list[Status] = []


class Tracos(Part):
    """Where TracOS's work orders of this connection are."""

    uri: Annotated[str | None, *_row("MONGO_URI", none=True)] = Field(None, repr=False)
    database: Annotated[str | None, *_row("MONGO_DATABASE", none=True)] = None
    collection: Annotated[str | None, *_row("MONGO_COLLECTION", none=True)] = None
    filter: dict[Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")], Scalar] = Field(
        {},
        description="Only documents with these values belong to this connection; new ones get "
        "them.",
    )
    transitions: Transitions | None = Field(
        None, description="What the customer may make of a status of TracOS; else everything."
    )


class Conflicts(Part):
    """Who wins where both sides changed the same."""

    policy: Annotated[
        str, *_row("CONFLICT_POLICY", **_words("newest", "tracos", "customer", "ask"))
    ] = "newest"
    delete: Annotated[
        str, *_row("DELETE_CONFLICT", **_words("both", "edit_wins", "delete_wins"))
    ] = "both"
    first_contact: Annotated[str, *_row("FIRST_CONTACT", **_words("check", "link", "hold"))] = (
        "check"
    )


class Acknowledge(Part):
    """How we know that our version has arrived, and whether his is answered."""

    by: Annotated[str, *_row("ACK", **_words("auto", "content", "answer"))] = "auto"
    receipts: Annotated[bool, *_row("ACKNOWLEDGE_INBOUND", type="boolean")] = False


class Guards(Part):
    """How much of what one pass does unasked."""

    removals: Annotated[Any, *_row("MASS_REMOVALS", **_LIMIT)] = (20, 0.05)
    completions: Annotated[Any, *_row("MASS_COMPLETIONS", **_LIMIT)] = (100, 0.2)
    acknowledgements: Annotated[Any, *_row("MASS_ACKNOWLEDGEMENTS", **_LIMIT)] = (1000, 0.5)


class Retention(Part):
    """How long what is done is kept."""

    archive_days: Annotated[int, *_row("ARCHIVE_RETENTION_DAYS", type="integer")] = 90
    history_days: Annotated[int, *_row("HISTORY_RETENTION_DAYS", type="integer")] = 90


class Retries(Part):
    """How an outage of MongoDB is waited out."""

    max: Annotated[int | None, *_row("MONGO_MAX_RETRIES", none=True, type="integer")] = None
    delay: Annotated[float | None, *_row("MONGO_RETRY_DELAY", none=True, **_NUMBER)] = None


class FieldRule(Part):
    """Who may change one field, and who wins where both did.

    ``owner`` says whose word counts: the other side's change of the field is put right. With
    ``direction`` alone its change is just not passed on.
    """

    owner: Literal["both", "tracos", "customer"] = "both"
    direction: Literal["both", "inbound", "outbound"] = "both"
    conflict: Literal["newest", "tracos", "customer", "ask"] | None = None


class Connection(Part):
    """One pairing of a customer's system with TracOS."""

    tenant: Name = Field("default", description="Whose connection it is.")
    enabled: bool = Field(True, description="false: no run touches it.")
    customer: System
    tracos: Tracos = Tracos()
    state_database: Annotated[str | None, *_row("STATE_DATABASE", none=True)] = None
    mapping: Annotated[
        Any,
        *_one_of(
            "a preset, a file or a table",
            lambda value: bool(value) and isinstance(value, str | dict),
            _TEXT,
            {"type": "object"},
        ),
    ] = Field(
        "flags",
        description="A preset (flags, sap_pm, maximo, odoo, erpnext, protheus), a file below this "
        "folder, or a table: `use` a preset and change parts of it.",
    )
    tables: dict[str, Table] = Field(
        {}, description="Cross references by name: a CSV file, or his code: TracOS's."
    )
    rules: Annotated[
        Any,
        *_one_of("a file or a list of files", _is_files, _TEXT, {"type": "array", "items": _TEXT}),
    ] = Field([], description="Rule files below this folder, asked in this order.")
    zone: Annotated[ZoneInfo | None, *_row("DATA_TIMEZONE", none=True)] = None
    create: list[Side] = Field(
        ["tracos", "customer"],
        description="The sides whose new orders are created on the other side too.",
    )
    comments: bool = Field(
        False,
        description="Comments go both ways, where the mapping says how he spells them.",
    )
    conflicts: Conflicts = Conflicts()
    fields: dict[str, FieldRule] = {}
    acknowledge: Acknowledge = Acknowledge()
    guards: Guards = Guards()
    every: Annotated[
        float | None,
        _read(_SECONDS, parse.number(86_400.0, zero=False), none=True),
        WithJsonSchema({"type": "number"}),
    ] = Field(None, description="Seconds between two passes of a service; else `run --every`.")
    schedule: Schedule | None = Field(
        None, description="Whole passes of a service at set times, instead of `every`."
    )
    blackouts: list[Rest] = Field(
        [], description="Hours in which the customer's system is left alone by a service."
    )
    hooks: HooksPart = HooksPart()
    retention: Retention = Retention()
    retries: Retries = Retries()


class Tenant(Part):
    """Whose connections they are, and what they may use of this machine."""

    name: str = Field("", description="What people call it.")
    passes: int = Field(2, ge=1, le=64, description="Passes of its connections at one time.")


class Log(Part):
    """How this process logs."""

    level: Annotated[
        str | None,
        *_row(
            "LOG_LEVEL",
            none=True,
            **_words("TRACE", "DEBUG", "INFO", "SUCCESS", "WARNING", "ERROR", "CRITICAL"),
        ),
    ] = None
    format: Annotated[str | None, *_row("LOG_FORMAT", none=True, **_words("text", "json"))] = None


class Whole(Part):
    """The file ``tracbridge.yaml``; connections may also stand in ``connections/NAME.yaml``."""

    tenants: dict[Name, Tenant] = {}
    defaults: dict[str, Any] = Field(
        {}, description="What every connection says unless it says something else."
    )
    connections: dict[Name, Connection] = {}
    log: Log = Log()
