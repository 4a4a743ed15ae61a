"""Mappings from files: presets that are shipped, a customer's own, or both in layers."""

import re
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_type_hints

import msgspec
from msgspec import Struct

from tracbridge.config import names
from tracbridge.config.places import Places, Where
from tracbridge.config.yamlfile import Way, YamlFile, read
from tracbridge.domain.errors import SettingError, shown
from tracbridge.mapping.compile import MappingError, compiled
from tracbridge.mapping.declared import Declared
from tracbridge.mapping.lines import Surroundings
from tracbridge.mapping.spec import Line, Mapped

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

PRESETS = Path(__file__).parent.parent / "presets"
FLAGS = "flags"
"""The preset that is used where nothing else is said."""

_UNKNOWN = re.compile(r"Object contains unknown field `([^`]*)`(?: - at `\$(.*)`)?")
_MISSING = re.compile(r"Object missing required field `([^`]*)`(?: - at `\$(.*)`)?")
_AT = re.compile(r" - at `(?:key in )?\$(.*)`$")


class Source(Struct, frozen=True):
    """A mapping as it was written: the whole of it, and the files that it came from.

    ``words``: all layers as one JSON object; ``digest``: changes when anything of it does.
    ``places``: where its parts are written.
    """

    spec: Mapped
    digest: str
    words: str
    files: tuple[Path, ...] = ()
    places: Places = Places(lambda _: "mapping")


def preset_names() -> list[str]:
    """The presets that are shipped."""
    return sorted(path.stem for path in PRESETS.glob("*.yaml"))


@cache
def preset(name: str) -> YamlFile:
    """The preset's words; raises `SettingError` for one that there is not."""
    path = PRESETS / f"{name}.yaml"
    if not re.fullmatch(r"[a-z0-9_]+", name) or not path.is_file():
        near = names.nearest(name, preset_names())
        raise SettingError(f"there is no preset {shown(name)}; the nearest is {near}.")
    return read(path, f"preset {name}")


@cache
def flags_source() -> Source:
    """The mapping of the connection that the environment makes."""
    return source(FLAGS, Path(), lambda _: "preset flags:1")


def source(given: Any, root: Path, where: Where, looked: list[Path] | None = None) -> Source:
    """The mapping that ``given`` means: a preset's name, a file below ``root``, or a table.

    A table or a file may say ``use`` to take a preset and change parts of it; null takes a part
    away. ``looked`` gathers the files. Raises `SettingError` with a line for each thing that is
    wrong.
    """
    reader = _Reader(root, where if isinstance(where, Places) else Places(where))
    try:
        value = reader.merged(given)
    finally:
        if looked is not None:
            looked += reader.files
    words = spelt(value)
    digest = sha256(words.encode()).hexdigest()[:12]
    places = Places(reader.place, reader.secret)
    return Source(reader.spec(value), digest, words, tuple(reader.files), places)


def spelt(value: Any) -> str:
    """A table as JSON; keys of tables keep their kind and their order, which counts in some."""
    return msgspec.json.encode(_listed(value)).decode()


def _listed(value: Any) -> Any:
    """A table as a list of pairs: JSON knows only texts as keys."""
    if isinstance(value, dict):
        return {"=": [[key, _listed(item)] for key, item in value.items()]}
    return [_listed(item) for item in value] if isinstance(value, list) else value


def value_of(words: str) -> dict[str, Any]:
    """The table that was written so."""
    value: dict[str, Any] = _tabled(msgspec.json.decode(words))
    return value


def from_words(words: str) -> Source:
    """The mapping that was written so, at some time before."""
    value = value_of(words)
    digest = sha256(words.encode()).hexdigest()[:12]
    return Source(msgspec.convert(value, Mapped), digest, words)


def _tabled(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _tabled(item) for key, item in value["="]}
    return [_tabled(item) for item in value] if isinstance(value, list) else value


class _Layer(Struct, frozen=True):
    """One of the tables that make up a mapping."""

    has: Callable[[Way], bool]
    places: Places


class _Reader:
    """One mapping; ``layers``: where its parts are written, the last one first."""

    def __init__(self, root: Path, where: Places) -> None:
        self.root, self.where = root, where
        self.files: list[Path] = []
        self.layers: list[_Layer] = []

    def merged(self, given: Any) -> dict[Any, Any]:
        """All layers as one table."""
        if isinstance(given, str):
            return self._named(given, self.where, ())
        if not isinstance(given, dict):
            raise SettingError(f"{self.where(())}: mapping is a preset, a file or a table.")
        return self._layered(given, _Layer(lambda way: _has(given, way), self.where))

    def _layered(self, own: dict[Any, Any], layer: _Layer) -> dict[Any, Any]:
        self.layers.append(layer)
        use = own.get("use")
        rest = {key: value for key, value in own.items() if key != "use"}
        if use is None:
            return rest
        return overlaid(self._named(str(use), layer.places, ("use",)), rest)

    def _named(self, name: str, named: Places, way: Way) -> dict[Any, Any]:
        """The mapping of that name, which is ``named`` there."""
        if name.endswith((".yaml", ".yml")):
            file = self._file(name, named, way)
        elif named.secret(way) and name not in preset_names():
            raise SettingError(f"{named(way)}: there is no preset of the name that is given there.")
        else:
            try:
                file = preset(name)
            except SettingError as error:
                raise SettingError(f"{named(way)}: {error}") from None
        if not isinstance(file.value, dict):
            raise SettingError(f"{file.name}:1: is no table of keys and values.")
        layer = _Layer(lambda way: way in file.lines, Places(file.place))
        return self._layered(file.value, layer)

    def _file(self, name: str, named: Places, way: Way) -> YamlFile:
        path = self.root / name
        called = named.called(way, name)
        if path in self.files:
            raise SettingError(f"{named(way)}: use: {called} is circular: it is in use already.")
        self.files.append(path)
        return read(path, called)

    def place(self, way: Way) -> str:
        """Where that part is written, in the uppermost layer that has it."""
        while way:
            for layer in self.layers:
                if layer.has(way):
                    return layer.places(way)
            way = way[:-1]
        return self.layers[0].places(())

    def secret(self, way: Way) -> bool:
        """What is written there came by a reference."""
        return any(layer.places.secret(way) for layer in self.layers if layer.has(way))

    def spec(self, value: dict[Any, Any]) -> Mapped:
        """The table as a mapping; raises `SettingError` with all that is wrong."""
        try:
            spec = msgspec.convert(value, Mapped)
        except msgspec.ValidationError:
            raise SettingError("\n".join(self._each(value))) from None
        return spec

    def _each(self, value: dict[Any, Any]) -> Iterator[str]:
        """What is wrong, part by part."""
        hints = _kinds(Mapped)
        for key, part in value.items():
            if key not in hints:
                yield f"{self.place((key,))}: {key}: is no key here. {_near(str(key), hints)}"
            elif key == "fields" and isinstance(part, dict):
                for name, line in part.items():
                    yield from self._one(line, Line, ("fields", name))
            else:
                yield from self._one(part, hints[key], (key,))
        for key in ("mapping", "key", "fields"):
            if key not in value:
                yield f"{self.place(())}: {key}: is missing."

    def _one(self, part: Any, kind: Any, way: Way) -> Iterator[str]:
        try:
            msgspec.convert(part, kind)
        except msgspec.ValidationError as error:
            yield told(str(error), kind, way, Places(self.place, self.secret))


def told(text: str, kind: Any, way: Way, place: Places) -> str:
    """What msgspec refuses below ``way``, with file, line, path and the nearest key."""
    found = _UNKNOWN.search(text) or _MISSING.search(text)
    rest = (found[2] if found else (at[1] if (at := _AT.search(text)) else "")) or ""
    inside = tuple(int(s) if s.isdigit() else s for s in re.findall(r"[^.\[\]]+", rest))
    full = (*way, *inside)
    path = ".".join(map(str, full))
    if found and text.startswith("Object contains"):
        near = _near(found[1], _kinds(kind)) if not inside else ""
        where = place((*full, found[1]))
        return f"{where}: {path}.{found[1]}: is no key here. {near}".rstrip()
    if found:
        return f"{place(full)}: {path}.{found[1]}: is missing."
    what = "is not accepted" if place.secret(full) else _AT.sub("", text)
    return f"{place(full)}: {path}: {what[:1].lower()}{what[1:]}."


def compile_mapping(source: Source, around: Surroundings, where: Where) -> Declared:
    """The mapping, ready for use; raises `SettingError` with a line for each wrong thing.

    ``where``: of what the connection adds to it.
    """
    added = where if isinstance(where, Places) else Places(where)
    try:
        return compiled(source.spec, around)
    except MappingError as error:
        lines = []
        for wrong in error.wrong:
            places = added if wrong.way[0] == "expect" else source.places
            # What is wrong in one place may quote another one, such as the zone.
            what = "is not accepted, and not shown" if places.secret(()) else wrong.what
            lines.append(f"{places(wrong.way)}: {'.'.join(map(str, wrong.way))}: {what}.")
        raise SettingError("\n".join(lines)) from None


def zone_named(name: str) -> "ZoneInfo":
    """A time zone by its IANA name; raises `ValueError`."""
    from zoneinfo import ZoneInfo  # noqa: PLC0415 (only where a zone is named)

    try:
        return ZoneInfo(name)
    except (KeyError, OSError, ValueError):
        what = f"there is no time zone {name!r}"
        raise ValueError(what) from None


def overlaid(under: Mapping[Any, Any], over: Mapping[Any, Any]) -> dict[Any, Any]:
    """``over`` on ``under``, table by table; null takes a key away, a list is taken whole.

    A line of ``fields`` that says another form (path, flags, cases) replaces the whole line.
    """
    merged = dict(under)
    for key, value in over.items():
        below = merged.get(key)
        if value is None:
            merged.pop(key, None)
        elif isinstance(value, dict) and isinstance(below, dict) and not _reformed(below, value):
            merged[key] = overlaid(below, value)
        else:
            merged[key] = value
    return merged


_FORMS = {"flags", "cases", "read"}


def _reformed(below: Mapping[Any, Any], over: Mapping[Any, Any]) -> bool:
    """The line is spelt in another way altogether."""
    return bool(_FORMS & over.keys() - below.keys()) or (
        "path" in over and bool(_FORMS & below.keys())
    )


def _has(value: Any, way: Way) -> bool:
    for step in way:
        try:
            value = value[step]
        except (KeyError, IndexError, TypeError):
            return False
    return True


def _kinds(kind: Any) -> dict[str, Any]:
    """The keys of a table, and what each holds."""
    if not (isinstance(kind, type) and issubclass(kind, Struct)):
        return {}
    hints = get_type_hints(kind, include_extras=True)
    pairs = zip(kind.__struct_encode_fields__, kind.__struct_fields__, strict=True)
    return {encoded: hints[name] for encoded, name in pairs}


def _near(name: str, known: Mapping[str, Any]) -> str:
    return f"The nearest is {names.nearest(name, known)}." if known else ""
