"""A mapping as a file with a comment beside each line; it reads back as it was meant. Pure.

What comes from a customer's records may be anything: every text that YAML could take for something
else is quoted, and no comment goes beyond its line.
"""

import re
import textwrap
from collections.abc import Iterator, Sequence
from typing import Any, Final

from msgspec import Struct

from tracbridge.config.yamlfile import parse

WIDTH: Final = 110
"""Characters of a line with its comment; a longer comment stands above."""

_PLAIN: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_./-]*(?: [A-Za-z0-9_./-]+)*", re.ASCII)
_MEANT: Final = frozenset(
    {"null", "true", "false", "nan", "inf", "yes", "no", "on", "off", "y", "n"}
)
_ESCAPES: Final = {'"': '\\"', "\\": "\\\\", "\n": "\\n", "\t": "\\t", "\r": "\\r"}
_BYTE, _SHORT = 0xFF, 0xFFFF


class Row(Struct, frozen=True):
    """One key with its value, and why; ``above``: said before it, for a row that is left out too.

    A value that is a `Table` or a tuple of `Item` goes over several lines, all else over one.
    """

    key: Any
    value: Any
    why: str = ""
    above: tuple[str, ...] = ()


class Item(Struct, frozen=True):
    """One item of a list."""

    value: Any
    why: str = ""


class Table(Struct, frozen=True):
    """Rows in the order in which they are written. ``below``: comments at the end."""

    rows: tuple[Row, ...]
    below: tuple[str, ...] = ()


def meant(value: Any) -> Any:
    """What the file says, comments aside."""
    match value:
        case Table():
            return {row.key: meant(row.value) for row in value.rows}
        case tuple():
            return [meant(item.value) for item in value]
    return value


def text_of(table: Table, head: Sequence[str] = ()) -> str:
    """The file; raises `ValueError` where it would not read back as it is meant."""
    lines = [*_comments(head, 0), *_table(table, 0)]
    text = "\n".join(lines) + "\n"
    if repr(parse(text, "proposal").value or {}) != repr(meant(table)):
        msg = "the proposal does not read back as it is meant"
        raise ValueError(msg)
    return text


def _table(table: Table, indent: int) -> Iterator[str]:
    for row in table.rows:
        yield from _comments(row.above, indent)
        yield from _row(row, indent)
    yield from _comments(table.below, indent)


def _row(row: Row, indent: int) -> Iterator[str]:
    start = " " * indent + flow(row.key) + ":"
    match row.value:
        case Table() if row.value.rows:
            yield from _with(start, row.why, indent)
            yield from _table(row.value, indent + 2)
        case tuple() if row.value:
            yield from _with(start, row.why, indent)
            for item in row.value:
                yield from _with(f"{' ' * indent}  - {flow(item.value)}", item.why, indent + 2)
        case _:
            yield from _with(f"{start} {flow(meant(row.value))}", row.why, indent)


def _with(line: str, why: str, indent: int) -> Iterator[str]:
    """The line with its comment, or after it."""
    said = plainly(why)
    if said and len(line) + len(said) + 6 <= WIDTH:
        yield f"{line}    # {said}"
        return
    yield from _comments([why] if why else [], indent)
    yield line


def _comments(said: Sequence[str], indent: int) -> Iterator[str]:
    for one in said:
        for line in textwrap.wrap(plainly(one), WIDTH - indent - 2) or [""]:
            yield f"{' ' * indent}# {line}".rstrip()


def plainly(text: str) -> str:
    """On one line: what cannot be printed is escaped."""
    return "".join(c if c.isprintable() else _escaped(c) for c in text)


def flow(value: Any) -> str:
    """A value on one line."""
    match value:
        case None:
            return "null"
        case bool():
            return "true" if value else "false"
        case int():
            return str(value)
        case dict():
            inside = (f"{flow(key)}: {flow(item)}" for key, item in value.items())
            return f"{{{', '.join(inside)}}}"
        case list() | tuple():
            return f"[{', '.join(map(flow, value))}]"
    return _quoted(str(value))


def _quoted(text: str) -> str:
    plain = _PLAIN.fullmatch(text) and text.casefold() not in _MEANT
    return text if plain else f'"{"".join(map(_written, text))}"'


def _written(character: str) -> str:
    if character in _ESCAPES:
        return _ESCAPES[character]
    return character if character.isprintable() else _escaped(character)


def _escaped(character: str) -> str:
    code = ord(character)
    if code <= _BYTE:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code <= _SHORT else f"\\U{code:08x}"
