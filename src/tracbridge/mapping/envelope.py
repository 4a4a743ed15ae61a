"""Files in which the records lie inside an answer: ``{"member": [...], ...}``. Pure."""

from typing import Any, Final

import msgspec
from msgspec.structs import replace

from tracbridge.domain.errors import RecordError
from tracbridge.mapping import decode as plain
from tracbridge.mapping.decode import Decoded

_TABLE: Final = msgspec.json.Decoder(dict[str, msgspec.Raw])
_BOM: Final = b"\xef\xbb\xbf"


def decode(data: bytes, records: str | None) -> list[Decoded]:
    """As `decode.decode`; ``records``: the keys, with dots, under which the records lie.

    A file without these keys holds the records themselves. Pointers lead from the file's top.
    """
    inner, prefix = unwrapped(data, records)
    try:
        found = plain.decode(inner)
    except RecordError as error:
        raise _below(error, prefix) from None
    if not prefix:
        return found
    return [_moved(one, prefix) for one in found]


def parsed(data: bytes, records: str | None) -> list[tuple[dict[str, Any] | None, bytes]]:
    """As `decode.parsed`, for what lies inside."""
    return plain.parsed(unwrapped(data, records)[0])


def unwrapped(data: bytes, records: str | None) -> tuple[bytes, str]:
    """The bytes of the records, and the JSON pointer to them; all of it where there is no wrap."""
    if not records or not data.removeprefix(_BOM).lstrip().startswith(b"{"):
        return data, ""
    inner, prefix = data.removeprefix(_BOM), ""
    for key in records.split("."):
        try:
            table = _TABLE.decode(inner)
        except (msgspec.MsgspecError, ValueError, RecursionError):
            return data, ""
        if key not in table:
            return data, ""
        inner, prefix = bytes(table[key]), f"{prefix}/{key}"
    return inner, prefix


def _moved(one: Decoded, prefix: str) -> Decoded:
    error = _below(one.error, prefix) if one.error else None
    return replace(one, pointer=prefix + one.pointer, error=error)


def _below(error: RecordError, prefix: str) -> RecordError:
    """The same refusal, with its place in the whole file."""
    if prefix:
        error.why = replace(error.why, pointer=prefix + error.why.pointer)
    return error
