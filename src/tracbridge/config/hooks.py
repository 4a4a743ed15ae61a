"""The webhooks of one connection: what may wake it, and who is told what happens."""

from __future__ import annotations

from dataclasses import dataclass, field
from ipaddress import IPv4Network, IPv6Network
from typing import Final, Literal

Event = Literal[
    "order.updated",
    "order.delivered",
    "case.opened",
    "conflict.opened",
    "connection.down",
    "connection.up",
]
"""What others can be told of."""

EVENTS: Final[tuple[Event, ...]] = (
    "order.updated",
    "order.delivered",
    "case.opened",
    "conflict.opened",
    "connection.down",
    "connection.up",
)

Kind = Literal["generic", "frappe"]
"""How a sender signs."""

Takes = Literal["hints", "records"]


@dataclass(frozen=True, slots=True, kw_only=True)
class HookIn:
    """Webhooks that a customer's system sends us. ``previous``: a secret that still counts while
    the sender changes to the new one, "" for none. ``takes``: whether a body is only a hint to look
    at his system, or his records themselves.
    """

    secret: str = field(repr=False)
    previous: str = field(default="", repr=False)
    kind: Kind = "generic"
    takes: Takes = "hints"

    @property
    def secrets(self) -> tuple[str, ...]:
        """All that count."""
        return (self.secret, self.previous) if self.previous else (self.secret,)


@dataclass(frozen=True, slots=True, kw_only=True)
class HookOut:
    """One address that is told of these events. ``networks``: private ones that it may be in."""

    url: str
    secret: str = field(repr=False)
    events: frozenset[str] = frozenset(EVENTS)
    networks: tuple[IPv4Network | IPv6Network, ...] = ()
    ca: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Hooks:
    """All of one connection."""

    incoming: HookIn | None = None
    out: tuple[HookOut, ...] = ()
