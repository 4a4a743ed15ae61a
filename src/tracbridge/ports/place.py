"""Where a connector stands: what it is given beside its settings."""

from collections.abc import Callable
from datetime import datetime, tzinfo
from pathlib import Path
from typing import Any

from msgspec import Struct


class Place(Struct, frozen=True):
    """The connection that a connector is made for.

    ``name``: the connection's. ``root``: the folder of the configuration; a relative path in the
    settings counts from there. ``zone``: in which the customer's times are meant where they name
    none; None where nobody said. ``now``: the present instant in UTC; the only clock of a
    connector. ``fresh``: the settings as they stand in the files now, where they do; for secrets
    that were changed meanwhile.
    """

    name: str
    root: Path
    zone: tzinfo | None
    now: Callable[[], datetime]
    fresh: Callable[[], Any] | None = None
