"""The kinds of systems that a connection may name, built in and installed, by entry point."""

from collections.abc import Iterator, Mapping
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from typing import Any

from pydantic import BaseModel, SecretStr

from tracbridge.config import names
from tracbridge.domain.errors import SettingError, shown

GROUP = "tracbridge.connectors"


@cache
def installed() -> Mapping[str, EntryPoint]:
    """All kinds by name; of two of one name, the first that is found."""
    found: dict[str, EntryPoint] = {}
    for point in entry_points(group=GROUP):
        found.setdefault(point.name, point)
    return found


def kind(name: str) -> Any:
    """The class of that name; raises `SettingError` with the nearest one, or why it cannot be
    loaded.
    """
    known = installed()
    if name not in known:
        near = names.nearest(name, known)
        raise SettingError(f"{shown(name)} is no connector here; the nearest is {near}.")
    try:
        return known[name].load()
    except (ImportError, AttributeError) as error:
        what = f"the connector {shown(name)} cannot be loaded: {error}."
        raise SettingError(f"{what} Install the package that it needs.") from error


def settings_model(name: str) -> type[BaseModel]:
    """What a connection of that kind may say; raises `SettingError` as `kind` does."""
    model = getattr(kind(name), "Settings", None)
    if not (isinstance(model, type) and issubclass(model, BaseModel)):
        raise SettingError(f"the connector {shown(name)} has no settings: it is not for files.")
    return model


Way = tuple[str | int, ...]


def secrets_in(part: object, way: Way = ()) -> Iterator[Way]:
    """The places below a part of the settings at which a secret stands."""
    if isinstance(part, SecretStr):
        yield way
    elif isinstance(part, BaseModel):
        for name, field in type(part).model_fields.items():
            yield from secrets_in(getattr(part, name), (*way, field.alias or name))
    elif isinstance(part, Mapping):
        for key, value in part.items():
            yield from secrets_in(value, (*way, key))
    elif isinstance(part, list | tuple):
        for index, value in enumerate(part):
            yield from secrets_in(value, (*way, index))
