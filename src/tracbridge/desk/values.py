"""What a person writes as a field's value, as that field needs it."""

import json
from collections.abc import Mapping

from tracbridge.config.settings import Settings
from tracbridge.config.translations import translation_of
from tracbridge.desk.errors import WordError
from tracbridge.domain.errors import RecordError
from tracbridge.domain.workorder import DELETED, Status, Value
from tracbridge.mapping.moments import Kind, Spelling

KNOWN: dict[str, dict[str, Value]] = {
    "status": {status.value: status.value for status in Status},
    DELETED: {"true": True, "false": False},
}
"""The fields that hold no free text, and what can be set in them."""

BOOLS = {"true": True, "false": False}


def kinds_of(settings: Settings) -> dict[str, str]:
    """The fields that hold no fixed words, and the kind of each."""
    tracos = translation_of(settings).tracos
    titles = {"title": "text"} if tracos.titled else {}
    return {"description": "text", **titles, **{one.name: one.kind for one in tracos.extras}}


def as_value(name: str, text: str, kinds: Mapping[str, str]) -> Value:
    """The text as that field needs it; of a field called ``ext.`` nothing is nothing.

    Raises `WordError` for what it cannot hold.
    """
    if name in KNOWN:
        if text not in KNOWN[name]:
            words = ", ".join(KNOWN[name])
            raise WordError(f"{name}={text}: choose one of {words}.")
        return KNOWN[name][text]
    if name not in kinds:
        fields = ", ".join((*kinds, *KNOWN))
        raise WordError(f"{name}: no such field; there are {fields}.")
    if not text:
        if name == "description":
            raise WordError("description=: the text must not be empty.")
        return None if name.startswith("ext.") else ""
    try:
        return of_kind(kinds[name], text)
    except (RecordError, ValueError):
        raise WordError(f"{name}={text}: is no {kinds[name]}.") from None


def of_kind(kind: str, text: str) -> Value:
    """The text as a value of that kind; raises `ValueError` or `RecordError`. Instants have an
    offset.
    """
    match kind:
        case "integer":
            return int(text)
        case "number":
            return float(text)
        case "bool":
            return BOOLS[text] if text in BOOLS else _none(text)
        case "list":
            items = json.loads(text)
            return text if isinstance(items, list) else _none(text)
        case "instant" | "local" | "date":
            return Spelling(Kind(kind)).read(text, "")
    return text


def _none(text: str) -> Value:
    raise ValueError(text)
