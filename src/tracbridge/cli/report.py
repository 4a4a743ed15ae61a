"""What a run did, for people and for programs."""

import time
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from tracbridge.cli.context import say, say_json
from tracbridge.engine.connection import Tally
from tracbridge.runtime.counts import INBOUND, OUTBOUND, connection_json
from tracbridge.runtime.fleet import Result
from tracbridge.sync.guard import Withheld

SHOWN = 40
"""Connections that the table has room for; ``--json`` has them all."""


class Report:
    """What the connections of one run did; ``results``: by their names.

    ``to_approve``: how many of their cases wait for an approval; ``rests``: whose changes are not
    taken because somebody said so.
    """

    def __init__(self, run: str, *, json: bool) -> None:
        self.run, self.json, self.begun = run, json, time.monotonic()
        self.results: Mapping[str, Result] = {}
        self.to_approve: Mapping[str, int] = {}
        self.rests: Sequence[str] = ()

    @property
    def code(self) -> int:
        """The exit code: 1 where one could not run, else the highest."""
        codes = {result.code for result in self.results.values()}
        return 1 if 1 in codes else max(codes, default=0)

    def __call__(self) -> None:
        """One JSON object, or a table and what to do next."""
        seconds = time.monotonic() - self.begun
        if self.json:
            say_json(self.as_json(seconds))
            return
        if len(self.results) == 1:
            ((name, only),) = self.results.items()
            told = [*alone(only, self.rests), *hints(only, self.to_approve.get(name, 0))]
        else:
            told = together(self.results, self.to_approve)
        for line in told:
            say(line)
        passes = sum(result.passes for result in self.results.values())
        say(f"{seconds:.1f} s" + (f" in {passes} passes" if passes > 1 else ""))

    def as_json(self, seconds: float) -> dict[str, Any]:
        """All of it."""
        told = [
            {
                **connection_json(name, result.total, seconds),
                **({"error": result.error} if result.error else {}),
            }
            for name, result in sorted(self.results.items())
        ]
        return {"run": self.run, "connections": told, "exit": self.code}


def alone(result: Result, rests: Sequence[str] = ()) -> list[str]:
    """What one connection did, and what of it rests."""
    total = result.total
    if result.error:
        return [result.error]
    if rests:
        return [counts_table(total) if happened(total) else "Nothing was done.", *rests]
    if any(total.inbound[n] for n in INBOUND) or any(total.outbound[n] for n in OUTBOUND):
        return [counts_table(total)]
    if taken := total.outbound["acknowledged"]:
        return [f"Nothing new on either side; the customer has taken {taken:,} of our versions."]
    return ["Nothing to do: nothing is new on either side."]


def together(results: Mapping[str, Result], to_approve: Mapping[str, int]) -> list[str]:
    """What several did: a row for each that did something, then what is to be done."""
    from tracbridge.cli.table import table  # noqa: PLC0415 (loads what a run with --json need not)

    busy = {name: r for name, r in sorted(results.items()) if r.error or happened(r.total)}
    names = [*INBOUND, *(name for name in OUTBOUND if name not in INBOUND)]
    counts = {name: r.total.inbound + r.total.outbound for name, r in busy.items()}
    used = [name for name in names if any(each[name] for each in counts.values())]
    rows = [[name, *(f"{counts[name][n]:,}" for n in used)] for name in list(busy)[:SHOWN]]
    told = []
    if used:
        told.append(
            table(["CONNECTION", *map(str.upper, used)], rows, right=range(1, len(used) + 1))
        )
    if len(busy) > SHOWN:
        told.append(f"... and {len(busy) - SHOWN:,} more: tracbridge run --json")
    quiet = len(results) - len(busy)
    told += [f"{quiet:,} of {len(results):,} connections: nothing to do."] if quiet else []
    for name, result in busy.items():
        more = [f"could not run: {result.error}"] if result.error else []
        more = more or hints(result, to_approve.get(name, 0), name)
        told += [f"{name}: {line}" for line in more]
    return told


def happened(total: Tally) -> bool:
    """Something was read, written or waits."""
    return bool(total.inbound.total() or total.outbound.total())


def counts_table(tally: Tally) -> str:
    """One row per direction; only columns in which something happened."""
    from tracbridge.cli.table import table  # noqa: PLC0415 (loads what a run with --json need not)

    names = list(dict.fromkeys(INBOUND[:-1] + OUTBOUND))
    rows: list[tuple[str, Counter[str], tuple[str, ...]]] = [
        ("inbound", tally.inbound, INBOUND),
        ("outbound", tally.outbound, OUTBOUND),
    ]
    used = [name for name in names if tally.inbound[name] or tally.outbound[name]]
    cells = [
        [flow, *(f"{counts[n]:,}" if n in known else "" for n in used)]
        for flow, counts, known in rows
    ]
    return table(["", *map(str.upper, used)], cells, right=range(1, len(used) + 1))


def hints(result: Result, waits: int, connection: str = "") -> list[str]:
    """What a person may want to do now; ``waits``: how many cases wait for an approval."""
    from tracbridge.cli.table import counted  # noqa: PLC0415 (as above)

    inbound, outbound = result.total.inbound, result.total.outbound
    of = f" --connection {connection}" if connection else ""
    refused = inbound["quarantined"] + outbound["quarantined"] - waits
    withheld = result.total.withheld
    held = inbound["held"] - inbound["withheld"]
    failed = outbound["failed"] - outbound["withheld"]
    decided = inbound["conflicts"] - min(held, inbound["conflicts"])
    approval = counted(waits, "waits for approval", "wait for approval")
    texts = {
        f"{approval}: tracbridge approve CASE{of}, of tracbridge quarantine list{of}": waits,
        f"{refused} refused: tracbridge quarantine list{of}": refused > 0,
        f"{held} held until a person decides: tracbridge conflicts list{of}": held > 0,
        f"{decided} changed on both sides and decided: tracbridge conflicts list{of}": decided,
        f"{failed} not delivered: tracbridge status{of}": failed > 0,
        f"{inbound['waiting']} not complete yet, left where they are": inbound["waiting"],
        "Stopped before the pass was complete; the next run goes on there.": result.cut,
    }
    return [text for text, applies in texts.items() if applies] + stopped(withheld)


def stopped(withheld: Sequence[Withheld]) -> list[str]:
    """What the mass guard stopped, and how to go on."""
    go_on = "look at tracbridge preview --allow-mass-change, then run with the same option."
    return [f"{one}: {go_on}" for one in withheld]
