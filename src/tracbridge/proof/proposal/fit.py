"""A shipped preset tried on a sample of records, and what it lacks for them. Pure."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

from msgspec import Struct
from msgspec.structs import replace

from tracbridge.domain.errors import RecordError
from tracbridge.domain.workorder import Status
from tracbridge.mapping.declared import Declared
from tracbridge.mapping.path import MISSING
from tracbridge.mapping.spec import STATUS, Case, Line, Mapped, Moment
from tracbridge.proof.proposal.draft import FILL, Draft, Level, share
from tracbridge.proof.proposal.lines import MANY, PLACES, TAGS, other_rows, zone_row
from tracbridge.proof.proposal.sketch import Item, Row, Table
from tracbridge.proof.proposal.states import say_states, why_of
from tracbridge.proof.sample.columns import Column, cell_of
from tracbridge.proof.sample.keys import is_for_us, ours_in
from tracbridge.proof.sample.look import Sample
from tracbridge.proof.sample.prose import prose_of
from tracbridge.proof.sample.roles import others_in
from tracbridge.proof.sample.statuses import State, states_of

WELL: Final = 0.9
"""Share of the records that a preset reads, their statuses aside, if it is to be proposed."""

HALF: Final = 0.5
_SURE: Final = 20
"""Texts without a tag from which on they are taken for no HTML."""

ENDED: Final = (Status.COMPLETED, Status.CANCELLED)


class Fit(Struct, frozen=True):
    """A preset and how many records it reads. ``there``: of each field in how many records it
    stands; ``strange``: keys that it does not know; ``unmapped``: records whose status it does not.
    """

    preset: str
    spec: Mapped
    mapping: Declared
    read: int
    there: Mapping[str, int]
    strange: tuple[str, ...]
    unmapped: int = 0

    def suits(self, size: int) -> bool:
        """It reads nearly all, and their key, times, status and texts are where it looks."""
        found = {name: count / size for name, count in self.there.items()} if size else {}
        dated = self.spec.created is None and self.spec.updated is None
        return (
            bool(size)
            and self.read >= WELL * size
            and found.get(STATUS, 0) >= WELL
            and max(found.get("title", 0), found.get("description", 0)) >= HALF
            and (dated or max(found.get("created", 0), found.get("updated", 0)) >= HALF)
        )


def fit(preset: str, spec: Mapped, mapping: Declared, sample: Sample) -> Fit:
    """How well the preset reads the sample."""
    there: Counter[str] = Counter()
    read, unmapped, strange = 0, 0, dict[str, None]()
    for number, body in enumerate(sample.bodies):
        if number - read > (1 - WELL) * sample.size:
            break  # it does not suit, whatever the others are
        found, whole, told = _read(mapping, body)
        there.update(found)
        read += whole
        unmapped += not told
        strange |= dict.fromkeys(str(key) for key in body if key not in mapping.known)
    return Fit(preset, spec, mapping, read, there, tuple(strange), unmapped)


def best(fits: Iterable[Fit], size: int) -> Fit | None:
    """The one to propose, if any reads the sample well."""
    good = [one for one in fits if one.suits(size)]
    return max(good, key=lambda one: (one.read, sum(one.there.values())), default=None)


def _read(mapping: Declared, body: Mapping[str, Any]) -> tuple[list[str], bool, bool]:
    """The fields of which the record says something, whether all of it can be read but for a status
    that the table does not know, and whether it knows that too.
    """
    found, codes = [], set()
    parts: list[tuple[str, Any]] = [("key", mapping.key.ref)]
    parts += [(name, stamp.read) for name, stamp in _stamps(mapping) if stamp]
    parts += [(name, codec.read) for name, codec in mapping.fields]
    for name, reads in parts:
        try:
            value = reads(body)
        except RecordError as error:
            codes.add(error.why.code)
            value = STATUS if error.why.code == UNMAPPED else MISSING
        if value is not MISSING and value is not None:
            found.append(name)
    return found, codes <= {UNMAPPED}, UNMAPPED not in codes


UNMAPPED: Final = "unmapped_status"


def _stamps(mapping: Declared) -> tuple[tuple[str, Any], ...]:
    return ("created", mapping.created), ("updated", mapping.updated)


# -- what is to be changed in it ---------------------------------------------------------------


def changes(draft: Draft, chosen: Fit, sample: Sample, zone: str) -> None:
    """What the preset needs for this sample, into the draft."""
    what = f"reads {share(chosen.read, sample.size)}"
    draft.say(Level.FOUND, "use", what, chosen.preset)
    draft.rows.append(Row("use", chosen.preset, what))
    zone_row(draft, list(_naive(chosen.spec, sample)), zone)
    _status(draft, chosen, sample)
    for name in ("title", "description"):
        _text(draft, name, chosen, sample)
    _ours(draft, chosen, sample)
    new = _others(draft, chosen, sample)
    if left := [key for key in chosen.strange if key not in new]:
        shown = ", ".join(left[:MANY]) + (f" and {len(left) - MANY:,} more" if left[MANY:] else "")
        draft.say(Level.NOTE, "extra", "the preset does not know them: handed back", shown)


def _ours(draft: Draft, chosen: Fit, sample: Sample) -> None:
    """Where TracOS's number is kept, where the preset does not say it and a name does."""
    path = ours_in(sample.columns)
    if chosen.spec.key.ours is None and chosen.spec.key.as_ == "text" and is_for_us(path):
        what = "TracOS's number is kept there, by its name"
        draft.say(Level.GUESS, "key.ours", what, path)
        draft.rows.append(Row("key", {"ours": path}, what))


def _others(draft: Draft, chosen: Fit, sample: Sample) -> set[str]:
    """Further fields at places that the preset does not know; the keys at which they stand."""
    spec, strange = chosen.spec, set(chosen.strange)
    columns = {p: c for p, c in sample.columns.items() if p.partition(".")[0] in strange}
    times = {path: one for path, one in sample.times.items() if path in columns}
    used = {line.tracos for line in spec.fields.values()}
    found = [
        also
        for also in others_in(columns, times, ())
        if f"ext.{also.name}" not in spec.fields and PLACES[also.name] not in used
    ]
    other_rows(draft, found)
    pairs = [one.path for one in found if not one.times and columns[one.path].kind == "pair"]
    if new := [path for path in pairs if path not in spec.pairs]:
        draft.rows.append(Row("pairs", [*spec.pairs, *new], "come as [id, name]"))
    return {one.path.partition(".")[0] for one in found}


def _naive(spec: Mapped, sample: Sample) -> Iterator[str]:
    """The places of its times that need a zone, and have none."""
    lines: list[Moment | Line | None] = [spec.created, spec.updated]
    lines += [line for line in spec.fields.values() if line.as_ == "instant"]
    for line in lines:
        if line and not (line.zone or spec.zone):
            first = line.path if isinstance(line.path, str) else (line.path or [""])[0]
            times = sample.times.get(first)
            if times and times.naive:
                yield first


def _status(draft: Draft, chosen: Fit, sample: Sample) -> None:
    line = chosen.spec.fields.get(STATUS)
    path = _main_path(line) if line else ""
    column = sample.columns.get(path)
    if line is None or column is None:
        told = chosen.there.get(STATUS, 0) - chosen.unmapped
        what = f"read as the preset has it in {share(told, sample.size)}"
        draft.say(Level.FOUND, "fields.status", what)
        return
    cases = list(line.cases) or [Case(is_=v, when={path: k}) for k, v in line.values.items()]
    new = [one for one in states_of(column) if _differs(one, cases, path)]
    known = len(column.counted) - len(new)
    draft.say(Level.FOUND, "fields.status", f"{known:,} of his states are in the preset", path)
    _unread(draft, chosen, sample, column, new)
    if new:
        say_states(draft, new, sample.size)
        items = tuple(_overlaid(cases, new, path, sample.size))
        why = "a list is taken whole: these are the preset's, with what is new or another one here"
        draft.fields.append(Row(STATUS, Table((Row("cases", items),)), why))


def _main_path(line: Line) -> str:
    """The place whose values tell most of the states apart, "" where no values do."""
    if line.values and isinstance(line.path, str):
        return line.path
    plain = [p for case in line.cases for p, v in case.when.items() if not isinstance(v, dict)]
    return Counter(plain).most_common(1)[0][0] if plain else ""


def _differs(state: State, cases: Sequence[Case], path: str) -> bool:
    """The preset has it not, or as something else than the name beside it says."""
    meant = [case.is_ for case in cases if _names(case, path, state.word)]
    return not meant or bool(state.name and state.is_ and state.is_ not in meant)


def _names(case: Case, path: str, word: Any) -> bool:
    wanted = case.when.get(path, MISSING)
    values = wanted if isinstance(wanted, list) else [wanted]
    return cell_of(word) in [cell_of(value) for value in values]


def _unread(
    draft: Draft, chosen: Fit, sample: Sample, column: Column, new: Sequence[State]
) -> None:
    """Records whose status cannot be read although each of its parts is known."""
    codec, strange = dict(chosen.mapping.fields)[STATUS], {cell_of(one.word) for one in new}
    count = 0
    for body, cell in zip(sample.bodies, column.cells, strict=True):
        try:
            codec.read(body)
        except RecordError:
            count += cell is not MISSING and cell_of(cell) not in strange
    if count:
        what = f"not understood in {share(count, sample.size)} although its words are known"
        draft.say(Level.NOTE, "fields.status", what, cure="Add a case that fits them.")


def _overlaid(cases: Sequence[Case], new: Sequence[State], path: str, total: int) -> list[Item]:
    """The preset's cases, those of new states among them; ended ones before what interrupts."""
    also, left, made = _shared(cases, path), list(new), list[Item]()
    for case in cases:
        state = next((one for one in left if _names(case, path, one.word)), None)
        if state is None:
            made.append(Item(spelt(case)))
        else:
            left.remove(state)
            named = replace(case, is_=str(state.is_ or FILL), name=state.name or case.name)
            made.append(Item(spelt(named), why_of(state, total)))
    for state in left:
        is_ = str(state.is_ or FILL)
        case = Case(is_=is_, when={path: state.word}, also=also, name=state.name)
        made.append(Item(spelt(case), why_of(state, total)))
    if all(path in item.value["when"] for item in made):
        return made
    return sorted(made, key=lambda item: not _is_ended(item.value, path))


def _is_ended(case: Mapping[str, Any], path: str) -> bool:
    return case["is"] in ENDED and path in case["when"]


def _shared(cases: Sequence[Case], path: str) -> Mapping[str, Any]:
    """What all of its states write besides, if they all write the same."""
    said = [case.also for case in cases if path in case.when]
    return said[0] if said and all(one == said[0] for one in said) else {}


def spelt(case: Case) -> dict[str, Any]:
    """The case as a file has it."""
    said: dict[str, Any] = {"is": case.is_, "when": dict(case.when)}
    said |= {"also": dict(case.also)} if case.also else {}
    said |= {"only": case.only} if case.only else {}
    return said | ({"name": case.name} if case.name else {})


def _text(draft: Draft, name: str, chosen: Fit, sample: Sample) -> None:
    """What the records show of a text otherwise than the preset has it."""
    line = chosen.spec.fields.get(name)
    column = sample.columns.get(line.path) if line and isinstance(line.path, str) else None
    if line is None or column is None or column.kind != "text":
        return
    seen, said, why = prose_of(column), dict[str, Any](), []
    if line.limit and seen.longest > line.limit and not line.html:
        said["limit"] = seen.limit
        why.append(f"up to {seen.longest:,} characters, not {line.limit}")
    elif seen.limit and line.limit is None and not line.html:
        said["limit"] = seen.limit
        why.append(f"several end at {seen.limit} characters, none is longer")
    if line.html and not seen.html and len(column.said) >= _SURE:
        said["html"] = False
        why.append(f"no HTML in {len(column.said):,} of them")
    elif seen.html >= TAGS and not line.html:
        said["html"] = True
        why.append(f"HTML in {seen.html:.0%}")
    if said:
        draft.say(Level.FOUND, f"fields.{name}", "; ".join(why), column.path)
        draft.fields.append(Row(name, said, "; ".join(why)))
