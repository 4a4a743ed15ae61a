"""What the customer said before we could understand it: the mapping has a new field, or a table
knows his code by now.

His last record is remembered word by word, so nobody has to send it again.
"""

from collections.abc import Sequence

from msgspec import Struct
from msgspec.structs import replace

from tracbridge.domain.errors import ConfigError, RecordError, StaleWriteError
from tracbridge.domain.link import Held, Link
from tracbridge.domain.outcome import Disagreement, Kind
from tracbridge.domain.workorder import Fields, Side, Value
from tracbridge.engine.amend import Amendment, Present, amend, look
from tracbridge.engine.connection import Connection
from tracbridge.engine.record import conflict_of
from tracbridge.ports.state import AGREED, Resolution
from tracbridge.sync.fields import Rule, Rules
from tracbridge.sync.merge import disagreement
from tracbridge.sync.publish import NOTHING, agreed

WHY = "said by the customer before it could be understood"


def newly(connection: Connection, link: Link) -> Fields:
    """Fields of which neither side knew the other's value, as he said them; None is nothing.

    Without those that are still not understood. A code in a field that the mapping has no more is
    nothing.
    """
    given, read = link.last_given, connection.translation.read
    if given is None or (read <= given.keys() and not link.unknown):
        return {}
    names = {name for name in read if name not in given} | link.unknown.keys()
    gone = dict.fromkeys(link.unknown.keys() - read)
    return {**gone, **connection.translation.recalled(link.extra, names)}


def settled_by_itself(link: Link, his: Fields, shown: Fields) -> Link:
    """The link with what needs no write: he said nothing, or TracOS shows the same.

    Not what waits as an unknown code: that is on record, and has to be ended there.
    """
    plain = {name: value for name, value in his.items() if name not in link.unknown}
    same = {n: v for n, v in plain.items() if v in NOTHING or v == shown.get(n)}
    return agreed(link, same) if same else link


async def retell(connection: Connection, refs: Sequence[str], run: str) -> int:
    """Bring what he said to TracOS, or put it on record where TracOS says otherwise; how many.

    May be repeated. An order that somebody changes at the same moment waits for the next pass.
    """
    done = 0
    for ref in refs:
        try:
            present = await look(connection, ref)
            done += await _retell(connection, present, run)
        except (ConfigError, RecordError, StaleWriteError):
            continue
    return done


class Told(Struct, frozen=True):
    """What he said: what TracOS takes, and what a person decides."""

    taken: dict[str, Value]
    apart: dict[str, Value]


def sorted_out(link: Link, his: Fields, shown: Fields, rules: Rules) -> Told:
    """TracOS takes what it has nothing for, or has not changed since both agreed; and nothing in
    fields of which it takes no changes.
    """
    taken: dict[str, Value] = {}
    apart: dict[str, Value] = {}
    given = link.last_given or {}
    for name, value in his.items():
        ours, rule = shown.get(name), rules.get(name, _ANY)
        if value in NOTHING or ours == value or rule.once or Side.TRACOS not in rule.into:
            continue
        free = ours in NOTHING or (name in given and given[name] == ours)
        (taken if free or Side.CUSTOMER not in rule.into else apart)[name] = value
    return Told(taken, apart)


_ANY = Rule()


async def _retell(connection: Connection, present: Present, run: str) -> bool:
    link, shown = present.link, present.shown
    his = newly(connection, link)
    if present.document is None or not his:
        return False
    told = sorted_out(link, his, shown, connection.policies.rules)
    notes = _notes(link, told, shown)
    if notes:
        at = present.order.updated_at if present.order else None
        found = [conflict_of(connection, link, note, tracos_at=at) for note in notes]
        await connection.conflicts.put(found)
    if told.taken:
        before = {name: shown.get(name) for name in told.taken}
        why, born = dict.fromkeys(told.taken, WHY), connection.clock.now()
        link = await amend(connection, present, Amendment(before, told.taken, why, run, born))
    # What is apart goes on waiting for a person. The link comes last: until it is stored, all of
    # this is found again, and done again without a second effect.
    known = {n: his[n] for n in present.link.unknown if n in his and n not in told.apart}
    if known:
        by_itself = Resolution(connection.clock.now(), known, None, AGREED)
        await connection.conflicts.release(link.ref, by_itself)
    held = {name: Held(shown.get(name), value) for name, value in told.apart.items()}
    await connection.ledger.save([replace(agreed(link, his), held={**link.held, **held})])
    return True


def _notes(link: Link, told: Told, shown: Fields) -> list[Disagreement]:
    """On record: fields in which both sides say something else; a person decides."""
    names = list(told.apart)
    if not names:
        return []
    known = (link.last_given or {}).keys() >= {*names}
    kind, taken = Kind.CLASH if known else Kind.FIRST_CONTACT, dict.fromkeys(names)
    return [disagreement(kind, names, link, shown, told.apart, taken)]
