"""The mass guard: grave changes are kept to the end of the pass, counted, and done all or not."""

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Generic, TypeVar

from tracbridge.domain.errors import ConfigError
from tracbridge.domain.workorder import Side
from tracbridge.engine.connection import Connection, Tally
from tracbridge.sync.guard import Grave, Withheld

T = TypeVar("T")

PAGE = 1_000
HELD = 5_000
"""So many changes of a kind are held in memory at least, while later ones may yet replace them."""

SAMPLE = 20
"""Linked orders that are looked for: if TracOS shows none of so many, it was emptied."""


class Brake(Generic[T]):
    """What one flow keeps back in one pass: grave changes, and all that follow for their orders.

    What the passes of the same run have let go before counts with it.
    """

    def __init__(self, connection: Connection, side: Side, tally: Tally) -> None:
        self.connection, self.side = connection, side
        self._before = {kind: tally.grave[side, kind] for kind in connection.guards}
        self._tally = tally
        self.kinds: dict[str, Grave | None] = {}
        """What the last change of each order kept back amounts to."""
        self.kept: Counter[str] = Counter()
        """How many changes of each order."""
        self._changes: dict[str, list[tuple[Grave | None, T]]] = {}
        self._orders: dict[Grave, set[str]] = {kind: set() for kind in connection.guards}
        self._room: Mapping[Grave, int] = {k: g.least for k, g in connection.guards.items()}
        self._linked: int | None = None

    def watches(self, kind: Grave | None, ref: str) -> bool:
        """To be kept back: there is a limit for such changes, or one of the order is kept."""
        return kind in self._room or ref in self.kinds

    async def keep(self, ref: str, kind: Grave | None, thing: T) -> None:
        """Keep this change of an order, after those of it that are kept already.

        Linked orders are counted only once a small number is exceeded.
        """
        kind = kind if kind in self._room else None
        self.kinds[ref] = kind
        self.kept[ref] += 1
        if kind:
            self._orders[kind].add(ref)
            if self._linked is None and not self._ordinary(kind):
                self._linked = await self.connection.ledger.linked()
                guards = self.connection.guards.items()
                self._room = {kind: limit.room(self._linked) for kind, limit in guards}
        changes = self._changes.setdefault(ref, [])
        if len(self._changes) <= max(HELD, *self._room.values()):
            changes.append((kind, thing))

    def _ordinary(self, kind: Grave) -> bool:
        """No more orders than usual were ever to change so in this pass."""
        return self._before[kind] + len(self._orders[kind]) <= self._room[kind]

    def counts(self) -> Counter[Grave]:
        """How many orders would change so in the end."""
        return Counter(kind for kind in self.kinds.values() if kind)

    def stopped(self) -> set[str]:
        """The orders of which nothing may be done: too many, or more than memory holds."""
        much = {kind for kind, count in self.counts().items() if self._much(kind, count)}
        return {r for r, kind in self.kinds.items() if kind in much or not self._changes[r]}

    def _much(self, kind: Grave, count: int) -> bool:
        return self._before[kind] + count > self._room[kind]

    def released(self) -> Iterator[list[T]]:
        """What may be done, each order's changes in their sequence, in portions."""
        stopped = self.stopped()
        for kind in (kind for ref, kind in self.kinds.items() if kind and ref not in stopped):
            self._tally.grave[self.side, kind] += 1
        done = [t for r in self.kinds if r not in stopped for t in self._due(r)]
        yield from (done[at : at + PAGE] for at in range(0, len(done), PAGE))

    def _due(self, ref: str) -> list[T]:
        """An order's changes; of a mass that was taken back only what took it back."""
        changes = self._changes[ref]
        last = max((i for i, (kind, _) in enumerate(changes) if self._odd(kind)), default=-1)
        start = last + 1 if self.kinds[ref] is None else 0
        return [thing for _, thing in changes[start:]]

    def _odd(self, kind: Grave | None) -> bool:
        return kind is not None and not self._ordinary(kind)

    def withheld(self) -> list[Withheld]:
        """What may not be done, one for each kind."""
        return [
            Withheld(self.side, kind, count, self._linked or 0, self._room[kind])
            for kind, count in self.counts().items()
            if self._much(kind, count)
        ]


async def refuse_emptied(connection: Connection) -> None:
    """Raises `ConfigError` where TracOS shows none of the first linked orders: something emptied or
    replaced it, and every record that comes now would be judged by that.
    """
    if not connection.guards:
        return
    refs, _ = await connection.ledger.rotation("", SAMPLE)
    if len(refs) >= SAMPLE and not await connection.tracos.fetch(refs):
        raise ConfigError(
            f"TracOS shows none of the first {len(refs)} linked orders ({refs[0]}, {refs[1]}, "
            "...): its collection was emptied or replaced, or MONGO_DATABASE and MONGO_COLLECTION "
            "name another one. Nothing was touched. If this is right, run once with "
            "--allow-mass-change."
        )
