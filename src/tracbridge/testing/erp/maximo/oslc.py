"""Maximo's query language and links. Pure."""

import base64
import binascii
import re
from typing import Any, Final

from tracbridge.testing.erp.conditions import Condition, Every, Some, Test

_TEST = re.compile(
    r"\s*(?P<field>[\w.]+)\s*(?P<op>>=|<=|!=|=|>|<|\s+in\s+)\s*"
    r'(?:"(?P<text>(?:[^"\\]|\\.)*)"|(?P<list>\[[^\]]*\])|(?P<number>-?\d+(?:\.\d+)?)'
    r"|(?P<word>true|false))\s*",
    re.ASCII,
)
_TEXT = re.compile(r'"((?:[^"\\]|\\.)*)"')
_WORDS: Final = {"true": True, "false": False}


def parse(text: str, *, either: bool = False) -> Condition:
    """What an ``oslc.where`` asks for; ``either``: one test is enough. Raises `ValueError`."""
    tests = []
    position = 0
    while True:
        found = _TEST.match(text, position)
        if not found:
            raise ValueError(f"BMXAA8742E - The oslc.where clause is not valid: {text[position:]}")
        tests.append(_test(found))
        position = found.end()
        if position == len(text):
            return Some(tuple(tests)) if either else Every(tuple(tests))
        if not text.startswith("and ", position):
            raise ValueError(f"BMXAA8742E - The oslc.where clause is not valid: {text[position:]}")
        position += 4


def _test(found: re.Match[str]) -> Test:
    field, op = found["field"], found["op"].strip()
    if found["list"] is not None:
        return Test(field, op, [_plain(text) for text in _TEXT.findall(found["list"])])
    if found["text"] is None:
        return Test(
            field, op, _WORDS.get(found["word"], found["number"] and float(found["number"]))
        )
    text = _plain(found["text"])
    if text == "*":
        return Test(field, "!=" if op == "=" else "=", None)
    if op == "=" and "%" in text:
        return Test(field, "like", text)
    return Test(field, op, text)


def _plain(text: str) -> str:
    return re.sub(r"\\(.)", r"\1", text)


def order(text: str) -> tuple[tuple[str, bool], ...]:
    """``+changedate,-wonum``; raises `ValueError` where a sign is missing, as it is where the plus
    was not encoded in the address.
    """
    found = []
    for part in text.split(","):
        if not re.fullmatch(r"[+-]\w+", part, re.ASCII):
            raise ValueError(f"BMXAA8747E - The oslc.orderBy clause is not valid: {text}")
        found.append((part[1:], part[0] == "-"))
    return tuple(found)


def select(text: str) -> dict[str, list[str]]:
    """``wonum,worklog{description}``: each name with those of its children."""
    found: dict[str, list[str]] = {}
    for name, _, children in re.findall(r"([\w*]+)(\{([^}]*)\})?", text):
        found[name] = children.split(",") if children else ["*"]
    return found


def rest_id(key: str) -> str:
    """The last part of a record's address, made from its primary key."""
    return "_" + base64.urlsafe_b64encode(key.encode()).decode().replace("=", "-")


def key_of(rest: str) -> str:
    """The primary key in the last part of an address; "" for what is none."""
    packed = rest.removeprefix("_")
    # Padding was written as "-", which is also a digit of this alphabet, but not of our keys' ends.
    bare = packed.rstrip("-")
    try:
        return base64.urlsafe_b64decode(bare + "=" * (-len(bare) % 4)).decode()
    except (binascii.Error, UnicodeDecodeError):
        return ""


def spelled(value: Any) -> Any:
    """As it looks without ``lean=1``: every name with its prefix."""
    if isinstance(value, list):
        return [spelled(one) for one in value]
    if not isinstance(value, dict):
        return value
    names = {"href": "rdf:about", "member": "rdfs:member", "responseInfo": "oslc:responseInfo"}
    return {names.get(name, f"spi:{name}"): spelled(one) for name, one in value.items()}
