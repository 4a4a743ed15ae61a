"""What pydantic found wrong in a file, as sentences for the person who wrote it."""

from collections.abc import Mapping
from typing import Any, get_args

from pydantic import BaseModel

from tracbridge.config import names
from tracbridge.config.connectors import settings_model
from tracbridge.config.model import Customer
from tracbridge.config.settings import FOLDER
from tracbridge.domain.errors import shown

_TYPES = {
    "string_type": "a text",
    "int_type": "a whole number",
    "int_parsing": "a whole number",
    "bool_type": "true or false",
    "bool_parsing": "true or false",
    "float_type": "a number",
    "float_parsing": "a number",
    "list_type": "a list",
    "dict_type": "a table of keys and values",
    "model_type": "a table of keys and values",
    "model_attributes_type": "a table of keys and values",
}


def of_system(model: type[BaseModel], error: Any, connections: Any) -> tuple[type, Any]:
    """Model and error as seen from the customer's system, where it is about that: what may stand
    there depends on its connector. ``connections``: as they were written, by name.
    """
    way = error["loc"]
    if len(way) < LEAST or (way[0], way[2]) != ("connections", "customer"):
        return model, error
    customer = connections[way[1]]["customer"]
    named = customer.get("connector", FOLDER) if isinstance(customer, dict) else FOLDER
    system = Customer if named == FOLDER else settings_model(str(named))
    return system, {**error, "loc": way[3:]}


LEAST = 4


def sentence(model: type[BaseModel], error: Mapping[str, Any], value: str) -> str:
    """What is wrong, and what would be right. ``value``: as it may be shown, "" hides it."""
    kind, way = error["type"], error["loc"]
    what = f"{value} " if value else ""
    if kind == "extra_forbidden":
        known = keys_at(model, way[:-1])
        near = f" The nearest is {names.nearest(str(way[-1]), known)}." if known else ""
        return f"is no key here.{near}"
    if kind == "missing":
        return "is missing."
    if kind == "literal_error":
        return f"{what}is not accepted; it takes {error['ctx']['expected'].replace(chr(39), '')}."
    if kind == "string_pattern_mismatch":
        return f"{what}is not accepted: {_pattern(error['ctx']['pattern'])}."
    if kind in _TYPES:
        return f"{what}is not {_TYPES[kind]}."
    text = str(error["msg"]).removeprefix("Value error, ").rstrip(".")
    return f"{what}{text[:1].lower()}{text[1:]}."


def _pattern(pattern: str) -> str:
    if pattern.startswith("^[a-z0-9]"):
        return "a name has small letters, digits, - and _, and begins with a letter or a digit"
    if pattern.startswith("^[A-Za-z_]"):
        return "a field of TracOS is named by letters, digits and _"
    return f"it has to match {pattern}"


def told(value: object) -> str:
    """A refused value as it may stand in a message; tables, lists, and addresses that may hold a
    password are not repeated.
    """
    if value is None:
        return "null"
    address = isinstance(value, str) and "://" in value and "@" in value
    return "" if address or isinstance(value, dict | list) else shown(value)


def keys_at(model: Any, way: tuple[str | int, ...]) -> list[str]:
    """The keys that a table at that place may have."""
    here = [model]
    for step in way:
        here = [part for one in here for part in _below(one, step)]
    return [
        field.alias or name
        for one in here
        if _is_model(one)
        for name, field in one.model_fields.items()
    ]


def _below(kind: Any, step: str | int) -> list[Any]:
    """What may stand under that key of a value of that kind."""
    if _is_model(kind):
        fields = {field.alias or name: field for name, field in kind.model_fields.items()}
        return _parts(fields[str(step)].annotation) if str(step) in fields else []
    return [part for one in get_args(kind) for part in _parts(one)]


def _parts(annotation: Any) -> list[Any]:
    """The kinds that an annotation stands for: those of a union, else itself."""
    if _is_model(annotation):
        return [annotation]
    inner = get_args(annotation)
    if inner and getattr(annotation, "__origin__", None) in (dict, list):
        return [annotation]
    return [part for one in inner for part in _parts(one)]


def _is_model(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, BaseModel)
