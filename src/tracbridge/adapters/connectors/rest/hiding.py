"""Keeps out of messages what a system repeats of our credentials. Pure."""

import json
import re
from base64 import b64encode
from collections.abc import Iterator
from urllib.parse import quote, quote_plus

from pydantic import BaseModel, SecretStr

HIDDEN = b"***"
SHORTEST = 4
"""A secret of fewer characters is no secret, and stands everywhere."""

_SCHEMES = re.compile(rb"(?i)\b(bearer|basic|token|negotiate|digest)(:? +)[\w.~+/:=-]{6,}")


class Hiding:
    """Hides the secrets of some settings, in every spelling in which they are sent."""

    def __init__(self, settings: BaseModel) -> None:
        found = {spelt for secret in _secrets(settings) for spelt in _spellings(*secret)}
        self._forms = sorted((form for form in found if len(form) >= SHORTEST), key=len)[::-1]

    def hidden(self, data: bytes) -> bytes:
        """The bytes without any of them."""
        for form in self._forms:
            data = data.replace(form, HIDDEN)
        return _SCHEMES.sub(rb"\1\2" + HIDDEN, data)

    def __repr__(self) -> str:
        return "Hiding()"


def _secrets(part: object, user: str = "") -> Iterator[tuple[str, str]]:
    """Each secret below a part of the settings, with the user that it belongs to."""
    match part:
        case SecretStr():
            yield part.get_secret_value(), user
        case BaseModel():
            name = str(getattr(part, "user", "") or getattr(part, "client_id", ""))
            for key in type(part).model_fields:
                yield from _secrets(getattr(part, key), name)
        case dict():
            for value in part.values():
                yield from _secrets(value, user)


def _spellings(secret: str, user: str) -> Iterator[bytes]:
    pair = f"{user}:{secret}"
    yield b64encode(pair.encode())
    for text in (secret, quote(secret, safe=""), quote_plus(secret), json.dumps(secret)[1:-1]):
        yield text.encode()
