"""Rule files, ready for use."""

from collections.abc import Iterator, Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct

from tracbridge.config.mappings import told
from tracbridge.config.places import Places, Where
from tracbridge.config.yamlfile import Way, YamlFile, parse, read
from tracbridge.domain.errors import SettingError
from tracbridge.expression.program import ExpressionError
from tracbridge.rules.book import Book, Written, written
from tracbridge.rules.spec import Rule


class RuleSource(Struct, frozen=True):
    """The rules of a connection as they are written; ``digest``: changes when anything does.
    ``places``: where, by their position.
    """

    rules: tuple[Rule, ...] = ()
    digest: str = ""
    files: tuple[Path, ...] = ()
    places: Places = Places(lambda _: "rules")

    @property
    def words(self) -> str:
        """All rules as JSON."""
        return msgspec.json.encode(self.rules).decode()


def from_words(words: str) -> RuleSource:
    """The rules that were written so, at some time before."""
    rules = msgspec.json.decode(words, type=tuple[Rule, ...])
    return RuleSource(rules, _digest(rules))


def from_text(text: str, name: str = "rules") -> RuleSource:
    """The rules of a text that is written as a rule file is; ``name``: what people call it.

    Raises `SettingError` with a line for each thing that is wrong.
    """
    found, wrong = _of(parse(text, name))
    rules = tuple(rule for rule, _ in found)
    if wrong := [*wrong, *_twice(rules)]:
        raise SettingError("\n".join(wrong))
    return RuleSource(rules, _digest(rules))


def rule_source(files: Sequence[str], root: Path, where: Where = lambda _: "rules") -> RuleSource:
    """All rules of these files; raises `SettingError` with a line for each thing that is wrong."""
    named = where if isinstance(where, Places) else Places(where)
    rules: list[Rule] = []
    places: list[Places] = []
    wrong: list[str] = []
    for index, name in enumerate(files):
        try:
            found, problems = _of(read(root / name, named.called((index,), name)))
        except SettingError as error:
            wrong += str(error).splitlines()
            continue
        rules += [rule for rule, _ in found]
        places += [place for _, place in found]
        wrong += problems
    wrong += _twice(rules)
    if wrong:
        raise SettingError("\n".join(wrong))
    made = tuple(rules)
    paths = tuple(root / name for name in files)
    at = Places(lambda way: places[int(way[0])](way[1:]))
    return RuleSource(made, _digest(made), paths, at)


def _digest(rules: tuple[Rule, ...]) -> str:
    return sha256(msgspec.json.encode(rules)).hexdigest()[:12] if rules else ""


def _of(file: YamlFile) -> tuple[list[tuple[Rule, Places]], list[str]]:
    """The rules of a file, with their places, and what is wrong with the others."""
    value = file.value
    listed = value.get("rules") if isinstance(value, dict) else value
    start: Way = ("rules",) if isinstance(value, dict) else ()
    wrong = [
        f"{file.place((key,))}: {key}: is no key here. The nearest is rules."
        for key in (value if isinstance(value, dict) else ())
        if key != "rules"
    ]
    if not isinstance(listed, list):
        return [], wrong or [f"{file.name}:1: holds no list of rules."]
    rules: list[tuple[Rule, Places]] = []
    for index, one in enumerate(listed):
        way = (*start, index)
        try:
            rule = msgspec.convert(one, Rule)
            written(rule)
            rules.append((rule, _below(file, way)))
        except msgspec.ValidationError as error:
            wrong.append(told(str(error), Rule, way, Places(file.place)))
        except ExpressionError as error:
            wrong.append(f"{file.place(way)}: rule {one.get('name')!r}: {error}.")
    return rules, wrong


def _below(file: YamlFile, start: Way) -> Places:
    return Places(lambda way: file.place((*start, *way)))


def _twice(rules: Sequence[Rule]) -> Iterator[str]:
    names = [rule.name for rule in rules]
    for name in dict.fromkeys(names):
        if names.count(name) > 1:
            yield f"two rules are called {name!r}; give each its own name."


def book_of(source: RuleSource) -> Book:
    """The rules, those that are asked first first."""
    made: list[Written] = [written(rule) for rule in source.rules]
    made.sort(key=lambda one: -one.rule.priority)
    return Book(tuple(made), source.digest)


def listed(value: Any) -> list[str]:
    """The files that a connection names: one, or several."""
    return [value] if isinstance(value, str) else list(value or ())
