"""Logging on to SAP's gateway: users, sessions with their cookies, CSRF tokens."""

import base64
import binascii
import re
from datetime import datetime, timedelta
from typing import Any

from msgspec import Struct

from tracbridge.testing.erp.wire import Answer, Asked, RefusedError, answer

COOKIE = "SAP_SESSIONID_S4H_100"
IDLE = timedelta(minutes=30)


class Session(Struct):
    """One user's session; over when nothing was asked for half an hour."""

    token: str
    used: datetime


class Login:
    """One user with a password, locked after ``lock_after`` wrong ones."""

    def __init__(self, user: str, password: str, lock_after: int) -> None:
        self.user, self.password = user, password
        self.failed = 0
        self._lock_after = lock_after
        self._sessions: dict[str, Session] = {}
        self._count = 0

    def check(self, asked: Asked) -> None:
        """Raise `RefusedError` for a wrong login, and for any of a user who is locked."""
        scheme, _, packed = asked.headers.get("authorization", "").partition(" ")
        given = _unpacked(packed) if scheme.lower() == "basic" else ""
        if self.failed >= self._lock_after or given != f"{self.user}:{self.password}":
            self.failed += bool(given)
            raise unauthorised()

    def unlock(self) -> None:
        """The administrator lets the user in again."""
        self.failed = 0

    def check_token(self, asked: Asked, now: datetime) -> None:
        """Raise `RefusedError` for a write without the token of its session."""
        session = self._of(asked, now)
        token = asked.headers.get("x-csrf-token")
        if session is None or token != session.token:
            headers = (("x-csrf-token", "Required"), ("content-type", "text/plain"))
            refused = Answer(status=403, data=b"CSRF token validation failed", headers=headers)
            raise RefusedError(refused)
        session.used = now

    def token(self, asked: Asked, now: datetime) -> tuple[tuple[str, str], ...]:
        """The headers of an answer: a token and the cookie of its session, where asked for."""
        if asked.headers.get("x-csrf-token", "").lower() != "fetch":
            return ()
        if session := self._of(asked, now):
            session.used = now
            return (("x-csrf-token", session.token),)
        self._count += 1
        id_, token = f"session-{self._count}", f"token-{self._count}=="
        self._sessions[id_] = Session(token, now)
        cookie = f"{COOKIE}={id_}; path=/; HttpOnly"
        return (("x-csrf-token", token), ("set-cookie", cookie))

    def forget(self) -> None:
        """All sessions are over, as after a restart."""
        self._sessions.clear()

    def _of(self, asked: Asked, now: datetime) -> Session | None:
        found = re.search(rf"{COOKIE}=([^;]+)", asked.headers.get("cookie", ""))
        session = self._sessions.get(found[1]) if found else None
        return session if session and now - session.used < IDLE else None


def _unpacked(packed: str) -> str:
    try:
        return base64.b64decode(packed, validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        return "?"


def unauthorised() -> RefusedError:
    """The page for people that programs get as well."""
    realm = 'Basic realm="SAP NetWeaver Application Server [S4H/100]"'
    headers = (("www-authenticate", realm), ("content-type", "text/html; charset=utf-8"))
    page = b"<html><head><title>Logon Error Message</title></head><body>Logon failed</body></html>"
    return RefusedError(Answer(status=401, data=page, headers=headers))


def failed(status: int, code: str, words: str, *headers: tuple[str, str]) -> RefusedError:
    """An error of the gateway."""
    details: list[dict[str, Any]] = [{"code": code, "severity": "error", "message": words}]
    inner = {"transactionid": "66F0A0000000", "errordetails": details}
    message = {"lang": "en", "value": words}
    error = {"code": code, "message": message, "innererror": inner}
    return RefusedError(answer({"error": error}, status, *headers))
