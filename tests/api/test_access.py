"""Who is let in: API keys, tokens of an identity provider, and who is told to wait."""

import hmac
import json
import time
from base64 import urlsafe_b64encode
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from datetime import timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from joserfc import jwt
from joserfc.jwk import ECKey, RSAKey
from loguru import logger
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from tests import harness
from tests.api.asking import Api, asking, bearer, expired, key, revoked, two_tenants
from tests.e2e.site import Site
from tracbridge.api import keys
from tracbridge.api.access import Keys
from tracbridge.api.limits import Limiter
from tracbridge.api.oidc import provider_of
from tracbridge.domain.errors import SettingError
from tracbridge.testing.erp.serving import serve

WHERE = "/api/v1/audit"
"""A route for admins."""


@pytest.fixture
def site(replica_set: harness.Server, tmp_path: Path) -> Iterator[Site]:
    site = Site(replica_set, tmp_path)
    yield two_tenants(site)
    site.close()


@pytest.fixture
async def api(site: Site) -> AsyncIterator[Api]:
    async with asking(site) as api:
        yield api


@pytest.fixture
def lines() -> Iterator[list[dict[str, Any]]]:
    """What the log is told of refusals."""
    told: list[dict[str, Any]] = []

    def heard(message: Any) -> None:
        record = message.record
        if record["message"] == "access.refused":
            told.append({"level": record["level"].name, **record["extra"]})

    number = logger.add(heard, level="INFO")
    yield told
    logger.remove(number)


# -- keys --------------------------------------------------------------------------------------


async def test_a_key_lets_in(api: Api) -> None:
    answer = await api.get(WHERE, await key(api.hosted, "admin"))
    assert answer.status_code == 200


async def test_a_revoked_key_counts_no_more_at_the_next_request(api: Api) -> None:
    text = await key(api.hosted, "admin")
    assert (await api.get(WHERE, text)).status_code == 200
    await (await api.hosted.keys()).revoke(keys.id_of(text) or "", api.hosted.now())
    assert (await api.get(WHERE, text)).status_code == 401


async def test_who_is_not_known_learns_nothing_of_why(api: Api) -> None:
    good = await key(api.hosted, "admin")
    wrong_secret = good[:-1] + ("A" if good[-1] != "A" else "B")
    unknown = f"tb_{'0' * 12}_{'x' * 43}"
    told = {
        (await api.get(WHERE, text)).content
        for text in (
            wrong_secret,
            unknown,
            await revoked(api.hosted),
            await expired(api.hosted),
            "tb_pepper_" + "x" * 43,
            "tb_",
            "x",
            "y" * 9_000,
        )
    } | {(await api.get(WHERE)).content}
    assert len(told) == 1
    assert json.loads(told.pop())["status"] == 401


@pytest.mark.parametrize("said", ["Basic dTpw", "Bearer", "Bearer  ", "tb_1", ""])
async def test_only_bearer_is_a_credential(api: Api, said: str) -> None:
    answer = await api.client.get(WHERE, headers={"Authorization": said})
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"] == 'Bearer realm="tracbridge"'


async def test_two_credentials_are_none(api: Api) -> None:
    text = await key(api.hosted, "admin")
    both = [("Authorization", f"Bearer {text}"), ("Authorization", f"Bearer {text}")]
    assert (await api.client.get(WHERE, headers=both)).status_code == 400


async def test_a_role_may_what_lesser_roles_may_and_no_more(api: Api) -> None:
    status = {}
    for role in ("viewer", "operator", "admin"):
        answer = await api.get(WHERE, await key(api.hosted, role))
        status[role] = answer.status_code
    assert status == {"viewer": 403, "operator": 403, "admin": 200}


async def test_the_secret_is_nowhere_in_the_database(api: Api, site: Site) -> None:
    text = await key(api.hosted, "admin")
    secret = text.rpartition("_")[2] if "_" not in text[16:] else text[16:]
    assert (await api.get(WHERE, text)).status_code == 200
    kept = repr(site.records("keys"))
    assert str(keys.id_of(text)) in kept
    assert secret not in kept


async def test_the_last_use_is_on_record_at_most_once_a_minute(api: Api, site: Site) -> None:
    text = await key(api.hosted, "admin")

    def used() -> Any:
        (row,) = [row for row in site.records("keys") if row["_id"] == keys.id_of(text)]
        return row.get("used")

    assert used() is None
    await api.get(WHERE, text)
    first = used()
    await api.get(WHERE, text)
    assert used() == first
    store = await api.hosted.keys()
    rows = site.server.client[site.state]["tracbridge_keys"]
    rows.update_one({"_id": keys.id_of(text)}, {"$set": {"used": first - timedelta(minutes=2)}})
    assert (await store.all())[0].used == first - timedelta(minutes=2)
    await api.get(WHERE, text)
    assert used() >= first


async def test_the_pepper_of_the_environment_counts_and_no_other(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TRACBRIDGE_PEPPER", "p" * 32)
    async with asking(site) as api:
        text = await key(api.hosted, "admin")
        assert (await api.get(WHERE, text)).status_code == 200
        assert not [row for row in site.records("keys") if row["_id"] == "pepper"]
    monkeypatch.setenv("TRACBRIDGE_PEPPER", "q" * 32)
    async with asking(site) as api:
        assert (await api.get(WHERE, text)).status_code == 401
    monkeypatch.setenv("TRACBRIDGE_PEPPER", "short")
    async with asking(site) as api:
        with pytest.raises(SettingError, match="TRACBRIDGE_PEPPER is too short"):
            await api.hosted.pepper()


async def test_the_pepper_is_made_once(site: Site) -> None:
    async with asking(site) as api:
        text = await key(api.hosted, "admin")
    async with asking(site) as api:
        assert (await api.get(WHERE, text)).status_code == 200


async def test_who_asks_too_often_is_told_when_to_come_back(site: Site) -> None:
    access = Keys({}, each=Limiter(0.01, 2, lambda: 0.0))
    async with asking(site, access=access) as api:
        busy, other = await key(api.hosted, "admin"), await key(api.hosted, "admin")
        seen = [(await api.get(WHERE, busy)) for _ in range(3)]
        assert [one.status_code for one in seen] == [200, 200, 429]
        assert seen[2].headers["retry-after"] == "100"
        assert seen[2].headers["content-type"] == "application/problem+json"
        assert (await api.get(WHERE, other)).status_code == 200


async def test_who_guesses_is_told_to_wait_and_good_keys_of_his_address_go_on(site: Site) -> None:
    access = Keys({}, failed=Limiter(0.5, 3, lambda: 0.0))
    async with asking(site, access=access) as api:
        seen = [(await api.get(WHERE, "tb_guess")) for _ in range(4)]
        assert [one.status_code for one in seen] == [401, 401, 401, 429]
        assert seen[3].headers["retry-after"] == "2"
        assert (await api.get(WHERE, await key(api.hosted, "admin"))).status_code == 200


async def test_refused_attempts_are_in_the_log_but_not_each_of_a_flood(
    api: Api, lines: list[dict[str, Any]]
) -> None:
    viewer = await key(api.hosted, "viewer")
    await api.get(WHERE, await revoked(api.hosted))
    await api.get(WHERE, viewer)
    if lines:  # others of this process may have used up what is let through
        assert {one["level"] for one in lines} == {"WARNING"}
        assert all(one["path"] == WHERE and one["method"] == "GET" for one in lines)
        assert viewer not in repr(lines)
    for _ in range(60):
        await api.get(WHERE, "tb_flood")
    assert len(lines) < 30


# -- the command line --------------------------------------------------------------------------


async def test_a_key_is_made_listed_used_and_revoked_by_the_command_line(site: Site) -> None:
    made = site.cli("keys", "create", "night shift", "--role", "admin", "--tenant", "acme")
    assert made.code == 0, made.err
    text = made.out.splitlines()[0]
    id_ = keys.id_of(text) or ""
    async with asking(site) as api:
        assert (await api.get(WHERE, text)).status_code == 200
        listed = site.cli("keys", "list", "--json")
        (one,) = listed.json()
        assert (one["id"], one["name"], one["role"]) == (id_, "night shift", "admin")
        assert one["tenants"] == ["acme"]
        assert one["used"]
        assert text[20:] not in listed.out
        assert site.cli("keys", "revoke", id_).code == 0
        assert (await api.get(WHERE, text)).status_code == 401
        admin = await key(api.hosted, "admin")
        actions = [one["action"] for one in (await api.get(WHERE, admin)).json()["items"]]
    assert actions == ["key.revoke", "key.create"]


@pytest.mark.parametrize(
    ("words", "code", "why"),
    [
        (("create", "x", "--role", "viewer", "--tenant", "acne"), 2, "the nearest is acme"),
        (("revoke", "nothing"), 1, "there is no key"),
    ],
)
def test_a_key_that_cannot_be_is_refused(
    site: Site, words: tuple[str, ...], code: int, why: str
) -> None:
    said = site.cli("keys", *words)
    assert said.code == code
    assert why in said.err


# -- tokens ------------------------------------------------------------------------------------

RSA, OTHER = RSAKey.generate_key(2048, {"kid": "one"}), RSAKey.generate_key(2048, {"kid": "two"})
CURVE = ECKey.generate_key("P-256", {"kid": "curve"})
NAMES = {"ISSUER": "https://id.example", "AUDIENCE": "tracbridge"}


class Issuer:
    """An identity provider that publishes these keys; asked so many times."""

    def __init__(self, *published: RSAKey | ECKey) -> None:
        self.published, self.asked, self.status = list(published), 0, 200

    async def answer(self, request: Request) -> Response:
        self.asked += 1
        sets = {"keys": [key.as_dict(private=False) for key in self.published]}
        return JSONResponse(sets, self.status)


@asynccontextmanager
async def trusting(site: Site, issuer: Issuer) -> AsyncIterator[Api]:
    app = Starlette(routes=[Route("/jwks", issuer.answer)])
    async with serve(app) as address:
        said = {**NAMES, "JWKS_URL": f"{address}/jwks"}
        environ = {f"TRACBRIDGE_OIDC_{name}": value for name, value in said.items()}
        async with asking(site, environ) as api:
            yield api


def token(key: Any = RSA, alg: str = "RS256", kid: str | None = None, **over: Any) -> str:
    now = int(time.time())
    claims: dict[str, Any] = {
        "iss": NAMES["ISSUER"],
        "aud": NAMES["AUDIENCE"],
        "sub": "ana",
        "exp": now + 300,
        "tracbridge_role": "admin",
        "tracbridge_tenants": "*",
    }
    claims = {name: value for name, value in (claims | over).items() if value is not ...}
    header = {"alg": alg, "kid": kid or key.kid}
    return jwt.encode(header, claims, key, algorithms=[alg])


def forged(header: dict[str, str], secret: bytes | None = None) -> str:
    """A good token under another header, with a signature by that secret or with none."""
    signed = f"{encoded(json.dumps(header).encode())}.{token().split('.')[1]}"
    mac = hmac.digest(secret, signed.encode(), sha256) if secret else b""
    return f"{signed}.{encoded(mac)}"


def encoded(value: bytes) -> str:
    return urlsafe_b64encode(value).decode().rstrip("=")


async def test_tokens_of_the_provider_let_in(site: Site) -> None:
    async with trusting(site, Issuer(RSA, CURVE)) as api:
        for text in (
            token(),
            token(CURVE, "ES256"),
            token(aud=["others", "tracbridge"]),
            token(tracbridge_role=["people", "viewer", "admin"]),
            token(exp=int(time.time()) - 20, nbf=int(time.time()) + 20),
        ):
            answer = await api.get(WHERE, text)
            assert answer.status_code == 200, answer.text


REFUSED: dict[str, Callable[[], str]] = {
    "wrong issuer": lambda: token(iss="https://evil.example"),
    "wrong audience": lambda: token(aud="others"),
    "no audience": lambda: token(aud=...),
    "expired": lambda: token(exp=int(time.time()) - 120),
    "never expires": lambda: token(exp=...),
    "expires at nan": lambda: token(exp="soon"),
    "not yet": lambda: token(nbf=int(time.time()) + 300),
    "nobody": lambda: token(sub=...),
    "no role": lambda: token(tracbridge_role=...),
    "strange role": lambda: token(tracbridge_role="root"),
    "alg none": lambda: forged({"alg": "none", "kid": "one"}),
    "public key as a secret": lambda: forged(
        {"alg": "HS256", "kid": "one"}, RSA.as_pem(private=False)
    ),
    "another key of the same name": lambda: token(OTHER, kid="one"),
    "key that is not published": lambda: token(OTHER),
    "RS512": lambda: token(alg="RS512"),
    "no json": lambda: "a.b.c",
    "cut": lambda: token()[:-4],
}


async def test_any_other_token_is_nobody(site: Site) -> None:
    async with trusting(site, Issuer(RSA, CURVE)) as api:
        for why, made in REFUSED.items():
            answer = await api.get(WHERE, made())
            assert answer.status_code == 401, why
            assert answer.json()["detail"].startswith("The credential is not known"), why


async def test_a_token_sees_the_tenants_that_it_names_and_else_none(site: Site) -> None:
    async with trusting(site, Issuer(RSA)) as api:
        access = api.app.state.access
        assert isinstance(access, Keys)
        seen = {}
        for name, claim in {"all": "*", "one": "acme", "two": ["acme", "globex"]}.items():
            caller = await access.of(api.hosted, token(tracbridge_tenants=claim))
            seen[name] = caller.tenants
        none = await access.of(api.hosted, token(tracbridge_tenants=...))
    assert seen == {
        "all": None,
        "one": frozenset({"acme"}),
        "two": frozenset({"acme", "globex"}),
    }
    assert none.tenants == frozenset()


async def test_a_new_key_of_the_provider_is_looked_for_and_he_is_not_flooded(site: Site) -> None:
    issuer = Issuer(RSA)
    async with trusting(site, issuer) as api:
        assert (await api.get(WHERE, token())).status_code == 200
        for _ in range(5):
            assert (await api.get(WHERE, token(OTHER))).status_code == 401
        assert issuer.asked == 1
        api.app.state.access._oidc._clock = lambda: time.monotonic() + 31
        issuer.published = [OTHER]
        assert (await api.get(WHERE, token(OTHER))).status_code == 200
        assert (await api.get(WHERE, token())).status_code == 401
        assert issuer.asked == 2


async def test_a_provider_that_is_away_is_no_reason_to_let_in_or_to_forget(site: Site) -> None:
    issuer = Issuer(RSA)
    issuer.status = 500
    async with trusting(site, issuer) as api:
        answer = await api.get(WHERE, token())
        assert answer.status_code == 503
        assert answer.headers["retry-after"]
        assert (await api.get(WHERE, token())).status_code == 503
        assert issuer.asked == 1
        issuer.status, seconds = 200, 31
        api.app.state.access._oidc._clock = lambda: time.monotonic() + seconds
        assert (await api.get(WHERE, token())).status_code == 200
        issuer.status, seconds = 500, 1_000
        assert (await api.get(WHERE, token())).status_code == 200
        seconds = 8_000
        assert (await api.get(WHERE, token())).status_code == 503


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ({"ISSUER": "x"}, "need TRACBRIDGE_OIDC_AUDIENCE and TRACBRIDGE_OIDC_JWKS_URL too"),
        ({**NAMES, "JWKS_URI": "https://x"}, "the nearest is TRACBRIDGE_OIDC_JWKS_URL"),
        ({**NAMES, "JWKS_URL": "http://id.example/jwks"}, "it takes https"),
        ({**NAMES, "JWKS_URL": "file:///etc/passwd"}, "it takes https"),
    ],
)
def test_a_provider_that_is_not_whole_is_refused_at_the_start(
    said: dict[str, str], why: str
) -> None:
    with pytest.raises(SettingError, match=why):
        provider_of({f"TRACBRIDGE_OIDC_{name}": value for name, value in said.items()})


async def test_tokens_are_nothing_where_no_provider_is_named(api: Api) -> None:
    assert (await api.client.get(WHERE, headers=bearer(token()))).status_code == 401
