"""Refused records: which, why, their bytes; tried again, or discarded."""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import uuid4

from tracbridge.bootstrap import Service
from tracbridge.desk.errors import UnknownError
from tracbridge.desk.texts import harmless
from tracbridge.desk.wishing import wished
from tracbridge.domain.errors import ConfigError, OccupiedError, RecordError
from tracbridge.domain.workorder import Side
from tracbridge.engine.retry import Tried, hand_over, retry
from tracbridge.engine.session import session
from tracbridge.engine.wishes import RETRY, edited_record, number_of
from tracbridge.ports.connector import PutsBack, Rereads
from tracbridge.ports.numbers import Key
from tracbridge.ports.state import QuarantineCase


async def original_of(service: Service, case: QuarantineCase) -> bytes | None:
    """The bytes as they came."""
    customer = service.customer.connector
    if isinstance(customer, PutsBack):
        return await customer.original(case)
    return case.raw or None


async def again(service: Service, wanted: Sequence[QuarantineCase], by: str) -> list[Tried]:
    """Take them in now, or leave that to the process that works on the connection."""
    if not wanted:
        return []
    cases, run = service.state.quarantine, uuid4().hex[:12]
    try:
        async with session(service.connection, service.state.runs, run):
            return await retry(service.connection, cases, wanted, run)
    except OccupiedError:
        if not isinstance(service.connection.customer, Rereads):
            return await hand_over(service.connection, cases, wanted)
    given = {"cases": [case.id for case in wanted]}
    await wished(service, lambda: None, RETRY, given, by=by, patience=0)
    return [Tried(case, {"handed over": 1}) for case in wanted]


async def every_case(service: Service) -> list[QuarantineCase]:
    """All open cases with their bytes."""
    ids = [case.id async for case in service.views.cases()]
    return await service.state.quarantine.find(ids)


async def retried(service: Service, ids: Sequence[str], by: str) -> list[Tried]:
    """Take these cases' bytes in again, as old as they are; all open ones where no ids are given.

    Raises `UnknownError`, and `ConfigError` for one that is neither open nor on its way already.
    """
    wanted = await found(service, ids) if ids else await every_case(service)
    for case in wanted:
        refuse_closed(case, "open", "retried")
    return await again(service, wanted, by)


async def discard(service: Service, id_: str) -> QuarantineCase:
    """Close the open case for good; its bytes stay where they are.

    Raises `UnknownError`, and `ConfigError` for one that is not open any more.
    """
    (case,) = await found(service, [id_])
    refuse_closed(case, "open")
    await service.state.quarantine.move(id_, "discarded", service.connection.clock.now())
    return case


async def found(service: Service, ids: Sequence[str]) -> list[QuarantineCase]:
    """These cases; raises `UnknownError` naming the first that does not exist."""
    cases = {case.id: case for case in await service.state.quarantine.find(ids)}
    for id_ in ids:
        if id_ not in cases:
            raise UnknownError(f"no case {harmless(id_)}: see tracbridge quarantine list.")
    return [cases[id_] for id_ in dict.fromkeys(ids)]


def refuse_closed(case: QuarantineCase, *states: str) -> None:
    """Only a case in one of these states can be dealt with."""
    if case.state not in states:
        raise ConfigError(f"case {case.id} is {case.state} already; nothing was changed.")


def case_json(case: QuarantineCase, keys: Mapping[str, str]) -> dict[str, Any]:
    """One case for programs."""
    why = case.why
    return {
        "id": case.id,
        "at": case.at,
        "state": case.state,
        "side": case.side.value,
        "source": case.source,
        "order": case.ref,
        "key": keys.get(case.ref or ""),
        "code": why.code,
        "pointer": why.pointer,
        "value": why.value,
        "reason": why.reason,
        "hint": why.hint,
        "file": case.file or None,
    }


async def refuse_unfit(service: Service, case: QuarantineCase, content: str) -> None:
    """Only what a mailbox gave us can be mended here, and only as the same order.

    Raises `ConfigError`, and `RecordError` for what cannot be understood.
    """
    refuse_closed(case, "open")
    connection = service.connection
    if case.side is Side.TRACOS:
        raise ConfigError("the document in TracOS is the original: mend it there.")
    if not isinstance(connection.customer, PutsBack):
        raise ConfigError(
            "the record is in the customer's system, which would show the old one again: mend it "
            "there, then it comes by itself."
        )
    record = edited_record(content.encode(), case.source)
    order = connection.translation.from_customer(record.body or {})
    number = await number_of(connection, order)
    if case.ref and case.ref not in {order.ref, str(Key(order.ref, order.scope)), number}:
        raise RecordError(
            "another_order",
            f"This is order {order.ref}, not order {case.ref}: push it as a record of its own.",
        )
