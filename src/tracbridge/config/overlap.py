"""Connections that would get into each other's way: the same folders, or the same orders."""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

from msgspec import Struct

from tracbridge.config.settings import FOLDER, Settings, placed
from tracbridge.domain.errors import shown

Where = Callable[[str], str]
"""``file:line`` of a connection, by its name."""


class Hides(Protocol):
    """Whether a part of the connection of that name stands in no message."""

    def __call__(self, name: str, *way: str) -> bool:
        """``way``: the keys that lead to it."""


def _nothing(name: str, *way: str) -> bool:  # noqa: ARG001
    return False


SAID = ("database", "collection")
FOLDERS = ("inbound", "outbound", "archive", "quarantine")


class Folder(Struct, frozen=True):
    """One folder of one connection, its place as the parts of an absolute path; ``written``: as
    it may be shown, "" where it may not.
    """

    parts: tuple[str, ...]
    connection: str
    key: str
    written: str

    def __str__(self) -> str:
        written = f" ({shown(self.written)})" if self.written else ""
        return f"{self.connection}.customer.{self.key}{written}"


def overlaps(
    connections: Sequence[Settings], where: Where, hides: Hides = _nothing
) -> Iterator[str]:
    """One sentence for each two connections of which one would take what is the other's."""
    yield from _folders(connections, where, hides)
    groups: dict[tuple[str, str, str], list[Settings]] = {}
    for one in connections:
        place = (server_of(one.mongo_uri), one.mongo_database, one.mongo_collection)
        groups.setdefault(place, []).append(one)
    for (server, database, collection), group in groups.items():
        for one, other in _same_orders(group):
            at = f"{database}.{collection}" + (f" at {server}" if one.mongo_uri else "")
            if any(hides(c.name, "tracos", key) for c in (one, other) for key in SAID):
                at = "one collection"
            yield (
                f"{where(one.name)}: connections {other.name} and {one.name} work on the same "
                f"orders of {at}; give each a tracos.filter with another value of one field, or "
                "another collection."
            )


_SERVERS = re.compile(r"[a-z+]+://(?:[^/]*@)?([^/?]*)")
_SERVER = re.compile(r"(\[[^\]]*\]|[^:]*)(?::(\d+))?")
_LOCAL = {"localhost": "127.0.0.1", "[::1]": "127.0.0.1"}


def server_of(uri: str | None) -> str:
    """The same text for addresses of one server, however they are spelt, and without a password.

    Where none is given, this machine's is taken first.
    """
    found = _SERVERS.match((uri or "").lower())
    hosts = (_SERVER.fullmatch(host) for host in (found[1] if found else "localhost").split(","))
    named = ((host[1], host[2] or "27017") for host in hosts if host)
    return ",".join(sorted(f"{_LOCAL.get(name, name)}:{port}" for name, port in named))


def _folders(connections: Iterable[Settings], where: Where, hides: Hides) -> Iterator[str]:
    """Folders that are the same, or of which one lies inside another's."""
    above: list[Folder] = []
    for folder in sorted(
        (f for one in connections for f in _of(one, hides)), key=lambda f: f.parts
    ):
        while above and folder.parts[: len(above[-1].parts)] != above[-1].parts:
            above.pop()
        for other in above:
            if how := _meets(folder, other):
                yield (
                    f"{where(folder.connection)}: {folder} {how} {other}; "
                    "give each connection folders of its own."
                )
                break
        above.append(folder)


def _of(one: Settings, hides: Hides) -> Iterator[Folder]:
    if one.connector != FOLDER:
        return
    for key in FOLDERS:
        path: Path = getattr(one, f"{key}_dir")
        # A folder that is not said lies beside the inbound one.
        hidden = hides(one.name, "customer", key) or hides(one.name, "customer", "inbound")
        yield Folder(Path(placed(path)).parts, one.name, key, "" if hidden else str(path))


def _meets(folder: Folder, other: Folder) -> str:
    """How the folder gets into the other's way, "" if it does not."""
    if folder.parts == other.parts:
        return "is the same folder as"
    own = folder.connection == other.connection
    if own and not (folder.key == "outbound" and other.key == "inbound"):
        return ""
    return "lies inside"


Filter = Mapping[str, Any]


def _same_orders(group: Sequence[Settings]) -> Iterator[tuple[Settings, Settings]]:
    """Pairs of connections to one collection whose filters can match the same document."""
    kinds: dict[tuple[str, ...], dict[tuple[Any, ...], Settings]] = {}
    for one in group:
        keys = tuple(sorted(one.tracos_filter))
        values = _values(one.tracos_filter, keys)
        for known, there in kinds.items():
            both = tuple(key for key in keys if key in known)
            if known == keys:
                other = there.get(values)
            else:
                alike = (o for o in there.values() if _alike(o, one, both))
                other = next(alike, None)
            if other:
                yield one, other
                break
        kinds.setdefault(keys, {}).setdefault(values, one)


def _alike(one: Settings, other: Settings, keys: Iterable[str]) -> bool:
    names = tuple(keys)
    return _values(one.tracos_filter, names) == _values(other.tracos_filter, names)


def _values(owner: Filter, keys: Iterable[str]) -> tuple[Any, ...]:
    """MongoDB takes 1 and 1.0 for equal, and no bool for either."""
    return tuple((isinstance(owner[key], bool), owner[key]) for key in keys)
