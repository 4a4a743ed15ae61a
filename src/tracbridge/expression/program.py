"""Expressions that people write: CEL, bounded in size, depth, steps, memory and result.

CEL has no loops, no attributes of Python and no way to the system; its regular expressions are of
linear time. Memory is bounded twice: an expression is refused when it is read if it might take more
than `MEMORY` bytes for a text of `TEXT` bytes (why that can be told: `memory`), and when it is
evaluated if it might do so for all that it then asks for. What a hostile expression may cost is
measured in ``tests/unit/test_expression.py``.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from functools import cache, lru_cache
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from tracbridge.expression.given import Given
from tracbridge.expression.memory import Need, need
from tracbridge.expression.tree import tree

if TYPE_CHECKING:
    from cel_expr_python import cel

LONGEST = 2_000
"""Characters of an expression."""

LARGEST = 10_000
"""Characters of a text that comes of one."""

MEMORY = 80_000_000
"""Bytes that one evaluation may take, besides what goes in."""

TEXT = 1_000_000
"""Bytes of a text that every expression has to be able to take."""

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
    need: Need

    def __call__(self, scope: Scope) -> Any:
        """The value: a text, a number, a bool, null or an instant.

        Only what the expression asks for is looked at. Raises `ExpressionError` where there is no
        value: a key that is not there, kinds that do not go together, more steps or more memory
        than are allowed, a list or table of more than 1,000 items, a text with NUL.
        """
        given = Given()
        try:
            asked = given.scope(scope, self.need.paths)
            if self.need.growth * given.size + self.need.rest > MEMORY:
                raise ExpressionError(f"{TOO_MUCH} for {given.size:,} bytes that it asks for")
            result = self.compiled.eval(data=asked)
        except MemoryError:
            raise ExpressionError("it takes more memory than there is") from None
        except RuntimeError as error:
            raise ExpressionError(_told(str(error))) from None
        except ValueError as error:
            raise ExpressionError(str(error)) from None
        return _plain(result)


TOO_MUCH = f"it may take more than {MEMORY // 1_000_000} MB of memory"


def program(source: str, names: Iterable[str]) -> Program:
    """The expression over these names; raises `ExpressionError` for what cannot be understood."""
    for problem in _unreadable(source):
        raise ExpressionError(problem)
    made = _compiled(source, names)
    if made.need.growth * TEXT + made.need.rest > MEMORY:
        what = (
            f"{TOO_MUCH} for a text of {TEXT:,} characters; write the texts of replace, join and "
            'format out, add less in loops, and split with a limit before map: split(",", 100)'
        )
        raise ExpressionError(what)
    return made


def _compiled(source: str, names: Iterable[str]) -> Program:
    try:
        compiled = _environment(tuple(sorted(names))).compile(source)
    except RuntimeError as error:
        raise ExpressionError(_told(str(error))) from None
    return Program(source, compiled, need(tree(compiled.serialize())))


@lru_cache(maxsize=10_000)
def either(sources: tuple[str, ...], names: tuple[str, ...]) -> Program:
    """Whether one of these is true, told in one evaluation; each was read by `program` before.

    It has no value where one of them has none and none is true: look at each of them then.
    """
    # On a line of its own: an expression may end in a comment.
    joined = " || ".join(f"({source}\n)" for source in sources)
    return _compiled(joined, names)


def _unreadable(source: str) -> Iterator[str]:
    if len(source) > LONGEST:
        yield f"an expression has at most {LONGEST:,} characters; this one has {len(source):,}"
    if "\0" in source or any("\ud800" <= character <= "\udfff" for character in source):
        yield "an expression has no NUL and no half of a surrogate pair"


@cache
def _environment(names: tuple[str, ...]) -> "cel.Env":
    from cel_expr_python import cel  # noqa: PLC0415 (only where there are expressions)
    from cel_expr_python.ext.ext_strings import ExtStrings  # noqa: PLC0415

    return cel.NewEnv(variables=dict.fromkeys(names, cel.Type.DYN), extensions=[ExtStrings()])


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


_CODES = (
    "ERROR|CANCELLED|UNKNOWN|INVALID_ARGUMENT|DEADLINE_EXCEEDED|NOT_FOUND|ALREADY_EXISTS|ABORTED|"
    "PERMISSION_DENIED|RESOURCE_EXHAUSTED|FAILED_PRECONDITION|OUT_OF_RANGE|UNIMPLEMENTED|INTERNAL|"
    "UNAVAILABLE|DATA_LOSS|UNAUTHENTICATED"
)
_BEFORE = re.compile(rf"^(?:(?:{_CODES}): )*(?:<input>:)?")
_BEHIND = re.compile(rf"(?: \[(?:{_CODES})\])*\s*$")


def _told(text: str) -> str:
    """The library's words on one line, without its drawing and its codes."""
    first = text.replace("\r", "").split("\n", maxsplit=1)[0]
    return _BEHIND.sub("", _BEFORE.sub("", first)).strip()
