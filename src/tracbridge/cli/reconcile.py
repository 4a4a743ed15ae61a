"""``tracbridge reconcile``: both sides against what they last agreed on; ``--fix`` heals."""

import gc
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any

import typer

from tracbridge.bootstrap import Service
from tracbridge.cli.acting import acting
from tracbridge.cli.context import (
    TROUBLED,
    Json,
    new_run,
    say,
    say_json,
    serving,
    serving_all,
    to_json,
    wait_for,
)
from tracbridge.cli.progress import watching
from tracbridge.cli.run import listen
from tracbridge.cli.table import counted, harmless, table
from tracbridge.desk.report import reports_of
from tracbridge.engine.preview import Unnoticed
from tracbridge.engine.reconcile import Found, Looked, Reconciliation
from tracbridge.engine.session import session
from tracbridge.runtime.runner import Stop
from tracbridge.runtime.work import Options, Work
from tracbridge.sync.drift import OPEN, Cure, Drift

SHOWN = 200
"""Orders that the table shows; ``--json`` has them all."""

WHY: Mapping[Drift, str] = {
    Drift.WAITING: "changed since, or to be sent again; not sent yet",
    Drift.TAMPERED: "changed, though marked as synced and its time was not moved",
    Drift.WRONG_FLAG: "isSynced does not say what the customer was given",
    Drift.MISSING_FILE: "published and not there any more",
    Drift.ALTERED_FILE: "not what was published",
    Drift.MISSING_LINK: "marked as synced, but we know nothing of it",
    Drift.MISSING_DOCUMENT: "gone from TracOS",
    Drift.DUPLICATE: "several documents carry this number",
    Drift.UNREADABLE: "cannot be translated",
    Drift.HELD: "waits for a person: tracbridge conflicts list",
    Drift.REFUSED: "refused by the customer's system",
}

HEALS: Mapping[Cure, str] = {
    Cure.PASS: "runs a pass, which does it",
    Cure.AGAIN: "gives it to the customer again",
    Cure.LINK: "links it if his inbound record is equal, else gives it to him again",
    Cure.UNMARK: "takes the mark back",
    Cure.ASK: "asks: tracbridge conflicts list",
    Cure.NONE: "nothing; a person has to",
}


def reconcile(
    fix: Annotated[
        bool, typer.Option("--fix", help="Heal what is found, by a pass, and compare again.")
    ] = False,
    order: Annotated[
        str | None, typer.Option("--order", metavar="NUMBER", help="Only this order.")
    ] = None,
    reports: Annotated[
        bool, typer.Option("--report", help="Show the daily reports that serve has made.")
    ] = False,
    json: Json = False,
) -> None:
    """Compare both sides with what they last agreed on.

    By content; writes nothing without --fix. Exit 0: no drift. Exit 3: there is some, or some is
    left.
    """
    if reports:
        if fix or order is not None:
            raise typer.BadParameter("--report shows what is kept; leave out --fix and --order.")
        wait_for(_reports(json=json))
        return
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)
    raise typer.Exit(wait_for(_reconcile(Seen(json), fix=fix, only=order)))


async def _reports(*, json: bool) -> None:
    """The daily reports of the connections that are meant, newest first."""
    async with serving_all() as services:
        found = {one.name: await reports_of(one) for one in services}
    if json:
        say_json({name: [one.json() for one in each] for name, each in found.items()})
        return
    for name, each in found.items():
        say(harmless(name))
        say("".join(f"  {harmless(one.text)}\n" for one in each) or NONE)


NONE = "  No report yet: tracbridge serve makes one a day."


@dataclass
class Seen:
    """What a walk has found: the counts, and as much as is shown. Programs are told as it goes."""

    json: bool
    orders: int = 0
    counts: Counter[Drift] = field(default_factory=Counter)
    rows: list[Found] = field(default_factory=list)

    @property
    def drift(self) -> int:
        """What is found and is not known to wait for a person."""
        return sum(number for kind, number in self.counts.items() if kind not in OPEN)

    @property
    def summary(self) -> dict[str, int]:
        """How many of each reason."""
        return {kind.value: self.counts[kind] for kind in Drift if self.counts[kind]}

    def add(self, looked: Looked) -> None:
        """A page was compared."""
        if self.json:
            for one in looked.found:
                say(f"{',' if self.counts else START}{to_json(as_json(one))}")
                self.counts[one.drift] += 1
        else:
            self.counts.update(one.drift for one in looked.found)
        self.orders += looked.orders
        self.rows += looked.found[: max(0, SHOWN - len(self.rows))]


async def _reconcile(seen: Seen, *, fix: bool, only: str | None) -> int:
    left, code = None, 0
    if fix:
        left = Seen(json=False)
        code = await heal(seen, left, only)
    else:
        async with serving() as service:
            await look(service, seen, only)
    code = TROUBLED if (left or seen).drift else code
    report(seen, left, code)
    return code


async def heal(seen: Seen, left: Seen, only: str | None) -> int:
    """What is found is healed by a pass, then looked for once more; the pass's exit code."""
    name, stop = new_run(), Stop()
    target = only or "all orders"
    async with acting("connection.reconcile", target, run=name, stop=stop) as (service, act):
        await service.prepare()
        async with session(service.connection, service.state.runs, name):
            await look(service, seen, only, fix=True)
        listen(stop)
        work = Work(service, Options(), stop, name)
        await work()
        await look(service, left, only)
        act.outcome = f"{seen.drift:,} drifted, {left.drift:,} are left"
    return work.code


async def look(service: Service, seen: Seen, only: str | None, *, fix: bool = False) -> None:
    """Compare everything, or the one order."""
    only = None if only is None else await service.ref(only)
    walk = Reconciliation(service.connection, await service.everything(), only=only, fix=fix)
    with watching(Unnoticed(), quiet=seen.json) as watched:
        async for looked in walk():
            seen.add(looked)
            watched.batch("compared", {"read": looked.orders})


START = '{"found": ['
"""How the JSON begins; told piece by piece, so that memory does not grow with what is found."""


def as_json(one: Found) -> dict[str, Any]:
    """One thing that is not as agreed, for programs."""
    return {
        "number": int(one.ref) if one.ref.isdigit() else one.ref,
        "reason": one.drift.value,
        "drift": one.drift not in OPEN,
        "where": one.where,
        "why": why(one),
        "fields": {n: {"agreed": old, "tracos": new} for n, (old, new) in one.fields.items()},
        "fix": one.cure.value,
    }


def why(one: Found) -> str:
    """The reason in words, with the fields or what was said."""
    rest = one.note or ", ".join(one.fields)
    return f"{WHY[one.drift]}: {rest}" if rest else WHY[one.drift]


def report(seen: Seen, left: Seen | None, code: int) -> None:
    """Everything that was found, and what is left of it after a fix."""
    if seen.json:
        rest = {
            "orders": seen.orders,
            "summary": seen.summary,
            "left": left.summary if left else None,
            "exit": code,
        }
        say(f"{'' if seen.counts else START}],{to_json(rest)[1:]}")
        return
    say(listed(seen))
    if left:
        say("\nAfter the fix:")
        say(listed(left))


def listed(seen: Seen) -> str:
    """A row for each, then a line for each reason."""
    if not seen.counts:
        return f"{counted(seen.orders, 'order')} compared: no drift."
    rows = [
        (harmless(one.ref), one.drift.value, one.where, why(one), HEALS[one.cure])
        for one in seen.rows
    ]
    more = seen.counts.total() - len(rows)
    note = f"... and {more:,} more: tracbridge reconcile --json\n" if more > 0 else ""
    head = ("ORDER", "WHAT", "WHERE", "WHY", "--FIX")
    sums = "".join(f"{number:>9,}  {reason}\n" for reason, number in seen.summary.items())
    drift = f"{seen.drift:,} drifted" if seen.drift else "no drift"
    text = table(head, rows, spare=("WHERE",)) + note
    return f"{text}\n{sums}{counted(seen.orders, 'order')} compared: {drift}."
