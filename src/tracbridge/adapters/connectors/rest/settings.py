"""What a REST connection can be told: the part ``customer`` of its file."""

import math
import re
from collections.abc import Mapping
from ipaddress import ip_network
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr, model_validator

from tracbridge.adapters.connectors.rest.addresses import Network, origin_of
from tracbridge.config.model import Scalar
from tracbridge.domain.errors import SettingError
from tracbridge.ports.settings import ConnectorSettings
from tracbridge.resilience.target import PaceSettings

_TOKEN = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")
_OURS = frozenset(
    {"authorization", "connection", "content-length", "cookie", "host", "transfer-encoding"}
)
"""Headers that are not for settings: they are made from ``auth``, or by HTTP itself."""


def _header_name(name: str) -> str:
    if not _TOKEN.fullmatch(name):
        raise ValueError("is not the name of a header")
    if name.lower() in _OURS:
        raise ValueError("is a header that is set by itself; credentials belong under auth")
    return name


def _header_value(secret: SecretStr) -> SecretStr:
    """A secret that a header can carry. The error never repeats it."""
    value = secret.get_secret_value()
    if not value:
        raise ValueError("is empty")
    if value != value.strip() or not re.fullmatch(r"[ -~]+", value):
        raise ValueError(
            "has a character that no header can carry, such as a line break at its end"
        )
    return secret


def _full(secret: SecretStr) -> SecretStr:
    if not secret.get_secret_value():
        raise ValueError("is empty")
    return secret


def _user(name: str) -> str:
    if ":" in name or not name.isprintable():
        raise ValueError("has a colon or a character that cannot be printed")
    return name


def _url(url: str) -> str:
    try:
        origin_of(url)
    except SettingError as error:
        raise ValueError(str(error)) from None
    return url


def _network(text: object) -> Network:
    try:
        network = ip_network(str(text))
    except ValueError:
        raise ValueError("is no network; write it like 10.20.0.0/16 or fd12:3456::/32") from None
    if not network.prefixlen:
        raise ValueError("is the whole internet; name the network that the system is in")
    return network


HeaderName = Annotated[str, AfterValidator(_header_name)]
HeaderValue = Annotated[SecretStr, AfterValidator(_header_value)]
Secret = Annotated[SecretStr, AfterValidator(_full)]
User = Annotated[str, Field(min_length=1), AfterValidator(_user)]
Url = Annotated[str, AfterValidator(_url)]
Cidr = Annotated[str, AfterValidator(lambda text: str(_network(text)))]


class _Part(BaseModel):
    # Without the input: a refused table may contain a secret.
    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


class NoAuth(_Part):
    """No credentials."""

    kind: Literal["none"] = "none"


class BasicAuth(_Part):
    """User and password, in the header ``Authorization``."""

    kind: Literal["basic"]
    user: User = Field(description="The user's name.")
    password: Secret = Field(
        description="His password, as a reference such as ${env:ERP_PASSWORD}."
    )


class HeaderAuth(_Part):
    """A key in a header of its own, such as ``apikey``."""

    kind: Literal["header"]
    header: HeaderName = Field("apikey", description="The header's name.")
    token: HeaderValue = Field(description="The key, as a reference such as ${env:ERP_KEY}.")


class BearerAuth(_Part):
    """A token that does not end, as ``Authorization: Bearer``."""

    kind: Literal["bearer"]
    token: HeaderValue = Field(description="The token, as a reference such as ${env:ERP_TOKEN}.")


class FrappeAuth(_Part):
    """The key and the secret of a Frappe user, as ``Authorization: token KEY:SECRET``."""

    kind: Literal["frappe"]
    user: User = Field(description="The API key of the user.")
    password: HeaderValue = Field(
        description="The API secret, as a reference such as ${env:ERP_SECRET}."
    )


class MaxAuth(_Part):
    """User and password of Maximo, in the header ``maxauth``."""

    kind: Literal["maxauth"]
    user: User = Field(description="The user's name.")
    password: Secret = Field(
        description="His password, as a reference such as ${env:ERP_PASSWORD}."
    )


class OAuth2(_Part):
    """A token that we fetch with credentials of a client (OAuth 2.0, client credentials)."""

    kind: Literal["oauth2"]
    token_url: Url = Field(description="Where tokens are given; the rules of `url` count for it.")
    client_id: User = Field(description="The client's name.")
    client_secret: Secret = Field(
        description="Its secret, as a reference such as ${env:ERP_SECRET}."
    )
    scope: str = Field("", description="What the token is to allow, as the system names it.")
    client_auth: Literal["basic", "body"] = Field(
        "basic", description="Where the client's credentials stand: in a header, or in the body."
    )


Auth = Annotated[
    NoAuth | BasicAuth | HeaderAuth | BearerAuth | FrappeAuth | MaxAuth | OAuth2,
    Field(discriminator="kind"),
]


class RestSettings(ConnectorSettings):
    """A system that is spoken to over HTTP, as an interface describes it."""

    connector: Literal["rest"] = Field(description="The kind of system.")
    preset: str | None = Field(
        None, description="The interface of a known system: odoo, sap_pm, maximo or erpnext."
    )
    interface: str | dict[str, Any] | None = Field(
        None, description="An interface of your own: a file below this folder, or a table."
    )
    also: dict[str, Any] = Field(
        {}, description="A table whose values replace those of the interface, key by key."
    )
    url: Url = Field(
        description="Where the system is, such as https://erp.example.com; the paths of the "
        "interface follow it."
    )
    auth: Auth = Field(NoAuth(), description="How we say who we are.")
    headers: dict[HeaderName, HeaderValue] = Field(
        {}, description="Headers of every request, such as the key of a gateway."
    )
    networks: list[Cidr] = Field(
        [],
        description="Networks, such as 10.20.0.0/16, in which the system may be. Private addresses "
        "and http:// are allowed in these only; link-local and cloud metadata addresses never.",
    )
    ca: str = Field(
        "",
        repr=False,
        description="Certificates to trust beside the machine's own, as PEM text such as "
        "${file:ca.pem}.",
    )
    timeout: float = Field(
        30.0, gt=0, le=600, description="Seconds within which a whole call must be answered."
    )
    max_mb: float = Field(
        16.0, gt=0, le=1024, description="The largest answer that is read, in MB, unpacked."
    )
    calls_per_second: float = Field(
        10.0,
        gt=0,
        le=1000,
        description="The most calls a second. Connections to one host with one login share them.",
    )
    burst: int | None = Field(
        None, ge=1, le=1000, description="Calls at once after a rest; else those of one second."
    )
    expect: dict[str, Scalar] = Field(
        {},
        description='What each of his records must show, by its place, such as `company: "1000"`; '
        "another one is refused as another tenant's. Ours show it too.",
    )

    @model_validator(mode="after")
    def _one_interface(self) -> "RestSettings":
        if (self.preset is None) == (self.interface is None):
            raise ValueError("needs a preset or an interface, and not both")
        return self

    @property
    def allowed_networks(self) -> tuple[Network, ...]:
        """The networks, read."""
        return tuple(_network(text) for text in self.networks)

    @property
    def max_bytes(self) -> int:
        """The largest answer in bytes."""
        return int(self.max_mb * 1024 * 1024)

    @property
    def pace(self) -> PaceSettings:
        """How fast calls may follow each other."""
        burst = self.burst or max(1, math.ceil(self.calls_per_second))
        return PaceSettings(self.calls_per_second, burst, patience=self.timeout)

    @property
    def plain_headers(self) -> Mapping[str, str]:
        """The headers of every request, in the clear."""
        return {name: value.get_secret_value() for name, value in self.headers.items()}
