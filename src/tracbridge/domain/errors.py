"""Every error we raise, grouped by what to do next.

::

    TracbridgeError
    |-- ConfigError         stop, tell the operator: a right, a folder or a server is not in order
    |   |-- SettingError    ... because the value of a setting is wrong
    |   `-- OccupiedError   ... because another process of ours works on the connection
    |-- RetryableError      try again later: the other side is away or busy
    |   |-- BusyError           ... with this record only (locked by a user there); others go on
    |   `-- UnknownOutcomeError neither done nor not done: look first, then decide
    |-- RecordError         quarantine this record with its bytes, go on with the others
    |-- StaleWriteError     somebody wrote in between: read again, plan again
    `-- FatalError          stop this connection: going on could do harm

Who acts on them: ``engine/intake.py`` quarantines records, ``engine/inbound.py`` plans stale ones
again, ``runtime/runner.py`` waits and repeats, ``cli/app.py`` turns the rest into one line and an
exit code.
"""

from datetime import timedelta
from typing import Self

from msgspec import Struct


class TracbridgeError(Exception):
    """The root; catch one of its children instead."""


class ConfigError(TracbridgeError):
    """The set-up is wrong; the message says what, where, and what to do. Never retried."""


class SettingError(ConfigError):
    """The value of a setting is wrong; the message names both and what is accepted."""


class OccupiedError(ConfigError):
    """Another process of ours works on this connection; the message names it."""


class RetryableError(TracbridgeError):
    """A system is away or busy. Nothing is known to be wrong with the data."""

    def __init__(self, message: str, *, retry_after: timedelta | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class StaleWriteError(TracbridgeError):
    """The record has changed since we read it; nothing was written."""


class BusyError(RetryableError):
    """The system cannot take this one record now (a user has it open); others go on."""


class UnknownOutcomeError(RetryableError):
    """A write was sent and no answer came: probe before repeating."""


class FatalError(TracbridgeError):
    """Going on could do harm (lease lost, folder replaced): this connection stops."""


class Reason(Struct, frozen=True):
    """Why one record was refused, in the words of the person who must mend it."""

    code: str
    pointer: str
    value: str
    reason: str
    hint: str = ""

    def __str__(self) -> str:
        where = f"{self.pointer} " if self.pointer else ""
        what = f"{self.value} " if self.value else ""
        return f"{where}{what}{self.reason}" + (f" {self.hint}" if self.hint else "")


class RecordError(TracbridgeError):
    """One record is refused: it goes to quarantine with its bytes, the rest goes on."""

    def __init__(
        self, code: str, reason: str, *, pointer: str = "", value: object = "", hint: str = ""
    ) -> None:
        self.why = Reason(code, pointer, shown(value), reason, hint)
        super().__init__(str(self.why))

    @classmethod
    def of(cls, why: Reason) -> Self:
        """The error again, from what is on record of it."""
        error = cls(why.code, why.reason, pointer=why.pointer, hint=why.hint)
        error.why = why
        return error


SHOWN = 80
"""Characters of a refused value that may stand in a message."""


def shown(value: object) -> str:
    """A value as it may stand in a message: short, on one line, control characters escaped."""
    if value == "":
        return ""
    text = repr(value) if not isinstance(value, str) else f'"{value}"'
    escaped = text.encode("unicode_escape", "replace").decode("ascii") if not _plain(text) else text
    return escaped if len(escaped) <= SHOWN else escaped[: SHOWN - 3] + "..."


def _plain(text: str) -> bool:
    return text.isprintable()
