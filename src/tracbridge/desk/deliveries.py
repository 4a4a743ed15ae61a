"""What others were told of a connection, or will be: looked at, and tried again."""

from typing import Any

from tracbridge.bootstrap import Service
from tracbridge.bootstrap.hooks import deliveries_of
from tracbridge.bootstrap.hosting import Hosted
from tracbridge.desk.errors import UnknownError
from tracbridge.ports.deliveries import Delivery, State
from tracbridge.runtime.outbox import DAY


async def listed(
    service: Service, state: State | None, after: str, limit: int
) -> list[dict[str, Any]]:
    """Newest first, those after that one. Raises `UnknownError` where there is none of that id."""
    found = await (await deliveries_of(service)).listed(state, after, limit)
    if found is None:
        raise UnknownError(f"there is no delivery {after}.")
    return [told(one) for one in found]


async def retried(service: Service, hosted: Hosted, id_: str) -> dict[str, Any]:
    """Sent again, also where it was delivered; as it is now. Raises `UnknownError`."""
    deliveries, now = await deliveries_of(service), hosted.now()
    there = await deliveries.retry(id_, now, now + DAY)
    found = await deliveries.find(id_) if there else None
    if found is None:
        raise UnknownError(f"there is no delivery {id_}.")
    tenant = hosted.tenant_of(service.name)
    hosted.hub.tell(now, tenant, service.name, "connection", {"delivery": id_})
    return told(found)


def told(one: Delivery) -> dict[str, Any]:
    """For programs. Times in UTC; ``next``: when it is tried, null where it is not."""
    last = one.last
    return {
        "id": one.id,
        "event": one.event,
        "kind": one.kind,
        "order": one.ref or None,
        "about": one.subject,
        "at": one.at.isoformat(),
        "url": one.url,
        "state": one.state.value,
        "attempts": one.attempts,
        "next": one.next.isoformat() if one.state is State.WAITING else None,
        "last": last
        and {"at": last.at.isoformat(), "status": last.status, "error": last.error or None},
    }
