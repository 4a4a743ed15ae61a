"""Events of one connection, told to the log and to the hub."""

from collections.abc import Callable, Mapping
from datetime import datetime

from tracbridge.ports.runtime import Observer
from tracbridge.runtime.hub import Hub


class Telling:
    """An observer beside another one. ``tenant`` and ``connection``: whose events they are."""

    def __init__(
        self,
        observer: Observer,
        hub: Hub,
        tenant: str,
        connection: str,
        now: Callable[[], datetime],
    ) -> None:
        self._observer, self._hub, self._now = observer, hub, now
        self._of = tenant, connection

    def batch(self, flow: str, counts: Mapping[str, int]) -> None:
        """What became of a batch of records."""
        self._observer.batch(flow, counts)
        told = {name: count for name, count in counts.items() if count}
        self._hub.tell(self._now(), *self._of, "batch", {"flow": flow, "counts": told})

    def incident(self, code: str, where: str, message: str) -> None:
        """Something that a person may want to know."""
        self._observer.incident(code, where, message)
        data = {"code": code, "where": where, "what": message}
        self._hub.tell(self._now(), *self._of, "incident", data)
