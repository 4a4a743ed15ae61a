"""What a query asks for, whichever system's language it was said in. Pure."""

import operator
from collections.abc import Callable, Mapping
from typing import Any, Final

from msgspec import Struct


class Test(Struct, frozen=True):
    """One comparison. ``op``: ``= != > >= < <= in``, ``not in``, ``like``."""

    __test__ = False  # no test of pytest

    field: str
    op: str
    value: Any


class Every(Struct, frozen=True):
    """All of these."""

    of: tuple["Condition", ...] = ()


class Some(Struct, frozen=True):
    """At least one of these."""

    of: tuple["Condition", ...]


class Not(Struct, frozen=True):
    """Not this."""

    of: "Condition"


Condition = Test | Every | Some | Not

EVERYTHING: Final = Every()

Get = Callable[[str], Any]
"""A record's value of a field, comparable with a test's."""

_ORDER: Final[Mapping[str, Callable[[Any, Any], bool]]] = {
    ">": operator.gt,
    ">=": operator.ge,
    "<": operator.lt,
    "<=": operator.le,
}

_SAME: Final[Mapping[str, Callable[[Any, Any], bool]]] = {
    "=": operator.eq,
    "!=": operator.ne,
    "in": lambda held, values: held in values,
    "not in": lambda held, values: held not in values,
    "like": lambda held, value: isinstance(held, str) and value.strip("%").lower() in held.lower(),
}


def holds(condition: Condition, get: Get) -> bool:
    """Whether a record is asked for."""
    match condition:
        case Test(field, op, value):
            return compares(get(field), op, value)
        case Every(of):
            return all(holds(one, get) for one in of)
        case Some(of):
            return any(holds(one, get) for one in of)
        case Not(of):
            return not holds(of, get)


def compares(held: Any, op: str, value: Any) -> bool:
    """One comparison; nothing, and what cannot be put in order, is in no order."""
    if op in _SAME:
        return bool(_SAME[op](held, value))
    try:
        return held not in (None, False) and _ORDER[op](held, value)
    except TypeError:
        return False


def lowest(condition: Condition, field: str) -> Any:
    """Where a field's values begin among what is asked for; None where they may begin anywhere."""
    match condition:
        case Test(name, ">" | ">=" | "=", value) if name == field:
            return value
        case Every(of):
            bounds = [low for one in of if (low := lowest(one, field)) is not None]
            return max(bounds, default=None)
        case Some(of):
            some = [lowest(one, field) for one in of]
            return None if None in some else min(some, default=None)
    return None


def typed(condition: Condition, value_of: Callable[[str, Any], Any]) -> Condition:
    """With each test's value as ``value_of`` makes it of field and word."""
    match condition:
        case Test(field, op, value) if op in ("in", "not in"):
            return Test(field, op, [value_of(field, one) for one in value])
        case Test(field, "like" as op, value):
            value_of(field, value)
            return Test(field, op, str(value))
        case Test(field, op, value):
            return Test(field, op, value_of(field, value))
        case Every(of):
            return Every(tuple(typed(one, value_of) for one in of))
        case Some(of):
            return Some(tuple(typed(one, value_of) for one in of))
        case Not(of):
            return Not(typed(of, value_of))
