"""What goes wrong with a simulated system, and when."""

from datetime import datetime
from typing import Any, Final

import msgspec
from msgspec import Struct

from tracbridge.testing.erp.wire import Deed


class Strike(Struct, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """Which requests a fault strikes of those that it could.

    The first ``after`` are let through, then each ``every``-th is struck, ``times`` in all (None:
    until the fault is taken away), and only in the first ``seconds`` of the simulator's clock from
    the first request on. ``only``: names of operations, or ``reads``, ``writes``, ``any``.
    ``seen`` and ``struck`` count.
    """

    times: int | None = None
    after: int = 0
    every: int = 1
    seconds: float | None = None
    only: list[str] = []
    seen: int = 0
    struck: int = 0
    began: datetime | None = None

    def strikes(self, now: datetime) -> bool:
        """Whether the next request is struck."""
        self.seen += 1
        self.began = self.began or now
        if self.seconds is not None and (now - self.began).total_seconds() >= self.seconds:
            return False
        if self.times is not None and self.struck >= self.times:
            return False
        past = self.seen - self.after
        if past < 1 or past % self.every:
            return False
        self.struck += 1
        return True


class Refuse(Strike):
    """Answers with this status and the system's own error body."""

    status: int = 503
    retry_after: str = ""


class Late(Strike):
    """The effect comes ``by`` seconds of the clock after the connection was dropped."""

    by: float = 60.0


class Trickle(Strike):
    """One byte each ``pause`` real seconds."""

    pause: float = 1.0


class Bomb(Strike):
    """A small answer in gzip that inflates to so many ``megabytes``."""

    megabytes: int = 64


class Elsewhere(Strike):
    """The link to the next page leads to ``host``."""

    host: str = "http://169.254.169.254"


class Drift(Struct, kw_only=True, forbid_unknown_fields=True):
    """The schema of the records is another one: fields came, went, or have other names."""

    added: dict[str, Any] = {}
    renamed: dict[str, str] = {}
    removed: list[str] = []

    def of(self, record: dict[str, Any]) -> dict[str, Any]:
        """The record in that schema."""
        kept = {
            self.renamed.get(name, name): value
            for name, value in record.items()
            if name not in self.removed
        }
        return {**kept, **self.added}


class Faults(Struct, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """All that can be wrong with a system. Nothing is, until it is set.

    ``latency``: real seconds before each answer. ``skew``: seconds by which the server's clock is
    wrong. ``stale``: seconds by which reads lag behind. ``vanished``: keys that no listing shows.
    ``locked``: keys, each with the user who has it open.
    """

    latency: float = 0.0
    skew: float = 0.0
    stale: float = 0.0
    vanished: list[str] = []
    locked: dict[str, str] = {}
    drift: Drift | None = None
    # whole requests
    refuse: Refuse | None = None
    expired: Strike | None = None
    # writes: nothing was done; done and not said; done later
    drop_request: Strike | None = None
    drop_reply: Strike | None = None
    slow_commit: Late | None = None
    # answers that are none
    html: Strike | None = None
    truncated: Strike | None = None
    empty: Strike | None = None
    wrong_length: Strike | None = None
    bomb: Bomb | None = None
    trickle: Trickle | None = None
    # pages
    duplicate_rows: Strike | None = None
    reorder: Strike | None = None
    repeat_page: Strike | None = None
    skip_page: Strike | None = None
    foreign_row: Strike | None = None
    foreign_link: Elsewhere | None = None

    def hit(self, name: str, deed: Deed, now: datetime) -> Any:
        """The fault of that name if it strikes now, else None."""
        fault: Strike | None = getattr(self, name)
        if fault is None or not fits(fault.only or FITS.get(name, LISTS), deed):
            return None
        return fault if fault.strikes(now) else None

    def merge(self, changes: dict[str, Any]) -> None:
        """Set what is named, as JSON says it; null takes a fault away. Raises
        `msgspec.ValidationError`.
        """
        if unknown := changes.keys() - set(self.__struct_fields__):
            raise msgspec.ValidationError(f"no fault is called {', '.join(sorted(unknown))}")
        named = {name: value for name, value in changes.items() if value is not None}
        given = msgspec.convert(named, Faults)
        for name in changes:
            setattr(self, name, getattr(given, name))

    def clear(self) -> None:
        """Everything is in order again."""
        empty = Faults()
        for name in self.__struct_fields__:
            setattr(self, name, getattr(empty, name))


READS, WRITES, LISTS, ANY = ["reads"], ["writes"], ["list"], ["any"]

FITS: Final = {
    "refuse": ANY,
    "expired": ANY,
    "drop_request": WRITES,
    "drop_reply": WRITES,
    "slow_commit": WRITES,
    **dict.fromkeys(("html", "truncated", "empty", "wrong_length", "bomb", "trickle"), READS),
}
"""Which requests a fault fits where it does not say; all others are of pages."""


def fits(only: list[str], deed: Deed) -> bool:
    """Whether a request is among these."""
    return (
        "any" in only
        or ("writes" if deed.writes else "reads") in only
        or deed.operation in only
        or deed.operation.partition(":")[0] in only
    )
