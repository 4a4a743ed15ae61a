"""Places in a record: ``asset.code``, ``lines[0].text``, ``marks[name=PRIO].value``. Pure."""

import re
from collections.abc import Mapping
from typing import Any, Final

from msgspec import Struct

from tracbridge.domain.errors import RecordError
from tracbridge.mapping.translation import Body

MISSING: Final = object()
"""Nothing stands at the place; a null there is None."""

_STEP = re.compile(r"([^.\[\]=]+)|\[(\d{1,3})\]|\[([^\[\]=]+)=([^\[\]]*)\]")


class Pick(Struct, frozen=True):
    """The first item of a list in which a key has that value, as text."""

    key: str
    value: str


class Pair(Struct, frozen=True):
    """The id of a value that comes as id and name. What is no list is the id itself."""


Step = str | int | Pick | Pair


TABLE: Final = (dict, Mapping)
"""What has keys; the common kind first, which is found out ten times as quickly."""


class Place(Struct, frozen=True):
    """Where one value stands in a record.

    ``text``: as it is written in a mapping; ``top``: the record's own key that leads there;
    ``nested``: it stands below a key that others may share; ``pointer``: as a JSON pointer, a
    list's item by what picks it.
    """

    text: str
    steps: tuple[Step, ...]
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
        """Put the value there; tables and lists on the way are made.

        Raises `RecordError` where a list stands instead of a table, or a table instead of a list.
        """
        if not self.nested:
            body[self.top] = value
            return
        here: Any = body
        for step, following in zip(self.steps, (*self.steps[1:], None), strict=True):
            if not isinstance(here, dict if isinstance(step, str) else list):
                raise self._no_room(here)
            if following is None:
                _put(here, step, value)
                return
            below = _below(here, step)
            if not isinstance(below, dict | list):
                _put(here, step, {} if isinstance(following, str) else [])
                below = _below(here, step)
            here = below

    def _no_room(self, here: Any) -> RecordError:
        there, wanted = ("list", "table") if isinstance(here, list) else ("table", "list")
        reason = f"cannot be written: a {there} stands where its path needs a {wanted}."
        hint = "Mend the path in the mapping, or what his record has there."
        return RecordError("type", reason, pointer=self.pointer, value=here, hint=hint)


def place(text: str) -> Place:
    """The place that a text names; raises `ValueError` for one that names none."""
    steps: list[Step] = []
    at = 0
    while at < len(text):
        dot = bool(steps) and text[at] == "."
        found = _STEP.match(text, at + dot)
        if found is None or (steps and dot is not bool(found[1])):
            break
        steps.append(_step(found))
        at = found.end()
    if at < len(text) or not steps or not isinstance(steps[0], str):
        raise ValueError(f"{text!r} is no path: write keys with dots, [0] or [key=value]")
    pointer = "".join(f"/{_spelt(step)}" for step in steps)
    return Place(text, tuple(steps), steps[0], len(steps) > 1, pointer)


def id_of(pair: Place) -> Place:
    """The place of the id where the value comes as id and name."""
    steps = (*pair.steps, Pair())
    return Place(f"{pair.text}[0]", steps, pair.top, nested=True, pointer=f"{pair.pointer}/0")


def place_of(text: str) -> Place:
    """The place, or that of nothing where the text names none: it was told before."""
    try:
        return place(text)
    except ValueError:
        return place("?")


def _step(found: re.Match[str]) -> Step:
    if found[1] is not None:
        return found[1]
    return int(found[2]) if found[2] is not None else Pick(found[3], found[4])


def _spelt(step: Step) -> str:
    text = f"{step.key}={step.value}" if isinstance(step, Pick) else str(step)
    return text.replace("~", "~0").replace("/", "~1")


def _below(value: Any, step: Step) -> Any:
    match step:
        case str():
            return value.get(step, MISSING) if isinstance(value, TABLE) else MISSING
        case int():
            return value[step] if isinstance(value, list) and step < len(value) else MISSING
        case Pick():
            return _picked(value, step)
        case Pair():
            return next(iter(value), None) if isinstance(value, list) else value


def _picked(value: Any, pick: Pick) -> Any:
    for item in value if isinstance(value, list) else ():
        shown = item.get(pick.key) if isinstance(item, Mapping) else None
        if shown is not None and str(shown) == pick.value:
            return item
    return MISSING


def _put(here: Any, step: Step, value: Any) -> None:
    """Set what stands below ``here`` at that step; ``here`` is a table or a list, as it needs."""
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
        case Pair():
            here[:1] = [value]
