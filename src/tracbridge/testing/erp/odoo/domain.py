"""Odoo's search domains: conditions in prefix notation. Pure."""

from collections.abc import Iterator, Sequence
from typing import Any, Final

from tracbridge.testing.erp.conditions import Condition, Every, Not, Some, Test

_OPS: Final = {
    **{op: op for op in ("=", "!=", ">", ">=", "<", "<=", "in", "not in", "like")},
    "<>": "!=",
    "ilike": "like",
}


def parse(domain: Sequence[Any]) -> Condition:
    """What the domain asks for; raises `ValueError`."""
    rest = iter(domain)
    of = []
    for first in rest:
        of.append(_term(first, rest))
    return Every(tuple(of))


def _term(first: Any, rest: Iterator[Any]) -> Condition:
    match first:
        case "&":
            return Every((_next(rest), _next(rest)))
        case "|":
            return Some((_next(rest), _next(rest)))
        case "!":
            return Not(_next(rest))
        case [str(field), str(op), value] if op in _OPS:
            return Test(field, _OPS[op], value)
    raise ValueError(f"Invalid leaf {first!r}")


def _next(rest: Iterator[Any]) -> Condition:
    for first in rest:
        return _term(first, rest)
    raise ValueError("Domain ends where a condition must follow")


def order(text: str) -> tuple[tuple[str, bool], ...]:
    """``write_date asc, id desc``; raises `ValueError`."""
    found = []
    for part in text.split(","):
        match part.split():
            case [field]:
                found.append((field, False))
            case [field, way] if way.lower() in ("asc", "desc"):
                found.append((field, way.lower() == "desc"))
            case _:
                raise ValueError(f"Invalid order {text!r}")
    return tuple(found)
