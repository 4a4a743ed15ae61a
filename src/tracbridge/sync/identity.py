"""Names that are always the same for the same thing: links, versions, records of decisions."""

from collections.abc import Mapping
from hashlib import blake2b

from tracbridge.domain.workorder import Fields, Value

_LONG = 32


def link_id(connection: str, kind: str, scope: str, ref: str) -> str:
    """The link of one order on one connection (32 hex digits)."""
    text = "\0".join((connection, kind, scope, ref))
    return blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()


def version_key(link: str, seq: int) -> str:
    """The idempotency key of one version: a key per order would make its second update bounce."""
    return f"{link}-{seq}"


def record_id(*parts: object) -> str:
    """A name for one fact, the same whenever the fact is the same (32 hex digits)."""
    text = "\0".join(repr(part) for part in parts)
    return blake2b(text.encode(), digest_size=16).hexdigest()


def canonical(fields: Fields | None) -> tuple[tuple[str, Value], ...] | None:
    """The fields as a value that does not depend on their order."""
    return None if fields is None else tuple(sorted(fields.items()))


def print_of(value: Value) -> Value:
    """A value short enough to remember, equal if and only if the values are (up to hash
    collisions).
    """
    if not isinstance(value, str) or (len(value) <= _LONG and not value.startswith("#")):
        return value
    return "#" + blake2b(value.encode("utf-8", "surrogatepass"), digest_size=12).hexdigest()


def prints_of(fields: Fields) -> Mapping[str, Value]:
    """The print of each field."""
    return {name: print_of(value) for name, value in fields.items()}
