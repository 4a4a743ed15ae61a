"""Customers who have keys of their own: which number TracOS has for each, as a port."""

from collections.abc import Mapping, Sequence
from typing import Protocol

from msgspec import Struct


class Key(Struct, frozen=True):
    """A customer's own key of an order; ``scope``: the site or company in which it counts."""

    ref: str
    scope: str = ""

    def __str__(self) -> str:
        return f"{self.scope}/{self.ref}" if self.scope else self.ref


class Numbered(Struct, frozen=True):
    """TracOS's number of an order, as text.

    ``document``: the id that TracOS's document of it has or will get, where the number was
    allocated by us; None where TracOS had the order first. ``fresh``: allocated just now.
    """

    number: str
    document: object = None
    fresh: bool = False


class Numbers(Protocol):
    """The numbers of one connection. A key keeps its number for ever, and a number its key."""

    async def of(self, keys: Sequence[Key]) -> Mapping[Key, Numbered]:
        """Each key's number; one that has none is given the next, durably, before this returns.

        For keys that are new as far as anybody knows: a number is used up for each.
        """

    async def known(self, keys: Sequence[Key]) -> Mapping[Key, Numbered]:
        """The numbers of those keys that have one."""

    def document(self, key: Key) -> object:
        """The id of the document that is made for this key: always the same, so that it is known
        again by who remembers nothing of it.
        """

    async def keys(self, numbers: Sequence[str]) -> Mapping[str, Key]:
        """The keys of those numbers that have one."""

    async def pair(self, pairs: Mapping[Key, str]) -> set[Key]:
        """Orders that TracOS had first: these are their keys.

        Returns the keys that were not paired: they have another number, or the number another key.
        """

    async def again(self, keys: Sequence[Key]) -> None:
        """These numbers turned out to be somebody else's in TracOS: give the next ones."""
