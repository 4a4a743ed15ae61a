"""Which addresses a connection may speak to. Pure: names are resolved elsewhere.

A URL is set by whoever writes the configuration, and its name is resolved by whoever runs the DNS:
neither may lead us to a machine that only we can reach, unless the operator named its network.
"""

import re
from collections.abc import Iterator, Sequence
from ipaddress import (
    IPv4Address,
    IPv4Network,
    IPv6Address,
    IPv6Network,
    ip_address,
    ip_network,
)
from urllib.parse import urlsplit

from msgspec import Struct

from tracbridge.domain.errors import ConfigError, SettingError, shown

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

_NEVER = tuple(
    ip_network(text)
    for text in (
        "169.254.0.0/16",  # link-local, and the metadata of most clouds
        "fe80::/10",  # link-local
        "fd00:ec2::254/128",  # metadata: AWS
        "fd20:ce::254/128",  # Google
        "fd00:c1::a9fe:a9fe/128",  # Oracle
        "192.0.0.192/32",  # Oracle, older machines
        "100.100.100.200/32",  # Alibaba
        "168.63.129.16/32",  # Azure's own services for its machines
    )
)
"""Never, even where a named network contains them: who reads there gets a machine's credentials."""

_SPECIAL = tuple(
    ip_network(text) for text in ("fec0::/10", "64:ff9b:1::/48", "3fff::/20", "5f00::/16")
)
"""What not every Python counts among them."""

_NAT64 = IPv6Network("64:ff9b::/96")
_LOCAL_NAT64 = IPv6Network("64:ff9b:1::/48")
_COMPATIBLE = IPv6Network("::/96")
_LOW = 0xFFFF_FFFF

_LONGEST = 253
"""Characters of a host's name."""

_LABEL = re.compile(r"(?!-)[a-z0-9_-]{1,63}(?<!-)")
_NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*")
_PORTS = {"http": 80, "https": 443}


class Origin(Struct, frozen=True):
    """Whom a URL names. ``host``: lower case, an IPv6 address without brackets; ``path``: without
    a slash at its end.
    """

    scheme: str
    host: str
    port: int
    path: str = ""

    @property
    def authority(self) -> str:
        """As it stands in a URL and in a ``Host`` header."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == _PORTS[self.scheme] else f"{host}:{self.port}"

    def __str__(self) -> str:
        return f"{self.scheme}://{self.authority}"


def origin_of(url: str) -> Origin:
    """Whom a setting's URL names. Raises `SettingError`, which never repeats a password."""
    if not re.fullmatch(r"[!-~]+", url) or "\\" in url:
        raise _refused("has a space, a backslash or a character beyond ASCII")
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise _refused("cannot be read as a URL") from None
    if parts.scheme not in _PORTS:
        raise _refused("does not begin with https:// (or http://, inside a named network)")
    if "@" in parts.netloc:
        raise _refused("has a user or a password in it; they belong under auth")
    if "?" in url or "#" in url:
        raise _refused("has a query or a fragment; give the address of the system alone")
    host = _host(parts.netloc, (parts.hostname or "").removesuffix("."))
    if port == 0:
        raise _refused("has the port 0")
    path = parts.path.rstrip("/")
    if any(part in (".", "..") for part in path.split("/")):
        raise _refused("has . or .. in its path")
    return Origin(parts.scheme, host, port or _PORTS[parts.scheme], path)


def _host(netloc: str, host: str) -> str:
    if "[" in netloc:
        return _literal(host)
    labels = host.split(".")
    if _NUMBER.fullmatch(labels[-1]):
        return _literal(host)
    if len(host) > _LONGEST or not all(_LABEL.fullmatch(label) for label in labels):
        raise _refused(f"has {shown(host) or 'nothing'} where the name of a host belongs")
    return host


def _literal(host: str) -> str:
    """An address in its one usual form; decimal, hexadecimal, octal and short ones are refused."""
    try:
        address = ip_address(host)
    except ValueError:
        raise _refused(f"writes an address as {shown(host)}; write it like 192.0.2.7") from None
    if "%" in host:
        raise _refused("names a network interface in its address")
    return str(address)


def _refused(why: str) -> SettingError:
    return SettingError(f"The URL {why}.")


def literal_of(origin: Origin) -> str | None:
    """The address that an origin names without a name service, None: it has to be resolved."""
    try:
        return str(ip_address(origin.host))
    except ValueError:
        return None


def allowed(
    origin: Origin, networks: Sequence[Network], resolved: Sequence[str]
) -> tuple[str, ...]:
    """The addresses to connect to, in the order given; each one of them is allowed.

    One that is not refuses them all: who may add an address to a name may also change their order.
    Raises `ConfigError`.
    """
    if not resolved:
        raise ConfigError(f"The host {origin.host} has no address.")
    addresses = [ip_address(text) for text in resolved]
    for address in addresses:
        why = refusal(address, networks, plain=origin.scheme == "http")
        if why:
            name = "" if str(address) == origin.host else f" ({address})"
            raise ConfigError(f"{origin.host}{name} is not called: {why}.")
    return tuple(str(address) for address in addresses)


def refusal(address: Address, networks: Sequence[Network], *, plain: bool = False) -> str:
    """Why an address may not be called; "" where it may. ``plain``: without TLS."""
    forms = tuple(_forms(address))
    if any(form in network for form in forms for network in _NEVER):
        return "it is a link-local or a cloud metadata address, which no setting allows"
    unnamed = [form for form in forms if not any(form in network for network in networks)]
    if any(_special(form) for form in unnamed):
        return "it is a private or special address; name its network under networks to allow it"
    if plain and unnamed:
        return "http:// is only for a network that is named under networks; use https://"
    return ""


def _special(address: Address) -> bool:
    return (
        not address.is_global
        or address.is_private
        or address.is_loopback
        or address.is_unspecified
        or address.is_multicast
        or address.is_reserved
        or any(address in network for network in _SPECIAL)
    )


def _forms(address: Address) -> Iterator[Address]:
    """What an address stands for: itself, and the IPv4 addresses that lie inside of it."""
    if isinstance(address, IPv4Address):
        yield address
        return
    address = IPv6Address(int(address))  # without its scope
    if address.ipv4_mapped:
        yield address.ipv4_mapped
        return
    if address not in _NAT64:  # that one is as special as what it is translated to
        yield address
    yield from _inner(address)


def _inner(address: IPv6Address) -> Iterator[IPv4Address]:
    number = int(address)
    if address.sixtofour:
        yield address.sixtofour
    if address.teredo:
        yield from address.teredo
    if address in _NAT64 or address in _LOCAL_NAT64 or (address in _COMPATIBLE and number > 1):
        yield IPv4Address(number & _LOW)
    if address in _LOCAL_NAT64:  # cut in two by an octet that is zero, see RFC 6052
        yield IPv4Address((number >> 48 & 0xFFFF_0000) | (number >> 40 & 0xFFFF))
