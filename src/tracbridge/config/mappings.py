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
    """

    spec: Mapped
    digest: str
    words: str
    files: tuple[Path, ...] = ()


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


Where = Callable[[Way], str]
"""``file:line`` of a place in what was given."""


def source(given: Any, root: Path, where: Where) -> Source:
    """The mapping that ``given`` means: a preset's name, a file below ``root``, or a table.

    A table or a file may say ``use`` to take a preset and change parts of it; null takes a part
    away. Raises `SettingError` with a line for each thing that is wrong.
    """
    reader = _Reader(root, where)
    value = reader.merged(given)
    words = spelt(value)
    digest = sha256(words.encode()).hexdigest()[:12]
    return Source(reader.spec(value), digest, words, tuple(reader.files))


def spelt(value: Any) -> str:
    """A table as JSON, the same whenever it says the same; keys of tables keep their kind."""
    return msgspec.json.encode(_listed(value)).decode()


def _listed(value: Any) -> Any:
    """A table as a list of pairs, in the order of its keys: JSON knows only texts as keys."""
    if isinstance(value, dict):
        pairs = sorted(value.items(), key=lambda pair: (str(type(pair[0])), str(pair[0])))
        return {"=": [[key, _listed(item)] for key, item in pairs]}
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


class _Reader:
    """One mapping; ``layers``: where its parts are written, the last one first."""

    def __init__(self, root: Path, where: Where) -> None:
        self.root, self.where = root, where
        self.files: list[Path] = []
        self.layers: list[tuple[Callable[[Way], bool], Where]] = []

    def merged(self, given: Any) -> dict[Any, Any]:
        """All layers as one table."""
        if isinstance(given, str):
            return self._named(given)
        if not isinstance(given, dict):
            raise SettingError(f"{self.where(())}: mapping is a preset, a file or a table.")
        self.layers.append((lambda way: _has(given, way), self.where))
        return self._layered(given)

    def _layered(self, own: dict[Any, Any]) -> dict[Any, Any]:
        use = own.get("use")
        rest = {key: value for key, value in own.items() if key != "use"}
        return overlaid(self._named(str(use)), rest) if use is not None else rest

    def _named(self, name: str) -> dict[Any, Any]:
        if not name.endswith((".yaml", ".yml")):
            try:
                file = preset(name)
            except SettingError as error:
                raise SettingError(f"{self.where(())}: {error}") from None
        else:
            self.files.append(self.root / name)
            file = read(self.root / name, name)
        if not isinstance(file.value, dict):
            raise SettingError(f"{file.name}:1: is no table of keys and values.")
        self.layers.append((lambda way: way in file.lines, file.place))
        return self._layered(file.value)

    def place(self, way: Way) -> str:
        """Where that part is written, in the uppermost layer that has it."""
        while way:
            for has, where in self.layers:
                if has(way):
                    return where(way)
            way = way[:-1]
        return self.layers[0][1](())

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
            yield told(str(error), kind, way, self.place)


def told(text: str, kind: Any, way: Way, place: Where) -> str:
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
    what = _AT.sub("", text)
    return f"{place(full)}: {path}: {what[:1].lower()}{what[1:]}."


def compile_mapping(source: Source, around: Surroundings, where: Where) -> Declared:
    """The mapping, ready for use; raises `SettingError` with a line for each wrong thing."""
    try:
        return compiled(source.spec, around)
    except MappingError as error:
        lines = (f"{where(w.way)}: {'.'.join(map(str, w.way))}: {w.what}." for w in error.wrong)
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
