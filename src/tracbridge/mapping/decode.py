"""The bytes of one JSON file to its records: nothing is guessed, nothing is lost on the way.

A good record costs one parse and a few scans. What these cannot vouch for is read a second time,
slowly, by a reader that finds what is wrong and says where.
"""

import json
import re
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import msgspec
import orjson
from msgspec import Struct

from tracbridge.domain.errors import RecordError

DEEPEST = 64
"""How many objects and arrays of one record may stand inside each other."""

INCOMPLETE = frozenset(
    {"empty_file", "truncated_json", "invalid_json", "encoding", "nul_bytes", "trailing_data"}
    | {"not_json", "non_finite_number", "number_too_long", "too_deep", "invalid_unicode"}
)

_BOM = b"\xef\xbb\xbf"
_BLANKS = b" \t\r\n"
_ESCAPED_NUL = rb"\u0000"
_LEAST, _MOST = -(2**63), 2**64 - 1
_POINTER_PART = 80


class Decoded(Struct, frozen=True):
    """One record of a file, or why it is none: either ``body`` or ``error`` is set.

    ``pointer``: "" for a file of one object, "/3" for the fourth item of an array. ``raw``: exactly
    the item's bytes; for a file of one object all its bytes, less a byte order mark.
    """

    body: dict[str, Any] | None
    pointer: str
    raw: bytes
    error: RecordError | None


def decode(data: bytes) -> list[Decoded]:
    """The records of a file: one object, or an array of them in its order; never an empty list.

    Raises `RecordError` for a file that cannot be split, or whose only object is refused. In an
    array an item at fault carries its error and the others go on. In every ``body`` integers keep
    their digits, keys are unique, texts are Unicode without NUL, and nesting ends at `DEEPEST`.
    """
    data = data.removeprefix(_BOM)
    if data.lstrip(_BLANKS).startswith(b"["):
        return [_item(raw, f"/{index}") for index, raw in enumerate(_split(data))]
    return [Decoded(_body(data, ""), "", data, None)]


def parsed(data: bytes) -> list[tuple[dict[str, Any] | None, bytes]]:
    """Each record of a file as far as it can be parsed at all, refused or not, with its bytes.

    A file that cannot be split counts as one record; None is what cannot be parsed.
    """
    try:
        found = decode(data)
    except RecordError:
        found = [Decoded(None, "", data, None)]
    return [(one.body or _loosely(one.raw), one.raw) for one in found]


def _loosely(raw: bytes) -> dict[str, Any] | None:
    with suppress(ValueError, RecursionError):
        body = json.loads(raw)
        return body if isinstance(body, dict) else None
    return None


def incomplete(code: str) -> bool:
    """Whether a file refused with ``code`` may still be growing: look again before believing it."""
    return code in INCOMPLETE


def _item(raw: bytes, pointer: str) -> Decoded:
    try:
        return Decoded(_body(raw, pointer), pointer, raw, None)
    except RecordError as error:
        return Decoded(None, pointer, raw, error.with_traceback(None))


def _body(raw: bytes, pointer: str) -> dict[str, Any]:
    try:
        value = orjson.loads(raw)
    except orjson.JSONDecodeError as error:
        raise _fault(raw, pointer) or _invalid(error, pointer) from None
    if type(value) is not dict:
        raise _not_an_object(value, pointer)
    if not _is_evident(raw, value) and (fault := _fault(raw, pointer)):
        raise fault
    return value


# The fast checks. They may doubt a good record, but never pass a bad one.


def _is_evident(raw: bytes, body: dict[str, Any]) -> bool:
    # Each key in the bytes ends in a quote and, but for blanks, a colon. Texts can add to these and
    # repeated keys are fewer in the body, so both counts are equal only if no key is repeated.
    if _ESCAPED_NUL in raw:
        return False
    return raw.translate(None, _BLANKS).count(b'":') == _count_keys(body)


def _count_keys(body: dict[str, Any]) -> int:
    """All keys at all depths; -1 if nested too deep or if a number may be a long integer's rest."""
    count = 0
    level: list[Any] = [body]
    for _ in range(DEEPEST):
        below: list[Any] = []
        for container in level:
            if type(container) is dict:
                count += len(container)
                container = container.values()  # noqa: PLW2901 - the walk is over values from here
            for value in container:
                kind = type(value)
                if kind is dict or kind is list:
                    below.append(value)
                elif kind is float and not _LEAST < value < _MOST:
                    return -1
        if not below:
            return count
        level = below
    return -1


# Splitting an array.

_RAW_ITEMS = msgspec.json.Decoder(list[msgspec.Raw])
_BLANK = re.compile(r"[ \t\r\n]*")


def _split(data: bytes) -> list[bytes]:
    try:
        raws = [bytes(raw) for raw in _RAW_ITEMS.decode(data)]
    except (msgspec.MsgspecError, ValueError, RecursionError):
        raws = _split_slowly(data)
    if not raws:
        raise RecordError("no_records", "The array is empty.", hint="Send at least one record.")
    return raws


def _split_slowly(data: bytes) -> list[bytes]:
    """The items even if some are refused later on, such as one with NaN: the others go on."""
    if fault := _byte_fault(data, "") or _depth_fault(data, ""):
        raise fault
    try:
        return [item.encode() for item in _items(data.decode())]
    except json.JSONDecodeError as error:
        raise _fault(data, "") or _invalid(error, "") from None


def _items(text: str) -> Iterator[str]:
    at, mark = text.index("["), ","
    while mark == ",":
        start = _after_blanks(text, at + 1)
        _, end = _READER.raw_decode(text, start)
        yield text[start:end]
        at = _after_blanks(text, end)
        mark = text[at : at + 1]
    if mark != "]" or text[at + 1 :].strip():
        raise json.JSONDecodeError("Expecting ',' or the end of the array", text, at)


def _after_blanks(text: str, at: int) -> int:
    found = _BLANK.match(text, at)
    return found.end() if found else at


# The slow reader: what it cannot accept, it marks in its place, so that the pointer can be told.


class _Mark(Struct, frozen=True):
    code: str
    value: str
    reason: str
    hint: str
    key: str | None = None

    def error(self, pointer: str) -> RecordError:
        at = pointer if self.key is None else _under(pointer, self.key)
        return RecordError(self.code, self.reason, pointer=at, value=self.value, hint=self.hint)


def _integer(text: str) -> int | _Mark:
    # The length comes first: Python refuses to convert thousands of digits.
    if len(text) <= len(str(_LEAST)) and _LEAST <= int(text) <= _MOST:
        return int(text)
    reason = f"has {len(text.lstrip('-'))} digits, more than 64 bits can hold."
    return _Mark("number_too_long", text, reason, "Send it as text, in quotes.")


def _real(text: str) -> float | _Mark:
    value = float(text)
    return value if abs(value) != float("inf") else _not_finite(text)


def _not_finite(text: str) -> _Mark:
    return _Mark("non_finite_number", text, "is not a finite number.", "Send null or leave it out.")


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any] | _Mark:
    body: dict[str, Any] = {}
    for key, value in pairs:
        if key in body:
            hint = "Send each key once; nobody can tell which value is meant."
            return _Mark("duplicate_key", key, "is there more than once.", hint, key)
        body[key] = value
    return body


_READER = json.JSONDecoder(
    parse_int=_integer,
    parse_float=_real,
    parse_constant=_not_finite,
    object_pairs_hook=_object,
)


def _fault(raw: bytes, pointer: str) -> RecordError | None:
    """What is wrong with these bytes, None if nothing is."""
    if fault := _byte_fault(raw, pointer) or _depth_fault(raw, pointer):
        return fault
    text = raw.decode()
    try:
        value, end = _READER.raw_decode(text, _after_blanks(text, 0))
    except json.JSONDecodeError as error:
        return _broken(raw, text, error, pointer)
    rest = _after_blanks(text, end)
    if rest < len(text):
        return _trailing(json.JSONDecodeError("", text, rest), pointer)
    return next(_value_faults(value, pointer), None)


def _value_faults(value: Any, pointer: str) -> Iterator[RecordError]:
    match value:
        case _Mark():
            yield value.error(pointer)
        case str():
            yield from _text_faults(value, pointer)
        case list():
            for index, item in enumerate(value):
                yield from _value_faults(item, f"{pointer}/{index}")
        case dict():
            for key, item in value.items():
                under = _under(pointer, key)
                yield from _text_faults(key, under)
                yield from _value_faults(item, under)


def _text_faults(text: str, pointer: str) -> Iterator[RecordError]:
    if "\0" in text:
        hint = "Remove it from the text; TracOS cannot keep it."
        yield RecordError(
            "nul_character", "has a NUL character.", pointer=pointer, value=text, hint=hint
        )
    if any("\ud800" <= character <= "\udfff" for character in text):
        hint = r"Send the character itself, or both halves, such as \ud83d\ude00."
        reason = "has half a character (a lone surrogate)."
        yield RecordError("invalid_unicode", reason, pointer=pointer, value=text, hint=hint)


def _under(pointer: str, key: str) -> str:
    part = key[:_POINTER_PART].replace("~", "~0").replace("/", "~1")
    # An escaped key is no pointer any more, but a line of a log that people can trust.
    return f"{pointer}/{part if part.isprintable() else part.encode('unicode_escape').decode()}"


# The structure and the bytes.

_STRING = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"?', re.DOTALL)
_BRACKET = re.compile(rb"[\[\]{}]")
_MAGIC = (
    (b"\x1f\x8b", "gzip"),
    (b"PK\x03\x04", "zip"),
    (b"PK\x05\x06", "zip"),
    (b"BZh", "bzip2"),
    (b"\xfd7zXZ", "xz"),
    (b"\x28\xb5\x2f\xfd", "zstd"),
    (b"%PDF", "PDF"),
    (b"<", "XML or HTML"),
)
_WIDE_MARKS = (
    (b"\xff\xfe\0\0", "UTF-32"),
    (b"\0\0\xfe\xff", "UTF-32"),
    (b"\xff\xfe", "UTF-16"),
    (b"\xfe\xff", "UTF-16"),
)


def _depth_fault(raw: bytes, pointer: str) -> RecordError | None:
    depth = -1 if raw.lstrip(_BLANKS).startswith(b"[") else 0  # a file's array is of no record
    for bracket in _BRACKET.finditer(_STRING.sub(b"", raw)):
        depth += 1 if bracket[0] in b"{[" else -1
        if depth > DEEPEST:
            reason = f"More than {DEEPEST} objects and arrays stand inside each other."
            return RecordError("too_deep", reason, pointer=pointer, hint="Send a flatter record.")
    return None


def _byte_fault(raw: bytes, pointer: str) -> RecordError | None:
    if not raw.strip():
        return RecordError(
            "empty_file", "The file is empty.", hint="Write it again, with a record."
        )
    head = raw.lstrip()
    for magic, name in _MAGIC:
        if head.startswith(magic):
            reason = f"This is {name}, not JSON, whatever its name says."
            return RecordError("not_json", reason, pointer=pointer, hint="Send plain JSON.")
    return _encoding_fault(raw, pointer)


def _encoding_fault(raw: bytes, pointer: str) -> RecordError | None:
    if wide := _wide_encoding(raw):
        reason = f"The file is {wide}, not UTF-8."
        return RecordError("encoding", reason, hint="Save it as UTF-8.")
    if (at := raw.find(b"\0")) >= 0:
        hint = "This is what a crash leaves behind; write the file again."
        return RecordError("nul_bytes", f"Byte {at} is NUL.", pointer=pointer, hint=hint)
    try:
        raw.decode()
    except UnicodeDecodeError as error:
        return _undecodable(raw, error, pointer)
    return None


def _wide_encoding(raw: bytes) -> str | None:
    marked = (name for mark, name in _WIDE_MARKS if raw.startswith(mark))
    return next(marked, None) or next(
        (name for name in ("UTF-32-LE", "UTF-32-BE", "UTF-16-LE", "UTF-16-BE") if _is(raw, name)),
        None,
    )


def _is(raw: bytes, encoding: str) -> bool:
    """Whether these bytes begin like JSON in an encoding that spends NULs on it."""
    head = raw[:8].decode(encoding, "replace")
    return head[:1] in tuple('{["') and "\0" not in head


def _undecodable(raw: bytes, error: UnicodeDecodeError, pointer: str) -> RecordError:
    if error.reason == "unexpected end of data":
        return _truncated(raw, pointer)
    reason = f"Byte {error.start} (0x{raw[error.start]:02x}) is not UTF-8."
    hint = "It looks like Latin-1 or Windows-1252; save the file as UTF-8."
    return RecordError("encoding", reason, pointer=pointer, hint=hint)


def _broken(raw: bytes, text: str, error: json.JSONDecodeError, pointer: str) -> RecordError:
    if error.pos >= len(text.rstrip()) or _ends_early(raw, text):
        return _truncated(raw, pointer)
    return _invalid(error, pointer)


def _ends_early(raw: bytes, text: str) -> bool:
    try:
        orjson.loads(raw)
    except orjson.JSONDecodeError as error:
        return error.pos >= len(text)
    return False


def _truncated(raw: bytes, pointer: str) -> RecordError:
    reason = f"The data end at byte {len(raw)}, in the middle of a value."
    hint = "Write files under another name and rename them when they are whole."
    return RecordError("truncated_json", reason, pointer=pointer, hint=hint)


def _invalid(error: json.JSONDecodeError, pointer: str) -> RecordError:
    reason = f"This is not JSON at line {error.lineno}, column {error.colno}: {error.msg}."
    hint = "JSON has double quotes, no comments, and no comma after the last item."
    return RecordError("invalid_json", reason, pointer=pointer, hint=hint)


def _trailing(error: json.JSONDecodeError, pointer: str) -> RecordError:
    reason = f"Something follows the record at line {error.lineno}, column {error.colno}."
    hint = "Send one object, or an array of objects."
    return RecordError("trailing_data", reason, pointer=pointer, hint=hint)


def _not_an_object(value: Any, pointer: str) -> RecordError:
    hint = 'Send a JSON object, such as {"orderNo": 1, ...}.'
    return RecordError("not_an_object", "is no object.", pointer=pointer, value=value, hint=hint)
