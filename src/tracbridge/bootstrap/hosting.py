"""All connections of a serving process, as those who look and decide see them.

The workers have wired connections of their own; what is done here is safe beside them.
"""

import itertools
import os
import secrets
from collections.abc import Callable, Collection, Mapping
from datetime import datetime
from pathlib import Path

from tracbridge.adapters import keyset
from tracbridge.adapters.mongo.access import MongoApiKeys
from tracbridge.adapters.mongo.audit import MongoAudit
from tracbridge.adapters.mongo.schema import version_of
from tracbridge.bootstrap import Clients, Service, SystemClock, log_of
from tracbridge.config import envfile
from tracbridge.config.files import Configuration
from tracbridge.config.settings import Settings
from tracbridge.domain.errors import SettingError
from tracbridge.domain.workorder import Side
from tracbridge.ports.access import ApiKeys, Caller
from tracbridge.ports.audit import Audit, AuditEntry
from tracbridge.runtime.hub import Hub

Ring = Callable[[str, Collection[Side]], None]
"""Wakes the worker of a connection."""

PEPPER = "TRACBRIDGE_PEPPER"
"""The variable with the secret that digests of API keys are made with."""

LEAST_PEPPER = 32
"""Characters of it."""


def said() -> Mapping[str, str]:
    """The environment, and what ``.env`` says beside it."""
    dotenv = Path(".env")
    values, _ = envfile.read(dotenv) if dotenv.is_file() else ({}, [])
    return {**values, **os.environ}


class Hosted:
    """``hub``: what happens, as it happens. ``ring``: wakes the worker of a connection."""

    def __init__(
        self, clients: Clients, configuration: Configuration, hub: Hub, ring: Ring
    ) -> None:
        self._clients, self.hub, self.ring = clients, hub, ring
        self._configuration = configuration
        self._wired: dict[str, Service] = {}
        self._pepper: bytes | None = None
        self._numbers = itertools.count()

    @property
    def configuration(self) -> Configuration:
        """As it counts now."""
        return self._configuration

    def adjust(self, configuration: Configuration) -> None:
        """Another configuration counts from now on."""
        self._configuration = configuration

    def connections(self, tenants: Collection[str] | None = None) -> Mapping[str, Settings]:
        """By name, those of these tenants; None is of all."""
        return {
            one.name: one
            for one in self._configuration.connections
            if tenants is None or one.tenant in tenants
        }

    def tenant_of(self, name: str) -> str:
        """Whose connection that is, "" of one that is gone."""
        found = self.connections().get(name)
        return found.tenant if found else ""

    async def service(self, name: str) -> Service | None:
        """That connection, wired; None where there is none of that name."""
        settings = self.connections().get(name)
        if settings is None:
            return None
        known = self._wired.get(name)
        if known is None or known.settings != settings or known.lost:
            known = await self._clients.service(settings, log_of(name))
            self._wired[name] = known
        return known

    async def home(self) -> Service:
        """The connection in whose state database stands what belongs to none: keys, audit. It is
        the first one. Raises `SettingError` where there is none.
        """
        first = next(iter(self._configuration.connections), None)
        service = await self.service(first.name) if first else None
        if service is None:
            raise SettingError("no connection is enabled: tracbridge init writes a first one.")
        return service

    async def ready(self) -> None:
        """Our memory can be reached. Raises `RetryableError` where it cannot, `ConfigError` where
        it cannot be used.
        """
        home = await self.home()
        await version_of(home.state.database, home.host)

    # -- who may what, and who did what ----------------------------------------------------

    async def keys(self) -> ApiKeys:
        """The API keys; the errors of `home`."""
        home = await self.home()
        return MongoApiKeys(home.state.database, home.host)

    async def pepper(self) -> bytes:
        """The secret that digests of API keys are made with: the environment's, else one that was
        made once and is kept beside the keys. Raises `SettingError` for one that is too short.
        """
        if self._pepper is None:
            given = said().get(PEPPER, "")
            if given and len(given) < LEAST_PEPPER:
                raise SettingError(
                    f"{PEPPER} is too short: give it {LEAST_PEPPER} random characters or more, "
                    "such as those of: openssl rand -hex 32"
                )
            keys = await self.keys()
            self._pepper = given.encode() or await keys.pepper(secrets.token_bytes(32))
        return self._pepper

    async def audits(self) -> Audit:
        """The audit; the errors of `home`."""
        home = await self.home()
        audit = MongoAudit(home.state.database, home.host)
        await home.ready.once(("audit", home.state.database.name), audit.prepare)
        return audit

    async def audit(
        self,
        caller: Caller,
        connection: str,
        action: str,
        target: str,
        why: str = "",
        outcome: str = "done",
    ) -> None:
        """Put an action on record, for ever. ``connection``: its name, "" where it is about none;
        the rest as in `AuditEntry`. The errors of `home`, `RetryableError`.
        """
        at, number = self.now(), next(self._numbers) % 2**24
        entry = AuditEntry(
            id=f"{int(at.timestamp() * 1000):012x}{number:06x}{secrets.token_hex(3)}",
            at=at,
            by=caller.name,
            role=caller.role.value,
            tenant=self.tenant_of(connection),
            connection=connection,
            action=action,
            target=target,
            why=why,
            outcome=outcome,
        )
        await (await self.audits()).add(entry)

    async def key_set(self, url: str) -> bytes:
        """The public keys of an identity provider; raises `RetryableError`."""
        return await keyset.fetch(url)

    @staticmethod
    def now() -> datetime:
        """The present instant in UTC, cut to milliseconds."""
        return SystemClock().now()
