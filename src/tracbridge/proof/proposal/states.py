"""The status of a proposal: a table of the states that were seen, and what each most likely is.

Pure. A state that nothing is known of is a gap: the file is refused until somebody says it.
"""

from collections import Counter
from collections.abc import Sequence
from typing import Any

from tracbridge.domain.workorder import Status
from tracbridge.proof.proposal.draft import FILL, Draft, Level, share
from tracbridge.proof.proposal.sketch import Item, Row, Table
from tracbridge.proof.sample.statuses import Spelt, State
from tracbridge.proof.sample.wording import FINAL

ORDERED = "Of several for one status the first is written."


def status_row(draft: Draft, spelt: Spelt | None, total: int) -> None:
    """The line of the status into the draft; a gap where none was found."""
    if spelt is None:
        cure = "Say where it stands, with values, cases or flags."
        draft.say(Level.GAP, "fields.status", "no place looks like a status", cure=cure)
        why = "fill in: where his status stands, with values, cases or flags"
        draft.fields.append(Row("status", {"path": FILL}, why))
        return
    say_states(draft, spelt.states, total)
    if spelt.silent:
        what = f"{share(spelt.silent, total)} say none of these: new ones become pending"
        draft.say(Level.NOTE, "fields.status", what)
    below = _lacking(spelt.states)
    draft.fields.append(Row("status", _line(spelt, total, below), _where(spelt)))


def _where(spelt: Spelt) -> str:
    if spelt.form == "flags":
        return f"exactly one of them is true in each record. {ORDERED}"
    if spelt.form == "codes":
        return "several codes in one text: the first in this list counts"
    return ORDERED


def say_states(draft: Draft, states: Sequence[State], total: int) -> None:
    """What is guessed of each state, and what is left open."""
    for state in states:
        where = f"in {share(state.count, total)}" if state.count else "in no record of the sample"
        if state.is_:
            draft.say(
                Level.GUESS, "fields.status", f"{state.is_}: by its words, {where}", state.shown
            )
        else:
            cure = f"Say which it is: {', '.join(Status)}."
            draft.say(
                Level.GAP, "fields.status", f"nobody knows this word, {where}", state.shown, cure
            )


def why_of(state: State, total: int) -> str:
    """The comment beside a state."""
    name = f"{state.name}: " if state.name else ""
    where = share(state.count, total) if state.count else "in no record of the sample"
    return f"{name}{where}, {'a guess by its words' if state.is_ else 'fill in'}"


def _lacking(states: Sequence[State]) -> tuple[str, ...]:
    """What may be said of the statuses that he has no word for."""
    if any(state.is_ is None for state in states):
        return ()
    left = [status for status in Status if status not in {state.is_ for state in states}]
    return tuple(f"lacks: {{{status}: ...}}: what he is given for {status}" for status in left)


def _line(spelt: Spelt, total: int, below: tuple[str, ...]) -> Table:
    if spelt.form == "flags" and not _twice(spelt.states):
        absent = [Row("absent", spelt.absent, "may be left out")] if spelt.absent else []
        return Table((Row("flags", _words(spelt.states, total)), *absent), below)
    if spelt.form == "words" and _plain(spelt.states):
        rows = (Row("path", spelt.path), Row("values", _words(spelt.states, total)))
        return Table(rows, below)
    items = tuple(Item(case_of(spelt, state), why_of(state, total)) for state in spelt.states)
    return Table((Row("cases", items),), below)


def _words(states: Sequence[State], total: int) -> Table:
    rows = (Row(s.word, str(s.is_ or FILL), why_of(s, total)) for s in states)
    return Table(tuple(rows))


def _twice(states: Sequence[State]) -> bool:
    """Two flags of one status would both be written."""
    known = Counter(state.is_ for state in states if state.is_)
    return any(count > 1 for count in known.values())


def _plain(states: Sequence[State]) -> bool:
    """They can stand as keys of a table, and all of them can be written."""
    words = [state.word for state in states]
    return "<<" not in words and not any(is_final(word) for word in words)


def is_final(word: Any) -> bool:
    """It is read, but nobody sets it by hand."""
    return str(word).strip().upper() in FINAL


def case_of(spelt: Spelt, state: State) -> dict[str, Any]:
    """One state as a case."""
    case: dict[str, Any] = {"is": str(state.is_ or FILL)}
    match spelt.form:
        case "flags":
            case["when"] = {str(s.word): s is state for s in spelt.states}
        case "codes":
            case["when"] = {spelt.path: {"has": state.word}}
        case _:
            case["when"] = {spelt.path: state.word}
    return {**case, "only": "read"} if is_final(state.word) else case
