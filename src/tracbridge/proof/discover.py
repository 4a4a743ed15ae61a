"""A mapping proposed from a sample of a customer's records, with what each line rests on. Pure."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from msgspec import Struct

from tracbridge.domain.errors import RecordError, SettingError
from tracbridge.mapping.declared import Declared
from tracbridge.mapping.spec import Mapped
from tracbridge.proof.proposal.draft import FILL, Draft, Found, Level, share
from tracbridge.proof.proposal.fit import Fit, best, changes, fit
from tracbridge.proof.proposal.lines import (
    empty_row,
    gone_row,
    ignore_row,
    key_row,
    other_rows,
    pairs_row,
    stamp_rows,
    text_rows,
    zone_row,
)
from tracbridge.proof.proposal.sketch import Row, Table, meant, text_of
from tracbridge.proof.proposal.states import status_row
from tracbridge.proof.sample.look import Sample, roles_in, sampled

Compile = Callable[[Any], tuple[Mapped, Declared]]
"""A preset's name or a table as a mapping, in the surroundings of the connection; where that has no
zone, times without offset count as UTC. Raises `SettingError`.
"""

UNVERIFIED = "That the guesses of tracbridge discover are right; its comments name them."
REASONS = 3
"""Reasons for refusals that are told."""


class Proposal(Struct, frozen=True):
    """What is proposed. ``preset``: what it uses, or "". ``understood``: records that it reads
    once its gaps are filled. ``gaps``: the places of the file at which it is refused until then.
    """

    records: int
    odd: int
    preset: str
    understood: int
    found: tuple[Found, ...]
    gaps: tuple[str, ...]
    table: Table

    def text(self, head: Sequence[str] = ()) -> str:
        """The file."""
        return text_of(self.table, head)


def discover(
    bodies: Sequence[Any],
    name: str,
    compile_: Compile,
    presets: Iterable[str] = (),
    zone: str = "",
    refs: Sequence[str] = (),
) -> Proposal:
    """A mapping called ``name`` for records like these; ``zone``: the connection's, if it has one;
    ``refs``: of each record the id by which his system knows it, or ().

    Never raises for what is odd in the records.
    """
    sample, draft = sampled(bodies, refs), Draft()
    if sample.odd:
        draft.say(Level.NOTE, "records", f"{sample.odd:,} are no tables of keys and values")
    chosen = best(_fits(presets, compile_, sample), sample.size)
    if chosen:
        changes(draft, chosen, sample, zone)
    else:
        _drafted(draft, sample, zone)
    table = _whole(draft, name, chosen)
    understood = _tried(draft, table, compile_, sample)
    found = tuple(sorted(draft.found, key=lambda one: one.level is not Level.GAP))
    gaps = tuple(dict.fromkeys(one.where for one in found if one.level is Level.GAP))
    preset = chosen.preset if chosen else ""
    return Proposal(sample.size, sample.odd, preset, understood, found, gaps, table)


def _fits(presets: Iterable[str], compile_: Compile, sample: Sample) -> list[Fit]:
    return [fit(name, *compile_(name), sample) for name in presets]


def _drafted(draft: Draft, sample: Sample, zone: str) -> None:
    """Line by line, without a preset."""
    roles = roles_in(sample)
    key_row(draft, roles.key, sample.size)
    stamp_rows(draft, roles)
    zone_row(draft, [path for one in roles.moments if one.naive for path in one.paths], zone)
    text_rows(draft, roles)
    status_row(draft, roles.status, sample.size)
    gone_row(draft, roles.gone, sample.size)
    other_rows(draft, roles.others)
    empty_row(draft, sample, roles.paths)
    pairs_row(draft, sample, roles.paths)
    ignore_row(draft, sample, roles.paths)


ORDER = ("use", "zone", "empty", "pairs", "key", "created", "updated", "fields", "ignore")


def _whole(draft: Draft, name: str, chosen: Fit | None) -> Table:
    """All rows in the order of a file."""
    rows = [*draft.rows, *([Row("fields", Table(tuple(draft.fields)))] if draft.fields else [])]
    rows.sort(key=lambda row: ORDER.index(row.key))
    version = [] if chosen else [Row("version", 1)]
    named = [Row("mapping", name), *version]
    guesses = any(one.level is Level.GUESS for one in draft.found)
    unverified = [Row("unverified", [UNVERIFIED])] if guesses and not chosen else []
    start = [row for row in rows if row.key == "use"]
    rest = [row for row in rows if row.key != "use"]
    return Table((*start, *named, *rest, *unverified))


def _tried(draft: Draft, table: Table, compile_: Compile, sample: Sample) -> int:
    """How many records it reads once the gaps are filled; why it would refuse the others."""
    try:
        _, mapping = compile_(filled(meant(table)))
    except SettingError:
        return 0  # without a key nothing is known of anything
    refused: Counter[str] = Counter()
    for body in sample.bodies:
        try:
            mapping.from_customer(body)
        except RecordError as error:
            refused[str(error)] += 1
    for why, count in refused.most_common(REASONS):
        draft.say(Level.NOTE, "records", f"{share(count, sample.size)} would be refused", why)
    return sample.size - refused.total()


def filled(value: Any, way: tuple[Any, ...] = ()) -> Any:
    """The mapping with something in each gap, so that the rest of it can be tried."""
    if isinstance(value, Mapping):
        inside = {key: filled(item, (*way, key)) for key, item in value.items()}
        return {key: item for key, item in inside.items() if item != _NO_STATUS}
    if isinstance(value, list):
        return [filled(item, way) for item in value]
    if value == FILL and way == ("zone",):
        return "UTC"
    gap = way[:2] == ("fields", "status") and not _STATES.isdisjoint(way)
    return "pending" if value == FILL and gap else value


_NO_STATUS = {"path": FILL}
_STATES = frozenset({"is", "values", "flags"})
