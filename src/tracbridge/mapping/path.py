"""Places in a record: ``asset.code``, ``lines[0].text``, ``marks[name=PRIO].value``. Pure."""

import re
from collections.abc import Mapping
from typing import Any, Final

from msgspec import Struct

from tracbridge.mapping.translation import Body

MISSING: Final = object()
"""Nothing stands at the place; a null there is None."""

_STEP = re.compile(r"([^.\[\]=]+)|\[(\d{1,3})\]|\[([^\[\]=]+)=([^\[\]]*)\]")


class Pick(Struct, frozen=True):
    """The first item of a list in which a key has that value, as text."""

    key: str
    value: str


class Place(Struct, frozen=True):
    """Where one value stands in a record.

    ``text``: as it is written in a mapping; ``top``: the record's own key that leads there;
    ``nested``: it stands below a key that others may share; ``pointer``: as a JSON pointer, a
    list's item by what picks it.
    """

    text: str
    steps: tuple[str | int | Pick, ...]
    top: str
    nested: bool
    pointer: str

    def get(self, body: Body) -> Any:
        """The value, or `MISSING`."""
        if not self.nested:
            return body.get(self.top, MISSING)
        value: Any = body
        for step in self.steps:
            value = _below(value, step)
            if value is MISSING:
                return MISSING
        return value

    def set(self, body: dict[str, Any], value: Any) -> None:
        """Put the value there; tables and lists on the way are made."""
        if not self.nested:
            body[self.top] = value
            return
        here: Any = body
        for step, following in zip(self.steps, (*self.steps[1:], None), strict=True):
            if following is None:
                _put(here, step, value)
                return
            below = _below(here, step)
            if not isinstance(below, dict | list):
                below = {} if isinstance(following, str) else []
                _put(here, step, below)
            here = below


def place(text: str) -> Place:
    """The place that a text names; raises `ValueError` for one that names none."""
    steps: list[str | int | Pick] = []
    at = 0
    while at < len(text):
        at += bool(steps) and text[at] == "."
        found = _STEP.match(text, at)
        if found is None or (found[1] and steps and text[at - 1] != "."):
            break
        steps.append(_step(found))
        at = found.end()
    if at < len(text) or not steps or not isinstance(steps[0], str):
        raise ValueError(f"{text!r} is no path: write keys with dots, [0] or [key=value]")
    pointer = "".join(f"/{_spelt(step)}" for step in steps)
    return Place(text, tuple(steps), steps[0], len(steps) > 1, pointer)


def place_of(text: str) -> Place:
    """The place, or that of nothing where the text names none: it was told before."""
    try:
        return place(text)
    except ValueError:
        return place("?")


def _step(found: re.Match[str]) -> str | int | Pick:
    if found[1] is not None:
        return found[1]
    return int(found[2]) if found[2] is not None else Pick(found[3], found[4])


def _spelt(step: str | int | Pick) -> str:
    text = f"{step.key}={step.value}" if isinstance(step, Pick) else str(step)
    return text.replace("~", "~0").replace("/", "~1")


def _below(value: Any, step: str | int | Pick) -> Any:
    match step:
        case str():
            return value.get(step, MISSING) if isinstance(value, Mapping) else MISSING
        case int():
            return value[step] if isinstance(value, list) and step < len(value) else MISSING
        case Pick():
            return _picked(value, step)


def _picked(value: Any, pick: Pick) -> Any:
    for item in value if isinstance(value, list) else ():
        if isinstance(item, Mapping) and str(item.get(pick.key)) == pick.value:
            return item
    return MISSING


def _put(here: Any, step: str | int | Pick, value: Any) -> None:
    """Set what stands below ``here`` at that step; ``here`` is a table or a list."""
    match step:
        case str():
            here[step] = value
        case int():
            here.extend([None] * (step + 1 - len(here)))
            here[step] = value
        case Pick():
            found = _picked(here, step)
            made = {step.key: step.value, **(value if isinstance(value, dict) else {})}
            if found is MISSING:
                here.append(made)
            elif found is not value:
                here[here.index(found)] = made
