"""What the answers of the customer's system make of the versions that it was given."""

from collections.abc import Sequence

from msgspec import Struct
from msgspec.structs import replace

from tracbridge.domain.errors import (
    BusyError,
    RecordError,
    RetryableError,
    StaleWriteError,
    UnknownOutcomeError,
)
from tracbridge.domain.link import Link, Refused, Theirs
from tracbridge.engine.connection import Connection
from tracbridge.engine.outgoing import Bad, Version, id_of_version
from tracbridge.ports.connector import Receipt, Refusal, Stages
from tracbridge.sync.policy import Ack
from tracbridge.sync.publish import answered, published, withdrawn


class Answers(Struct):
    """The versions of one batch, by what became of them.

    ``done``: with their links as they are to be stored. ``back``: surely without effect, withdrawn.
    ``bad``: among those, what his system refuses. ``stale``: orders that changed there meanwhile.
    ``open``: nobody knows. ``outage``: why the rest of the batch was not even tried.
    """

    done: list[tuple[Version, Link]] = []
    back: list[tuple[Version, Link]] = []
    bad: list[Bad] = []
    stale: list[str] = []
    open: list[str] = []
    outage: RetryableError | None = None


def sorted_out(
    connection: Connection,
    versions: Sequence[Version],
    answers: Sequence[Receipt | Refusal],
    counter: int,
) -> Answers:
    """Each version under what its answer means."""
    found = Answers()
    frozen = isinstance(connection.customer, Stages)
    for version, answer in zip(versions, answers, strict=True):
        if isinstance(answer, Receipt):
            found.done.append((version, arrived(connection, version.link, answer, counter)))
        elif frozen or isinstance(answer, UnknownOutcomeError):
            # What lies beside its place goes out later, as it is; and of what perhaps has had its
            # effect nothing may be taken back.
            found.open.append(version.ref)
        else:
            _take_back(found, version, answer)
    return found


def _take_back(found: Answers, version: Version, answer: Refusal) -> None:
    refused = None
    if isinstance(answer, RecordError):
        refused = Refused(version.shown or version.link.last_given or {}, answer.why)
        if version.record:
            found.bad.append((version.record, answer))
    elif isinstance(answer, StaleWriteError):
        found.stale.append(version.ref)
    elif not isinstance(answer, BusyError):
        found.outage = found.outage or answer
    link = withdrawn(version.link, refused)
    found.back.append((version, replace(link, repush=version.before.repush and not refused)))


def arrived(connection: Connection, link: Link, receipt: Receipt, counter: int) -> Link:
    """The link after its version was taken, or shown."""
    made = (
        answered(link) if connection.customer.traits.answers else _left(connection, link, counter)
    )
    named = bool(receipt.ref) and connection.customer.traits.answers
    return replace(made, theirs=Theirs(receipt.ref, receipt.version)) if named else made


def _left(connection: Connection, link: Link, counter: int) -> Link:
    """It lies where he will find it."""
    if connection.policies.ack is Ack.ANSWER:
        return answered(link, counter)
    return published(link, counter)


async def take_back(connection: Connection, found: Answers) -> None:
    """Remember that these versions had no effect, and that nothing was done."""
    if not found.back:
        return
    ids = [id_of_version(connection, version) for version, _ in found.back]
    await connection.history.supersede(ids)
    await connection.ledger.save([link for _, link in found.back])
