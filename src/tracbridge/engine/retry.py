"""Refused records tried again because a person asks for it: original bytes, original claim.

A record keeps the claim under which it first came, so the decision sees it as what it is: older
than whatever was accepted since. Call it inside a `session`.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from tracbridge.domain.errors import ConfigError
from tracbridge.domain.link import Claim
from tracbridge.domain.workorder import Side
from tracbridge.engine.acknowledge import acknowledge
from tracbridge.engine.connection import Connection, Tally
from tracbridge.engine.inbound import NOWHERE, Inbound
from tracbridge.engine.outbound import Outbound
from tracbridge.mapping.decode import parsed
from tracbridge.ports.connector import Page, PutsBack, Record, Rereads
from tracbridge.ports.state import Cases, Good, Quarantine, QuarantineCase

BEFORE = "tried before"
"""What became of a case that was not open any more when its turn came."""


class Tried(Struct, frozen=True):
    """One case and what became of its records, by outcome; none: there was nothing to try.

    ``refused``: the cases that it opened anew.
    """

    case: QuarantineCase
    outcomes: Mapping[str, int]
    refused: Sequence[QuarantineCase] = ()

    @property
    def held(self) -> bool:
        """Something waits for a person."""
        return bool(self.outcomes.get("held"))


def outcome(tried: Tried) -> str:
    """What became of it, in a word."""
    if not tried.outcomes:
        return "gone"
    if BEFORE in tried.outcomes:
        return BEFORE
    if tried.refused:
        return "refused again"
    if "handed over" in tried.outcomes:
        return "handed over"
    return "stale" if set(tried.outcomes) <= {"read", "stale", "conflicts"} else "applied"


def tried_json(tried: Tried) -> dict[str, Any]:
    """One retried case for programs."""
    counts = {f"{name}": n for name, n in tried.outcomes.items() if name != "read"}
    new = [case.id for case in tried.refused]
    return {
        "id": tried.case.id,
        "order": tried.case.ref,
        "outcome": outcome(tried),
        "counts": counts,
        "cases": new,
    }


class Watched(Struct):
    """The quarantine while old records are tried: notes what is refused, closes nothing by itself.

    Closing goes by order, and a good old version must not close the case of a newer bad one.
    """

    quarantine: Quarantine
    refused: list[QuarantineCase] = []

    async def put(self, cases: Sequence[QuarantineCase]) -> None:
        """Store, and note."""
        self.refused += cases
        await self.quarantine.put(cases)

    async def known(self, ids: Sequence[str]) -> set[str]:
        """As ever."""
        return await self.quarantine.known(ids)

    async def waiting(self, side: Side | None = None) -> int:
        """As ever."""
        return await self.quarantine.waiting(side)

    async def settle(self, good: Good, side: Side, at: datetime) -> int:
        """Nothing."""
        del good, side, at
        return 0


async def retry(
    connection: Connection, cases: Cases, wanted: Sequence[QuarantineCase], run: str
) -> list[Tried]:
    """Try each of these cases again, oldest first; what is refused again becomes a new case."""
    old = sorted(wanted, key=lambda case: (case.claim.pass_ if case.claim else 0, case.at))
    theirs = [case for case in old if case.side is Side.CUSTOMER]
    ours = [case for case in old if case.side is Side.TRACOS]
    tried = [await _from_customer(connection, cases, case, run) for case in theirs]
    return tried + (await _from_tracos(connection, cases, ours, run) if ours else [])


async def hand_over(
    connection: Connection, cases: Cases, wanted: Sequence[QuarantineCase]
) -> list[Tried]:
    """Lay each case ready for the process that works on the connection; no `session` is needed.

    The state first: the other one may be so quick that it opens the case anew before we are back.
    Where his system has the records, nothing can be laid ready: ask for it by a wish.
    """
    tried = []
    for case in wanted:
        await cases.move(case.id, "retried", connection.clock.now())
        there = case.side is Side.TRACOS or (
            isinstance(connection.customer, PutsBack) and await connection.customer.put_back(case)
        )
        tried.append(Tried(case, {"handed over": 1} if there else {}))
    return tried


async def _from_customer(
    connection: Connection, cases: Cases, case: QuarantineCase, run: str
) -> Tried:
    """A crash anywhere leaves the case open, or its bytes where the next pass takes them."""
    customer = connection.customer
    laid = not isinstance(customer, Rereads)
    await connection.lease.hold()
    if isinstance(customer, Rereads):
        pages = await _reread(customer, case)
    elif isinstance(customer, PutsBack):
        pages = await customer.read_again(case) if await customer.put_back(case) else ()
    else:
        raise ConfigError("this customer's records cannot be put back; ask for them again.")
    if not pages:
        return Tried(case, {})
    now = connection.clock.now()
    if laid:
        await cases.move(case.id, "retried", now)
    watched = Watched(connection.quarantine)
    tally = Tally(run)
    inbound = Inbound(replace(connection, quarantine=watched), tally)
    inbound.claim = Claim(await connection.passes.counter(), 0)
    inbound.removes = bool(await connection.passes.cursor("removes"))
    for page in pages:
        await inbound.page(page)
    if not laid and case.id not in {one.id for one in watched.refused}:
        await cases.move(case.id, "retried", now)
    if not watched.refused:
        await cases.close_older(case, now)
    return Tried(case, +tally.inbound, watched.refused)


async def _reread(customer: Rereads, case: QuarantineCase) -> Sequence[Page]:
    """The record as it is now: what his system had refused to say once, it may say by now."""
    bodies = [body for body, _ in parsed(case.raw) if body is not None]
    ref = case.theirs or None
    records = [Record(body, ref, source=case.source, raw=case.raw) for body in bodies]
    found = await customer.reread(records)
    return [Page((record,), NOWHERE) for record in found if record]


async def _from_tracos(
    connection: Connection, cases: Cases, wanted: Sequence[QuarantineCase], run: str
) -> list[Tried]:
    """Documents have no bytes of ours: a pass to the customer looks at them again.

    What his system refused may be sent again before the case is closed: else a crash in between
    would leave an order that is neither sent nor on record.
    """
    await _allow_again(connection, wanted)
    for case in wanted:
        await cases.move(case.id, "retried", connection.clock.now())
    watched = Watched(connection.quarantine)
    tally = Tally(run)
    await acknowledge(connection, tally)
    await Outbound(replace(connection, quarantine=watched), tally)()
    again = {case.id: case for case in watched.refused}
    return [
        Tried(case, {"quarantined": 1}, [again[case.id]])
        if case.id in again
        else Tried(case, {"delivered": 1})
        for case in wanted
    ]


async def _allow_again(connection: Connection, wanted: Sequence[QuarantineCase]) -> None:
    """What his system has refused is not sent again as it is; a person who retries says: do."""
    links = await connection.ledger.find([case.ref for case in wanted if case.ref])
    refused = [replace(link, refused=None) for link in links.values() if link.refused]
    await connection.ledger.save(refused)
