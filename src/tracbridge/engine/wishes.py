"""What people asked for of whoever holds the lease, done at the beginning of a pass.

A wish is durable before anybody waits for it. It may be begun again after a crash: what it does is
repeatable, and finds out what was done already.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from tracbridge.domain.errors import (
    ConfigError,
    FatalError,
    RecordError,
    RetryableError,
    TracbridgeError,
)
from tracbridge.domain.link import Claim
from tracbridge.domain.workorder import WorkOrder
from tracbridge.engine.connection import Connection, Tally
from tracbridge.engine.controls import paused
from tracbridge.engine.decide import resend
from tracbridge.engine.inbound import NOWHERE, Inbound
from tracbridge.engine.retry import BEFORE, Tried, Watched, retry, tried_json
from tracbridge.engine.undo import Undoing
from tracbridge.mapping.decode import decode
from tracbridge.ports.connector import Page, Record
from tracbridge.ports.numbers import Key
from tracbridge.ports.state import Cases, QuarantineCase, Runs
from tracbridge.ports.undo import RunHistory
from tracbridge.ports.wishes import Wish, Wishes
from tracbridge.sync.undo import Undo

RETRY, EDIT, UNDO = "retry", "edit", "undo"

ATTEMPTS = 5
"""How often a wish is begun whose system is away; then it has failed."""

TAKEN = ("created", "updated", "unchanged")
"""What becomes of an edited record that TracOS has afterwards, and the customer has not."""

ORDERS = 2_000
"""Orders of an undo that its outcome names."""


class Fulfilment(Struct, frozen=True):
    """Fulfils the wishes of one connection; call it inside a `session`."""

    connection: Connection
    wishes: Wishes
    cases: Cases
    past: RunHistory
    runs: Runs

    async def waits(self) -> bool:
        """Somebody wishes for something."""
        return bool(await self.wishes.open())

    async def __call__(self) -> int:
        """Do what is asked for, oldest first, and keep what came of it; how many wishes ended.

        Raises `FatalError` where the lease is lost. What cannot be done fails alone.
        """
        done = 0
        for wish in await self.wishes.open():
            await self.connection.lease.hold()
            await self.wishes.begin(wish.id)
            done += await self._ended(wish)
        return done

    async def _ended(self, wish: Wish) -> bool:
        """Whether it came to an end; where a system is away it waits for a later pass."""
        connection = self.connection
        outcome, error = None, ""
        try:
            outcome = await self._do(wish)
        except FatalError:
            raise
        except RetryableError as problem:
            if wish.attempts + 1 < ATTEMPTS:
                connection.observer.incident("wish_waits", wish.id, str(problem))
                return False
            error = str(problem)
        except TracbridgeError as problem:
            error = str(problem)
        state = "failed" if error else "done"
        await self.wishes.end(wish.id, state, connection.clock.now(), outcome, error)
        return True

    async def _do(self, wish: Wish) -> Any:
        given = wish.given
        if wish.what == UNDO:
            undoing = Undoing(self.connection, self.past, given["run"], given["ref"], wish.by)
            own, orders = await take_back(undoing, self.runs, wish.id)
            more = max(0, len(orders) - ORDERS)
            return {"run": own, **undone_json(orders[:ORDERS]), **undone_sums(orders), "more": more}
        if wish.what == RETRY:
            tried = await self._retried(given["cases"], wish.id)
        elif wish.what == EDIT:
            tried = [await self._edited(given, wish)]
        else:
            raise ConfigError(
                f"nobody here knows how to {wish.what}; it was asked for by another "
                "version of Tracbridge."
            )
        return [tried_json(one) for one in tried]

    async def _open(self, ids: Sequence[str]) -> tuple[list[QuarantineCase], list[QuarantineCase]]:
        """Those that are open, and those that somebody else, or a crash, has dealt with before."""
        found = await self.cases.find(ids)
        open_ = [case for case in found if case.state == "open"]
        waits = await paused(self.connection.passes)
        for case in open_:
            if stop := waits.get(case.side):
                raise ConfigError(
                    f"the connection is paused for what the side {case.side.value!r} changed, by "
                    f"{stop.by}; resume it, then try case {case.id} again."
                )
        return open_, [case for case in found if case not in open_]

    async def _retried(self, ids: Sequence[str], run: str) -> list[Tried]:
        open_, before = await self._open(ids)
        tried = await retry(self.connection, self.cases, open_, run)
        return [*tried, *(Tried(case, {BEFORE: 1}) for case in before)]

    async def _edited(self, given: Mapping[str, Any], wish: Wish) -> Tried:
        open_, before = await self._open([given["case"]])
        if not open_:
            return Tried(before[0], {BEFORE: 1})
        (case,) = open_
        source = f"{case.source} (edited by {wish.by})"
        return await take_edited(
            self.connection, self.cases, case, edited_record(given["body"], source), wish.id
        )


def edited_record(body: bytes, source: str) -> Record:
    """What a person made of a record, as the record that it is now.

    Raises `RecordError` where it is not exactly one record that can be read.
    """
    found = decode(body)
    if len(found) != 1:
        raise RecordError("several_records", f"These are {len(found)} records, not one.")
    (one,) = found
    if one.error:
        raise one.error
    return Record(one.body, source=source, raw=one.raw)


async def take_edited(
    connection: Connection, cases: Cases, case: QuarantineCase, record: Record, run: str
) -> Tried:
    """Take what a person made of a refused record in, as old as that was: never over a newer
    version of the order. The customer, who holds something else, is given the order afterwards.

    Call it inside a `session`.
    """
    now, counter = connection.clock.now(), await connection.passes.counter()
    watched, tally = Watched(connection.quarantine), Tally(run)
    inbound = Inbound(replace(connection, quarantine=watched), tally)
    inbound.claim = Claim(counter, 0)
    inbound.removes = bool(await connection.passes.cursor("removes"))
    await inbound.page(Page((replace(record, claim=case.claim),), NOWHERE))
    if not watched.refused and any(tally.inbound[outcome] for outcome in TAKEN):
        # Before the case is closed: what is begun anew after a crash finds it taken already.
        order = connection.translation.from_customer(record.body or {})
        await resend(connection, await number_of(connection, order))
    await cases.move(case.id, "retried", now)
    if not watched.refused:
        await cases.close_older(case, now)
    return Tried(case, +tally.inbound, watched.refused)


async def number_of(connection: Connection, order: WorkOrder) -> str:
    """TracOS's number of an order of his, "" where he has keys of his own and this one is new."""
    if connection.numbers is None:
        return order.ref
    key = Key(order.ref, order.scope)
    found = await connection.numbers.known([key])
    return found[key].number if key in found else ""


async def take_back(undoing: Undoing, runs: Runs, run: str) -> tuple[str, list[Undo]]:
    """Take a run back as a run of its own, on record; its name and what became of each order.

    Repeatable: one that came to no end is gone on with, under its name. Call it inside a `session`.
    """
    clock = undoing.connection.clock
    own = await undoing.past.begin_undo(undoing.of, undoing.ref, run, clock.now())
    orders = await undoing(own)
    sums = undone_sums(orders)
    did = {"set back": sums["set_back"], "changed since": sums["changed_since"]}
    ended = {"exit": sums["exit"], "did": {name: count for name, count in did.items() if count}}
    await runs.end(own, clock.now(), ended)
    return own, orders


TROUBLED = 3
"""An undo that had to leave something as it is."""


def undone_sums(orders: Sequence[Undo]) -> dict[str, int]:
    """How many orders were set back, how many have changed since; the exit code."""
    return {
        "set_back": sum(bool(one.fields) for one in orders),
        "changed_since": sum(bool(one.later) for one in orders),
        "exit": 0 if all(one.whole for one in orders) else TROUBLED,
    }


def undone_json(orders: Sequence[Undo]) -> dict[str, Any]:
    """For programs; orders of which nothing is to be said are left out."""
    return {"orders": [undo_json(one) for one in orders if one], **undone_sums(orders)}


def undo_json(one: Undo) -> dict[str, Any]:
    """One order; the number as TracOS spells it."""
    return {
        "number": int(one.ref) if one.ref.isdigit() else one.ref,
        "sides": [side.value for side in one.sides],
        "fields": {name: {"from": now, "to": back} for name, (now, back) in one.fields.items()},
        "changed_since": {
            name: {"by_run": late.by_run, "now": late.now, "before": late.before}
            for name, late in one.later.items()
        },
        "left": [
            {"side": rest.side, "field": rest.field or None, "why": rest.why.value}
            for rest in one.rest
        ],
    }
