"""Mappings for tests, compiled as the product does it."""

from datetime import tzinfo
from pathlib import Path
from typing import Any

from tracbridge.config.mappings import compile_mapping, flags_source, source, zone_named
from tracbridge.config.translations import _reading, _writing
from tracbridge.mapping.declared import Declared
from tracbridge.mapping.lines import Surroundings


def flags(zone: tzinfo | None = None, text_limit: int = 1_000_000) -> Declared:
    """The built-in mapping."""
    around = Surroundings(zone=zone, zones=zone_named, text_limit=text_limit)
    return compile_mapping(flags_source(), around, lambda _: "flags")


def mapping(given: Any, zone: tzinfo | None = None, **tables: dict[str, str]) -> Declared:
    """A preset by its name, or a table as it stands in a connection."""
    around = Surroundings(
        zone=zone, zones=zone_named, tables=tables, reads=_reading, writes=_writing
    )
    made = source(given, Path(), lambda way: ".".join(map(str, way)))
    return compile_mapping(made, around, lambda way: ".".join(map(str, way)))
