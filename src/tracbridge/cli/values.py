"""What a person writes as a field's value: ``status=completed``, ``ext.priority=2``."""

from collections.abc import Sequence

import typer

from tracbridge.config.settings import Settings
from tracbridge.desk.errors import WordError
from tracbridge.desk.values import as_value, kinds_of
from tracbridge.domain.workorder import Value


def typed(sets: Sequence[str], settings: Settings) -> dict[str, Value]:
    """``FIELD=VALUE`` as fields of the connection's mapping; raises `typer.BadParameter` for what
    no field can hold.
    """
    kinds = kinds_of(settings)
    values: dict[str, Value] = {}
    for text in sets:
        name, found, value = text.partition("=")
        if not found:
            raise typer.BadParameter(f"--set {text}: write it as FIELD=VALUE.")
        if name in values:
            raise typer.BadParameter(f"--set {text}: {name} is set twice.")
        try:
            values[name] = as_value(name, value, kinds)
        except WordError as error:
            raise typer.BadParameter(f"--set {error}") from None
    return values
