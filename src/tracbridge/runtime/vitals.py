"""How the connections of this process fare: when one last worked, and since when it cannot."""

from datetime import datetime

from msgspec import Struct


class Vital(Struct):
    """One connection. ``failing``: since when it cannot run, None while it can; ``why``: in words
    that name no payload and no secret.
    """

    succeeded: datetime | None = None
    failing: datetime | None = None
    why: str = ""


class Vitals:
    """Of all connections, in memory: a process that starts anew knows nothing yet."""

    def __init__(self) -> None:
        self._each: dict[str, Vital] = {}

    def of(self, connection: str) -> Vital:
        """How that connection fares."""
        return self._each.setdefault(connection, Vital())

    def succeeded(self, connection: str, at: datetime) -> None:
        """A pass, or a look that found nothing to do, came to its end."""
        self._each[connection] = Vital(succeeded=at)

    def failed(self, connection: str, at: datetime, why: str) -> None:
        """It could not run; since the first time in a row."""
        one = self.of(connection)
        one.failing, one.why = one.failing or at, why

    def keep(self, connections: frozenset[str]) -> None:
        """Forget all others: they are gone from the configuration."""
        self._each = {name: one for name, one in self._each.items() if name in connections}
