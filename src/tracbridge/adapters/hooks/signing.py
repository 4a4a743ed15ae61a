"""Signatures of webhooks, in both directions.

Ours: HMAC-SHA256 over ``timestamp.body``, where the timestamp is in seconds since 1970, and the
body is the bytes as they were sent. Frappe's: HMAC-SHA256 over the body alone, in base64.
"""

import hmac
import os
import re
from base64 import b64encode
from collections.abc import Mapping, Sequence
from datetime import datetime
from hashlib import sha256
from typing import Final

from msgspec import Struct

TIMESTAMP: Final = "x-tracbridge-timestamp"
SIGNATURE: Final = "x-tracbridge-signature"
EVENT: Final = "x-tracbridge-event"
FRAPPE: Final = "x-frappe-webhook-signature"

VERSION: Final = "v1="

WINDOW: Final = 300
"""Seconds by which the sender's clock and ours may differ, and a request may be under way."""

EVENT_LENGTH: Final = 200

_SECONDS = re.compile(r"[0-9]{1,12}")
_DUMMIES = (os.urandom(32).hex(), os.urandom(32).hex())
"""What is computed with where there is nothing to check against: it takes as long."""


class Claimed(Struct, frozen=True):
    """What a webhook says of itself; nothing of it is believed before `fits`.

    ``kind``: how it is signed; ``given``: the signature; ``content``: what it is about. ``event``:
    names the sender's event and its body, "" where he gives no id. ``why``: nobody could accept it,
    whoever he says he is; "" where it may be good.
    """

    kind: str
    given: bytes
    content: bytes
    event: str = ""
    why: str = ""

    @property
    def digest(self) -> str:
        """The same for the same request again."""
        return sha256(self.content).hexdigest()


def signed(secret: str, body: bytes, event: str, now: datetime) -> dict[str, str]:
    """The headers of a webhook of ours."""
    stamp = str(int(now.timestamp()))
    signature = VERSION + _hmac(secret, stamp.encode() + b"." + body).hex()
    return {TIMESTAMP: stamp, SIGNATURE: signature, EVENT: event}


def claimed(headers: Mapping[str, str], body: bytes, now: datetime) -> Claimed:
    """What a webhook says of itself. ``headers``: with names in lower case."""
    event = _event(headers, body)
    if FRAPPE in headers:
        return Claimed("frappe", _bytes(headers[FRAPPE]), body, event)
    stamp, given = headers.get(TIMESTAMP, ""), headers.get(SIGNATURE, "")
    why = _late(stamp, now) if given else "no signature"
    return Claimed("generic", _bytes(given), _bytes(stamp) + b"." + body, event, why)


def fits(claim: Claimed, secrets: Sequence[str]) -> bool:
    """Whether it is signed with one of the secrets: two at most, none where nobody may send.

    Takes the same time for any of them: always two signatures are computed and compared.
    """
    keys = [*secrets, *_DUMMIES][:2]
    each = [
        hmac.compare_digest(_spelt(claim.kind, _hmac(key, claim.content)), claim.given)
        for key in keys
    ]
    return any(each[: len(secrets)])


def _late(stamp: str, now: datetime) -> str:
    if not _SECONDS.fullmatch(stamp):
        return "no timestamp in seconds since 1970"
    apart = now.timestamp() - int(stamp)
    if abs(apart) <= WINDOW:
        return ""
    return f"signed {abs(apart):.0f} s {'ago' if apart > 0 else 'ahead of our clock'}"


def _event(headers: Mapping[str, str], body: bytes) -> str:
    """The header is not signed: with the body it names no other event than the one that came."""
    said = headers.get(EVENT, "")[:EVENT_LENGTH]
    return sha256(_bytes(said) + b"\0" + body).hexdigest() if said else ""


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "replace")


def _spelt(kind: str, code: bytes) -> bytes:
    return b64encode(code) if kind == "frappe" else (VERSION + code.hex()).encode()


def _hmac(secret: str, content: bytes) -> bytes:
    return hmac.digest(secret.encode(), content, "sha256")
