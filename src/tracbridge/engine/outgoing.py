"""Versions on their way to the customer, and what goes on record of them."""

from collections import Counter
from typing import Any

from msgspec import Struct, field
from msgspec.structs import replace

from tracbridge.domain.errors import RecordError
from tracbridge.domain.link import Link
from tracbridge.domain.workorder import Fields, Side
from tracbridge.engine.connection import Connection
from tracbridge.engine.copy import fingerprint, readable
from tracbridge.engine.record import entry
from tracbridge.mapping.synced import UNMARK, is_synced, mark
from tracbridge.ports.connector import Record
from tracbridge.ports.state import Entry, QuarantineCase
from tracbridge.sync.identity import record_id
from tracbridge.sync.publish import Shown


class Version(Struct):
    """A version to be published: the link that carries it, and the document it was made from.

    ``link`` moves on with each durable step; ``before`` is the link as it was read. ``shown``: what
    TracOS showed when the version was made, None where that was in an earlier pass.
    """

    link: Link
    before: Link
    record: Record | None = None
    shown: Fields | None = None

    @property
    def ref(self) -> str:
        """Its order."""
        return self.link.ref

    @property
    def key(self) -> str:
        """The idempotency key of this version."""
        return self.link.out.key if self.link.out else ""


Bad = tuple[Record, RecordError]
"""A document that cannot be sent, and why."""

Told = tuple[Record, Link, Shown]
"""A document, what we remember of its order, and what it shows."""


class Prepared(Struct):
    """A page decided, its versions laid aside; nobody knows of it before it is delivered.

    ``flags``: documents of which only ``isSynced`` is to be set or taken back. ``sources``: those
    that can be read. ``stuck``: links of which it has become known, or is no longer so, that his
    system cannot be moved to where TracOS's order is. ``owned``: orders of which TracOS shows a
    field otherwise than the customer, whose alone it is. ``retold``: orders of which the customer
    said something that is understood only now.
    """

    versions: list[Version] = []
    bad: list[Bad] = []
    flags: list[tuple[Record, Any]] = []
    sources: list[str] = []
    stuck: list[Link] = []
    owned: list[str] = []
    retold: list[str] = []
    counts: Counter[str] = field(default_factory=Counter)


def entry_of_version(connection: Connection, version: Version, run: str) -> Entry:
    """The history entry of what the customer is given."""
    before, fields = version.before.last_given, version.link.last_given or {}
    changed = {n: v for n, v in fields.items() if before is None or before.get(n) != v}
    old = None if before is None else {n: before.get(n) for n in changed}
    why = {"by": dict.fromkeys(changed, "changed in TracOS"), "version": version.link.seq}
    if not changed:
        why["by"] = {"": "receipt or sent again"}
    return entry(
        connection,
        version.before,
        Side.CUSTOMER,
        version.link.seq,
        old,
        changed,
        run,
        why,
    )


def id_of_version(connection: Connection, version: Version) -> str:
    """The name under which it stands in the history, also where an earlier pass made it."""
    before = version.before
    if before.out == version.link.out:
        before = replace(before, out=None)
    return entry_of_version(connection, Version(version.link, before), "").id


def case_of_document(connection: Connection, record: Record, error: RecordError) -> QuarantineCase:
    """A document that cannot be sent, as a case; the same for the same content."""
    body = record.body or {}
    name = connection.name
    version = record.version or fingerprint(body)
    return QuarantineCase(
        id=record_id(name, record.source, version, error.why.code)[:12],
        connection=name,
        side=Side.TRACOS,
        source=record.source,
        why=error.why,
        version=version,
        at=connection.clock.now(),
        ref=connection.translation.tracos_ref(body),
        raw=record.raw or readable(body),
        token=getattr(error, "token", ""),
    )


def view(record: Record, link: Link) -> list[tuple[Record, dict[str, Any]]]:
    """What the flag of a document says from now on, after its version went out."""
    if not (link.held or link.unknown):
        return [(record, mark(link.given))]
    return [(record, UNMARK)] if is_synced(record.body or {}) else []
