"""A text for what a query finds, which is another one as soon as it finds anything else."""

from hashlib import sha256

from bson import encode
from pymongo.asynchronous.cursor import AsyncCursor

from tracbridge.adapters.mongo.client import Document

MOST = 200
"""Documents that are compared at little cost."""


async def digest_of(cursor: AsyncCursor[Document]) -> str | None:
    """Of all documents in the order of their ids; None where there are too many of them."""
    found = await cursor.limit(MOST + 1).to_list()
    if len(found) > MOST:
        return None
    digest = sha256()
    for document in sorted(found, key=lambda one: str(one["_id"])):
        digest.update(encode(document))
    return digest.hexdigest()
