"""Everything that one pass over one connection works with."""

from collections import Counter
from collections.abc import Callable

from msgspec import Struct, field

from tracbridge.domain.link import Link
from tracbridge.domain.workorder import Side
from tracbridge.engine.portions import at_once
from tracbridge.mapping.route import Graph
from tracbridge.mapping.translation import Translation
from tracbridge.ports.approvals import Approvals
from tracbridge.ports.comments import Comments
from tracbridge.ports.connector import Connector, Tracos
from tracbridge.ports.numbers import Numbers
from tracbridge.ports.runtime import Clock, Observer, Pause, Steps, Together
from tracbridge.ports.state import Conflicts, History, Lease, Ledger, Passes, Quarantine
from tracbridge.rules.book import Book
from tracbridge.sync.guard import GUARDS, Grave, Guards, Withheld
from tracbridge.sync.identity import link_id
from tracbridge.sync.policy import Policies


def never() -> bool:
    """Nobody waits."""
    return False


class Connection(Struct, frozen=True):
    """One configured pairing: two systems, a mapping, policies, and our memory of it.

    ``numbers``: where the customer has keys of his own; None where they are TracOS's numbers.
    ``book``: the business rules. ``legal``: which of TracOS's states lead to which; None is any to
    any. ``comments``: where they are, None where they stay on their side. ``version``: of mapping
    and rules, on record with each change. ``pressing``: somebody waits for the next pass, so what
    can wait is left to a later one.
    """

    name: str
    customer: Connector
    tracos: Tracos
    translation: Translation
    policies: Policies
    ledger: Ledger
    passes: Passes
    quarantine: Quarantine
    conflicts: Conflicts
    history: History
    lease: Lease
    clock: Clock
    steps: Steps
    observer: Observer
    together: Together
    pause: Pause = at_once
    numbers: Numbers | None = None
    book: Book = Book()
    legal: Graph | None = None
    approvals: Approvals | None = None
    comments: Comments | None = None
    version: str = ""
    guards: Guards = field(default_factory=lambda: GUARDS)
    pressing: Callable[[], bool] = never

    def new_link(self, ref: str, scope: str, kind: str) -> Link:
        """The link of an order that has none yet (``rev`` 0)."""
        return Link(link_id(self.name, kind, scope, ref), self.name, ref, scope, kind)


class Tally(Struct):
    """What one run did, by flow; the numbers that the table and ``run --json`` show.

    ``withheld``: what the mass guard stopped; ``grave``: how many changes it has counted and let
    pass, by the side that was changed.
    """

    run: str
    inbound: Counter[str] = field(default_factory=Counter)
    outbound: Counter[str] = field(default_factory=Counter)
    withheld: list[Withheld] = []
    grave: Counter[tuple[Side, Grave]] = field(default_factory=Counter)

    @property
    def troubled(self) -> bool:
        """Something was quarantined, held or not delivered in this run."""
        return any(
            (
                self.inbound["quarantined"],
                self.inbound["held"],
                self.outbound["quarantined"],
                self.outbound["failed"],
                self.withheld,
            )
        )
