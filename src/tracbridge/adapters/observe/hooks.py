"""Sends messages to people: as a signed webhook, or as mail.

Addresses are looked at as those of a connection are: a private network has to be named, link-local
and metadata addresses are never called, no redirect is followed.
"""

import asyncio
import random
import smtplib
import ssl
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime
from email.message import EmailMessage

import httpx2

from tracbridge import __version__
from tracbridge.adapters.connectors.rest.addresses import Network, Origin, allowed, origin_of
from tracbridge.adapters.connectors.rest.network import Pins, client, resolve, tls
from tracbridge.adapters.hooks.signing import signed
from tracbridge.config.watching import MailSettings
from tracbridge.domain.errors import ConfigError, RetryableError, TracbridgeError
from tracbridge.resilience.backoff import Backoff

TIMEOUT = 15.0
"""Seconds for one attempt."""

ATTEMPTS = Backoff(retries=2, delay=0.2, longest=5.0)
"""Attempts at once; after them it is due again with the next look."""


class Webhook:
    """Messages by POST, signed as all our webhooks are. Close it."""

    name = "webhook"

    def __init__(self, url: str, secret: str, networks: Sequence[Network] = ()) -> None:
        self._origin = origin_of(url)
        self._secret, self._pins = secret, Pins(networks)
        self._client = client(tls(""), self._pins)

    async def send(self, id_: str, body: bytes) -> None:
        """Returns when an answer 2xx came. Raises `RetryableError`, or `ConfigError` for an address
        that may not be called.
        """
        await _again(lambda: self._once(id_, body))

    async def aclose(self) -> None:
        """Close the connection."""
        await self._client.aclose()

    async def _once(self, id_: str, body: bytes) -> None:
        await self._pins.pin(self._origin)
        headers = {
            "content-type": "application/json",
            "user-agent": f"tracbridge/{__version__}",
            **signed(self._secret, body, id_, datetime.now(UTC)),
        }
        url = f"{self._origin}{self._origin.path or '/'}"
        try:
            async with asyncio.timeout(TIMEOUT):
                async with self._client.stream(
                    "POST", url, content=body, headers=headers
                ) as answer:
                    status = answer.status_code
        except (httpx2.HTTPError, TimeoutError, ssl.SSLError) as error:
            self._pins.forget(self._origin)
            raise RetryableError(
                f"{self._origin} took no alert ({type(error).__name__})."
            ) from None
        if not httpx2.codes.is_success(status):
            raise RetryableError(f"{self._origin} took no alert: it answered {status}.")


class Mail:
    """Messages by SMTP, in a thread."""

    name = "mail"

    def __init__(self, settings: MailSettings, networks: Sequence[Network] = ()) -> None:
        self._settings, self._networks = settings, tuple(networks)

    async def send(self, id_: str, subject: str, text: str) -> None:
        """Returns when the server took it. Raises as `Webhook.send`."""
        message = EmailMessage()
        message["Subject"], message["From"] = subject, self._settings.sender
        message["To"] = ", ".join(self._settings.to)
        message["Message-ID"] = f"<{id_}@tracbridge>"
        message["Auto-Submitted"] = "auto-generated"
        message.set_content(text)
        await _again(lambda: self._once(message))

    async def aclose(self) -> None:
        """There is nothing to close."""

    async def _once(self, message: EmailMessage) -> None:
        config = self._settings
        scheme = "http" if config.tls == "off" else "https"
        origin = Origin(scheme, config.host, config.port)
        try:
            found = await resolve(config.host, config.port)
        except (OSError, UnicodeError):
            raise RetryableError(f"The host {config.host} cannot be resolved.") from None
        addresses = allowed(origin, self._networks, found)
        try:
            await asyncio.to_thread(self._deliver, addresses[0], message)
        except (smtplib.SMTPException, OSError) as error:
            name = type(error).__name__
            raise RetryableError(f"{config.host} took no mail ({name}).") from None

    def _deliver(self, address: str, message: EmailMessage) -> None:
        config, context = self._settings, ssl.create_default_context()
        with _connected(config, address, context) as server:
            if config.tls == "starttls":
                server.starttls(context=context)
            if config.user:
                server.login(config.user, config.password)
            server.send_message(message)


class _Pinned(smtplib.SMTP):
    """Connects to an address that was looked at, by the name that TLS checks."""

    def __init__(self, host: str, address: str, port: int) -> None:
        super().__init__(timeout=TIMEOUT)
        self._host = host
        self.connect(address, port)


class _PinnedTls(smtplib.SMTP_SSL):
    def __init__(self, host: str, address: str, port: int, context: ssl.SSLContext) -> None:
        super().__init__(timeout=TIMEOUT, context=context)
        self._host = host
        self.connect(address, port)


def _connected(config: MailSettings, address: str, context: ssl.SSLContext) -> smtplib.SMTP:
    if config.tls == "tls":
        return _PinnedTls(config.host, address, config.port, context)
    return _Pinned(config.host, address, config.port)


async def _again(attempt: Callable[[], Awaitable[None]]) -> None:
    """Until it succeeds, as often as `ATTEMPTS` allows."""
    number = 0
    while True:
        try:
            return await attempt()
        except ConfigError:
            raise
        except TracbridgeError:
            if number >= ATTEMPTS.retries:
                raise
        await asyncio.sleep(ATTEMPTS.pause(number, random.random()))  # noqa: S311 (no secret)
        number += 1
