"""Connections from files: ``tracbridge.yaml`` and ``connections/NAME.yaml`` beside it.

Where neither is there, the environment makes the one connection ``default``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from tracbridge.config import envfile, names
from tracbridge.config.mappings import source
from tracbridge.config.overlap import overlaps
from tracbridge.config.references import resolve
from tracbridge.config.rules import listed, rule_source
from tracbridge.config.settings import FieldRule, Settings, Tenant, complete, load, slips
from tracbridge.config.settings import read as read_rows
from tracbridge.config.table import TABLE
from tracbridge.config.tables import tables_of
from tracbridge.config.translations import translation_of
from tracbridge.config.yamlfile import Way, YamlFile, read
from tracbridge.domain.errors import SettingError, shown
from tracbridge.mapping.declared import Declared
from tracbridge.mapping.route import Graph
from tracbridge.mapping.spec import CORE
from tracbridge.mapping.tracos import TRACOS_FIELDS

if TYPE_CHECKING:
    from tracbridge.config.model import Connection, Transitions, Whole

FILE, FOLDER = "tracbridge.yaml", "connections"
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


def configured(environ: Mapping[str, str], here: Path) -> Configuration:
    """Everything that the files, or else the environment, say.

    Raises one `SettingError` with a line for each thing that is wrong.
    """
    root = here / environ.get(WHERE, "")
    if not found(root):
        return Configuration((load(environ, here / ".env"),))
    return _Reader(environ, here, root).configuration()


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
    """One reading of all files; ``wrong`` gathers what is not accepted."""

    def __init__(self, environ: Mapping[str, str], here: Path, root: Path) -> None:
        self.here, self.root = here, root
        self.wrong: list[str] = []
        self.hidden: set[tuple[str, Way]] = set()
        self.files = found(root)
        self.more: list[Path] = []
        self.environ = self._environment(environ)
        self.top: YamlFile | None = None
        self.written: dict[str, Written] = {}

    def _environment(self, environ: Mapping[str, str]) -> Mapping[str, str]:
        """The environment over ``.env``; what a file has to say is refused there."""
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
        return {**values, **environ}

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
            self.wrong += overlaps(connections, self._where)
        if self.wrong:
            raise SettingError("\n".join(dict.fromkeys(self.wrong)))
        files = tuple(dict.fromkeys([*self.files, *self.more]))
        return Configuration(connections, tenants, files, self.root)

    def _settings(self, name: str, one: Connection, shared: Mapping[str, Any]) -> Settings | None:
        """One connection; None where it is not to work, or something is wrong with it."""

        def where(part: str) -> Callable[[Way], str]:
            return lambda way: self._place_of(("connections", name, part, *way))

        try:
            mapping = source(one.mapping, self.root, where("mapping"))
            self.more += mapping.files
            tables = tables_of(one.tables, self.root, where("tables"), self.more)
            rules = rule_source(listed(one.rules), self.root) if one.rules else None
            self.more += rules.files if rules else ()
            settings = settings_of(name, one, shared, mapping=mapping, tables=tables, rules=rules)
            mapped = translation_of(settings, where("mapping"))
        except SettingError as error:
            self.wrong += str(error).splitlines()
            return None
        here = lambda way: self._place_of(("connections", name, *way))  # noqa: E731
        self.wrong += strangers(settings, mapped, here)
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
        own = file.value.get("connections") or {}
        for name, value in own.items() if isinstance(own, dict) else ():
            body = value if isinstance(value, dict) else {}
            self._add(str(name), Written(file, ("connections", name), body))

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

        self.wrong += [line for one in self.written.values() for line in self._bare_secret(one)]
        value = dict(self.top.value) if self.top else {}
        merged = {name: deeply(self._defaults, one.value) for name, one in self.written.items()}
        try:
            return Whole.model_validate({**value, "connections": merged})
        except ValidationError as error:
            self.wrong += [self._told(Whole, one) for one in error.errors()]
            return None

    def _bare_secret(self, one: Written) -> Iterator[str]:
        """Passwords are never written into a file that people copy and keep."""
        tables = [(one.file, (*one.way, "tracos", "uri"), one.value)]
        for file, way, value in tables:
            tracos = value.get("tracos")
            uri = tracos.get("uri") if isinstance(tracos, dict) else None
            if isinstance(uri, str) and "@" in uri and (file.name, way) not in self.hidden:
                yield (
                    f"{file.place(way)}: {'.'.join(map(str, way))}: holds a password; write "
                    "${env:NAME} or ${file:PATH} instead, and the value there."
                )

    def _told(self, model: type, error: Any) -> str:
        way: Way = tuple(step for step in error["loc"] if step != "[key]")
        place = self._place_of(way)
        from tracbridge.config.refusal import sentence, told  # noqa: PLC0415

        path = ".".join(map(str, way)) or "the file"
        value = "" if self._secret(way) else told(error.get("input"))
        return f"{place}: {path}: {sentence(model, error, value)}"

    def _place_of(self, way: Way) -> str:
        if way[:1] == ("connections",) and len(way) > 1 and str(way[1]) in self.written:
            return self.written[str(way[1])].place(way[2:], self.top)
        return self.top.place(way) if self.top else self.files[0].name

    def _secret(self, way: Way) -> bool:
        """A reference stood there, or it is where a password may stand."""
        ways = {(self.top.name, way)} if self.top else set()
        if way[:1] == ("connections",) and len(way) > 1 and str(way[1]) in self.written:
            one = self.written[str(way[1])]
            ways |= {(one.file.name, (*one.way, *way[2:]))}
            ways |= {(self.top.name, ("defaults", *way[2:]))} if self.top else set()
        return way[-1:] == ("uri",) or not ways.isdisjoint(self.hidden)

    def _where(self, name: str) -> str:
        """Where a connection begins."""
        one = self.written[name]
        return one.file.place(one.way)

    def _shared(self, whole: Whole) -> Mapping[str, Any]:
        """The settings that the environment may still say, with what the file says of the log."""
        rows = [row for row in TABLE if not row.key]
        values, wrong = read_rows(rows, self.environ, {}, "")
        self.wrong += wrong
        log = {"log_level": whole.log.level, "log_format": whole.log.format}
        return {**values, **{name: value for name, value in log.items() if value}}

    def _strangers(
        self, connections: Iterable[Settings], tenants: Mapping[str, Tenant]
    ) -> Iterator[str]:
        """Tenants that nobody has introduced, where some are."""
        for one in connections:
            if tenants and one.tenant not in tenants:
                near = names.nearest(one.tenant, tenants)
                place = self._place_of(("connections", one.name, "tenant"))
                yield (
                    f"{place}: connections.{one.name}.tenant: {shown(one.tenant)} is not among the "
                    f"tenants; the nearest is {near}."
                )


def deeply(under: Mapping[Any, Any], over: Mapping[Any, Any]) -> dict[Any, Any]:
    """``over`` with what only ``under`` says, table by table."""
    merged = {**under, **over}
    for key in under.keys() & over.keys():
        if isinstance(under[key], dict) and isinstance(over[key], dict):
            merged[key] = deeply(under[key], over[key])
    return merged


def strangers(settings: Settings, mapped: Declared, where: Callable[[Way], str]) -> Iterator[str]:
    """What the connection says of fields that its mapping does not have, or fixes for TracOS."""
    known = {*CORE, *mapped.names}
    for name in settings.fields.keys() - known:
        near = names.nearest(name, known)
        yield f"{where(('fields', name))}: fields.{name}: is no field here. The nearest is {near}."
    taken = {*TRACOS_FIELDS, *(path.partition(".")[0] for path in mapped.tracos.names)}
    for name in settings.tracos_filter.keys() & taken:
        yield (
            f"{where(('tracos', 'filter', name))}: tracos.filter.{name}: changes with the order; "
            "name a field that says whose it is."
        )


def settings_of(name: str, one: Connection, shared: Mapping[str, Any], **read: Any) -> Settings:
    """One connection of a file, over what the environment says for all; ``read``: what it names."""
    customer, tracos = one.customer, one.tracos
    said = {
        "mongo_uri": tracos.uri,
        "mongo_database": tracos.database,
        "mongo_collection": tracos.collection,
        "mongo_max_retries": one.retries.max,
        "mongo_retry_delay": one.retries.delay,
        "state_database": one.state_database,
    }
    values = {
        **shared,
        **{field: value for field, value in said.items() if value is not None},
        "inbound_dir": customer.inbound,
        "outbound_dir": customer.outbound,
        "archive_dir": customer.archive,
        "quarantine_dir": customer.quarantine,
        "inbound_mode": customer.mode,
        "settle_seconds": customer.settle_seconds,
        "max_file_mb": customer.max_file_mb,
        "file_mode": customer.file_mode,
        "zone": one.zone,
        "conflict_policy": one.conflicts.policy,
        "delete_conflict": one.conflicts.delete,
        "first_contact": one.conflicts.first_contact,
        "acknowledge_inbound": one.acknowledge.receipts,
        "ack": one.acknowledge.by,
        "mass_removals": one.guards.removals,
        "mass_completions": one.guards.completions,
        "mass_acknowledgements": one.guards.acknowledgements,
        "archive_retention_days": one.retention.archive_days,
        "history_retention_days": one.retention.history_days,
    }
    rules = {
        field: FieldRule(owner=r.owner, direction=r.direction, conflict=r.conflict)
        for field, r in one.fields.items()
    }
    return Settings(
        name=name,
        tenant=one.tenant,
        in_file=True,
        tracos_filter=one.tracos.filter,
        create=frozenset(one.create),
        fields=rules,
        every=one.every,
        legal=legal(tracos.transitions),
        expect=customer.expect,
        **complete(values),
        **read,
    )


def legal(given: Transitions | None) -> Graph | None:
    """TracOS's own transitions, as the file says them."""
    if given is None:
        return None
    steps: dict[str, list[str]] = {start: list(ends) for start, ends in given.steps.items()}
    return Graph(steps, frozenset(given.irreversible), frozenset(given.allow))
