"""The option ``--connection``, which every command of a connection takes."""

import inspect
from collections.abc import Callable, Collection
from functools import wraps
from typing import Annotated, Any

import typer

from tracbridge.cli.context import CHOSEN

Names = Annotated[
    list[str],
    typer.Option(
        "--connection", help="Of which connection; may be repeated where several are meant."
    ),
]


def choosing(command: Callable[..., Any]) -> Callable[..., Any]:
    """The command with one option more; what it names is what `chosen` gives."""

    @wraps(command)
    def wrapped(*args: Any, connection: list[str], **options: Any) -> Any:
        CHOSEN.set(tuple(connection))
        return command(*args, **options)

    own = inspect.signature(command)
    option = inspect.Parameter(
        "connection", inspect.Parameter.KEYWORD_ONLY, default=[], annotation=Names
    )
    signature = own.replace(parameters=[*own.parameters.values(), option])
    wrapped.__annotations__ = {**command.__annotations__, "connection": Names}
    wrapped.__dict__["__signature__"] = signature
    return wrapped


def choosing_all(app: typer.Typer, apart: Collection[str] = ()) -> typer.Typer:
    """Each command of the group with that option, but for those that are about no connection."""
    for one in app.registered_commands:
        if one.callback and one.name not in apart and not hasattr(one.callback, "__wrapped__"):
            one.callback = choosing(one.callback)
    return app
