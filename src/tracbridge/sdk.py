"""All that a connector's author imports.

To write: a class with the methods of `Connector`, which needs no base class, and a model of
`ConnectorSettings`. The class names its model as ``Settings`` and is made as
``TheConnector(settings, place)``, with a `Place`; an entry point of the group
``tracbridge.connectors`` names the class.

What it takes and gives: `Page` of `Record` with a `Cursor` and a `Claim`; `Write` with a `Body`;
`Receipt` or `Refusal`. What it can do: `Traits`.

What it raises says what the engine does next: `ConfigError` stops and tells the operator,
`RetryableError` and `BusyError` are tried later, after `UnknownOutcomeError` the effect is looked
for, `RecordError` refuses one record, `StaleWriteError` has the record read and planned again,
`FatalError` stops the connection.

What it may do beyond: it `Rereads` single records, `Probes` writes whose answer never came, `Peeks`
for a preview, `Stamps` whether anything has happened; it is `Paced`; it `Lingers` where a batch of
writes takes long; it `Converses` where its records have comments. Mailboxes also: `Stages` (and
`Staged`), `Shows`, `Acknowledges` (and `Fate`), `SetsAside`. Where only one process may work:
`Exclusive`. TracOS `Fetches` by number.

``docs/reference/connectors.md`` says when each is called and how often.
"""

from typing import TYPE_CHECKING, Any

from tracbridge.domain.errors import (
    BusyError,
    ConfigError,
    FatalError,
    RecordError,
    RetryableError,
    StaleWriteError,
    UnknownOutcomeError,
)
from tracbridge.domain.link import Claim
from tracbridge.ports.comments import Converses
from tracbridge.ports.connector import (
    Acknowledges,
    Body,
    Connector,
    Cursor,
    Exclusive,
    Fate,
    Fetches,
    Finds,
    Lingers,
    Paced,
    Page,
    Peeks,
    Probes,
    Receipt,
    Record,
    Refusal,
    Rereads,
    SetsAside,
    Shows,
    Staged,
    Stages,
    Stamps,
    Traits,
    Write,
)
from tracbridge.ports.place import Place

if TYPE_CHECKING:
    from tracbridge.ports.settings import ConnectorSettings
else:

    def __getattr__(name: str) -> Any:
        """`ConnectorSettings`, loaded where it is asked for: it brings pydantic along."""
        if name != "ConnectorSettings":
            raise AttributeError(name)
        from tracbridge.ports.settings import ConnectorSettings  # noqa: PLC0415

        return ConnectorSettings


__all__ = [
    "Acknowledges",
    "Body",
    "BusyError",
    "Claim",
    "ConfigError",
    "Connector",
    "ConnectorSettings",
    "Converses",
    "Cursor",
    "Exclusive",
    "FatalError",
    "Fate",
    "Fetches",
    "Finds",
    "Lingers",
    "Paced",
    "Page",
    "Peeks",
    "Place",
    "Probes",
    "Receipt",
    "Record",
    "RecordError",
    "Refusal",
    "Rereads",
    "RetryableError",
    "SetsAside",
    "Shows",
    "Staged",
    "Stages",
    "StaleWriteError",
    "Stamps",
    "Traits",
    "UnknownOutcomeError",
    "Write",
]
