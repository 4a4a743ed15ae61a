"""One order: what both sides and our memory hold of it, and where it stands."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from msgspec import Struct

from tracbridge.bootstrap import Service
from tracbridge.desk.texts import harmless, lasting, moment
from tracbridge.domain.errors import RecordError
from tracbridge.domain.link import Link, Phase
from tracbridge.domain.workorder import Fields, Side, Value, WorkOrder
from tracbridge.engine.decide import resend as send_again
from tracbridge.ports.connector import Shows
from tracbridge.ports.state import QuarantineCase
from tracbridge.sync.identity import print_of


class Order(Struct, frozen=True):
    """All that is known of one order. ``wrong``: why TracOS's documents cannot be read.

    ``key``: the customer's own, "" where it is the number. ``creates``: TracOS's new orders are
    made at the customer's.
    """

    ref: str
    link: Link | None
    tracos: WorkOrder | None
    wrong: str
    cases: list[QuarantineCase]
    file: str
    now: datetime
    key: str = ""
    creates: bool = True

    @property
    def found(self) -> bool:
        """Anything at all is known of it."""
        return bool(self.link or self.tracos or self.wrong or self.cases)


async def order_of(service: Service, number: str) -> Order:
    """The order of that number, TracOS's or the customer's own; perhaps nothing is `found`."""
    ref = await service.ref(ref_of(number))
    link = (await service.connection.ledger.find([ref])).get(ref)
    tracos, wrong = await at_tracos(service, ref, link)
    cases = [case async for case in service.views.cases(ref=ref)]
    now = service.connection.clock.now()
    customer, key = service.customer.connector, await service.key(ref)
    file = customer.named(ref) if isinstance(customer, Shows) else ""
    creates = Side.TRACOS in service.connection.policies.creators
    return Order(ref, link, tracos, wrong, cases, file, now, key, creates)


async def keys_of(service: Service, refs: Iterable[str]) -> dict[str, str]:
    """The customer's own keys of these orders, by number; {} where they are the numbers."""
    numbers = service.connection.numbers
    found = await numbers.keys(list(dict.fromkeys(refs))) if numbers else {}
    return {number: str(key) for number, key in found.items()}


async def resend(service: Service, number: str) -> str:
    """Have the next pass give this order again; its ref. May be repeated.

    Raises `ConfigError` if it was never given, or if TracOS holds it no more.
    """
    await service.connection.lease.join()
    ref = await service.ref(ref_of(number))
    await send_again(service.connection, ref)
    return ref


def ref_of(number: str) -> str:
    """The number as orders carry it: without leading zeros."""
    text = number.strip()
    return text.lstrip("0") or "0" if text.isascii() and text.isdigit() else text


async def at_tracos(service: Service, ref: str, link: Link | None) -> tuple[WorkOrder | None, str]:
    """TracOS's document as an order, or why there is none to show."""
    documents = (await service.connection.tracos.fetch([ref])).get(ref, ())
    if not documents:
        return None, ""
    if len(documents) > 1:
        return None, f"{len(documents)} documents carry this number"
    last = link.last_given if link else None
    try:
        return service.connection.translation.from_tracos(documents[0].body or {}, last), ""
    except RecordError as error:
        return None, str(error)


def customer_fields(link: Link | None) -> Fields | None:
    """What the customer holds, as far as we know: what he keeps, what he sent, what was agreed."""
    if link is None or link.base is None:
        return None
    return {name: _customer_value(link, name) for name in link.base}


def _customer_value(link: Link, name: str) -> Value:
    if name in link.held:
        return link.held[name].customer
    base = (link.base or {}).get(name)
    sent = link.seen.prints.get(name) if link.seen and link.window else None
    if sent is None or link.seen is None or link.window is None:
        return base
    if link.seen.pass_ <= link.window.pass_ or print_of(base) == sent:
        return base
    given = (link.last_given or {}).get(name)
    if print_of(given) == sent:
        return given
    return base if isinstance(sent, str) and sent.startswith("#") else sent


def order_json(order: Order) -> dict[str, Any]:
    """One order for programs."""
    if not order.found:
        return {"order": order.ref, "found": False}
    link = order.link
    seen = link.seen if link else None
    return {
        "order": order.ref,
        "key": order.key or None,
        "found": True,
        "tracos": order.tracos.fields if order.tracos else None,
        "last_agreed": link.base if link else None,
        "customer": customer_fields(link),
        "tracos_updated": order.tracos.updated_at if order.tracos else None,
        "customer_updated": seen.at if seen else None,
        "state": states(order),
        "version": link.seq if link else None,
        "file": order.file if link and link.seq else None,
        "on_its_way_since": link.out.at if link and link.out else None,
        "window_open": bool(link and link.window),
        "held": sorted({*link.held, *link.unknown}) if link else [],
        "unreachable": link.stuck or None if link else None,
        "quarantined": [case.id for case in order.cases],
    }


def states(order: Order) -> list[str]:
    """Where the order stands, in sentences; the most pressing first."""
    link = order.link
    found = [f"quarantined: {case.source}: {case.why} ({case.id})" for case in order.cases]
    found += [f"cannot be read in TracOS: {order.wrong}"] if order.wrong else []
    if link is None:
        found += [unlinked(order)] if order.tracos else []
    elif link.dropped and order.tracos is None:
        found.append("gone from TracOS, and it was decided that it stays gone")
    elif link.missing or (order.tracos is None and not order.wrong):
        found.append("missing in TracOS: it is not created again by itself")
    else:
        found += linked_states(order, link)
    return [harmless(text) for text in found]


def unlinked(order: Order) -> str:
    """Why an order of TracOS is not with the customer."""
    if order.creates:
        return "unknown here: no run has seen it yet"
    return "not created at the customer's (create): TracOS's new orders do not go to him"


def linked_states(order: Order, link: Link) -> list[str]:
    """The states of an order that both sides hold."""
    found = waiting_states(link)
    if link.held:
        found.append(f"held: {', '.join(link.held)} (tracbridge conflicts list)")
    if link.out and link.out.error is not None:
        found.append(f"refused by the customer: {link.out.error or 'without a word'}")
    if link.out:
        found.append(f"on its way since {moment(link.out.at)} ({version(order, link)})")
    elif link.repush:
        found.append("to be sent again by the next run")
    elif order.tracos and dict(order.tracos.fields) != dict(link.base or {}) and not link.held:
        found.append("changed in TracOS: goes out with the next run")
    if link.window and link.window.gone is None:
        since = f" for {lasting(order.now - link.given)}" if link.given else ""
        found.append(f"window open{since}: nobody can know yet whether the customer has read it")
    named = [f"the customer's {order.key}, TracOS's {order.ref}"] if order.key else []
    return [*named, *(found or [f"agrees ({version(order, link)})"])]


def waiting_states(link: Link) -> list[str]:
    """What somebody has to do something about."""
    stuck = [f"cannot be reached in the customer's system: {link.stuck}"] if link.stuck else []
    return stuck + [
        f"{name} waits: no table knows {value!r} (tracbridge conflicts list)"
        for name, value in link.unknown.items()
    ]


def version(order: Order, link: Link) -> str:
    """Our last version, and the file that carries it."""
    if not link.seq:
        return "nothing was sent yet"
    if not order.file:
        return f"version {link.seq}"
    waits = link.out and link.out.phase is not Phase.PUBLISHED
    return f"version {link.seq}, {'not in its place yet' if waits else order.file}"
