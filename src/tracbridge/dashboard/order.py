"""One order: both sides and what was agreed beside each other, and what happened to it."""

import re
from typing import Annotated, Any

from fastapi import APIRouter, Path
from fastapi.responses import HTMLResponse
from msgspec import Struct

from tracbridge.dashboard.visit import Seen, Visited
from tracbridge.desk.history import history_of
from tracbridge.desk.orders import Order, customer_fields, order_of, states
from tracbridge.domain.workorder import Value

router = APIRouter(prefix="/connections/{name}/orders")

COMMAND = re.compile(r" \(tracbridge [^)]*\)")
"""What a sentence says of a terminal; a page has links."""


class Row(Struct, frozen=True):
    """One field on each side; ``there``: which of the three columns have it at all."""

    name: str
    values: tuple[Value, Value, Value]
    there: tuple[bool, bool, bool]
    note: str = ""

    @property
    def changed(self) -> bool:
        """The sides that are there do not all show the same."""
        shown = [value for value, is_there in zip(self.values, self.there, strict=True) if is_there]
        return any(value != shown[0] for value in shown)


@router.get("/{number}")
async def order(
    visit: Visited, service: Seen, number: Annotated[str, Path(max_length=200)]
) -> HTMLResponse:
    """Its page."""
    found = await order_of(service, number)
    said = [COMMAND.sub("", text) for text in states(found)] if found.found else []
    return visit.page(
        "order.html",
        name=service.name,
        order=found,
        word=word_of(found),
        said=[text for text in said if not text.startswith(("held:", "quarantined:", "agrees"))],
        rows=rows_of(found),
        events=list(reversed(await history_of(service, found.ref))),
        waiting=await waiting_of(service, found.ref),
    )


async def waiting_of(service: Seen, ref: str) -> list[Any]:
    """Its conflicts that wait for a person."""
    return [one for one in await service.views.conflicts(ref=ref) if one.decided is None]


def word_of(order: Order) -> tuple[str, str]:
    """Where it stands in a word, and of ``held`` because of what: ``agrees``, ``on its way``,
    ``held``.
    """
    link = order.link
    if reason := because(order):
        return "held", reason
    if link is None:
        return ("on its way" if order.creates else "only in TracOS"), ""
    differs = order.tracos and dict(order.tracos.fields) != dict(link.base or {})
    return ("on its way" if link.out or link.repush or differs else "agrees"), ""


def because(order: Order) -> str:
    """What a person has to look at, "" where nothing waits for one."""
    if order.cases:
        return f"its record was refused: {order.cases[0].why}"
    if order.wrong:
        return f"it cannot be read in TracOS: {order.wrong}"
    link = order.link
    if link is None:
        return ""
    told: dict[str, object] = {
        "it is gone from TracOS, and is not created again by itself": link.missing,
        f"the two sides disagree on {', '.join(link.held)}": link.held,
        f"no table knows the customer's value of {', '.join(link.unknown)}": link.unknown,
        f"the customer's system cannot be brought there: {link.stuck}": link.stuck,
    }
    if link.out and link.out.error is not None:
        told[f"the customer refused it: {link.out.error or 'without a word'}"] = True
    return next((text for text, true in told.items() if true), "")


def rows_of(order: Order) -> list[Row]:
    """Field by field: TracOS, last agreed, customer."""
    link = order.link
    sides = (
        order.tracos.fields if order.tracos else None,
        link.base if link else None,
        customer_fields(link),
    )
    there = tuple(fields is not None for fields in sides)
    names = dict.fromkeys(name for fields in sides for name in (fields or {}))
    return [
        Row(
            name,
            (_of(sides[0], name), _of(sides[1], name), _of(sides[2], name)),
            (there[0], there[1], there[2]),
            note(order, name),
        )
        for name in names
    ]


def _of(fields: Any, name: str) -> Value:
    return None if fields is None else fields.get(name)


def note(order: Order, name: str) -> str:
    """Why the sides differ in it."""
    link = order.link
    if link is None:
        return ""
    if name in link.held:
        return "held: each side keeps its own"
    if link.out and link.out.fields.get(name) != (link.base or {}).get(name):
        return "on its way"
    return ""
