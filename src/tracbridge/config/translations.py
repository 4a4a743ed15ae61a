"""A connection's mapping, ready for use; connections that say the same share it."""

from collections.abc import Callable, Mapping
from typing import Any

from tracbridge.config.mappings import compile_mapping, zone_named
from tracbridge.config.places import Where
from tracbridge.config.settings import Settings
from tracbridge.domain.errors import RecordError
from tracbridge.expression.program import ExpressionError, program
from tracbridge.mapping.declared import Declared
from tracbridge.mapping.lines import Surroundings

_KNOWN: dict[tuple[Any, ...], Declared] = {}


def translation_of(settings: Settings, where: Where = lambda _: "mapping") -> Declared:
    """The mapping of a connection; raises `SettingError` with all that is wrong, and where.

    ``where``: of what the connection adds to it.
    """
    tables = tuple((name, tuple(table.items())) for name, table in settings.tables.items())
    expect = tuple(settings.expect.items())
    key = (settings.mapping.digest, str(settings.zone), tables, expect)
    if key not in _KNOWN:
        around = Surroundings(
            zone=settings.zone,
            zones=zone_named,
            tables=settings.tables,
            expect=settings.expect,
            reads=_reading,
            writes=_writing,
        )
        _KNOWN[key] = compile_mapping(settings.mapping, around, where)
    return _KNOWN[key]


def _reading(source: str) -> Callable[[Mapping[str, Any]], Any]:
    """Over his record, as ``record``."""
    compiled = program(source, ("record",))
    return lambda record: _value(compiled, {"record": record}, source)


def _writing(source: str) -> Callable[[Mapping[str, Any]], Any]:
    """Over the order's fields, as ``order``."""
    compiled = program(source, ("order",))
    return lambda fields: _value(compiled, {"order": fields}, source)


def _value(compiled: Any, scope: Mapping[str, Any], source: str) -> Any:
    try:
        return compiled(scope)
    except ExpressionError as error:
        raise RecordError(
            "expression", f"cannot be computed: {error}.", value=source, hint="Use has() for keys."
        ) from None
