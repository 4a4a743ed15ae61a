"""Why a record is refused although nothing is wrong with it: TracOS's side is not fit for it."""

from collections.abc import Sequence

from tracbridge.domain.errors import RecordError
from tracbridge.ports.connector import Record


def contended(attempts: int) -> RecordError:
    """Why a record is refused although nothing is wrong with it."""
    return RecordError(
        "contended",
        f"somebody changed the order in TracOS {attempts} times while we were applying it.",
        hint="Retry it when the order is quiet.",
    )


def doubled(ref: str, documents: Sequence[Record]) -> RecordError:
    """Why a record is refused whose order TracOS holds more than once."""
    ids = ", ".join(document.source for document in documents)
    return RecordError(
        "duplicate_number",
        f"TracOS holds {len(documents)} documents with number {ref}: {ids}.",
        hint="Keep one of them, then retry.",
    )


def taken(ref: str, document: Record) -> RecordError:
    """Why a record is refused whose new number somebody gave to another order meanwhile."""
    return RecordError(
        "number_taken",
        f"the number {ref} that it was to have belongs to {document.source} in TracOS by now.",
        hint="Give that document another number, then retry.",
    )


def unreadable(document: Record, error: RecordError) -> RecordError:
    """Why a record is refused whose order TracOS holds, but not in a way that can be compared."""
    return RecordError(
        error.why.code,
        f"TracOS's document {document.source} cannot be read: {error}",
        hint="Mend the document in TracOS, then retry.",
    )
