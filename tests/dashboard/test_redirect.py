"""Logging in at an identity provider: there and back, and what is refused on the way."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx2
import pytest

from tests.api.asking import OURS, THEIRS, two_tenants
from tests.dashboard.identity import OTHER, Identity, identity
from tests.dashboard.served import Served, browser, needs_chromium, served, token_in, visitor
from tests.e2e.site import Site
from tests.harness import Server
from tracbridge.api.oidc import provider_of
from tracbridge.dashboard import redirect
from tracbridge.domain.errors import SettingError


@pytest.fixture(scope="module")
def site(replica_set: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    site = two_tenants(Site(replica_set, tmp_path_factory.mktemp("site")))
    yield site
    site.close()


@asynccontextmanager
async def both(site: Site, **how: Any) -> AsyncIterator[tuple[Identity, Served]]:
    """A provider, and the service that trusts it."""
    async with identity(**how) as provider, served(site, provider.environ) as at:
        yield provider, at


async def there(client: httpx2.AsyncClient, path: str = "/login/oidc") -> httpx2.Response:
    """To the provider, which sends the browser back at once: its answer, with where to."""
    sent = await client.get(path)
    assert sent.status_code == 303, sent.text
    async with httpx2.AsyncClient() as outside:
        return await outside.get(sent.headers["location"])


async def there_and_back(client: httpx2.AsyncClient) -> httpx2.Response:
    """What the browser gets when it comes back."""
    return await client.get((await there(client)).headers["location"])


async def test_who_is_let_in_there_is_let_in_here_with_his_role_and_tenants(site: Site) -> None:
    async with both(site) as (provider, at), visitor(at) as client:
        form = (await client.get("/login?next=/conflicts")).text
        assert "Log in with 127.0.0.1" in form
        assert 'href="/login/oidc?next=/conflicts"' in form
        back = await there(client, "/login/oidc?next=/conflicts")
        answer = await client.get(back.headers["location"])
        assert answer.status_code == 200
        assert 'content="0; url=/conflicts"' in answer.text
        page = (await client.get("/conflicts")).text
        assert "ana (log-in u-1)" in page
        assert "operator" in page
        assert (await client.get(f"/connections/{OURS}")).status_code == 200
        assert (await client.get(f"/connections/{THEIRS}")).status_code == 404
        assert (await client.get("/audit")).status_code == 403
        (asked,) = provider.asked
        assert asked["scope"] == "openid profile"
        assert asked["realm"] == "one"
        assert asked["redirect_uri"] == f"{at.address}/login/back"


async def test_its_session_acts_over_the_api_and_stands_in_the_audit_by_name(site: Site) -> None:
    async with both(site) as (_, at), visitor(at) as client:
        await there_and_back(client)
        token = token_in((await client.get("/attention")).text)
        path, said = f"/api/v1/connections/{OURS}/pause", {"sides": ["tracos"]}
        assert (await client.post(path, json=said)).status_code == 403
        headers = {"Origin": at.address, "X-CSRF-Token": token}
        assert (await client.post(path, json=said, headers=headers)).status_code == 200
        async with visitor(at, await at.key("admin")) as admin:
            assert "ana (log-in u-1)" in (await admin.get("/audit")).text


async def test_its_session_is_short_and_the_log_out_ends_it(site: Site) -> None:
    async with both(site) as (_, at), visitor(at) as client:
        answer = await there_and_back(client)
        (cookie,) = [c for c in answer.headers.get_list("set-cookie") if c.startswith("session=")]
        assert "Max-Age=3600" in cookie
        assert "HttpOnly" in cookie
        assert "SameSite=strict" in cookie
        token = token_in((await client.get("/attention")).text)
        kept = client.cookies["session"]
        await client.post("/logout", data={"token": token}, headers={"Origin": at.address})
        again = await client.get("/attention", headers={"Cookie": f"session={kept}"})
        assert again.status_code == 303


async def test_a_client_without_a_secret_proves_itself_by_pkce_alone(site: Site) -> None:
    async with both(site, secret="") as (_, at), visitor(at) as client:
        assert (await there_and_back(client)).status_code == 200


async def test_a_provider_that_wants_the_secret_in_the_form_gets_it_there(site: Site) -> None:
    ways = {"token_endpoint_auth_methods_supported": ["client_secret_post"]}
    async with both(site, document=ways) as (_, at), visitor(at) as client:
        assert (await there_and_back(client)).status_code == 200


BAD: dict[str, tuple[dict[str, Any], str]] = {
    "another nonce": ({"claims": {"nonce": "x"}}, redirect.WRONG),
    "no nonce": ({"claims": {"nonce": ...}}, redirect.WRONG),
    "made for the API": ({"claims": {"aud": "api"}}, redirect.WRONG),
    "made for another client too": (
        {"claims": {"aud": ["bridge", "x"], "azp": "x"}},
        redirect.WRONG,
    ),
    "for two, and not said for whom": ({"claims": {"aud": ["bridge", "x"]}}, redirect.WRONG),
    "expired": ({"claims": {"exp": 1}}, redirect.WRONG),
    "another issuer": ({"claims": {"iss": "https://evil.example"}}, redirect.WRONG),
    "another key": ({"key": OTHER}, redirect.WRONG),
    "no code": ({"answer": {"code": ""}}, redirect.WRONG),
    "a code of somebody else": ({"answer": {"code": "stolen"}}, redirect.WRONG),
    "an answer of another provider": ({"answer": {"iss": "https://evil.example"}}, redirect.WRONG),
    "no role": ({"claims": {"tracbridge_role": ...}}, redirect.NO_ROLE),
    "denied": (
        {"answer": {"code": "", "error": "access_denied", "error_description": "<b>secret</b>"}},
        redirect.DENIED.format(code="access_denied"),
    ),
    "denied in strange words": (
        {"answer": {"code": "", "error": "<script>"}},
        redirect.DENIED.format(code="unknown error"),
    ),
}


async def test_who_is_refused_is_told_why_and_nothing_more(site: Site) -> None:
    async with both(site) as (provider, at), visitor(at) as client:
        for why, (how, words) in BAD.items():
            good = Identity(provider.address)
            for name in ("claims", "answer", "key"):
                setattr(provider, name, how.get(name, getattr(good, name)))
            answer = await there_and_back(client)
            assert answer.status_code in {401, 403}, why
            assert words.replace("'", "&#39;") in answer.text, why
            assert "session" not in client.cookies, why
            for secret in ("s3cret", "eyJ", "<b>", "<script>", "evil.example"):
                assert secret not in answer.text, why


async def test_a_provider_that_says_whose_its_answers_are_has_to_say_it_each_time(
    site: Site,
) -> None:
    says = {"authorization_response_iss_parameter_supported": True}
    async with both(site, document=says) as (provider, at), visitor(at) as client:
        assert (await there_and_back(client)).status_code == 401
        provider.answer = {"iss": provider.address}
        assert (await there_and_back(client)).status_code == 200


async def test_an_answer_counts_once_and_only_in_the_browser_that_asked(site: Site) -> None:
    async with both(site) as (provider, at), visitor(at) as client, visitor(at) as other:
        back = (await there(client)).headers["location"]
        stolen = await other.get(back)
        assert (stolen.status_code, "session" in other.cookies) == (400, False)
        assert "was not begun in this browser" in stolen.text
        kept = client.cookies["oidc"]
        assert (await client.get(back)).status_code == 200
        again = await client.get(back, headers={"Cookie": f"oidc={kept}"})
        assert again.status_code == 400
        assert provider.seen.count("token") == 1


async def test_whoever_comes_back_too_late_begins_anew(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(redirect, "WITHIN", -1.0)
    async with both(site) as (_, at), visitor(at) as client:
        assert (await there_and_back(client)).status_code == 400


async def test_a_provider_that_does_not_answer_is_said_so_and_keys_go_on(site: Site) -> None:
    async with both(site, status=500) as (_, at), visitor(at) as client:
        answer = await client.get("/login/oidc")
        assert answer.status_code == 503
        assert redirect.AWAY.partition(" provider")[2] in answer.text
        assert "API key or token" in answer.text


ELSEWHERE: tuple[dict[str, Any], ...] = (
    {"issuer": "https://evil.example"},
    {"token_endpoint": "http://evil.example/token"},
    {"authorization_endpoint": "javascript:alert(1)"},
    {"authorization_endpoint": None},
)


async def test_a_discovery_document_that_leads_elsewhere_is_not_followed(site: Site) -> None:
    async with both(site) as (provider, at), visitor(at) as client:
        for document in ELSEWHERE:
            provider.document = document
            assert (await client.get("/login/oidc")).status_code == 503, document
        provider.document = {}
        assert (await client.get("/login/oidc")).status_code == 303


async def test_the_document_is_asked_for_once(site: Site) -> None:
    async with both(site) as (provider, at), visitor(at) as client:
        for _ in range(3):
            assert (await there_and_back(client)).status_code == 200
        assert provider.seen.count("discovery") == 1


async def test_nobody_is_led_to_another_site_afterwards(site: Site) -> None:
    async with both(site) as (_, at), visitor(at) as client:
        for elsewhere in ("//evil.example", "https://evil.example", "/\\evil.example"):
            sent = await client.get("/login/oidc", params={"next": elsewhere})
            async with httpx2.AsyncClient() as outside:
                back = await outside.get(sent.headers["location"])
            answer = await client.get(back.headers["location"])
            assert 'content="0; url=/"' in answer.text


async def test_where_no_client_is_named_there_is_no_such_log_in(site: Site) -> None:
    async with served(site) as at, visitor(at) as client:
        assert "/login/oidc" not in (await client.get("/login")).text
        for path in ("/login/oidc", "/login/back?state=x&code=y"):
            assert (await client.get(path)).status_code == 404


CANARY = "kanarienvogel"

GOOD = {"ISSUER": "https://id.example", "AUDIENCE": "api", "JWKS_URL": "https://id.example/jwks"}


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ({"CLIENT_SECRET": "x"}, "TRACBRIDGE_OIDC_CLIENT_SECRET needs TRACBRIDGE_OIDC_CLIENT_ID"),
        ({"CLIENT_ID": "a", "ISSUER": "http://id.example"}, "not accepted for a log-in"),
        ({"CLIENT_ID": "a", "SCOPE": "profile"}, "has to name openid"),
        ({"CLIENT_ID": "a", "CLIENT_SECRET_FILE": "/nowhere"}, "CLIENT_SECRET_FILE cannot be read"),
        ({"CLIENT_ID": "a", "CLIENT_SECRET": "x", "CLIENT_SECRET_FILE": "y"}, "both set"),
        ({"CLIENT_IDS": "a"}, "the nearest is TRACBRIDGE_OIDC_CLIENT_ID"),
    ],
)
def test_a_client_that_is_not_whole_is_refused_at_the_start(said: dict[str, str], why: str) -> None:
    with pytest.raises(SettingError, match=why):
        provider_of({f"TRACBRIDGE_OIDC_{name}": value for name, value in (GOOD | said).items()})


def test_the_secret_may_stand_in_a_file_and_is_shown_nowhere(tmp_path: Path) -> None:
    file = tmp_path / "secret"
    file.write_text(f"{CANARY}\n")
    said = {**GOOD, "CLIENT_ID": "a", "CLIENT_SECRET_FILE": str(file)}
    found = provider_of({f"TRACBRIDGE_OIDC_{name}": value for name, value in said.items()})
    assert found
    assert found.client_secret == CANARY
    assert CANARY not in repr(found)


@needs_chromium
async def test_a_browser_that_comes_back_from_another_site_is_logged_in(site: Site) -> None:
    async with identity() as provider:
        # Another site than ours, as a browser sees it.
        provider.address = provider.address.replace("127.0.0.1", "localhost")
        async with served(site, provider.environ) as at, browser() as one:
            await one.page.goto(f"{at.address}/connections/{OURS}")
            await one.page.get_by_role("button", name="Log in with localhost").click()
            await one.page.wait_for_url(f"{at.address}/connections/{OURS}")
            await one.page.locator(".who").get_by_text("ana (log-in u-1)").wait_for()
            await one.page.get_by_role("button", name="Log out").click()
            await one.page.get_by_label("API key or token").wait_for()
