"""Whether what he holds is what was meant, in whatever spelling. Pure."""

from collections.abc import Mapping, Sequence
from typing import Any

from tracbridge.adapters.connectors.rest.system import Condition
from tracbridge.mapping.path import MISSING

_EMPTY = (None, "", MISSING)


def agrees(wanted: Mapping[str, Any], there: Mapping[str, Any]) -> bool:
    """He holds these values, in his own spelling of them."""
    return all(_alike(value, there.get(key, MISSING)) for key, value in wanted.items())


def _alike(wanted: Any, there: Any) -> bool:
    """The same value; nothing is written in several ways, and an id may come with its name."""
    if wanted in _EMPTY:
        return there in _EMPTY or there is False or there == []
    if isinstance(there, list) and not isinstance(wanted, list):
        return bool(there) and equal(there[0], wanted)
    return equal(wanted, there)


def equal(one: Any, other: Any) -> bool:
    """Equal, and of one kind: 1 is not true."""
    return bool(one == other) and isinstance(one, bool) is isinstance(other, bool)


def hold(conditions: Sequence[Condition], body: Mapping[str, Any]) -> bool:
    """The record shows all that."""
    return all(_holds(one, one.where.get(body)) for one in conditions)


def _holds(one: Condition, there: Any) -> bool:
    if one.has is None and one.hasnt is None:
        return _alike(one.value, there)
    codes = there.split() if isinstance(there, str) else []
    return (one.has is None or one.has in codes) and one.hasnt not in codes
