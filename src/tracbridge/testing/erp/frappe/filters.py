"""Frappe's filters and orders. Pure."""

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

from tracbridge.testing.erp.conditions import Condition, Every, Test

_OPS: Final = frozenset(("=", "!=", ">", ">=", "<", "<=", "in", "not in", "like"))
_PART = re.compile(r"(?:`tab[\w ]+`\.)?`?(\w+)`?(?:\s+(asc|desc))?", re.IGNORECASE)

Filters = Sequence[Sequence[Any]] | Mapping[str, Any]


def tests(filters: Filters) -> list[Condition]:
    """One condition for each filter; raises `ValueError`."""
    if isinstance(filters, Mapping):
        filters = [
            [field, *(value if isinstance(value, list) else ["=", value])]
            for field, value in filters.items()
        ]
    return [_test(list(one[-3:])) for one in filters]


def _test(one: list[Any]) -> Condition:
    if len(one) != 3:
        raise ValueError(f"Filter must have 3 or 4 values, not {one!r}")
    field, op, value = one
    op = str(op).lower()
    if op == "is":
        return Test(field, "=" if value == "not set" else "!=", None)
    if op == "between":
        return Every((Test(field, ">=", value[0]), Test(field, "<=", value[1])))
    if op not in _OPS:
        raise ValueError(f"Operator must be one of {', '.join(sorted(_OPS))}")
    return Test(field, op, value)


def order(text: str) -> tuple[tuple[str, bool], ...]:
    """``modified asc, name asc``; raises `ValueError`."""
    found = []
    for part in text.split(","):
        match = _PART.fullmatch(part.strip())
        if not match:
            raise ValueError(f"Illegal SQL Query: order by {text}")
        found.append((match[1], (match[2] or "asc").lower() == "desc"))
    return tuple(found)
