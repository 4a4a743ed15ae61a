"""References in configuration files: ``${env:NAME}`` and ``${file:PATH}`` stand for a value that is
kept elsewhere, such as a password.
"""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from msgspec import Struct

from tracbridge.config.yamlfile import Way, YamlFile, text_of
from tracbridge.domain.errors import SettingError, shown

_REFERENCE = re.compile(r"\$\{([^}]*)\}")
LARGEST = 65_536
"""Bytes of a file that a reference names; a secret is shorter."""


class Resolved(Struct, frozen=True):
    """A file's values with all references replaced. ``hidden``: where one stood; these values may
    be secret. ``wrong``: one sentence for each that leads nowhere.
    """

    value: Any
    hidden: frozenset[Way]
    wrong: tuple[str, ...]


def resolve(file: YamlFile, environ: Mapping[str, str], root: Path) -> Resolved:
    """Replace each reference; files are looked for relative to ``root``."""
    resolver = _Resolver(file, environ, root)
    value = resolver.walk(file.value, ())
    return Resolved(value, frozenset(resolver.hidden), tuple(resolver.wrong))


class _Resolver:
    def __init__(self, file: YamlFile, environ: Mapping[str, str], root: Path) -> None:
        self.file, self.environ, self.root = file, environ, root
        self.hidden: set[Way] = set()
        self.wrong: list[str] = []

    def walk(self, value: Any, way: Way) -> Any:
        """The value with all references below it replaced."""
        match value:
            case dict():
                return {key: self.walk(item, (*way, key)) for key, item in value.items()}
            case list():
                return [self.walk(item, (*way, index)) for index, item in enumerate(value)]
            case str() if "${" in value:
                self.hidden.add(way)
                if "${" in _REFERENCE.sub("", value):
                    return self.refuse(way, "", "has a ${ that is not closed: write ${env:NAME}")
                return _REFERENCE.sub(lambda found: self.one(found[1], way), value)
        return value

    def one(self, inside: str, way: Way) -> str:
        """What one reference stands for; "" where it leads nowhere."""
        kind, colon, name = inside.partition(":")
        if not colon or kind not in ("env", "file") or not name:
            return self.refuse(way, f"${{{inside}}}", "is neither ${env:NAME} nor ${file:PATH}")
        if kind == "env":
            if not self.environ.get(name):
                return self.refuse(way, f"${{env:{name}}}", "is not set in the environment")
            return self.environ[name]
        try:
            text = text_of(self.root / name, shown(f"${{file:{name}}}"), LARGEST)
        except SettingError as error:
            return self.refuse(way, "", str(error).removesuffix("."))
        return text.removesuffix("\n").removesuffix("\r")

    def refuse(self, way: Way, what: str, why: str) -> str:
        """Put it on the list."""
        path = ".".join(map(str, way))
        named = f"{shown(what)} " if what else ""
        self.wrong.append(f"{self.file.place(way)}: {path}: {named}{why}.")
        return ""
