"""The tree of a compiled expression, read from the bytes that CEL makes of it (``CheckedExpr``)."""

from collections.abc import Callable, Mapping, Sequence
from typing import Literal

from msgspec import Struct

Kind = Literal["const", "ident", "select", "call", "list", "table", "loop"]


class Node(Struct, frozen=True):
    """One part.

    ``name``: of a name, a key, a function, or of what a loop calls its item. ``made``: what a loop
    calls what it has so far. ``text``, ``number``: of a constant. ``parts``: of a loop what it goes
    over, what it starts with, its condition, its step and its result; of a call all that it is
    given, the value before the dot first.
    """

    kind: Kind
    name: str = ""
    parts: tuple["Node", ...] = ()
    made: str = ""
    text: bytes = b""
    is_text: bool = False
    number: int = 0


def tree(serialized: bytes) -> Node:
    """The tree of an expression, as the library gives it away."""
    checked = _bytes(_read(serialized), 2)  # wrapped into a message that says what it is
    return _node(_bytes(_read(checked), 4))


Message = Mapping[int, Sequence[bytes | int]]


def _node(data: bytes) -> Node:
    message = _read(data)
    for number, made in _KINDS.items():
        if number in message:
            return made(_read(_bytes(message, number)))
    return Node("const")


def _nodes(message: Message, *numbers: int) -> tuple[Node, ...]:
    return tuple(
        _node(data) for n in numbers for data in message.get(n, ()) if isinstance(data, bytes)
    )


def _const(message: Message) -> Node:
    text = _bytes(message, 6) or _bytes(message, 7)
    whole = message.get(3, (0,))[0]
    number = whole if isinstance(whole, int) and whole < 2**63 else 0
    return Node("const", text=text, is_text=6 in message, number=number)  # noqa: PLR2004


def _call(message: Message) -> Node:
    target, arguments = _nodes(message, 1), _nodes(message, 3)
    return Node("call", _text(message, 2), (*target, *arguments))


def _table(message: Message) -> Node:
    entries = (_read(data) for data in message.get(2, ()) if isinstance(data, bytes))
    return Node("table", parts=tuple(part for entry in entries for part in _nodes(entry, 3, 4)))


def _loop(message: Message) -> Node:
    return Node("loop", _text(message, 1), _nodes(message, 2, 4, 5, 6, 7), _text(message, 3))


_KINDS: Mapping[int, Callable[[Message], Node]] = {
    3: _const,
    4: lambda message: Node("ident", _text(message, 1)),
    5: lambda message: Node("select", _text(message, 2), _nodes(message, 1)),
    6: _call,
    7: lambda message: Node("list", parts=_nodes(message, 1)),
    8: _table,
    9: _loop,
}
"""By the number of the field in which it lies."""


def _bytes(message: Message, number: int) -> bytes:
    value = message.get(number, (b"",))[-1]
    return value if isinstance(value, bytes) else b""


def _text(message: Message, number: int) -> str:
    return _bytes(message, number).decode()


_FIXED = {1: 8, 5: 4}
"""Bytes of the values of these wire types."""


def _read(data: bytes) -> dict[int, list[bytes | int]]:
    """The fields of a message of protocol buffers, by their numbers."""
    fields: dict[int, list[bytes | int]] = {}
    at = 0
    while at < len(data):
        tag, at = _varint(data, at)
        wire = tag & 7
        value: bytes | int
        value, at = (0, at) if wire in _FIXED else _varint(data, at)
        if wire != 0:
            length = _FIXED.get(wire, value)
            value, at = data[at : at + length], at + length
        fields.setdefault(tag >> 3, []).append(value)
    return fields


def _varint(data: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = data[at]
        value, at, shift = value | (byte & 0x7F) << shift, at + 1, shift + 7
        if byte < 0x80:  # noqa: PLR2004
            return value, at
