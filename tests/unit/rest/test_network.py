"""Names, addresses and TLS: whom a connection really speaks to."""

import shutil
import ssl
import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.unit.rest.served import Answer, sender, serving, settings
from tracbridge.adapters.connectors.rest.calls import Call
from tracbridge.domain.errors import ConfigError, RetryableError, UnknownOutcomeError

READ = Call("GET", "/orders", operation="read")
WRITE = Call("POST", "/orders", body={}, writes=True, operation="create")


class Names:
    """A name service that gives each of its answers once, and the last one for ever."""

    def __init__(self, *answers: Sequence[str]) -> None:
        self.answers, self.asked = list(answers), [("", 0)][:0]

    async def __call__(self, host: str, port: int) -> Sequence[str]:
        self.asked.append((host, port))
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]


async def test_a_name_is_resolved_once_and_its_address_is_kept() -> None:
    names = Names(["127.0.0.1"], ["169.254.169.254"])
    async with serving() as server:
        said = settings(f"http://erp.test:{server.port}")
        async with sender(said, resolver=names) as one:
            for _ in range(3):
                assert (await one.send(READ)).status == 200
    assert names.asked == [("erp.test", server.port)]
    assert server.asked[0].headers["host"] == f"erp.test:{server.port}"


async def test_a_name_that_points_elsewhere_after_an_outage_is_looked_at_again() -> None:
    names = Names(["127.0.0.2"], ["169.254.169.254"], ["127.0.0.1"])
    async with serving() as server:
        said = settings(f"http://erp.test:{server.port}")
        async with sender(said, resolver=names) as one:
            with pytest.raises(RetryableError, match="takes no connection"):
                await one.send(READ)
            with pytest.raises(ConfigError, match="which no setting allows"):
                await one.send(READ)
            assert (await one.send(READ)).status == 200


async def test_a_name_with_one_forbidden_address_is_not_called_at_all() -> None:
    names = Names(["127.0.0.1", "10.0.0.1"])
    async with serving() as server:
        said = settings(f"http://erp.test:{server.port}")
        async with sender(said, resolver=names) as one:
            with pytest.raises(ConfigError, match=r"erp.test \(10.0.0.1\) is not called"):
                await one.send(READ)
    assert not server.asked


async def test_of_several_addresses_the_next_one_is_tried_where_one_is_away() -> None:
    names = Names(["127.0.0.2", "127.0.0.1"])
    async with serving() as server:
        said = settings(f"http://erp.test:{server.port}")
        async with sender(said, resolver=names) as one:
            assert (await one.send(WRITE)).status == 200


async def test_an_address_in_the_url_is_never_resolved() -> None:
    names = Names(["127.0.0.1"])
    async with serving() as server, sender(settings(server.url), resolver=names) as one:
        await one.send(READ)
    assert not names.asked


async def test_a_loopback_address_is_called_only_where_its_network_is_named() -> None:
    async with serving() as server, sender(settings(server.url, networks=[])) as one:
        with pytest.raises(ConfigError, match="name its network under networks"):
            await one.send(READ)
    assert not server.asked


@pytest.mark.parametrize("error", [OSError(-2, "unknown"), UnicodeError("canary")])
async def test_a_name_that_cannot_be_resolved_may_come_back(error: Exception) -> None:
    async def resolver(host: str, port: int) -> Sequence[str]:
        raise error

    async with sender(settings("http://erp.test"), resolver=resolver) as one:
        with pytest.raises(RetryableError, match=r"erp\.test cannot be resolved") as refused:
            await one.send(WRITE)
    assert not isinstance(refused.value, UnknownOutcomeError)


async def test_the_machine_resolves_names_where_nobody_else_does() -> None:
    async with serving() as server:
        said = settings(f"http://localhost:{server.port}", networks=["127.0.0.0/8", "::1/128"])
        async with sender(said) as one:
            assert (await one.send(READ)).status == 200


class Authority:
    """Certificates of our own making."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._run(
            *("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"),
            *("-keyout", "ca.key", "-out", "ca.pem", "-days", "30", "-subj", "/CN=Authority"),
            *("-addext", "keyUsage=critical,keyCertSign"),
        )
        self._run(
            *("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"),
            *("-keyout", "erp.key", "-out", "erp.csr", "-subj", "/CN=ERP"),
        )
        (folder / "erp.ext").write_text("subjectAltName=DNS:erp.test\n")
        self._run(
            *("x509", "-req", "-in", "erp.csr", "-CA", "ca.pem", "-CAkey", "ca.key"),
            *("-CAcreateserial", "-out", "erp.pem", "-days", "30", "-extfile", "erp.ext"),
        )

    def _run(self, *arguments: str) -> None:
        subprocess.run(["openssl", *arguments], cwd=self.folder, check=True, capture_output=True)

    @property
    def pem(self) -> str:
        return (self.folder / "ca.pem").read_text()

    @property
    def context(self) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.folder / "erp.pem", self.folder / "erp.key")
        return context


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    if not shutil.which("openssl"):
        pytest.skip("needs the command openssl to make certificates")
    return Authority(tmp_path_factory.mktemp("authority"))


async def test_tls_is_spoken_to_the_pinned_address_with_the_name_of_the_url(
    authority: Authority,
) -> None:
    async with serving(context=authority.context) as server:
        said = settings(f"https://erp.test:{server.port}", ca=authority.pem)
        async with sender(said, resolver=Names(["127.0.0.1"], ["10.0.0.1"])) as one:
            assert (await one.send(READ)).status == 200
    assert server.names == ["erp.test"]
    assert server.asked[0].headers["host"] == f"erp.test:{server.port}"


@pytest.mark.parametrize(("host", "trusted"), [("erp.test", False), ("other.test", True)])
async def test_a_certificate_that_is_not_trusted_or_of_another_name_ends_it(
    authority: Authority, host: str, trusted: bool
) -> None:
    async with serving(context=authority.context) as server:
        said = settings(f"https://{host}:{server.port}", ca=authority.pem if trusted else "")
        async with sender(said, resolver=Names(["127.0.0.1"])) as one:
            with pytest.raises(ConfigError, match="shows no certificate that is trusted"):
                await one.send(WRITE)
    assert not server.asked


async def test_tls_to_a_server_that_speaks_none_is_a_wrong_set_up() -> None:
    async with serving(lambda _: Answer()) as server:
        said = settings(f"https://127.0.0.1:{server.port}", timeout=0.3)
        async with sender(said) as one:
            with pytest.raises((ConfigError, RetryableError)) as refused:
                await one.send(WRITE)
    assert not isinstance(refused.value, UnknownOutcomeError)


def test_a_setting_that_holds_no_certificates_is_refused() -> None:
    from tracbridge.adapters.connectors.rest.network import tls  # noqa: PLC0415

    for text in ("canary", "-----BEGIN CERTIFICATE-----\ncanary\n-----END CERTIFICATE-----\n"):
        with pytest.raises(ConfigError, match="holds no certificates") as refused:
            tls(text)
        assert "canary" not in str(refused.value)
