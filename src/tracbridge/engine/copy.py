"""A copy of a TracOS document for people, and a name for exactly this content."""

import json
from collections.abc import Mapping
from hashlib import sha256
from typing import Any

VIEW = ("_id", "isSynced", "syncedAt")
"""What says nothing about the content: the id, and what we write ourselves."""

LONGEST = 10_000
"""Characters of a text that stand in the copy; the document itself stays where it is."""


def fingerprint(body: Mapping[str, Any]) -> str:
    """The same as long as the content is."""
    return sha256(_text(_content(body))).hexdigest()


def readable(body: Mapping[str, Any]) -> bytes:
    """The content as JSON text."""
    return _text({name: _short(value) for name, value in _content(body).items()})


def _content(body: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in body.items() if name not in VIEW}


def _text(content: Mapping[str, Any]) -> bytes:
    # Escaped, since a text of TracOS may hold what is no character.
    return json.dumps(content, sort_keys=True, default=str).encode()


def _short(value: Any) -> Any:
    if not isinstance(value, str) or len(value) <= LONGEST:
        return value
    return f"{value[:LONGEST]}... ({len(value)} characters)"
