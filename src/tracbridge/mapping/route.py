"""The cheapest way of legal steps from one state of a system to another. Pure."""

import heapq
from collections.abc import Collection, Mapping, Sequence

from msgspec import Struct


class Graph(Struct, frozen=True):
    """Which states follow which in one step.

    ``irreversible``: never gone through; a way may only end there where ``allowed`` names them.
    ``costs``: of a step into a state, 1 unless said. ``initial``: where everything begins, "" where
    it may be anywhere.
    """

    steps: Mapping[str, Sequence[str]]
    irreversible: frozenset[str] = frozenset()
    allowed: frozenset[str] = frozenset()
    costs: Mapping[str, int] = {}
    initial: str = ""

    def way(self, start: str, ends: Collection[str]) -> list[str] | None:
        """The states to go through, the last of them in ``ends``; [] if ``start`` is, None if
        there is no way.

        Of equally cheap ways the one with fewer steps, then the one whose names come first.
        """
        if start in ends:
            return []
        queue: list[tuple[int, int, list[str]]] = [(0, 0, [start])]
        done: set[str] = set()
        while queue:
            cost, length, way = heapq.heappop(queue)
            here = way[-1]
            if here in ends and here != start:
                return way[1:]
            if here in done or (here in self.irreversible and here != start):
                continue
            done.add(here)
            for after in self.steps.get(here, ()):
                if after not in done and self._may_enter(after):
                    step = cost + self.costs.get(after, 1)
                    heapq.heappush(queue, (step, length + 1, [*way, after]))
        return None

    def _may_enter(self, state: str) -> bool:
        return state not in self.irreversible or state in self.allowed

    def why_not(self, start: str, ends: Collection[str]) -> str:
        """In words, why there is no way."""
        if start in self.irreversible and not self.steps.get(start):
            return f"nothing leads out of {start}"
        closed = sorted(set(ends) & self.irreversible - self.allowed)
        if closed and set(ends) <= self.irreversible:
            return f"{', '.join(closed)} cannot be taken back, and the mapping does not allow it"
        return f"no way of allowed steps leads from {start} to {' or '.join(sorted(ends))}"
