"""The shape of a customer's records, and how those of today differ from those before. Pure."""

from collections import Counter
from collections.abc import Iterator, Mapping
from enum import StrEnum
from typing import Any, Final

from msgspec import Struct, field

from tracbridge.domain.errors import RecordError
from tracbridge.mapping.declared import Declared
from tracbridge.ports.connector import Record

DEEP: Final = 6
"""Tables within tables that are looked into."""

MANY: Final = 2_000
"""Places that are remembered; a record whose keys are data has no shape."""

KINDS: Final = {
    str: "text",
    bool: "bool",
    int: "number",
    float: "number",
    type(None): "null",
    list: "list",
    dict: "table",
}


class Seen(Struct):
    """One place: in how many records, of which kinds, and one example of each."""

    records: int = 0
    kinds: dict[str, str] = {}


class Shapes(Struct):
    """All places of some records. ``refused``: what the mapping says of those it refuses."""

    records: int = 0
    places: dict[str, Seen] = {}
    refused: Counter[str] = field(default_factory=Counter)
    example: dict[str, str] = {}

    def see(self, record: Record, mapping: Declared) -> None:
        """One record more, whether it can be read or not."""
        where = f"{record.source} {record.pointer}".strip()
        if record.body is None:
            self.refuse(record.error or RecordError("no_body", "carries no content."), where)
        else:
            self.add(record.body, mapping, where)

    def add(self, body: Mapping[str, Any], mapping: Declared, where: str = "") -> None:
        """One record more that could be read."""
        self.walk(body)
        try:
            mapping.from_customer(body)
        except RecordError as error:
            self.refuse(error, where)

    def walk(self, body: Mapping[str, Any]) -> None:
        """The places of one record more."""
        self.records += 1
        counted: set[str] = set()
        for path, kind, value in _walked(body, "", 0):
            if path not in self.places and len(self.places) >= MANY:
                continue
            seen = self.places.setdefault(path, Seen())
            seen.records += path not in counted
            seen.kinds.setdefault(kind, value)
            counted.add(path)

    def refuse(self, error: RecordError, where: str = "") -> None:
        """A record that could not be understood, or not even be read."""
        self.refused[str(error)] += 1
        self.example.setdefault(str(error), where)

    def join(self, other: "Shapes") -> bool:
        """The places of other records too; whether there are any that none of ours had."""
        news = False
        self.records += other.records
        for path, seen in other.places.items():
            if path not in self.places and len(self.places) >= MANY:
                continue
            mine = self.places.setdefault(path, Seen())
            mine.records += seen.records
            news = news or not seen.kinds.keys() <= mine.kinds.keys()
            mine.kinds = {**seen.kinds, **mine.kinds}
        return news

    def bare(self) -> dict[str, Any]:
        """What can be kept for long: places and kinds, and none of the values."""
        places = [[path, seen.records, sorted(seen.kinds)] for path, seen in self.places.items()]
        return {"records": self.records, "places": places}


def kept_shapes(bare: Mapping[str, Any]) -> Shapes:
    """What `Shapes.bare` made; the examples are gone."""
    places = {
        path: Seen(records, dict.fromkeys(kinds, "")) for path, records, kinds in bare["places"]
    }
    return Shapes(bare["records"], places)


def _walked(value: Any, path: str, depth: int) -> Iterator[tuple[str, str, str]]:
    """Each place: its path, kind and value in short; items of a list are one place."""
    if path:
        yield path, KINDS.get(type(value), "other"), repr(value)[:40]
    if depth >= DEEP:
        return
    if isinstance(value, dict):
        for key, item in value.items():
            yield from _walked(item, f"{path}.{key}" if path else str(key), depth + 1)
    elif isinstance(value, list):
        for item in value:
            yield from _walked(item, f"{path}[]", depth + 1)


class Kind(StrEnum):
    """How something differs."""

    REFUSED = "REFUSED"
    """The mapping does not understand it: it would go to quarantine."""
    KIND = "KIND"
    """A place holds another kind of value than ever before."""
    GONE = "GONE"
    """A place that nearly all records had is in none any more."""
    NEW = "NEW"
    """A place that no record had."""


class Drift(Struct, frozen=True):
    """One difference. ``matters``: the mapping reads or writes the place."""

    kind: Kind
    path: str
    what: str
    matters: bool = False


NEARLY_ALL: Final = 0.95


def drift(before: Shapes, now: Shapes, mapping: Declared) -> list[Drift]:
    """How the records of now differ from those before, what matters most first."""
    found = [
        Drift(Kind.REFUSED, now.example.get(text, ""), f"{count:,} x {text}", matters=True)
        for text, count in now.refused.most_common()
    ]
    if before.records and now.records:
        found += _changed(before, now, mapping)
    order = list(Kind)
    return sorted(found, key=lambda one: (not one.matters, order.index(one.kind), one.path))


def _changed(before: Shapes, now: Shapes, mapping: Declared) -> Iterator[Drift]:
    for path, seen in now.places.items():
        was = before.places.get(path)
        matters = _top(path) in mapping.known
        if was is None:
            if _parent(path) in before.places or not _parent(path):
                value = next(iter(seen.kinds.values()))
                what = f"is new, in {seen.records:,} of {now.records:,} records, such as {value}"
                yield Drift(Kind.NEW, path, what, matters)
            continue
        for kind in seen.kinds.keys() - was.kinds.keys():
            usual = " or ".join(sorted(was.kinds))
            what = f"was {usual} and is {kind}, such as {seen.kinds[kind]}"
            yield Drift(Kind.KIND, path, what, matters)
    for path, was in before.places.items():
        if path not in now.places and was.records >= NEARLY_ALL * before.records:
            if _parent(path) and _parent(path) not in now.places:
                continue
            what = f"was in {was.records:,} of {before.records:,} records and is in none"
            yield Drift(Kind.GONE, path, what, _top(path) in mapping.known)


def _top(path: str) -> str:
    return path.partition(".")[0].partition("[")[0]


def _parent(path: str) -> str:
    """The place that holds this one, "" at the top."""
    return path.removesuffix("[]") if path.endswith("[]") else path.rpartition(".")[0]
