"""The REST connector fulfils the contract over real HTTP, under every kind of trouble there is."""

import asyncio
import random
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from tests.contract.plain_api import INTERFACE, PlainApi
from tracbridge.adapters.connectors.rest.connector import RestConnector
from tracbridge.adapters.connectors.rest.sender import Sender
from tracbridge.adapters.connectors.rest.settings import RestSettings
from tracbridge.resilience.paces import Paces
from tracbridge.sdk import Body, Place
from tracbridge.testing.contract import ConnectorContract, Rig
from tracbridge.testing.erp.serving import serve


def connector(
    url: str,
    api: PlainApi,
    size: int,
    interface: Mapping[str, Any] = INTERFACE,
    kind: type[RestConnector] = RestConnector,
) -> RestConnector:
    """A connection as a new process makes it."""
    read = {**interface["read"], "size": size}
    given: dict[str, Any] = {
        "connector": "rest",
        "interface": {**interface, "read": read},
        "url": url,
        "auth": {"kind": "basic", "user": api.user, "password": api.password},
        "networks": ["127.0.0.0/8"],
        "calls_per_second": 1000,
        "timeout": 20,
    }
    settings = RestSettings.model_validate(given)
    paces = Paces(time.monotonic, asyncio.sleep, random.random)
    place = Place("plain", Path(), None, api.now)
    return kind(settings, place, sender=Sender(settings, name="plain", paces=paces))


class PlainContract(ConnectorContract):
    size: int

    @asynccontextmanager
    async def rig(self) -> AsyncIterator[Rig]:
        api = PlainApi()
        async with serve(api) as url:
            yield Rig(connector(url, api, self.size), api, lambda: connector(url, api, self.size))

    def body(self, n: int, text: str = "Check the pump") -> Body:
        return {"number": str(n), "text": text}

    def plain(self, body: Body) -> Body:
        return {key: value for key, value in body.items() if not key.startswith("_")}


class TestRestConnector(PlainContract):
    size = 3


class TestRestConnectorInLargePages(PlainContract):
    size = 500
