"""How much memory an expression may take at most, told from its tree before it is ever evaluated.

CEL bounds the depth and the turns of an expression, and nothing else; it frees what it made in
between at the end only. So each part of the tree gets two bounds: how large its value may be, and
how much is allocated on the way to it. Both are sums over what goes in (see `Bound`): a part that
multiplies two things that go in, such as a text that is put into itself, has no such bound.

What is taken for granted: a list or table that goes in has at most `ITEMS` items, and loops end
after `TURNS` turns (`program` and CEL see to it).
"""

from collections.abc import Mapping, Sequence
from math import inf
from typing import Final

from msgspec import Struct

from tracbridge.expression.tree import Node

ITEMS: Final = 1_000
"""Items of a list or table that goes in."""

TURNS: Final = 10_000
"""Turns over lists, of all loops together."""

HANDLE: Final = 64
"""Bytes of a value besides its text."""

COPIED: Final = 16
"""Bytes by the square of its length of a list to which items are added one by one."""

NUMBER: Final = 1_400
"""Characters of a number in `format`, at the most digits that it takes."""

Path = tuple[str, ...]
"""A name, or a name and the key behind it."""

Bound = Mapping[Path, float]
"""So many times the size of each of these, in bytes; under `CONSTANT` what does not depend on
them. Loops have names of their own, which stand for their items and are gone when they end.
"""

CONSTANT: Final[Path] = ()

PLAIN: Final = {
    *("_==_", "_!=_", "_<_", "_<=_", "_>_", "_>=_", "!_", "-_", "_-_", "_*_", "_/_", "_%_", "@in"),
    *("_&&_", "_||_", "@not_strictly_false", "size", "contains", "startsWith", "endsWith"),
    *("matches", "indexOf", "lastIndexOf", "int", "uint", "double", "bool", "type"),
    *("timestamp", "duration"),
}
"""What makes a number, a bool or an instant of whatever it is given."""


class Size(Struct, frozen=True):
    """How large a value may be, with all that is in it, and of how many items if it is a list."""

    bytes: Bound
    items: Bound


_NONE: Final[Bound] = {}
_SMALL: Final[Bound] = {CONSTANT: HANDLE}
_PLAIN: Final = Size(_SMALL, _NONE)


class Need(Struct, frozen=True):
    """What an expression needs.

    ``paths``: what it asks of what goes in. ``growth`` and ``rest``: for n bytes of that it takes
    at most ``growth * n + rest`` bytes.
    """

    paths: frozenset[Path]
    growth: float
    rest: float


def need(tree: Node) -> Need:
    """What the expression with this tree needs."""
    measured = _Measured()
    measured.size(tree, {})
    cost = {path: times for path, times in measured.cost.items() if path}
    whole = {path: times for path, times in cost.items() if len(path) == 1}
    # The keys of a table are apart from each other, so that only the one that counts most counts.
    parts = max((times for path, times in cost.items() if len(path) > 1), default=0.0)
    rest = measured.cost.get(CONSTANT, 0.0)
    return Need(frozenset(measured.paths), parts + sum(whole.values()), rest)


def plus(*bounds: Bound) -> Bound:
    """The sum."""
    names = {name for bound in bounds for name in bound}
    return {name: sum(bound.get(name, 0.0) for bound in bounds) for name in names}


def times(bound: Bound, factor: float) -> Bound:
    """That many times as much."""
    return {name: factor * amount for name, amount in bound.items() if amount}


def product(one: Bound, other: Bound) -> Bound:
    """Both multiplied; endless where neither is constant."""
    for bound, factor in ((one, other), (other, one)):
        if not any(amount for name, amount in factor.items() if name):
            return times(bound, factor.get(CONSTANT, 0.0))
    return {CONSTANT: inf}


class _Measured:
    """One walk over a tree; ``cost``: what is allocated, ``paths``: what was asked for, ``outer``:
    how often what is looked at may be evaluated.
    """

    def __init__(self) -> None:
        self.cost: Bound = {}
        self.paths: set[Path] = set()
        self.loops = 0
        self.outer = 1.0

    def size(self, node: Node, inside: Mapping[str, Size]) -> Size:
        """The value of a part; ``inside``: what the names of loops stand for there."""
        if node.kind == "const":
            return Size({CONSTANT: len(node.text) + HANDLE}, _NONE)
        if node.kind == "ident" and node.name in inside:
            return inside[node.name]
        match node.kind:
            case "ident" | "select" | "call" if path := _path(node, inside):
                self.paths.add(path)
                return Size({path: 1.0}, {CONSTANT: ITEMS})
            case "select" | "call":
                return self.call(node, [self.size(part, inside) for part in node.parts])
            case "loop":
                return self.loop(node, inside)
        return self.several(node, inside)

    def several(self, node: Node, inside: Mapping[str, Size]) -> Size:
        """A list or table that is written in the expression: it holds its items, no copies."""
        sizes = [self.size(part, inside) for part in node.parts]
        self.spend({CONSTANT: HANDLE * (len(sizes) + 1)})
        most = max([len(sizes), *(_constant(one.items) for one in sizes)])
        made = plus(*(one.bytes for one in sizes), _SMALL)
        return Size(made, {CONSTANT: float(most)})

    def spend(self, cost: Bound) -> None:
        """That much is allocated."""
        self.cost = plus(self.cost, cost)

    def call(self, node: Node, sizes: Sequence[Size]) -> Size:
        """The value of a key or a function; one that is not known copies what it is given."""
        if node.kind == "select" or node.name == "_[_]":
            return sizes[0]
        if node.name in PLAIN or node.name.startswith("get"):
            return _PLAIN
        if node.name == "_?_:_":
            return _either(sizes[1:])
        made = Size(plus(_grown(node, sizes), _SMALL), _items(node, sizes))
        pieces = times(made.items, HANDLE) if node.name == "split" else {}
        self.spend(plus(made.bytes, pieces))
        return made

    def loop(self, node: Node, inside: Mapping[str, Size]) -> Size:
        """A macro: what it allocates for one item, for all of them."""
        over, start, condition, step, result = node.parts
        whole = self.size(over, inside)
        longest = min(float(TURNS), _constant(whole.items))
        turns = min(longest, TURNS / self.outer)  # of all that the loops around it begin
        self.loops += 1
        name = (str(self.loops), "item", "of", "a", "loop")
        one = Size({name: 1.0, CONSTANT: HANDLE}, whole.items)
        within = {**inside, node.name: one, node.made: Size(_NONE, _NONE)}
        before, outer = self.cost, self.outer
        self.cost, self.outer = {}, outer * max(turns, 1.0)
        self.size(condition, within)
        added = self.size(step, within)
        each, self.cost, self.outer = self.cost, before, outer
        self.spend(_of_all(each, name, whole.bytes, turns))
        if start.kind != "list":
            return self.size(result, {**inside, node.made: _PLAIN})
        self.spend({CONSTANT: COPIED * turns * longest})
        items = {CONSTANT: max(longest, _constant(added.items))}
        return Size(_of_all(added.bytes, name, whole.bytes, turns), items)


def _of_all(each: Bound, name: Path, whole: Bound, turns: float) -> Bound:
    """Over all items of a list: the items together are the list."""
    items = times(whole, each.get(name, 0.0))
    return plus(items, times({path: n for path, n in each.items() if path != name}, turns))


def _constant(bound: Bound) -> float:
    """The bound where it depends on nothing, else the most that there may be."""
    endless = any(amount for name, amount in bound.items() if name)
    return inf if endless else bound.get(CONSTANT, 0.0)


def _either(sizes: Sequence[Size]) -> Size:
    return Size(_most([one.bytes for one in sizes]), _most([one.items for one in sizes]))


def _most(bounds: Sequence[Bound]) -> Bound:
    names = {name for bound in bounds for name in bound}
    return {name: max(bound.get(name, 0.0) for bound in bounds) for name in names}


def _items(node: Node, sizes: Sequence[Size]) -> Bound:
    """How many items come out."""
    if node.name == "split":
        limit = node.parts[2] if len(node.parts) > 2 else None  # noqa: PLR2004
        if limit is not None and limit.number > 0:
            return {CONSTANT: float(limit.number)}
        return plus(sizes[0].bytes, {CONSTANT: 1.0})
    return plus(*(one.items for one in sizes))


def _grown(node: Node, sizes: Sequence[Size]) -> Bound:
    """How large what comes out may be."""
    first, *others = (one.bytes for one in sizes)
    match node.name:
        case "replace":
            return _replaced(node, first)
        case "format":
            return _formatted(node.parts[0], others[0])
        case "join":
            return plus(first, product(sizes[0].items, others[0] if others else _NONE))
        case "split" | "substring" | "charAt":
            return first
        case "strings.quote":
            return times(first, 2)
    return plus(first, *others)


def _formatted(pattern: Node, values: Bound) -> Bound:
    """Each value once, perhaps in hexadecimal; endless where the pattern is not written there."""
    if pattern.kind != "const":
        return {CONSTANT: inf}
    rest = len(pattern.text) + NUMBER * pattern.text.count(b"%")
    return plus(times(values, 2), {CONSTANT: rest})


def _replaced(node: Node, text: Bound) -> Bound:
    """One text for each other one; endless where the new one is not written there."""
    old, new = node.parts[1:3]
    if new.kind != "const":
        return {CONSTANT: inf}
    if old.kind != "const" or not old.text:
        return plus(times(text, len(new.text) + 1), {CONSTANT: len(new.text)})
    return times(text, max(1.0, len(new.text) / len(old.text)))


def _path(node: Node, inside: Mapping[str, Size]) -> Path:
    """The name, or the name and one key, that the part asks for; () where it is something else."""
    if node.kind == "ident":
        return () if node.name in inside else (node.name,)
    of = node.parts[0] if node.parts else node
    if of.kind != "ident" or of.name in inside:
        return ()
    if node.kind == "select":
        return (of.name, node.name)
    if node.name != "_[_]" or not node.parts[1].is_text:
        return ()
    return (of.name, node.parts[1].text.decode())
