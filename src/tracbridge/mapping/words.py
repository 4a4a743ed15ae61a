"""What single words of a mapping file mean; a `ValueError` says what means nothing. Pure."""

from collections.abc import Mapping
from typing import Any

from tracbridge.domain.workorder import Side
from tracbridge.mapping.codec import Source
from tracbridge.mapping.spec import Case, Line
from tracbridge.mapping.states import Equals, Filled, Has, Hasnt, Match


def telling(source: Source) -> Source:
    """Where a bool stands, false says something, whatever stands for nothing elsewhere."""
    empty = tuple(value for value in source.empty if not isinstance(value, bool))
    return Source(source.place, empty, source.absent, source.required)


def one_way(lines: Mapping[str, Line]) -> Mapping[str, Side]:
    """Fields that only one side is told of, by that side; what is computed has no way back."""
    into = {"read": Side.TRACOS, "write": Side.CUSTOMER}
    ways = {name: "read" if line.read else line.only for name, line in lines.items()}
    return {name: into[way] for name, way in ways.items() if way in into}


def no_state(name: str, known: set[str]) -> str:
    """In words, that there is no such state, and which there are."""
    return f"{name!r} is no state of the status: {', '.join(sorted(known)) or 'it has no cases'}"


def condition(value: Any) -> Match:
    """What a condition of a case means."""
    if isinstance(value, dict):
        if set(value) == {"has"} and isinstance(value["has"], str):
            return Has(value["has"])
        if set(value) == {"hasnt"} and isinstance(value["hasnt"], str):
            return Hasnt(value["hasnt"])
        if set(value) == {"set"} and isinstance(value["set"], bool):
            return Filled(value["set"])
        forms = "a value, a list of values, {has: CODE}, {hasnt: CODE} or {set: true}"
        what = f"{value!r} means nothing here; a condition is {forms}"
        raise ValueError(what)
    return Equals(tuple(value) if isinstance(value, list) else (value,))


def name_of(case: Case) -> str:
    """A state without a name of its own is called by what it looks like."""
    parts = [next(iter(v.values())) if isinstance(v, dict) else v for v in case.when.values()]
    return "/".join(str(p[0] if isinstance(p, list) else p) for p in parts)


def truth(word: str | bool) -> bool:
    """Whether the word means that an order is deleted."""
    spoken = {"true": True, "false": False, "deleted": True, "active": False}
    if str(word).lower() not in spoken:
        what = f"{word!r} is neither deleted nor active"
        raise ValueError(what)
    return spoken[str(word).lower()]
