"""Does this folder belong to this memory? Checked before anything is claimed or acknowledged."""

from tracbridge.domain.errors import ConfigError
from tracbridge.ports.connector import Exclusive
from tracbridge.ports.state import Runs


async def bind(runs: Runs, customer: Exclusive, fresh: str, *, rebind: bool = False) -> None:
    """Tie the customer's folder to our memory on the first run; refuse where they do not belong
    together.

    ``fresh``: a marker to use if there is none. An unmounted share, a replaced folder and a wrong
    or lost database all look like "everything is gone"; going on would acknowledge what nobody has
    taken.
    """
    known, there = await runs.marker(), await customer.marker()
    if rebind or (known is None and there is None):
        await runs.keep_marker(fresh, placed=False)
        known, there = (fresh, False), None
    refuse_strangers(known, there)
    if known and there is None:
        await customer.place_marker(known[0])
    if known and not known[1]:
        await runs.keep_marker(known[0], placed=True)


async def refuse_unbound(runs: Runs, customer: Exclusive) -> None:
    """As `bind`, for those who only look: ties nothing."""
    known, there = await runs.marker(), await customer.marker()
    if known or there:
        refuse_strangers(known, there)


def refuse_strangers(known: tuple[str, bool] | None, there: str | None) -> None:
    """Raises `ConfigError` unless both carry the same mark, or ours was never surely placed."""
    if known is None:
        raise ConfigError(
            "the outbound folder belongs to another Tracbridge memory: its marker .tracbridge is "
            "not known in STATE_DATABASE. Check MONGO_URI, STATE_DATABASE and DATA_OUTBOUND_DIR; "
            "if they are right (a new database on purpose), run once with --rebind."
        )
    marker, placed = known
    if there is None and placed:
        raise ConfigError(
            "the outbound folder has lost its marker .tracbridge: perhaps a share is not mounted "
            "or the folder was replaced. Nothing was touched. If the folder is right, run once "
            "with --rebind."
        )
    if there is not None and there != marker:
        raise ConfigError(
            "the outbound folder carries the marker of another connection. Check "
            "DATA_OUTBOUND_DIR and STATE_DATABASE; if they are right, run once with --rebind."
        )
