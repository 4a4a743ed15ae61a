"""Lists of texts in the one spelling that a field of ours can hold: as JSON text. Pure."""

import json

import msgspec

from tracbridge.domain.errors import RecordError


def listed(items: list[str]) -> str:
    """The list as a text; equal lists are equal texts."""
    return json.dumps(items, ensure_ascii=False)


def items_of(text: str, pointer: str) -> list[str]:
    """The texts of the list; raises `RecordError` at ``pointer`` for what is none."""
    try:
        return msgspec.json.decode(text, type=list[str])
    except (msgspec.MsgspecError, ValueError):
        reason = "is not a list of texts."
        hint = 'Write it as JSON, such as ["a", "b"].'
        raise RecordError("type", reason, pointer=pointer, value=text, hint=hint) from None
