"""What is particular to single fields: who may change them, and what becomes of their values in the
customer's system. Pure.

Most connections have no such rules; then nothing here costs anything.
"""

from collections.abc import Callable, Mapping

from msgspec import Struct
from msgspec.structs import replace

from tracbridge.domain.link import Link
from tracbridge.domain.workorder import Fields, Side, Value, WorkOrder
from tracbridge.sync.identity import print_of
from tracbridge.sync.texts import spliced

BOTH = frozenset(Side)


class Rule(Struct, frozen=True):
    """One field.

    ``into``: the sides that are told of the other's changes. ``corrects``: the change of a side
    that may make none is put right; else it is left alone. ``once``: it counts when an order is
    made, and never again. ``fold``: what comes back of a value from his system (cut, in capitals);
    None where all of it does. ``policy``: who wins a clash, as in ``Policy``; None as for all.
    """

    into: frozenset[Side] = BOTH
    corrects: bool = False
    once: bool = False
    fold: Callable[[Value], Value] | None = None
    policy: str | None = None


Rules = Mapping[str, Rule]
NONE: Rules = {}


def folded(rules: Rules, name: str, value: Value) -> Value:
    """What his system makes of the value."""
    rule = rules.get(name)
    return rule.fold(value) if rule and rule.fold else value


def same(rules: Rules, name: str, one: Value, other: Value) -> bool:
    """Equal, or equal in his system."""
    if one == other:
        return True
    rule = rules.get(name)
    return bool(rule and rule.fold) and folded(rules, name, one) == folded(rules, name, other)


def alike(rules: Rules, one: Fields, other: Fields | None) -> bool:
    """The same content, as his system shows it."""
    if not rules or other is None:
        return one == other
    return one.keys() == other.keys() and all(same(rules, n, v, other[n]) for n, v in one.items())


def kept(rules: Rules, fields: Fields, given: Fields | None) -> Fields:
    """What he is to hold: TracOS's content, but what he has in fields whose changes TracOS does not
    pass on.
    """
    if not rules or given is None:
        return fields
    his = {
        name: given[name]
        for name, rule in rules.items()
        if name in given and (rule.once or Side.CUSTOMER not in rule.into)
    }
    return {**fields, **his} if his else fields


def news(rules: Rules, fields: Fields) -> Fields:
    """What a record of a known order may still change: all but what counts once."""
    once = [name for name, rule in rules.items() if rule.once and name in fields]
    return {n: v for n, v in fields.items() if n not in once} if once else fields


def put_right(rules: Rules, his: Fields, shown: Fields) -> list[str]:
    """Fields that are his alone, and that TracOS shows otherwise."""
    return [
        name
        for name, rule in rules.items()
        if rule.corrects and Side.CUSTOMER not in rule.into and name in his
        and shown.get(name) != his[name]
    ]  # fmt: skip


def respelt(
    order: WorkOrder, link: Link | None, tracos: WorkOrder | None, rules: Rules
) -> WorkOrder:
    """His record with the values that are behind what his system made of them.

    A value that he shows as his system shows the one that we gave (or that TracOS has) stands for
    that one; his own spelling is kept beside it.
    """
    behind: dict[str, Value] = {}
    known = (link.last_given if link else None, tracos.fields if tracos else None)
    for name, rule in rules.items():
        if rule.fold and name in order.fields:
            value = order.fields[name]
            meant = [f[name] for f in known if f and name in f and rule.fold(f[name]) == value]
            if meant and meant[0] != value:
                behind[name] = meant[0]
    if not behind:
        return order
    return replace(order, fields={**order.fields, **behind}, spelt=order.fields)


def shown_as(order: WorkOrder) -> Fields:
    """The fields as he spelt them."""
    return order.fields if order.spelt is None else order.spelt


def print_in(rules: Rules, name: str, value: Value) -> Value:
    """The print of a value as his system shows it."""
    return print_of(folded(rules, name, value))


def edited(rules: Rules, name: str, value: Value, given: Value, ours: Value) -> Value:
    """The customer's edit of a value that his system had shortened, made in the whole of it."""
    rule = rules.get(name)
    texts = isinstance(value, str) and isinstance(given, str) and isinstance(ours, str)
    if rule is None or rule.fold is None or not texts:
        return value
    before = str(rule.fold(given))
    whole = ours if rule.fold(ours) == before else given
    return spliced(before, str(value), str(whole))
