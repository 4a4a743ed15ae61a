"""Fields that are the customer's alone: what somebody made of them in TracOS is put right."""

from collections.abc import Sequence

from tracbridge.domain.errors import ConfigError, RecordError, StaleWriteError
from tracbridge.domain.workorder import Fields
from tracbridge.engine.amend import Amendment, Present, amend, look
from tracbridge.engine.connection import Connection
from tracbridge.sync.fields import put_right

WHY = "is the customer's alone: put right"


async def put_back(connection: Connection, refs: Sequence[str], run: str) -> int:
    """Give TracOS's documents the customer's values again; how many had to be.

    May be repeated. An order that somebody changes at the same moment waits for the next pass.
    """
    done = 0
    for ref in refs:
        try:
            present = await look(connection, ref)
        except (ConfigError, RecordError):
            continue
        his = wrongly_shown(connection, present)
        if his:
            done += await _put_back(connection, present, his, run)
    return done


def wrongly_shown(connection: Connection, present: Present) -> Fields:
    """The customer's values of fields that are his, and that TracOS shows otherwise."""
    his = present.link.last_given or {}
    if present.document is None:
        return {}
    names = put_right(connection.policies.rules, his, present.shown)
    return {name: his[name] for name in names if name not in present.link.held}


async def _put_back(connection: Connection, present: Present, his: Fields, run: str) -> int:
    before = {name: present.shown.get(name) for name in his}
    why, born = dict.fromkeys(his, WHY), connection.clock.now()
    try:
        link = await amend(connection, present, Amendment(before, his, why, run, born))
    except StaleWriteError:
        return 0
    await connection.ledger.save([link])
    for name in his:
        connection.observer.incident("owner", present.link.ref, f"{name} {WHY}.")
    return 1
