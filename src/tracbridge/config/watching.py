"""What a serving process tells of itself unasked, from the environment: alert hooks and reports.

A secret may stand in a file instead: ``NAME_FILE`` names it.
"""

import re
from collections.abc import Mapping
from datetime import time
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from zoneinfo import ZoneInfo

from msgspec import Struct

from tracbridge.config import parse
from tracbridge.domain.errors import SettingError, shown

PREFIX = "TRACBRIDGE_"

DAY = 86_400.0

_MAIL = re.compile(r"[^@\s<>,;:\"\\()\[\]]{1,64}@[A-Za-z0-9.-]{1,190}", re.ASCII)

LARGEST = 65_536
"""Bytes of a file with a secret."""


class MailSettings(Struct, frozen=True):
    """Where mail goes, and through which server. ``tls``: ``starttls``, ``tls`` or ``off``."""

    to: tuple[str, ...]
    sender: str
    host: str
    port: int
    tls: str = "starttls"
    user: str = ""
    password: str = ""

    def __repr__(self) -> str:
        return f"MailSettings({len(self.to)} receivers)"


class AlertSettings(Struct, frozen=True):
    """When somebody is told, and how.

    ``webhook``: an address, "" is none. ``networks``: those that may be called although they are
    private. ``age``: seconds that the oldest change may wait; ``group``: open cases of one cause
    from which on it is told; ``down``: seconds that a connection may be unable to run.
    """

    webhook: str = ""
    secret: str = ""
    mail: MailSettings | None = None
    networks: tuple[IPv4Network | IPv6Network, ...] = ()
    age: float = 900.0
    group: int = 10
    down: float = 300.0

    def __repr__(self) -> str:
        return f"AlertSettings(webhook={bool(self.webhook)}, mail={self.mail!r})"


class ReportSettings(Struct, frozen=True):
    """When the daily report is made: at that time of that zone; ``at`` None: never."""

    at: time | None = time(6, 0)
    zone: ZoneInfo = ZoneInfo("UTC")


class WatchSettings(Struct, frozen=True):
    """All of it. ``open_metrics``: ``/metrics`` is shown to whoever asks."""

    alerts: AlertSettings = AlertSettings()
    reports: ReportSettings = ReportSettings()
    open_metrics: bool = False


def watching(environ: Mapping[str, str]) -> WatchSettings:
    """What the environment says. Raises one `SettingError` with a line for each thing that is
    wrong; the value of a secret stands in none of them.
    """
    reader = _Reader(environ)
    found = WatchSettings(_alerts(reader), _reports(reader), reader.word("METRICS") == "open")
    if reader.word("METRICS") not in ("", "open", "key"):
        reader.refuse("METRICS", "key or open")
    if reader.wrong:
        raise SettingError("\n".join(reader.wrong))
    return found


def _alerts(reader: "_Reader") -> AlertSettings:
    webhook, secret = reader.word("ALERT_WEBHOOK"), reader.secret("ALERT_SECRET")
    if webhook and len(secret) < SHORTEST:
        reader.wrong.append(
            f"{PREFIX}ALERT_WEBHOOK is set, so {PREFIX}ALERT_SECRET (or ..._FILE) has to hold at "
            f"least {SHORTEST} characters: by it the receiver knows us."
        )
    return AlertSettings(
        webhook,
        secret,
        _mail(reader),
        reader.networks("ALERT_NETWORKS"),
        reader.number("ALERT_AGE", 900.0),
        int(reader.number("ALERT_GROUP", 10.0)),
        reader.number("ALERT_DOWN", 300.0),
    )


SHORTEST = 16
"""Characters of a secret that signs."""


def _mail(reader: "_Reader") -> MailSettings | None:
    receivers = tuple(one.strip() for one in reader.word("ALERT_MAIL").split(",") if one.strip())
    if not receivers:
        return None
    if not all(_MAIL.fullmatch(one) for one in receivers):
        reader.refuse("ALERT_MAIL", "mail addresses, such as ops@example.com, with commas between")
    sender = reader.word("ALERT_FROM")
    if not _MAIL.fullmatch(sender):
        reader.refuse("ALERT_FROM", "the mail address that alerts come from")
    host, _, port = reader.word("SMTP").partition(":")
    if not re.fullmatch(r"[A-Za-z0-9._-]+", host) or not re.fullmatch(r"[0-9]{1,5}", port or "587"):
        reader.refuse("SMTP", "the server that takes mail, such as mail.example.com:587")
        host, port = "", ""
    tls = reader.word("SMTP_TLS") or "starttls"
    if tls not in ("starttls", "tls", "off"):
        reader.refuse("SMTP_TLS", "starttls, tls or off")
    user, password = reader.word("SMTP_USER"), reader.secret("SMTP_PASSWORD")
    return MailSettings(receivers, sender, host, int(port or 587), tls, user, password)


def _reports(reader: "_Reader") -> ReportSettings:
    text, zone = reader.word("REPORT_AT") or "06:00", reader.word("REPORT_ZONE") or "UTC"
    at = None
    if text != "off":
        found = re.fullmatch(r"([01][0-9]|2[0-3]):([0-5][0-9])", text)
        if not found:
            reader.refuse("REPORT_AT", "a time of day, such as 06:00, or off")
        at = time(int(found[1]), int(found[2])) if found else None
    try:
        return ReportSettings(at, parse.zone(zone))
    except ValueError:
        reader.refuse("REPORT_ZONE", "an IANA time zone, such as America/Sao_Paulo")
        return ReportSettings(at)


class _Reader:
    def __init__(self, environ: Mapping[str, str]) -> None:
        self._environ = environ
        self.wrong: list[str] = []

    def word(self, name: str) -> str:
        """What the variable says, "" where it is not set."""
        return self._environ.get(PREFIX + name, "").strip()

    def refuse(self, name: str, accepts: str) -> None:
        """Its value is not accepted."""
        value = shown(self.word(name)) or "not set"
        self.wrong.append(f"{PREFIX}{name}={value} is not accepted; it takes {accepts}.")

    def secret(self, name: str) -> str:
        """What the variable says, or the file that its twin names."""
        file = self.word(f"{name}_FILE")
        if not file:
            return self.word(name)
        try:
            with Path(file).open(encoding="utf-8") as text:
                return text.read(LARGEST).strip()
        except (OSError, UnicodeError) as error:
            why = type(error).__name__
            self.wrong.append(f"{PREFIX}{name}_FILE={shown(file)} cannot be read ({why}).")
            return ""

    def number(self, name: str, otherwise: float) -> float:
        """Above 0, up to a day."""
        text = self.word(name)
        try:
            return float(str(parse.number(DAY, zero=False)(text))) if text else otherwise
        except ValueError:
            self.refuse(name, "a number above 0, up to 86400")
            return otherwise

    def networks(self, name: str) -> tuple[IPv4Network | IPv6Network, ...]:
        """Networks with commas between."""
        try:
            return tuple(ip_network(o.strip()) for o in self.word(name).split(",") if o.strip())
        except ValueError:
            self.refuse(name, "networks with commas between, such as 10.1.0.0/16")
            return ()
