"""What goes into an expression, as CEL takes it."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from tracbridge.expression.memory import ITEMS, Path

SMALL = 32
"""Bytes that stand for anything but a text."""


class Given:
    """The values of one evaluation. ``size``: of all of them, in bytes.

    Raises `ValueError` for what CEL would change without a word, or what takes too long.
    """

    def __init__(self) -> None:
        self.size = 0

    def scope(self, scope: Mapping[str, Any], paths: Iterable[Path]) -> dict[str, Any]:
        """What is asked for: whole names, or single keys of the tables behind them."""
        asked: dict[str, Any] = {}
        for name in {path[0] for path in paths} & scope.keys():
            keys = [path[1:] for path in paths if path[0] == name]
            value = scope[name]
            if () not in keys and isinstance(value, Mapping):
                value = {key: value[key] for (key,) in keys if key in value}
            asked[name] = self.value(value)
        return asked

    def value(self, value: Any) -> Any:
        """CEL takes no Python instants inside tables: they go in as text, `timestamp(...)` reads
        it.
        """
        self.size += SMALL
        match value:
            case str():
                return self.text(value)
            case datetime():
                at = value.astimezone(UTC).isoformat(timespec="milliseconds")
                return at.replace("+00:00", "Z")
            case Mapping():
                self.few(value)
                return {self.text(str(key)): self.value(item) for key, item in value.items()}
            case list() | tuple():
                self.few(value)
                return [self.value(item) for item in value]
        return value

    def text(self, text: str) -> str:
        """The text, if all of it would arrive."""
        if "\0" in text:
            what = "a text with NUL cannot be judged"
            raise ValueError(what)
        # A half of a surrogate pair is a ValueError here.
        self.size += len(text) if text.isascii() else len(text.encode())
        return text

    @staticmethod
    def few(items: Mapping[Any, Any] | Sequence[Any]) -> None:
        """Loops over more would take too long."""
        if len(items) > ITEMS:
            what = f"a list or table has more than {ITEMS:,} items: it has {len(items):,}"
            raise ValueError(what)
