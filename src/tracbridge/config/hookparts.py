"""The part ``hooks`` of a connection's file, as pydantic models."""

import re
from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import Annotated, Final

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr

from tracbridge.config.hooks import EVENTS, Event, Kind, Takes

SHORTEST: Final = 16
"""Characters of a secret that is worth signing with."""


def _long(secret: SecretStr) -> SecretStr:
    """Never repeats it."""
    if len(secret.get_secret_value()) < SHORTEST:
        raise ValueError(f"is too short; a secret has {SHORTEST} characters or more")
    return secret


def _url(url: str) -> str:
    """What can be seen without a look at the network; the rest is refused where it is called."""
    if not re.fullmatch(r"https?://[^/@?#\\\s]+(/[!-~]*)?", url) or set(url) & set("?#\\@"):
        raise ValueError(
            "is no address to send to; write it like https://example.com/hooks, without a user, a "
            "query or a fragment"
        )
    return url


def _network(text: str) -> str:
    try:
        network = ip_network(text)
    except ValueError:
        raise ValueError("is no network; write it like 10.20.0.0/16 or fd12:3456::/32") from None
    if not network.prefixlen:
        raise ValueError("is the whole internet; name the network that the receiver is in")
    return str(network)


Secret = Annotated[SecretStr, AfterValidator(_long)]
Url = Annotated[str, AfterValidator(_url)]
Cidr = Annotated[str, AfterValidator(_network)]


class _Part(BaseModel):
    # Without the input: a refused table may contain a secret.
    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


class HookInPart(_Part):
    """Webhooks that the customer's system sends to ``/api/v1/hooks/NAME``."""

    secret: Secret = Field(
        description="What he signs with, as a reference such as ${env:HOOK_SECRET}."
    )
    previous: Secret | None = Field(
        None, description="The secret before; it counts until this line is removed."
    )
    kind: Kind = Field("generic", description="How he signs.")
    takes: Takes = Field(
        "hints",
        description="hints: a body is no data, his side is read again. records: a body holds his "
        "records, and is laid into the inbound folder.",
    )


class HookOutPart(_Part):
    """An address that is told what happens."""

    url: Url = Field(description="Where events are sent to, such as https://example.com/hooks.")
    secret: Secret = Field(
        description="What we sign with, as a reference such as ${env:HOOK_SECRET}."
    )
    events: list[Event] = Field(list(EVENTS), min_length=1, description="Which events.")
    networks: list[Cidr] = Field(
        [],
        description="Networks, such as 10.20.0.0/16, in which it may be. Private addresses and "
        "http:// are allowed in these only; link-local and cloud metadata addresses never.",
    )
    ca: str = Field(
        "",
        repr=False,
        description="Certificates to trust beside the machine's own, as PEM text such as "
        "${file:ca.pem}.",
    )

    @property
    def allowed_networks(self) -> tuple[IPv4Network | IPv6Network, ...]:
        """The networks, read."""
        return tuple(ip_network(text) for text in self.networks)


class HooksPart(_Part):
    """Webhooks: from the customer's system, and to others."""

    incoming: HookInPart | None = Field(
        None, alias="in", description="What may wake this connection."
    )
    out: list[HookOutPart] = Field([], max_length=10, description="Who is told what happens.")
