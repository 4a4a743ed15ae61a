"""The mapping of a connection: as it counts, its versions, what it loses. Writes nothing."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from threading import Lock
from typing import Any

import msgspec
import yaml
from msgspec import Struct

from tracbridge.bootstrap import Service
from tracbridge.config.mappings import Source, from_words, value_of
from tracbridge.config.rules import RuleSource
from tracbridge.config.rules import from_words as rules_from
from tracbridge.config.settings import Settings
from tracbridge.config.translations import translation_of
from tracbridge.config.yamlfile import Way
from tracbridge.desk.errors import UnknownError
from tracbridge.desk.texts import harmless
from tracbridge.domain.errors import ConfigError
from tracbridge.proof.lint import Finding, findings

LOOKED = 100_000
"""Changes, the latest ones, among which versions are looked for."""

HIDDEN = "(hidden: it came by a reference)"

UNCOMMON = 6
"""Characters of a secret from which on it is hidden inside other texts too."""

CHECKED = 100
"""Mappings whose check is remembered."""


class Version(Struct, frozen=True):
    """A mapping, perhaps with rules over it, and what this connection did by them.

    ``version``: the digest of the mapping, or ``mapping+rules``, as it stands with each change.
    ``first``, ``last``: when changes were made by it; None where none is on record.
    """

    version: str
    first: datetime | None
    last: datetime | None
    changes: int
    current: bool

    @property
    def mapping(self) -> str:
        """The digest of the mapping."""
        return self.version.partition("+")[0]

    @property
    def rules(self) -> str:
        """The digest of the rules, "" without any."""
        return self.version.partition("+")[2]

    def json(self) -> dict[str, Any]:
        """For programs."""
        parts = {"mapping": self.mapping, "rules": self.rules or None}
        return {**msgspec.structs.asdict(self), **parts}


# -- as it counts ------------------------------------------------------------------------------


def mapping_json(service: Service) -> dict[str, Any]:
    """The mapping in use: all layers put together, as a value and as YAML.

    ``files``: by their names below the configuration. Values that came by a reference are hidden.
    """
    source = service.settings.mapping
    value = without_secrets(source)
    return {
        "connection": service.name,
        "name": service.connection.translation.name,
        "version": service.connection.version,
        "files": names_of(source.files, service.settings.root),
        "value": value,
        "text": in_yaml(value),
    }


def names_of(files: tuple[Path, ...], root: Path) -> list[str]:
    """Files by their names below ``root``; of one elsewhere the last part of its name alone."""
    return [
        path.relative_to(root).as_posix() if path.is_relative_to(root) else path.name
        for path in files
    ]


def in_yaml(value: Any) -> str:
    """The mapping as a file that says the same, its tables in the order in which they count."""
    text: str = yaml.safe_dump(value, allow_unicode=True, sort_keys=False, width=100)
    return text


def without_secrets(source: Source, known: Source | None = None) -> Any:
    """The whole mapping, `HIDDEN` in place of what came by a reference.

    Of an earlier version nobody knows any more what did: what does so in ``known``, by its place or
    by its value, is hidden there too.
    """
    known = known or source
    shown = _hidden(value_of(source.words), known.places.secret)
    return concealed(shown, secrets_of(known))


def secrets_of(source: Source) -> frozenset[str]:
    """The texts that came into it by a reference."""
    found = _leaves(value_of(source.words))
    return frozenset(
        text for way, text in found if isinstance(text, str) and text and source.places.secret(way)
    )


def concealed(value: Any, secrets: frozenset[str]) -> Any:
    """The same tables and lists, `HIDDEN` in place of each text that is one of these, or holds one
    that is no common word.
    """
    match value:
        case dict():
            return {key: concealed(inner, secrets) for key, inner in value.items()}
        case list():
            return [concealed(inner, secrets) for inner in value]
        case str() if value in secrets:
            return HIDDEN
        case str():
            for secret in secrets:
                value = value.replace(secret, HIDDEN) if len(secret) >= UNCOMMON else value
    return value


def _leaves(value: Any, way: Way = ()) -> Iterator[tuple[Way, Any]]:
    for step, inner in _inside(value):
        yield from _leaves(inner, (*way, step))
    if not isinstance(value, dict | list):
        yield way, value


def _inside(value: Any) -> Iterator[tuple[Any, Any]]:
    if isinstance(value, dict):
        yield from value.items()
    elif isinstance(value, list):
        yield from enumerate(value)


def _hidden(value: Any, hides: Callable[[Way], bool], way: Way = ()) -> Any:
    inner = {step: _hidden(one, hides, (*way, step)) for step, one in _inside(value)}
    match value:
        case dict():
            return inner
        case list():
            return list(inner.values())
    return HIDDEN if hides(way) else value


# -- versions ----------------------------------------------------------------------------------


async def versions_of(service: Service) -> tuple[list[Version], bool]:
    """What the last `LOOKED` changes were made by, the latest use first, and what counts now.

    Also whether that is all: there are no more changes on record.
    """
    now, uses = service.connection.version, await service.state.versions.uses(service.name, LOOKED)
    found = [
        Version(one.version, one.first, one.last, one.changes, one.version == now) for one in uses
    ]
    if not any(one.current for one in found):
        found.insert(0, Version(now, None, None, 0, current=True))
    return found, sum(one.changes for one in uses) < LOOKED


async def version_json(service: Service, version: str) -> dict[str, Any]:
    """The words of a version that this connection uses, or used; ``rules``: null without any.

    Raises `UnknownError` for any other one, also where another connection has it.
    """
    mapping, _, rules = version.partition("+")
    found, _ = await versions_of(service)
    known = {part for one in found for part in (one.mapping, one.rules) if part}
    if not {mapping, *([rules] if rules else [])} <= known:
        raise UnknownError(f"no version {harmless(version)} is on record.")
    value = without_secrets(await source_of(service, mapping), service.settings.mapping)
    return {
        "connection": service.name,
        "version": version,
        "current": version == service.connection.version,
        "value": value,
        "text": in_yaml(value),
        "rules": await _rules_in(service, rules) if rules else None,
    }


async def _rules_in(service: Service, digest: str) -> str:
    return in_yaml(msgspec.to_builtins((await rules_in(service, digest)).rules))


async def source_of(service: Service, digest: str) -> Source:
    """The mapping of that digest; raises `UnknownError` where its words are not kept."""
    current = service.settings.mapping
    if digest == current.digest:
        return current
    words = await service.state.versions.words(digest)
    try:
        if words is not None:
            return from_words(words)
    except (msgspec.MsgspecError, LookupError, TypeError):
        raise UnknownError(
            f"{harmless(digest)} is no version of a mapping, but of rules: say the digest before "
            "the + in tracbridge history NUMBER."
        ) from None
    raise UnknownError(
        f"no mapping of version {harmless(digest)} is on record: say the digest before the + in "
        "tracbridge history NUMBER."
    )


async def rules_in(service: Service, digest: str) -> RuleSource:
    """The rules of that digest; raises `UnknownError` where their words are not kept."""
    current = service.settings.rules
    if current and digest == current.digest:
        return current
    words = await service.state.versions.words(digest)
    try:
        if words is not None:
            return rules_from(words)
    except msgspec.MsgspecError:
        raise UnknownError(f"{harmless(digest)} is no version of rules.") from None
    raise UnknownError(f"no rules of version {harmless(digest)} are on record.")


async def last_used(service: Service) -> Settings:
    """The settings with the words by which the last change was made; raises `ConfigError`."""
    config, versions = service.settings, service.state.versions
    used = await versions.used(service.name, service.connection.clock.now())
    if used is None:
        raise ConfigError(
            f"connection {service.name} has made no change yet; name what to compare with by "
            "--mapping or --rules."
        )
    mapping, _, rules = used.partition("+")
    try:
        source = await source_of(service, mapping)
        book = await rules_in(service, rules) if rules else rules_from("[]")
    except UnknownError:
        raise ConfigError(f"the words of version {used} are not on record any more.") from None
    return replace(config, mapping=source, rules=book)


# -- check -------------------------------------------------------------------------------------

_CHECKS: dict[tuple[Any, ...], list[Finding]] = {}
_CHECKING = Lock()


def checked(config: Settings) -> list[Finding]:
    """What the mapping loses, leaves open or cannot tell apart, the gravest first.

    It takes a second of one core, once for each mapping; so call it in a thread.
    """
    tables = tuple((name, tuple(table.items())) for name, table in config.tables.items())
    creates, expect = "tracos" in config.create, tuple(config.expect.items())
    key = (config.mapping.digest, str(config.zone), tables, expect, creates)
    with _CHECKING:
        if key not in _CHECKS:
            if len(_CHECKS) >= CHECKED:
                del _CHECKS[next(iter(_CHECKS))]
            mapping = translation_of(config)
            _CHECKS[key] = findings(config.mapping.spec, mapping, creates=creates)
        return _CHECKS[key]
