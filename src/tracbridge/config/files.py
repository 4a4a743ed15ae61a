"""Connections from files: ``tracbridge.yaml`` and ``connections/NAME.yaml`` beside it.

Where neither is there, the environment makes the one connection ``default``.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from tracbridge.config import envfile, names
from tracbridge.config.connection import settings_of, strangers
from tracbridge.config.mappings import source
from tracbridge.config.overlap import overlaps
from tracbridge.config.places import Places
from tracbridge.config.references import resolve
from tracbridge.config.rules import listed, rule_source
from tracbridge.config.settings import Settings, Tenant, load, slips
from tracbridge.config.settings import read as read_rows
from tracbridge.config.table import TABLE
from tracbridge.config.tables import tables_of
from tracbridge.config.translations import translation_of
from tracbridge.config.yamlfile import Way, YamlFile, read
from tracbridge.domain.errors import SettingError, shown

if TYPE_CHECKING:
    from tracbridge.config.model import Connection, Whole

FILE, FOLDER = "tracbridge.yaml", "connections"
MISNAMED = "tracbridge.yml"
WHERE = "TRACBRIDGE_CONFIG"
"""The variable that names another folder than the current one."""


class Configuration(Struct, frozen=True):
    """All that is configured. ``files``: what it was read from, none where the environment was,
    below ``root``.
    """

    connections: tuple[Settings, ...]
    tenants: Mapping[str, Tenant] = {}
    files: tuple[Path, ...] = ()
    root: Path = Path()

    def state(self) -> tuple[tuple[str, int, int], ...]:
        """Changes when one of the files does, or when one is added or taken away."""
        paths = sorted({*self.files, *found(self.root)})
        return tuple(_stamp(path) for path in paths if path.exists())

    def named(self, name: str) -> Settings:
        """The connection of that name; raises `SettingError` with the nearest one."""
        known = [one.name for one in self.connections]
        if name not in known:
            hint = f"; the nearest is {names.nearest(name, known)}" if known else ""
            raise SettingError(f"there is no connection {shown(name)}{hint}.")
        return self.connections[known.index(name)]


class FilesError(SettingError):
    """Files with mistakes; ``looked``: what was looked at, so that a mended one is noticed."""

    def __init__(self, message: str, looked: Configuration) -> None:
        super().__init__(message)
        self.looked = looked


def configured(environ: Mapping[str, str], here: Path) -> Configuration:
    """Everything that the files, or else the environment, say.

    Raises one `SettingError` with a line for each thing that is wrong; a `FilesError` where it is
    wrong in the files.
    """
    named = environ.get(WHERE, "").strip()
    root = here / named
    if (root / MISNAMED).is_file():
        looked = Configuration((), files=(root / MISNAMED,), root=root)
        raise FilesError(f"{root / MISNAMED} is not read: call it {FILE}.", looked)
    if found(root):
        return _Reader(environ, here, root).configuration()
    if named:
        what = (
            f"{WHERE}={shown(named)}: there is neither {FILE} nor {FOLDER}/NAME.yaml in that "
            "folder; name the right one, or remove the variable."
        )
        raise FilesError(what, Configuration((), root=root))
    return Configuration((load(environ, here / ".env"),))


def _stamp(path: Path) -> tuple[str, int, int]:
    status = path.stat()
    return str(path), status.st_mtime_ns, status.st_size


def found(root: Path) -> tuple[Path, ...]:
    """The configuration files below ``root``."""
    each = sorted([*(root / FOLDER).glob("*.yaml"), *(root / FOLDER).glob("*.yml")])
    return tuple(path for path in (root / FILE, *each) if path.is_file())


class Written(Struct, frozen=True):
    """Where a connection is written: its own place, and the defaults that fill its gaps."""

    file: YamlFile
    way: Way
    value: Mapping[Any, Any]

    def place(self, way: Way, defaults: YamlFile | None) -> str:
        """``file:line`` of a part of the merged connection."""
        inherited = ("defaults", *way)
        if defaults and (*self.way, *way) not in self.file.lines and inherited in defaults.lines:
            return defaults.place(inherited)
        return self.file.place((*self.way, *way))


class _Reader:
    """One reading of all files; ``wrong`` gathers what is not accepted. ``hidden``: where
    references stood; ``above``: there, and in what holds them.
    """

    def __init__(self, environ: Mapping[str, str], here: Path, root: Path) -> None:
        self.here, self.root = here, root
        self.wrong: list[str] = []
        self.hidden: set[tuple[str, Way]] = set()
        self.above: set[tuple[str, Way]] = set()
        self.files = found(root)
        self.more: list[Path] = []
        self.said, self.dotenv = environ, self._dotenv(environ)
        self.environ = {**self.dotenv, **environ}
        self.top: YamlFile | None = None
        self.written: dict[str, Written] = {}

    def _dotenv(self, environ: Mapping[str, str]) -> Mapping[str, str]:
        """What ``.env`` says; what a file has to say is refused there and in the environment."""
        dotenv = self.here / ".env"
        values, wrong = envfile.read(dotenv) if dotenv.exists() else ({}, [])
        self.wrong += [*wrong, *slips(values, f"in {dotenv}")]
        self.wrong += slips(environ, "in the environment")
        for row in TABLE:
            where = "the environment" if environ.get(row.name, "").strip() else str(dotenv)
            given = environ.get(row.name, "").strip() or values.get(row.name, "").strip()
            if given and row.key:
                self.wrong.append(
                    f"{row.name} in {where} has no effect beside {self.files[0].name}: remove it, "
                    f"and say {row.key} in the connection."
                )
        return values

    def configuration(self) -> Configuration:
        """What all of it amounts to; raises `SettingError` with all that is wrong."""
        for path in self.files:
            if file := self._read(path):
                self._place(file, path)
        connections: tuple[Settings, ...] = ()
        tenants: Mapping[str, Tenant] = {}
        if whole := self._validated():
            tenants = {
                n: Tenant(id=n, name=t.name, passes=t.passes) for n, t in whole.tenants.items()
            }
            shared = self._shared(whole)
            made = [self._settings(n, one, shared) for n, one in whole.connections.items()]
            connections = tuple(one for one in made if one)
            self.wrong += self._strangers(connections, tenants)
            self.wrong += overlaps(connections, self._where, self._hides)
        files = tuple(dict.fromkeys([*self.files, *self.more]))
        if self.wrong:
            looked = Configuration((), files=files, root=self.root)
            raise FilesError("\n".join(dict.fromkeys(self.wrong)), looked)
        return Configuration(connections, tenants, files, self.root)

    def _settings(self, name: str, one: Connection, shared: Mapping[str, Any]) -> Settings | None:
        """One connection; None where it is not to work, or something is wrong with it."""

        def at(*start: str) -> Places:
            whole: Way = ("connections", name, *start)
            return Places(
                lambda way: self._place_of((*whole, *way)),
                lambda way: self._secret((*whole, *way)),
            )

        self.wrong += self._bare_secrets(name, one)
        try:
            mapping = source(one.mapping, self.root, at("mapping"), self.more)
            tables = tables_of(one.tables, self.root, at("tables"), self.more)
            self.more += [self.root / file for file in listed(one.rules)]
            rules = rule_source(listed(one.rules), self.root, at("rules")) if one.rules else None
            read = {"mapping": mapping, "tables": tables, "rules": rules, "root": self.root}
            settings = settings_of(name, one, shared, **read)
            mapped = translation_of(settings, at("customer"))
        except SettingError as error:
            self.wrong += str(error).splitlines()
            return None
        self.wrong += strangers(settings, mapped, at())
        return settings if one.enabled else None

    def _read(self, path: Path) -> YamlFile | None:
        try:
            file = read(path, path.relative_to(self.root).as_posix())
        except SettingError as error:
            self.wrong.append(str(error))
            return None
        resolved = resolve(file, self.environ, self.root)
        self.wrong += resolved.wrong
        self.hidden |= {(file.name, way) for way in resolved.hidden}
        self.above |= {one for way in resolved.hidden for one in _upwards(file.name, way)}
        value = {} if resolved.value is None else resolved.value
        if not isinstance(value, dict):
            self.wrong.append(f"{file.name}:1: is no table of keys and values.")
            return None
        return YamlFile(file.name, value, file.lines)

    def _place(self, file: YamlFile, path: Path) -> None:
        """Note which connections the file holds."""
        if path.name != FILE:
            self._add(path.stem, Written(file, (), file.value))
            return
        self.top = file
        own = file.value.get("connections", {})
        if not isinstance(own, dict):
            place = file.place(("connections",))
            self.wrong.append(f"{place}: connections: is not a table of keys and values.")
            return
        for name, value in own.items():
            way = ("connections", name)
            if value is not None and not isinstance(value, dict):
                place = file.place(way)
                what = "is not a table of keys and values"
                self.wrong.append(f"{place}: connections.{name}: {what}.")
            self._add(str(name), Written(file, way, value if isinstance(value, dict) else {}))

    def _add(self, name: str, written: Written) -> None:
        if name in self.written:
            also = self.written[name]
            self.wrong.append(
                f"{written.file.place(written.way)}: connection {shown(name)} is also in "
                f"{also.file.place(also.way)}; give each its own name."
            )
        self.written.setdefault(name, written)

    @property
    def _defaults(self) -> Mapping[Any, Any]:
        value = self.top.value.get("defaults") if self.top else None
        return value if isinstance(value, dict) else {}

    def _validated(self) -> Whole | None:
        """The files as one model, or None where they are none."""
        from pydantic import ValidationError  # noqa: PLC0415 (only where there is a file)

        from tracbridge.config.model import Whole  # noqa: PLC0415

        bodies = list(self.written.values())
        bodies += [Written(self.top, ("defaults",), self._defaults)] if self.top else []
        self.wrong += [line for one in bodies for line in self._bare_secret(one)]
        value = dict(self.top.value) if self.top else {}
        merged = {name: deeply(self._defaults, one.value) for name, one in self.written.items()}
        try:
            return Whole.model_validate({**value, "connections": merged})
        except ValidationError as error:
            self.wrong += [self._told(Whole, one, merged) for one in error.errors()]
            return None

    def _bare_secrets(self, name: str, one: Connection) -> Iterator[str]:
        """The same, of what the connector's settings and the webhooks call a secret."""
        from tracbridge.config.connectors import secrets_in  # noqa: PLC0415

        parts = {"customer": one.customer, "hooks": one.hooks}
        for way in (
            ("connections", name, part, *below)
            for part, value in parts.items()
            for below in secrets_in(value)
        ):
            if not self._referred(way):
                yield (
                    f"{self._place_of(way)}: {'.'.join(map(str, way))}: is a secret; write "
                    "${env:NAME} or ${file:PATH} instead, and the value there."
                )

    def _bare_secret(self, one: Written) -> Iterator[str]:
        """Passwords are never written into a file that people copy and keep."""
        way = (*one.way, "tracos", "uri")
        tracos = one.value.get("tracos")
        uri = tracos.get("uri") if isinstance(tracos, dict) else None
        if isinstance(uri, str) and "@" in uri and (one.file.name, way) not in self.hidden:
            yield (
                f"{one.file.place(way)}: {'.'.join(map(str, way))}: holds a password; write "
                "${env:NAME} or ${file:PATH} instead, and the value there."
            )

    def _told(self, model: type[Whole], error: Any, connections: Mapping[str, Any]) -> str:
        way: Way = tuple(step for step in error["loc"] if step != "[key]")
        place = self._place_of(way)
        from tracbridge.config.refusal import of_system, sentence, told  # noqa: PLC0415

        path = ".".join(map(str, way)) or "the file"
        value = "" if self._secret(way) else told(error.get("input"))
        return f"{place}: {path}: {sentence(*of_system(model, error, connections), value)}"

    def _place_of(self, way: Way) -> str:
        if way[:1] == ("connections",) and len(way) > 1 and str(way[1]) in self.written:
            return self.written[str(way[1])].place(way[2:], self.top)
        return self.top.place(way) if self.top else self.files[0].name

    def _secret(self, way: Way) -> bool:
        """A reference stood there, below it or above it, or it is where a password may stand."""
        return names.may_be_secret(str(way[-1])) or self._referred(way)

    def _referred(self, way: Way) -> bool:
        """A reference stood there, below it or above it."""
        ways = {(self.top.name, way)} if self.top else set()
        if way[:1] == ("connections",) and len(way) > 1 and str(way[1]) in self.written:
            one = self.written[str(way[1])]
            ways |= {(one.file.name, (*one.way, *way[2:]))}
            ways |= {(self.top.name, ("defaults", *way[2:]))} if self.top else set()
        return any(
            (file, inner) in self.above or not self.hidden.isdisjoint(_upwards(file, inner))
            for file, inner in ways
        )

    def _hides(self, name: str, *way: str) -> bool:
        """That part of a connection came by a reference."""
        return self._secret(("connections", name, *way))

    def _where(self, name: str) -> str:
        """Where a connection begins."""
        one = self.written[name]
        return one.file.place(one.way)

    def _shared(self, whole: Whole) -> Mapping[str, Any]:
        """The settings that the environment may still say, with what the file says of the log."""
        rows = [row for row in TABLE if not row.key]
        values, wrong = read_rows(rows, self.said, self.dotenv, f" in {self.here / '.env'}")
        self.wrong += wrong
        usual, _ = read_rows(rows, {}, {}, "")  # so that the rest can be looked at all the same
        log = {"log_level": whole.log.level, "log_format": whole.log.format}
        return {**usual, **values, **{name: value for name, value in log.items() if value}}

    def _strangers(
        self, connections: Iterable[Settings], tenants: Mapping[str, Tenant]
    ) -> Iterator[str]:
        """Tenants that nobody has introduced, where some are."""
        for one in connections:
            if tenants and one.tenant not in tenants:
                near = names.nearest(one.tenant, tenants)
                way = ("connections", one.name, "tenant")
                start = f"{self._place_of(way)}: {'.'.join(way)}:"
                if self._secret(way):
                    yield f"{start} is not among the tenants."
                else:
                    told = f"{shown(one.tenant)} is not among the tenants; the nearest is {near}."
                    yield f"{start} {told}"


def _upwards(file: str, way: Way) -> Iterator[tuple[str, Way]]:
    """The place, and all that it lies in."""
    return ((file, way[:n]) for n in range(len(way) + 1))


def deeply(under: Mapping[Any, Any], over: Mapping[Any, Any]) -> dict[Any, Any]:
    """``over`` with what only ``under`` says, table by table."""
    merged = {**under, **over}
    for key in under.keys() & over.keys():
        if isinstance(under[key], dict) and isinstance(over[key], dict):
            merged[key] = deeply(under[key], over[key])
    return merged
