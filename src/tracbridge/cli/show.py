"""``tracbridge show``: one order on both sides."""

from typing import Annotated

import typer

from tracbridge.cli.context import Json, say, say_json, serving, wait_for
from tracbridge.cli.table import harmless, moment, shown, table
from tracbridge.desk.orders import Order, customer_fields, order_json, order_of, ref_of, states
from tracbridge.domain.link import Link
from tracbridge.domain.workorder import Fields

__all__ = ["Number", "ref_of", "show"]

Number = Annotated[
    str, typer.Argument(metavar="NUMBER", help="TracOS's number, or the customer's own key.")
]


def show(number: Number, json: Json = False) -> None:
    """One order on both sides, what was last agreed, its state.

    That nothing is known of a number is an answer too: exit 0.
    """
    order = wait_for(_order(number))
    if json:
        say_json(order_json(order))
    elif not order.found:
        say(f"no order {harmless(order.ref)} on either side")
    else:
        say(side_by_side(order) + "\n".join(states(order)))


async def _order(number: str) -> Order:
    async with serving() as service:
        return await order_of(service, number)


def side_by_side(order: Order) -> str:
    """The three columns; where all are equal the second and third say so."""
    link = order.link
    tracos = order.tracos.fields if order.tracos else None
    sides = (tracos, link.base if link else None, customer_fields(link))
    names = dict.fromkeys(name for fields in sides for name in (fields or {}))
    if not names:
        return ""
    rows = [[name, *cells(name, sides, link)] for name in names]
    updated = moment(order.tracos.updated_at) if order.tracos else ""
    his = moment(link.seen.at) if link and link.seen else ""
    rows.append(["updated", updated, "", his])
    return table(("", "TRACOS", "LAST AGREED", "CUSTOMER"), rows)


def cells(name: str, sides: tuple[Fields | None, ...], link: Link | None) -> list[str]:
    """One field on each side; an absent side is blank."""
    values = [None if fields is None else fields.get(name) for fields in sides]
    texts = ["" if fields is None else shown(fields.get(name)) for fields in sides]
    if None not in sides and values[0] == values[1] == values[2]:
        return [texts[0], "=", "="]
    return [*texts[:2], texts[2] + note(name, link)]


def note(name: str, link: Link | None) -> str:
    """Why the customer's value is another one."""
    if link is None:
        return ""
    if name in link.held:
        return "   <- held: each keeps its own"
    if link.out and link.out.fields.get(name) != (link.base or {}).get(name):
        return f"   <- on its way since {moment(link.out.at)}"
    return ""
