"""The audit: what people did to connections over the API, the dashboard and the command line."""

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from msgspec import Struct


class AuditEntry(Struct, frozen=True):
    """One action. ``id``: grows with time. ``tenant``, ``connection``: "" where it is about none.

    ``action``: ``noun.verb``, such as ``case.retry``; ``target``: the id of what it was done to;
    ``outcome``: what became of it, in a few words.
    """

    id: str
    at: datetime
    by: str
    role: str
    tenant: str
    connection: str
    action: str
    target: str
    why: str
    outcome: str


class Audit(Protocol):
    """Entries are added; none is ever changed or removed by us."""

    async def add(self, entry: AuditEntry) -> None:
        """Remember it; the same id again changes nothing."""

    async def entries(
        self,
        tenants: frozenset[str] | None,
        *,
        connection: str = "",
        action: str = "",
        before: str = "",
        limit: int = 100,
    ) -> Sequence[AuditEntry]:
        """The newest first, older than the one with the id ``before``; of these tenants alone,
        None is of all, also of what is about no tenant. "" does not restrict.
        """
