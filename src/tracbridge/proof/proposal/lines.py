"""The other lines of a proposal: key, times, texts, deletion and what else is there. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from tracbridge.proof.proposal.draft import FILL, NO_PATH, Draft, Level, share
from tracbridge.proof.proposal.sketch import Row, Table
from tracbridge.proof.sample.columns import Column
from tracbridge.proof.sample.instants import Times
from tracbridge.proof.sample.keys import KeySeen, is_for_us
from tracbridge.proof.sample.look import Roles, Sample
from tracbridge.proof.sample.naming import BOOKKEEPING, pieces
from tracbridge.proof.sample.prose import Prose
from tracbridge.proof.sample.roles import Also, Gone

TAGS: Final = 0.1
"""Share of the texts with HTML tags from which on all are HTML."""

PLACES: Final[Mapping[str, str]] = {
    "priority": "priority",
    "equipment": "equipment",
    "location": "location",
    "due": "dueAt",
}
"""The field of TracOS's document that holds each further field; to be looked at by a person."""


def key_row(draft: Draft, key: KeySeen | None, total: int) -> None:
    """Which order a record is of."""
    if key is None:
        what = f"no place tells {total:,} records apart"
        draft.say(Level.GAP, "key", what, cure="Say which place is another one in each order.")
        why = "fill in: the place that tells his orders apart"
        draft.rows.append(Row("key", {"path": NO_PATH, "as": "text"}, why))
        return
    said = {"path": key.path, "as": "text"} | ({"scope": key.scope} if key.scope else {})
    above: tuple[str, ...] = ()
    if key.maybe:
        above = (f"scope: {key.maybe}   if a number may be there once more in another {key.maybe}",)
        what = f"numbers may count within {key.maybe} only, although none repeats here"
        draft.say(Level.NOTE, "key", what, cure=f"If so, say scope: {key.maybe}.")
    if key.ours and is_for_us(key.ours):
        said["ours"] = key.ours
        draft.say(Level.GUESS, "key.ours", "TracOS's number is kept there, by its name", key.ours)
    elif key.ours:
        above = (*above, f"ours: {key.ours}   if TracOS's number may be kept there")
    why = _key_why(key)
    why += "" if key.sure else "; a guess"
    draft.say(Level.FOUND if key.sure else Level.GUESS, "key", why, key.path)
    draft.rows.append(Row("key", said, why, above))


def _key_why(key: KeySeen) -> str:
    if key.scope:
        why = f"repeats, but not within one {key.scope}, in {share(key.total, key.total)}"
    else:
        why = f"unique in {share(key.different, key.total)}"
    if key.long:
        return f"{why}; beyond 2**53, so a text"
    if key.zeros:
        return f"{why}; with leading zeros, so a text"
    return f"{why}; as: number, if it is TracOS's number" if key.kind == "integer" else why


def stamp_rows(draft: Draft, roles: Roles) -> None:
    """When his orders were made and changed."""
    stamps = roles.stamps
    for name, times in (("created", stamps.created), ("updated", stamps.updated)):
        if times:
            draft.rows.append(
                Row(name, _stamp(times), _stamp_why(draft, name, times, stamps.guess))
            )
    if stamps.updated is None:
        what = "no place says when a record was changed: the moment counts when we see it"
        draft.say(Level.NOTE, "updated", what)


def _stamp(times: Times) -> dict[str, Any]:
    said: dict[str, Any] = {"path": times.path}
    said |= {"format": times.format} if times.format != "iso" else {}
    said |= {"optional": True} if times.filled < 1 else {}
    return {**said, "only": "read"}


def _stamp_why(draft: Draft, name: str, times: Times, guess: bool) -> str:
    there = sum(moment is not None for moment in times.read)
    why = f"understood in {share(there, len(times.read))}"
    why += f", the newest {times.newest:%Y-%m-%d %H:%M}" if times.newest else ""
    if guess:
        why += "; a guess: never later than the other" if name == "created" else "; a guess"
    draft.say(Level.GUESS if guess else Level.FOUND, name, why, " ".join(times.paths))
    if times.either:
        draft.say(Level.GUESS, name, "day and month could be the other way round", times.format)
        why += "; day and month could be the other way round"
    return why


def zone_row(draft: Draft, naive: Sequence[str], zone: str) -> None:
    """Where his clocks hang, where his times do not say it."""
    if not naive:
        return
    paths = ", ".join(naive)
    if zone:
        what = f"{paths}: no offset; read as {zone}, the connection's"
        draft.say(Level.NOTE, "zone", what)
        return
    what = f"{paths}: no offset, and the connection has no zone"
    draft.say(Level.GAP, "zone", what, cure="Say where his clocks hang, such as Europe/Berlin.")
    why = "fill in: his times have no offset; where do his clocks hang?"
    draft.rows.append(Row("zone", FILL, why))


def text_rows(draft: Draft, roles: Roles) -> None:
    """Title and description."""
    texts = (("title", roles.texts.title), ("description", roles.texts.description))
    for name, prose in texts:
        if prose:
            said, why = habits(prose)
            draft.fields.append(Row(name, {"path": prose.path, **said}, why))
            draft.say(Level.FOUND, f"fields.{name}", why, prose.path)
    if roles.texts.title is None and roles.texts.description:
        what = "no place looks like one: TracOS's is the first line of the text"
        draft.say(Level.NOTE, "fields.title", what)
    if roles.texts.description is None:
        draft.say(Level.NOTE, "fields.description", "no place looks like one")


def habits(prose: Prose) -> tuple[dict[str, Any], str]:
    """What his system does to that text, and the evidence of it."""
    said: dict[str, Any] = {}
    why = [f"filled in {prose.filled:.0%}, {prose.different:.0%} of them different"]
    if prose.limit and not prose.html:
        said["limit"] = prose.limit
        why.append(f"several end at {prose.limit} characters, none is longer")
    else:
        why.append(f"up to {prose.longest:,} characters")
    if prose.html >= TAGS:
        said["html"] = True
        why.append(f"HTML in {prose.html:.0%}")
    if prose.padded:
        said["pad"] = 0
        why.append("filled up with blanks")
    return said, "; ".join(why)


def gone_row(draft: Draft, gone: Gone | None, total: int) -> None:
    """Whether a record is deleted."""
    if gone is None:
        draft.say(Level.NOTE, "fields.deleted", "no place looks like a mark of deletion")
        return
    rows = [Row("path", gone.path)]
    if gone.words:
        words = (Row(w, "deleted" if is_gone else "active") for w, is_gone in gone.words)
        rows.append(Row("values", Table(tuple(words))))
    if gone.at:
        rows.append(Row("at", gone.at.paths[0]))
        rows += [Row("format", gone.at.format)] if gone.at.format != "iso" else []
    rows.append(Row("default", False))
    why = f"{share(gone.count, total)} are" + (", a guess by its words" if gone.guess else "")
    draft.say(Level.GUESS if gone.guess else Level.FOUND, "fields.deleted", why, gone.path)
    draft.fields.append(Row("deleted", Table(tuple(rows)), why))


def other_rows(draft: Draft, others: Iterable[Also]) -> None:
    """Priority, equipment, location and due date, read only until a person says more."""
    for also in others:
        said: dict[str, Any] = {"path": also.times.path if also.times else also.path}
        said |= {"as": also.as_} if also.as_ != "text" else {}
        if also.times and also.times.format != "iso":
            said["format"] = also.times.format
        said |= {"tracos": PLACES[also.name], "only": "read"}
        why = f"by its name, filled in {also.filled:.0%}"
        draft.say(Level.GUESS, f"fields.ext.{also.name}", why, also.path)
        draft.fields.append(Row(f"ext.{also.name}", said, f"{why}; both ways without only"))


# -- what holds for all records ----------------------------------------------------------------


def empty_row(draft: Draft, sample: Sample, paths: Iterable[str]) -> None:
    """What stands for nothing, where anything but null does."""
    there: list[Any] = []
    dates = {path for times in sample.times.values() for path in times.paths}
    for path in paths:
        column, dated = sample.columns[path], path in dates
        there += [v for v in _nothings(column, dated=dated) if v not in there]
    nulls = any(cell is None for column in sample.columns.values() for cell in column.cells)
    first = "" if "" in there and not nulls else None
    said = [first, *([] if first is None else [None]), *(v for v in there if v != first)]
    if len(said) > 1:
        shown = ", ".join(repr(value) for value in said if value is not None)
        draft.say(Level.FOUND, "empty", "stand for nothing where they are", shown)
        draft.rows.append(Row("empty", said, "what stands there for nothing; the first is written"))


def _nothings(column: Column, *, dated: bool) -> list[Any]:
    """What the mapping has to know as nothing; an empty text is a text where texts stand."""
    texts = column.kind == "text" and not dated
    found = (v for v in column.nothings if v is False or (isinstance(v, str) and not texts))
    return list(found)


def pairs_row(draft: Draft, sample: Sample, paths: Iterable[str]) -> None:
    """Which values come as an id with a name."""
    pairs = [path for path in paths if sample.columns[path].kind == "pair"]
    if pairs:
        draft.say(Level.FOUND, "pairs", "come as an id with its name", ", ".join(pairs))
        draft.rows.append(Row("pairs", pairs, "come as [id, name]"))


def ignore_row(draft: Draft, sample: Sample, paths: Iterable[str]) -> None:
    """His own bookkeeping, which is not handed back; and how much else is passed on."""
    tops = {path.partition(".")[0] for path in paths}
    left = [key for key in dict.fromkeys(map(_top, sample.columns)) if key not in tops]
    own = [key for key in left if not BOOKKEEPING.isdisjoint((*pieces(key), "".join(pieces(key))))]
    if own:
        draft.rows.append(Row("ignore", own, "his own bookkeeping: not handed back"))
    rest = [key for key in left if key not in own]
    if rest:
        shown = ", ".join(rest[:MANY]) + (f" and {len(rest) - MANY:,} more" if rest[MANY:] else "")
        what = "no line reads them: they are handed back as they are"
        draft.say(Level.NOTE, "extra", what, shown)


MANY: Final = 12
"""Keys that are named."""


def _top(path: str) -> str:
    return path.partition(".")[0]
