"""All of our memory of one connection, in one MongoDB database."""

from collections.abc import Mapping
from typing import Any

from msgspec import Struct
from pymongo.asynchronous.database import AsyncDatabase

from tracbridge.adapters.mongo.approvals import MongoApprovals
from tracbridge.adapters.mongo.client import Document
from tracbridge.adapters.mongo.comments import MongoCommentMemory
from tracbridge.adapters.mongo.lease import MongoLease
from tracbridge.adapters.mongo.ledger import MongoLedger, MongoPasses
from tracbridge.adapters.mongo.numbers import MongoNumbers
from tracbridge.adapters.mongo.stores import (
    MongoConflicts,
    MongoHistory,
    MongoQuarantine,
    MongoRuns,
)
from tracbridge.adapters.mongo.taken import MongoTakenFiles
from tracbridge.adapters.mongo.versions import MongoVersions
from tracbridge.adapters.mongo.wishes import MongoWishes


class MongoState(Struct, frozen=True):
    """The stores of one connection, over one client."""

    database: AsyncDatabase[Document]
    lease: MongoLease
    ledger: MongoLedger
    passes: MongoPasses
    quarantine: MongoQuarantine
    conflicts: MongoConflicts
    history: MongoHistory
    runs: MongoRuns
    taken: MongoTakenFiles
    numbers: MongoNumbers
    approvals: MongoApprovals
    versions: MongoVersions
    comments: MongoCommentMemory
    wishes: MongoWishes


def mongo_state(
    database: AsyncDatabase[Document],
    connection: str,
    host: str,
    owner: Mapping[str, Any] | None = None,
) -> MongoState:
    """The stores; every link that they write carries the fence of the lease.

    ``owner``: the values that mark TracOS's documents of this connection.
    """
    lease = MongoLease(database, connection, host)
    return MongoState(
        database=database,
        lease=lease,
        ledger=MongoLedger(database, connection, host, lambda: lease.fence),
        passes=MongoPasses(database, connection, host),
        quarantine=MongoQuarantine(database, connection, host),
        conflicts=MongoConflicts(database, connection, host),
        history=MongoHistory(database, connection, host),
        runs=MongoRuns(database, connection, host),
        taken=MongoTakenFiles(database, connection, host),
        numbers=MongoNumbers(database, connection, host, owner),
        approvals=MongoApprovals(database, connection, host),
        versions=MongoVersions(database, host),
        comments=MongoCommentMemory(database, connection, host),
        wishes=MongoWishes(database, connection, host),
    )
