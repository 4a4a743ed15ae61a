"""Which URLs and addresses a connection may call."""

from collections.abc import Sequence
from ipaddress import ip_address, ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracbridge.adapters.connectors.rest.addresses import (
    Origin,
    allowed,
    literal_of,
    origin_of,
    refusal,
)
from tracbridge.domain.errors import ConfigError, SettingError

OFFICE = (ip_network("10.1.0.0/16"), ip_network("fd12::/16"))
EVERYTHING = tuple(map(ip_network, ("0.0.0.0/1", "128.0.0.0/1", "::/1", "8000::/1")))


@pytest.mark.parametrize(
    ("url", "origin"),
    [
        ("https://erp.example.com", Origin("https", "erp.example.com", 443)),
        ("HTTPS://ERP.Example.COM./", Origin("https", "erp.example.com", 443)),
        ("https://erp.example.com:8443/sap/", Origin("https", "erp.example.com", 8443, "/sap")),
        ("http://erp_1:80/a/b", Origin("http", "erp_1", 80, "/a/b")),
        ("https://xn--bcher-kva.example", Origin("https", "xn--bcher-kva.example", 443)),
        ("https://93.184.216.34", Origin("https", "93.184.216.34", 443)),
        ("https://[2606:2800:0:0::1]:444", Origin("https", "2606:2800::1", 444)),
    ],
)
def test_a_plain_url_names_whom_to_call(url: str, origin: Origin) -> None:
    assert origin_of(url) == origin


def test_an_origin_is_written_as_a_host_header_has_it() -> None:
    assert str(origin_of("https://erp.example.com:443/x")) == "https://erp.example.com"
    assert origin_of("http://[fd12::1]:8080").authority == "[fd12::1]:8080"
    assert literal_of(origin_of("http://[fd12::1]:8080")) == "fd12::1"
    assert literal_of(origin_of("https://erp.example.com")) is None


@pytest.mark.parametrize(
    "url",
    [
        "",
        "erp.example.com",
        "//erp.example.com",
        "ftp://erp.example.com",
        "file:///etc/passwd",
        "gopher://127.0.0.1:27017/_x",
        "https://",
        "https://:443",
        "https://user:canary@erp.example.com",
        "https://user@erp.example.com",
        "https://erp.example.com@127.0.0.1",
        "https://erp.example.com#@127.0.0.1",
        "https://erp.example.com?x=1",
        "https://erp.example.com\\@127.0.0.1",
        "https://erp.example.com/a\\b",
        "https://erp.example.com /",
        "https://erp.example.com\n",
        "https://erp.example.com\t/",
        "https://erp.example.com:99999",
        "https://erp.example.com:0",
        "https://erp.example.com:x",
        "https://erp.example.com/a/../b",
        "https://2130706433",
        "https://0x7f000001",
        "https://0x7f.0.0.1",
        "https://0177.0.0.1",
        "https://127.1",
        "https://127.0.1",
        "https://10.0.0.0x1",
        "https://127.0.0.01",
        "https://1.2.3.4.5",
        "https://0",
        "https://0x",
        "https://127.0.0.1%00.example.com",
        "https://127。0。0。1",
        "https://①②⑦.0.0.1",
        "https://\uff11\uff12\uff17.0.0.1",
        "https://bücher.example",
        "https://exa%6dple.com",
        "https://a..b",
        "https://-a.example",
        "https://" + "a" * 64 + ".example",
        "https://" + "a." * 130 + "example",
        "https://[::1",
        "https://[fe80::1%25eth0]",
        "https://[::ffff:7f00:1%1]",
        "https://[127.0.0.1]:x",
        "https://[v1.x]",
        "https://[1.2.3]",
    ],
)
def test_a_url_in_another_form_is_refused_and_never_repeated(url: str) -> None:
    with pytest.raises(SettingError, match=r"^The URL ") as refused:
        origin_of(url)
    assert "canary" not in str(refused.value)


NEVER = [
    "169.254.169.254",
    "169.254.0.1",
    "fe80::1",
    "fe80::a9fe:a9fe%eth0",
    "fd00:ec2::254",
    "fd20:ce::254",
    "100.100.100.200",
    "192.0.0.192",
    "168.63.129.16",
    "::ffff:169.254.169.254",
    "::169.254.169.254",
    "2002:a9fe:a9fe::1",
    "64:ff9b::169.254.169.254",
    "64:ff9b:1::169.254.169.254",
    "64:ff9b:1:a9fe:a9:fe00::",
    "2001:0:a9fe:a9fe::1",
    "2001:0:5db8:d822::5601:5601",
]


@pytest.mark.parametrize("address", NEVER)
def test_metadata_and_link_local_addresses_are_never_called_even_where_named(address: str) -> None:
    assert "no setting allows" in refusal(ip_address(address), EVERYTHING)


PRIVATE = [
    "127.0.0.1",
    "127.255.255.254",
    "0.0.0.0",  # noqa: S104 (nothing is bound)
    "10.1.2.3",
    "172.16.0.1",
    "192.168.1.1",
    "100.64.0.1",
    "198.18.0.1",
    "192.0.2.1",
    "224.0.0.1",
    "240.0.0.1",
    "255.255.255.255",
    "::1",
    "::",
    "fc00::1",
    "fd12::1",
    "fec0::1",
    "ff02::1",
    "2001:db8::1",
    "::ffff:127.0.0.1",
    "::ffff:10.1.2.3",
    "::127.0.0.1",
    "2002:7f00:1::",
    "64:ff9b::10.1.2.3",
    "64:ff9b:1::8.8.8.8",
    "2001:0:5db8:d822::f5fe:fdfc",
]


@pytest.mark.parametrize("address", PRIVATE)
def test_private_and_special_addresses_are_called_only_where_their_network_is_named(
    address: str,
) -> None:
    assert "name its network" in refusal(ip_address(address), ())
    assert refusal(ip_address(address), EVERYTHING) == ""
    assert refusal(ip_address(address), EVERYTHING, plain=True) == ""


@pytest.mark.parametrize("address", ["93.184.216.34", "2606:2800::1", "64:ff9b::8.8.8.8"])
def test_public_addresses_are_called_with_tls_only(address: str) -> None:
    assert refusal(ip_address(address), ()) == ""
    assert "use https://" in refusal(ip_address(address), OFFICE, plain=True)


@pytest.mark.parametrize("address", ["10.1.2.3", "fd12::1", "::ffff:10.1.2.3", "64:ff9b::10.1.2.3"])
def test_a_named_network_is_called_in_every_spelling_of_its_addresses(address: str) -> None:
    assert refusal(ip_address(address), OFFICE, plain=True) == ""


def test_a_neighbour_of_a_named_network_is_not_named() -> None:
    assert refusal(ip_address("10.2.0.1"), OFFICE)


def test_every_address_of_a_name_has_to_be_allowed() -> None:
    origin = origin_of("https://erp.example.com")
    assert allowed(origin, (), ["93.184.216.34", "2606:2800::1"]) == (
        "93.184.216.34",
        "2606:2800::1",
    )
    mixed: Sequence[str] = ["93.184.216.34", "127.0.0.1"]
    with pytest.raises(ConfigError, match=r"erp.example.com \(127.0.0.1\) is not called"):
        allowed(origin, (), mixed)
    with pytest.raises(ConfigError, match="has no address"):
        allowed(origin, (), [])


def test_an_address_in_a_url_is_refused_as_what_it_is() -> None:
    origin = origin_of("https://169.254.169.254/latest/meta-data")
    with pytest.raises(ConfigError, match=r"^169.254.169.254 is not called: it is a link-local"):
        allowed(origin, EVERYTHING, ["169.254.169.254"])


@given(st.ip_addresses(v=4))
def test_no_spelling_of_an_address_is_allowed_where_the_plain_one_is_not(address: object) -> None:
    plain = ip_address(str(address))
    packed = int(plain)
    spelled = [
        ip_address(f"::ffff:{address}"),
        ip_address(f"64:ff9b::{address}"),
        ip_address((0x2002 << 112) | (packed << 80)),
        ip_address((0x20010000 << 96) | (packed ^ 0xFFFF_FFFF)),
    ]
    for networks in ((), OFFICE, EVERYTHING):
        for one in spelled:
            assert not refusal(plain, networks) or refusal(one, networks)
