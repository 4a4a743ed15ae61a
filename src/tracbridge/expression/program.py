"""Expressions that people write: CEL, bounded in size, depth, steps and result.

CEL has no loops, no attributes of Python and no way to the system; its regular expressions are of
linear time. What a hostile expression may cost is measured in ``tests/unit/test_expression.py``.
"""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from functools import cache
from typing import TYPE_CHECKING, Any

from msgspec import Struct

if TYPE_CHECKING:
    from cel_expr_python import cel

LONGEST = 2_000
"""Characters of an expression."""

LARGEST = 10_000
"""Characters of a text that comes of one."""

Scope = Mapping[str, Any]
"""What the names in an expression stand for: texts, numbers, bools, null, instants, and tables and
lists of these.
"""


class ExpressionError(ValueError):
    """An expression that cannot be understood, or that has no value for what it was given."""


class Program(Struct, frozen=True):
    """One expression, ready to be evaluated; knows nothing but its scope."""

    source: str
    compiled: "cel.Expression"

    def __call__(self, scope: Scope) -> Any:
        """The value: a text, a number, a bool, null or an instant.

        Raises `ExpressionError` where there is none: a key that is not there, kinds that do not
        go together, more steps than are allowed.
        """
        try:
            result = self.compiled.eval(data={name: _given(v) for name, v in scope.items()})
        except RuntimeError as error:
            raise ExpressionError(_told(str(error))) from None
        return _plain(result)


def program(source: str, names: Iterable[str]) -> Program:
    """The expression over these names; raises `ExpressionError` for what cannot be understood."""
    if len(source) > LONGEST:
        what = f"an expression has at most {LONGEST:,} characters; this one has {len(source):,}"
        raise ExpressionError(what)
    try:
        return Program(source, _environment(tuple(sorted(names))).compile(source))
    except RuntimeError as error:
        raise ExpressionError(_told(str(error))) from None


@cache
def _environment(names: tuple[str, ...]) -> "cel.Env":
    from cel_expr_python import cel  # noqa: PLC0415 (only where there are expressions)
    from cel_expr_python.ext.ext_strings import ExtStrings  # noqa: PLC0415

    return cel.NewEnv(variables=dict.fromkeys(names, cel.Type.DYN), extensions=[ExtStrings()])


def _given(value: Any) -> Any:
    """CEL takes no Python instants inside tables: they go in as text, `timestamp(...)` reads it."""
    match value:
        case datetime():
            return value.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        case Mapping():
            return {str(key): _given(item) for key, item in value.items()}
        case list() | tuple():
            return [_given(item) for item in value]
    return value


def _plain(result: Any) -> Any:
    """What came out, as a value of ours."""
    kind = str(result.type())
    value = result.value()
    if kind == "ERROR":
        raise ExpressionError(_told(str(value)))
    if isinstance(value, str) and len(value) > LARGEST:
        raise ExpressionError(f"the result has more than {LARGEST:,} characters")
    if value is None or isinstance(value, str | bool | int | float | datetime):
        return value
    raise ExpressionError(f"the result is no single value but {kind.lower()}")


def _told(text: str) -> str:
    """The library's words on one line, without its drawing and its codes."""
    first = text.replace("\r", "").split("\n", maxsplit=1)[0]
    for code in ("INVALID_ARGUMENT: ", "ERROR: ", "<input>:", "NOT_FOUND: ", "UNKNOWN: "):
        first = first.replace(code, "")
    return first.removesuffix(" [INVALID_ARGUMENT]").strip()
