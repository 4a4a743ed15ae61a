"""API keys as text: ``tb_<id>_<secret>``, of which only a digest is kept."""

import hmac
import re
import secrets
from collections.abc import Collection
from datetime import datetime, timedelta
from hashlib import sha256

from tracbridge.ports.access import ApiKey, Role

PREFIX = "tb_"

_KEY = re.compile(r"tb_([0-9a-f]{12})_[A-Za-z0-9_-]{43}")


def made(
    name: str,
    role: Role,
    tenants: Collection[str] | None,
    by: str,
    now: datetime,
    days: int | None = None,
) -> tuple[ApiKey, str]:
    """A new key, and its text with 256 random bits, which nobody can make again.

    ``tenants``: None is all. ``days``: until it expires, None is never.
    """
    id_ = secrets.token_hex(6)
    key = ApiKey(
        id=id_,
        name=name,
        role=role,
        tenants=None if tenants is None else frozenset(tenants),
        created=now,
        by=by,
        expires=None if days is None else now + timedelta(days=days),
    )
    return key, f"{PREFIX}{id_}_{secrets.token_urlsafe(32)}"


def id_of(text: str) -> str | None:
    """The id in a key's text, None where it is no key."""
    found = _KEY.fullmatch(text)
    return found[1] if found else None


def digest(pepper: bytes, text: str) -> bytes:
    """What is kept of a key's text: HMAC-SHA256 over all of it."""
    return hmac.digest(pepper, text.encode(), sha256)


def same(one: bytes, other: bytes) -> bool:
    """Whether two digests are equal, in the same time whatever they are."""
    return hmac.compare_digest(one, other)
