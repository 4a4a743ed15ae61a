"""What was done run by run, and runs taken back."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any
from uuid import uuid4

from msgspec import Struct

from tracbridge.bootstrap import Service
from tracbridge.desk.errors import UnknownError
from tracbridge.desk.texts import harmless
from tracbridge.engine.session import session
from tracbridge.engine.undo import Undoing
from tracbridge.engine.wishes import take_back, undone_json, undone_sums
from tracbridge.ports.undo import Run
from tracbridge.sync.undo import Left, Undo

WHY = {
    Left.CREATED: "the run made it in TracOS; orders are never removed",
    Left.FIRST: "the run gave it to the customer for the first time",
    Left.RECEIPT: "given to the customer once more; nothing had changed",
    Left.NO_EFFECT: "on record, but not known to have happened",
    Left.UNFINISHED: "not finished because of a crash; let a run finish it first",
    Left.FORGOTTEN: "its values were forgotten (tracbridge forget)",
    Left.HELD: "waits for a decision (tracbridge conflicts list)",
    Left.GONE: "gone from TracOS",
    Left.TWICE: "TracOS holds it more than once",
    Left.UNREADABLE: "TracOS's document cannot be understood",
    Left.UNLINKED: "nothing is remembered of it",
    Left.BUSY: "others kept changing it; undo the run once more",
}
"""What kept something from being taken back."""


class Undone(Struct, frozen=True):
    """What became of the orders of a run, or of one (``ref``). ``run`` "": only looked at.

    ``partial``: the run is so old that some of its history may have been removed.
    """

    of: str
    ref: str | None
    run: str
    orders: Sequence[Undo]
    partial: bool

    @property
    def set_back(self) -> int:
        """Orders of which something is set back."""
        return undone_sums(self.orders)["set_back"]

    @property
    def changed_since(self) -> int:
        """Orders with something that was changed since."""
        return undone_sums(self.orders)["changed_since"]

    @property
    def code(self) -> int:
        """The exit code."""
        return undone_sums(self.orders)["exit"]


async def foreseen(service: Service, run: str, ref: str | None, by: str) -> Undone:
    """What taking that run back would do now, or of it one order; writes nothing.

    Raises `UnknownError` for an unknown run.
    """
    await service.look()
    partial = await is_partial(service, run)
    undoing = Undoing(service.connection, service.past, run, ref, by)
    return Undone(run, ref, "", await undoing.preview(), partial)


async def undo(service: Service, run: str, ref: str | None, by: str) -> Undone:
    """Take that run back, or of it one order, while nobody else works on the connection.

    Raises `UnknownError` for an unknown run, `OccupiedError` beside a worker.
    """
    await service.prepare()
    partial = await is_partial(service, run)
    connection, runs, name = service.connection, service.state.runs, uuid4().hex[:12]
    undoing = Undoing(connection, service.past, run, ref, by)
    async with session(connection, runs, name):
        own, orders = await take_back(undoing, runs, name)
    return Undone(run, ref, own, orders, partial)


async def is_partial(service: Service, run: str) -> bool:
    """Whether some of the run's history may be gone; raises `UnknownError` for an unknown run."""
    began = await service.past.since(run)
    if began is None:
        raise UnknownError(
            f"no run {harmless(run)} is on record: see tracbridge runs --all. "
            "What is older than HISTORY_RETENTION_DAYS is removed."
        )
    days = service.settings.history_retention_days
    return bool(days) and service.connection.clock.now() - began >= timedelta(days=days)


def done_json(done: Undone) -> dict[str, Any]:
    """For programs; orders of which nothing is to be said are left out."""
    return {
        "undoes": done.of,
        "run": done.run or None,
        "preview": not done.run,
        "partial": done.partial,
        **undone_json(done.orders),
    }


def run_json(run: Run) -> dict[str, Any]:
    """One run for programs."""
    return {
        "run": run.run,
        "started": run.started,
        "ended": run.ended,
        "undoes": run.undoes or None,
        "did": run.did,
        "exit": run.exit,
        "error": run.error or None,
    }
