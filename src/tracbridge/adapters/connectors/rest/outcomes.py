"""What answers to writes mean for the engine."""

from typing import Any

import orjson

from tracbridge.adapters.connectors.rest.answers import Kind, Verdict
from tracbridge.adapters.connectors.rest.asking import unanswered
from tracbridge.adapters.connectors.rest.calls import Call, Reply
from tracbridge.domain.errors import BusyError, StaleWriteError, UnknownOutcomeError
from tracbridge.ports.connector import Receipt, Record, Write


def refused(call: Call, reply: Reply, verdict: Verdict) -> Exception:
    """What an answer to a write means that is no success."""
    said = f"{call.what} (status {reply.status}): {verdict.words}"
    match verdict.kind:
        case Kind.BUSINESS:
            return verdict.refusal
        case Kind.CONFLICT | Kind.MISSING:
            return StaleWriteError(f"{said or 'the record was changed since it was read.'}")
        case Kind.BUSY:
            return BusyError(said, retry_after=verdict.after)
        case Kind.UNKNOWN:
            return UnknownOutcomeError(said, retry_after=verdict.after)
    return unanswered(call, verdict)


def receipt_of(record: Record) -> Receipt:
    """The record as what came of a write."""
    return Receipt(record.ref or "", record.version, record.body)


def extra_of(write: Write) -> dict[str, Any]:
    """What of his own is passed through."""
    found: dict[str, Any] = orjson.loads(write.extra) if write.extra else {}
    return found
