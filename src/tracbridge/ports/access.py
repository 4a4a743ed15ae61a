"""Who calls this service, what he may, and the API keys that say so."""

from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from msgspec import Struct


class Role(StrEnum):
    """What one may do; each may do what those before it may."""

    VIEWER = "viewer"
    OPERATOR = "operator"
    ADMIN = "admin"

    def may(self, needed: "Role") -> bool:
        """Whether it is enough."""
        ranks = list(Role)
        return ranks.index(self) >= ranks.index(needed)


class Caller(Struct, frozen=True):
    """Who calls. ``tenants``: whose connections he sees, None is of all. ``name``: stands in the
    audit.
    """

    name: str
    role: Role
    tenants: frozenset[str] | None = None


class ApiKey(Struct, frozen=True):
    """One API key without its secret. ``tenants``: None is all. ``by``: who made it.

    ``expires``, ``used``, ``revoked``: None where it never was, or never is.
    """

    id: str
    name: str
    role: Role
    tenants: frozenset[str] | None
    created: datetime
    by: str
    expires: datetime | None = None
    used: datetime | None = None
    revoked: datetime | None = None

    def counts(self, now: datetime) -> bool:
        """Whether it opens anything now."""
        return self.revoked is None and (self.expires is None or now < self.expires)


class ApiKeys(Protocol):
    """The API keys of one service. Their secrets are kept as digests only."""

    async def put(self, key: ApiKey, digest: bytes) -> None:
        """Remember a new key."""

    async def find(self, id_: str) -> tuple[ApiKey, bytes] | None:
        """The key of that id and the digest of its secret; None where there is none."""

    async def all(self) -> Sequence[ApiKey]:
        """Every key, oldest first, also those that count no more."""

    async def revoke(self, id_: str, at: datetime) -> ApiKey | None:
        """The key counts no more, from now on. None where there is none; repeatable, and the first
        time stays.
        """

    async def touch(self, id_: str, at: datetime) -> None:
        """It was used then."""

    async def pepper(self, proposed: bytes) -> bytes:
        """The secret that all digests are made with: the one that is kept, else ``proposed``, which
        is kept from then on.
        """
