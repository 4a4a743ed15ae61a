"""Texts and tables for people. Whatever comes from data is made harmless for a terminal first."""

import sys
from collections.abc import Sequence
from datetime import datetime
from typing import Literal

from tracbridge.desk.texts import both, counted, harmless, lasting, moment
from tracbridge.domain.workorder import Side, Value

__all__ = [
    "NAMES",
    "both",
    "counted",
    "harmless",
    "lasting",
    "moment",
    "quoted",
    "short",
    "shown",
    "table",
    "told_apart",
]

LONG = 48
"""Characters of a text that a table shows."""

WHOLE = ("ID", "WHEN", "SINCE", "WHERE", "FIELD", "ORDER", "DOCUMENT")
"""Columns that are never broken: they are copied into the next command, or short."""

WIDE = 10_000
"""Columns where there is no terminal: nothing is broken into lines."""

ROOMY = 110
"""Characters from which on a terminal has room for spare columns."""

NAMES = {Side.TRACOS: "TracOS", Side.CUSTOMER: "customer"}


def short(text: str, limit: int = LONG) -> str:
    """Cut with an ellipsis."""
    return text if len(text) <= limit else text[: limit - 1] + "…"


def shown(value: Value, limit: int = LONG) -> str:
    """One field's value for people."""
    if value is None:
        return "-"
    if isinstance(value, datetime):
        return moment(value)
    if isinstance(value, bool):
        return "yes" if value else "no"
    return short(harmless(str(value)), limit)


def quoted(value: Value, limit: int = LONG) -> str:
    """The same, a text with spaces between quotation marks."""
    text = shown(value, limit)
    return f'"{text}"' if isinstance(value, str) and (" " in text or not text) else text


def told_apart(one: Value, other: Value, limit: int = LONG) -> tuple[str, str]:
    """Two values, long texts cut so that the first difference can be seen."""
    if not (isinstance(one, str) and isinstance(other, str)):
        return quoted(one, limit), quoted(other, limit)
    pairs = enumerate(zip(one, other, strict=False))
    same = next((i for i, (a, b) in pairs if a != b), min(len(one), len(other)))
    start = max(0, same - limit // 3) if max(len(one), len(other)) > limit else 0
    lead = "…" if start else ""
    return quoted(lead + one[start:], limit), quoted(lead + other[start:], limit)


def table(
    head: Sequence[str],
    rows: Sequence[Sequence[str]],
    right: Sequence[int] = (),
    indent: int = 0,
    spare: Sequence[str] = (),
) -> str:
    """Columns under their names; those in ``right`` aligned to the right.

    A narrow terminal does without the ``spare`` ones.
    """
    from rich.console import Console  # noqa: PLC0415 (only where something is shown with it)
    from rich.table import Table  # noqa: PLC0415
    from rich.text import Text  # noqa: PLC0415

    terminal = sys.stdout.isatty()
    console = Console(width=None if terminal else WIDE, force_terminal=terminal)
    left = [n for n, name in enumerate(head) if name not in spare or console.width >= ROOMY]
    grid = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0))
    for number in left:
        name = head[number]
        justify: Literal["right", "left"] = "right" if number in right else "left"
        grid.add_column(name, justify=justify, no_wrap=name in WHOLE or not number)
    for row in rows:
        grid.add_row(*(Text(harmless(row[number])) for number in left))
    with console.capture() as captured:
        console.print(grid)
    lines = (" " * indent + line.rstrip() for line in captured.get().splitlines())
    return "\n".join(lines) + "\n"
