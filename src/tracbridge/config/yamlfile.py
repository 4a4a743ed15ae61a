"""YAML as people write it: plain values, and the line on which each of them stands.

Read by the rules of YAML 1.2: only ``true`` and ``false`` are bools, so that ``on``, ``no`` and
``yes`` are words; and so are codes with leading zeros, such as ``0640``. Nothing is constructed;
aliases, tags and keys that are there twice are refused.
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
_TAGS = {
    f"tag:yaml.org,2002:{kind}"
    for kind in ("str", "int", "float", "bool", "null", "timestamp", "value", "merge", "seq", "map")
}


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
    try:
        data = file.read_bytes()
        text = data[:LARGEST].decode("utf-8-sig")
    except (OSError, UnicodeError) as error:
        why = getattr(error, "strerror", None) or "it is not UTF-8 text"
        raise SettingError(f"{name} cannot be read: {why}.") from error
    if len(data) >= LARGEST:
        raise SettingError(f"{name} is larger than {LARGEST:,} bytes.")
    return parse(text, name)


def parse(text: str, name: str) -> YamlFile:
    """As `read`, for a text."""
    try:
        top = yaml.compose(text, Loader=yaml.SafeLoader)
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


class _Reader:
    def __init__(self, name: str, lines: dict[Way, int]) -> None:
        self.name, self.lines = name, lines
        self.known: set[int] = set()

    def value(self, node: Node, way: Way) -> Any:
        """The node's value; lines of all below it are noted."""
        if id(node) in self.known:
            raise self.refusal(node, "an alias (*) is not used here: write the value itself")
        self.known.add(id(node))
        if node.tag not in _TAGS:
            raise self.refusal(node, f"the tag {shown(node.tag)} is not used here")
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
        there: set[Any] = set()
        for key, item in node.value:
            if not isinstance(key, ScalarNode) or key.value == "<<":
                raise self.refusal(key, "is no key: write a word or a number")
            name = self.scalar(key)
            if name in there:
                raise self.refusal(key, f"{shown(key.value)} is there twice")
            there.add(name)
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
        if _INT.fullmatch(text) and len(text) < 20:  # noqa: PLR2004 (64 bits)
            return int(text)
        return float(text) if _FLOAT.fullmatch(text) else text

    def refusal(self, node: Node, why: str) -> SettingError:
        """The error at that place."""
        return SettingError(f"{self.name}:{node.start_mark.line + 1}: {why}.")
