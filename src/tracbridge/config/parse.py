"""From a setting's text to its value.

Each parser raises `ValueError` for what it does not accept. The text is stripped and never empty.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

Parse = Callable[[str], object]

OTHERS_WRITE = 0o002
OWNER_READS_AND_WRITES = 0o600
DATABASE_BYTES = 63
SPOKEN = {"true": True, "1": True, "yes": True, "on": True} | {
    "false": False, "0": False, "no": False, "off": False
}  # fmt: skip


def choice(*accepted: str) -> Parse:
    """One of these words, in any case; the value is spelt as given here."""
    spelt = {word.casefold(): word for word in accepted}

    def parse(text: str) -> str:
        if text.casefold() not in spelt:
            raise ValueError
        return spelt[text.casefold()]

    return parse


def whole(most: int) -> Parse:
    """A whole number from 0 to ``most``."""

    def parse(text: str) -> int:
        if not re.fullmatch(r"[0-9]{1,9}", text) or int(text) > most:
            raise ValueError
        return int(text)

    return parse


def number(most: float, *, zero: bool) -> Parse:
    """A number up to ``most``, above 0 or from 0 on."""

    def parse(text: str) -> float:
        value = float(text) if re.fullmatch(r"[0-9.eE+-]+", text) else math.nan
        if not (0 < value <= most or (zero and value == 0)):
            raise ValueError
        return value

    return parse


def limit(text: str) -> tuple[int, float] | None:
    """``20,5%`` as (20, 0.05); ``off`` as None."""
    if text.casefold() == "off":
        return None
    found = re.fullmatch(r"([0-9]{1,9})\s*,\s*([0-9]{1,2}(?:\.[0-9]+)?|100)\s*%", text)
    if not found:
        raise ValueError
    return int(found[1]), float(found[2]) / 100


def boolean(text: str) -> bool:
    """True or false, in one of four spellings each."""
    if text.casefold() not in SPOKEN:
        raise ValueError
    return SPOKEN[text.casefold()]


def path(text: str) -> Path:
    """A path without control characters."""
    if any(ord(character) < ord(" ") for character in text):
        raise ValueError
    return Path(text)


def file_mode(text: str) -> int:
    """A file mode in octal that lets the owner read and write and nobody else's write."""
    mode = int(text, 8) if re.fullmatch(r"(0o?)?[0-7]{3}", text) else OTHERS_WRITE
    if mode & OTHERS_WRITE or mode & OWNER_READS_AND_WRITES != OWNER_READS_AND_WRITES:
        raise ValueError
    return mode


def zone(text: str) -> ZoneInfo:
    """A time zone by its IANA name."""
    from zoneinfo import ZoneInfo  # noqa: PLC0415 (only where a zone is set)

    try:
        return ZoneInfo(text)
    except (KeyError, OSError) as error:
        raise ValueError from error


def database(text: str) -> str:
    """A name that MongoDB takes for a database on every system."""
    if re.search(r'[/\\. "$*<>:|?\x00-\x1f]', text) or len(text.encode()) > DATABASE_BYTES:
        raise ValueError
    return text


def collection(text: str) -> str:
    """A name that MongoDB takes for a collection, and that is not one of our own."""
    if re.search(r"[$\x00-\x1f]|\.\.|^\.|\.$|^system\.|^tracbridge_", text):
        raise ValueError
    return text


def uri(text: str) -> str:
    """A MongoDB connection string, or ``embedded``. Its insides are the driver's business."""
    if text.casefold() == "embedded":
        return "embedded"
    if not re.match(r"mongodb(\+srv)?://[^/?]", text):
        raise ValueError
    return text
