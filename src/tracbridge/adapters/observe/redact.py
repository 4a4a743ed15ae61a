"""What may not stand in a log: passwords, tokens, and whatever breaks a line."""

import re
from collections.abc import Mapping
from math import isfinite

HIDDEN = "***"

_NAMES = r"passw(?:or)?d|passphrase|token|secret|authorization|credential|api[_-]?key"
_SECRET_KEY = re.compile(rf"{_NAMES}|^key$|[_.-]key$", re.IGNORECASE)
_MONGO = re.compile(r"(mongodb(?:\+srv)?://).*@", re.IGNORECASE | re.DOTALL)
_URI = re.compile(r"://[^\s/]*@")
_PAIR = re.compile(
    rf"((?:{_NAMES})[\w-]*[\"']?\s*[:=]\s*)(?:(?:bearer|basic)\s+)?"
    r"(?:\"[^\"]*\"|'[^']*'|[^\s,;&]+)",
    re.IGNORECASE,
)
_BEARER = re.compile(r"(\bbearer\s+)\S+", re.IGNORECASE)


def text(words: str) -> str:
    """``words`` without the credentials in them.

    In doubt too much goes: behind ``mongodb://`` all up to the last ``@``, since an unescaped
    password may hold any character.
    """
    if "://" in words:
        words = _URI.sub(f"://{HIDDEN}@", _MONGO.sub(rf"\1{HIDDEN}@", words))
    return _BEARER.sub(rf"\1{HIDDEN}", _PAIR.sub(rf"\1{HIDDEN}", words))


def value(key: str, given: object) -> object:
    """``given`` as it may stand under ``key``: scalars, lists and maps only, nothing secret."""
    if _SECRET_KEY.search(key):
        return HIDDEN
    if isinstance(given, Mapping):
        return {str(name): value(str(name), inner) for name, inner in given.items()}
    if isinstance(given, (list, tuple, set, frozenset)):
        return [value(key, inner) for inner in given]
    return _scalar(given)


def _scalar(given: object) -> object:
    if given is None or isinstance(given, (bool, int)):
        return given
    if isinstance(given, float) and isfinite(given):
        return given
    return f"<{len(given)} bytes>" if isinstance(given, bytes) else text(str(given))


def one_line(words: str) -> str:
    """``words`` with everything that is not plainly visible escaped."""
    if words.isprintable():
        return words
    return "".join(
        letter if letter.isprintable() else letter.encode("unicode_escape").decode("ascii")
        for letter in words
    )
