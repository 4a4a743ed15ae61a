"""YAML as people write it: plain values, and the line on which each of them stands.

Read by the rules of YAML 1.2: only ``true`` and ``false`` are bools, so that ``on``, ``no`` and
``yes`` are words; and so are codes with leading zeros, such as ``0640``. Nothing is constructed;
aliases, tags, keys that are there twice and integers beyond 64 bits are refused.
"""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml
from msgspec import Struct
from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from tracbridge.domain.errors import SettingError, shown

Way = tuple[str | int, ...]
"""Keys and positions that lead from the top of a file to one of its values."""

DEEPEST = 40
LARGEST = 4_000_000
"""Bytes; a file that people wrote is smaller."""

_NULL = re.compile(r"(?:null|Null|NULL|~|)")
_BOOL = re.compile(r"true|True|TRUE|false|False|FALSE")
_INT = re.compile(r"[-+]?(?:0|[1-9][0-9]*)")
_FLOAT = re.compile(r"[-+]?(?:0|[1-9][0-9]*)?\.[0-9]+(?:[eE][-+]?[0-9]+)?")
_DIGITS = 20
"""Characters of a whole number of 64 bits, with its sign."""


class YamlFile(Struct, frozen=True):
    """What stands in one file. ``lines``: of each key and item, counted from 1."""

    name: str
    value: Any
    lines: Mapping[Way, int]

    def place(self, way: Way) -> str:
        """``file:line`` of the value, or of the last one on the way to it that is there."""
        while way and way not in self.lines:
            way = way[:-1]
        return f"{self.name}:{self.lines.get(way, 1)}"


def read(file: Path, name: str = "") -> YamlFile:
    """The file's values and lines; ``name`` is what people call it.

    Raises `SettingError` with file and line for what is no YAML of this kind.
    """
    name = name or str(file)
    return parse(text_of(file, name), name)


def text_of(file: Path, name: str, most: int = LARGEST) -> str:
    """The file's text, of at most so many bytes; raises `SettingError` under that name."""
    try:
        with file.open("rb") as stream:
            data = stream.read(most + 1)
    except OSError as error:
        raise SettingError(f"{name} cannot be read: {error.strerror}.") from None
    except ValueError:
        what = "a file's name has no NUL, and no half of a surrogate pair"
        called = name if name.isprintable() else shown(name)
        raise SettingError(f"{called} cannot be read: {what}.") from None
    if len(data) > most:
        raise SettingError(f"{name} is larger than {most:,} bytes.")
    try:
        return data.decode("utf-8-sig")
    except UnicodeError:
        raise SettingError(f"{name} cannot be read: it is not UTF-8 text.") from None


def parse(text: str, name: str) -> YamlFile:
    """As `read`, for a text."""
    try:
        top = _Loader(text, name).get_single_node()
    except yaml.YAMLError as error:
        raise SettingError(_told(error, name)) from None
    except RecursionError:
        raise SettingError(f"{name}: is nested deeper than {DEEPEST} levels.") from None
    lines: dict[Way, int] = {(): 1}
    value = _Reader(name, lines).value(top, ()) if top else None
    return YamlFile(name, value, lines)


def _told(error: yaml.YAMLError, name: str) -> str:
    mark = getattr(error, "problem_mark", None)
    problem = getattr(error, "problem", None) or str(error).partition("\n")[0]
    line = f":{mark.line + 1}, column {mark.column + 1}" if mark else ""
    return f"{name}{line}: is no YAML: {problem}."


class _Loader(yaml.SafeLoader):
    """Composes nodes, and refuses what the nodes would not show any more."""

    def __init__(self, text: str, called: str) -> None:
        super().__init__(text)
        self.called = called

    def compose_node(self, parent: Node | None, index: Any) -> Node | None:
        """One node, which is there itself and says nothing of its kind."""
        event: yaml.Event = self.peek_event()  # type: ignore[no-untyped-call]
        if isinstance(event, yaml.AliasEvent):
            what = "an alias (*) is not used here: write the value itself"
            raise _refusal(self.called, event, what)
        if tag := getattr(event, "tag", None):
            raise _refusal(self.called, event, f"the tag {shown(tag)} is not used here")
        return super().compose_node(parent, index)


def _refusal(name: str, at: Node | yaml.Event, why: str) -> SettingError:
    """The error at that place."""
    line = at.start_mark.line + 1 if at.start_mark else 1
    return SettingError(f"{name}:{line}: {why}.")


class _Reader:
    def __init__(self, name: str, lines: dict[Way, int]) -> None:
        self.name, self.lines = name, lines

    def value(self, node: Node, way: Way) -> Any:
        """The node's value; lines of all below it are noted."""
        if len(way) > DEEPEST:
            raise self.refusal(node, f"is nested deeper than {DEEPEST} levels")
        match node:
            case ScalarNode():
                return self.scalar(node)
            case SequenceNode():
                return list(self.items(node, way))
            case MappingNode():
                return dict(self.pairs(node, way))
        raise self.refusal(node, "is neither a value, a list nor a table")

    def items(self, node: SequenceNode, way: Way) -> Iterator[Any]:
        """The list's values."""
        for index, item in enumerate(node.value):
            self.lines[(*way, index)] = item.start_mark.line + 1
            yield self.value(item, (*way, index))

    def pairs(self, node: MappingNode, way: Way) -> Iterator[tuple[Any, Any]]:
        """The table's keys and values."""
        there: dict[Any, ScalarNode] = {}
        for key, item in node.value:
            if not isinstance(key, ScalarNode) or key.value == "<<":
                raise self.refusal(key, "is no key: write a word or a number")
            name = self.scalar(key)
            if name in there:
                raise self.refusal(key, self.double(key, there[name]))
            there[name] = key
            self.lines[(*way, name)] = key.start_mark.line + 1
            yield name, self.value(item, (*way, name))

    def scalar(self, node: ScalarNode) -> Any:
        """A word, a number, true, false or null; in quotes always a word."""
        text: str = node.value
        if node.style is not None:
            return text
        if _NULL.fullmatch(text):
            return None
        if _BOOL.fullmatch(text):
            return text.casefold() == "true"
        if _INT.fullmatch(text):
            return self.whole(node)
        return float(text) if _FLOAT.fullmatch(text) else text

    def whole(self, node: ScalarNode) -> int:
        """A whole number of 64 bits."""
        text: str = node.value
        if len(text) <= _DIGITS and -(2**63) <= int(text) < 2**63:
            return int(text)
        raise self.refusal(node, f"{shown(text)} is beyond 64 bits: put it in quotes")

    def double(self, key: ScalarNode, also: ScalarNode) -> str:
        """Why there cannot be both keys: true and 1 are equal, and so are 1 and 1.0."""
        if type(self.scalar(key)) is type(self.scalar(also)):
            return f"{shown(key.value)} is there twice"
        return f"{shown(key.value)} and {shown(also.value)} count as one key: keep one of them"

    def refusal(self, node: Node, why: str) -> SettingError:
        """The error at that place."""
        return _refusal(self.name, node, why)
