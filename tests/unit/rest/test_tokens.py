"""Tokens that are bought with credentials: by one caller for all, and never too often."""

import asyncio
from base64 import b64encode
from typing import Any
from urllib.parse import parse_qs

import pytest

from tests.unit.rest.served import Answer, Asked, Time, sender, serving, settings
from tracbridge.adapters.connectors.rest.auth import LoginRefusedError
from tracbridge.adapters.connectors.rest.calls import Call
from tracbridge.adapters.connectors.rest.settings import RestSettings
from tracbridge.domain.errors import ConfigError, RetryableError

READ = Call("GET", "/orders", operation="read")
WRITE = Call("POST", "/orders", body={}, writes=True, operation="create")


def packed(text: str) -> str:
    return b64encode(text.encode()).decode()


class Tokens:
    """A system with tokens, and the place that gives them."""

    def __init__(self, life: Any = 3_600) -> None:
        self.life, self.given, self.valid = life, 0, ""
        self.secret = "canary s/1"  # noqa: S105
        self.status = 200
        self.forms: list[dict[str, list[str]]] = []

    def __call__(self, asked: Asked) -> Answer:
        if asked.path != "/token":
            return Answer(200 if asked.headers.get("authorization") == self.valid else 401)
        self.forms.append(parse_qs(asked.body.decode()))
        self.given += 1
        if asked.headers.get("authorization") != f"Basic {packed('cli%2Fent:canary+s%2F1')}":
            return Answer(401, {"error": "invalid_client", "canary": self.secret})
        if self.status != 200:
            return Answer(self.status, {"error": "canary"})
        self.valid = f"Bearer token-canary-{self.given}"
        return Answer(200, {"access_token": self.valid[7:], "expires_in": self.life})


def oauth(url: str, **said: Any) -> RestSettings:
    auth = {"kind": "oauth2", "token_url": f"{url}/token", "client_id": "cli/ent"}
    return settings(url, auth={**auth, "client_secret": "canary s/1", **said})


async def test_a_token_is_fetched_once_for_all_callers_and_used_until_shortly_before_its_end() -> (
    None
):
    tokens, time = Tokens(), Time()
    async with (
        serving(tokens) as server,
        sender(oauth(server.url, scope="a b"), paces=time.paces()) as one,
    ):
        replies = await asyncio.gather(*(one.send(READ) for _ in range(10)))
        assert {reply.status for reply in replies} == {200}
        time.now += 3_500
        await one.send(READ)
        assert tokens.given == 1
        time.now += 60
        replies = await asyncio.gather(*(one.send(READ) for _ in range(10)))
        assert {reply.status for reply in replies} == {200}
    assert tokens.given == 2
    assert tokens.forms[0] == {"grant_type": ["client_credentials"], "scope": ["a b"]}


@pytest.mark.parametrize(
    ("life", "lives"),
    [(10, 9), ("100", 90), (None, 270), ("soon", 270), (-5, 270), ("inf", 270), (0, 270)],
)
async def test_a_token_lives_as_long_as_its_answer_says(life: Any, lives: float) -> None:
    tokens, time = Tokens(life), Time()
    async with (
        serving(tokens) as server,
        sender(oauth(server.url), paces=time.paces()) as one,
    ):
        await one.send(READ)
        time.now += lives - 0.5
        await one.send(READ)
        assert tokens.given == 1
        time.now += 1
        await one.send(READ)
        assert tokens.given == 2


async def test_a_token_that_ended_early_is_fetched_anew_exactly_once() -> None:
    tokens = Tokens()
    async with serving(tokens) as server, sender(oauth(server.url)) as one:
        await one.send(READ)
        tokens.valid = "Bearer nothing"
        replies = await asyncio.gather(*(one.send(READ) for _ in range(10)))
        assert {reply.status for reply in replies} == {200}
        assert tokens.given == 2


async def test_a_fresh_token_that_is_refused_is_an_error_and_no_storm_follows() -> None:
    tokens = Tokens()

    def handler(asked: Asked) -> Answer:
        return tokens(asked) if asked.path == "/token" else Answer(401)

    async with serving(handler) as server, sender(oauth(server.url)) as one:
        for _ in range(5):
            with pytest.raises(LoginRefusedError, match=r"under auth \(oauth2\)"):
                await one.send(READ)
    assert len(server.asked) == 4


async def test_credentials_that_buy_no_token_are_tried_once() -> None:
    tokens = Tokens()
    async with (
        serving(tokens) as server,
        sender(oauth(server.url, client_secret="wrong-canary")) as one,  # noqa: S106
    ):
        results = await asyncio.gather(*(one.send(READ) for _ in range(10)), return_exceptions=True)
    assert {type(result) for result in results} == {LoginRefusedError}
    assert not any("canary" in str(result) for result in results)
    assert tokens.given == 1


async def test_credentials_that_stop_buying_tokens_while_running_are_tried_once() -> None:
    tokens, time = Tokens(), Time()
    async with serving(tokens) as server, sender(oauth(server.url), paces=time.paces()) as one:
        await one.send(READ)
        time.now += 4_000
        tokens.status = 400
        results = await asyncio.gather(*(one.send(READ) for _ in range(10)), return_exceptions=True)
        assert {type(result) for result in results} == {LoginRefusedError}
        assert tokens.given == 2


async def test_a_token_server_that_is_away_is_waited_for() -> None:
    tokens = Tokens()
    tokens.status = 500
    async with serving(tokens) as server, sender(oauth(server.url)) as one:
        with pytest.raises(RetryableError, match="gave no token: status 500"):
            await one.send(WRITE)
        tokens.status = 200
        assert (await one.send(WRITE)).status == 200


async def test_client_credentials_may_stand_in_the_body() -> None:
    tokens = Tokens()
    async with serving(tokens) as server, sender(oauth(server.url, client_auth="body")) as one:
        with pytest.raises(LoginRefusedError):
            await one.send(READ)
    assert tokens.forms[0]["client_secret"] == ["canary s/1"]
    assert "authorization" not in server.asked[0].headers


@pytest.mark.parametrize("body", [{}, [], {"access_token": 7}, {"access_token": "a\nb"}, "x"])
async def test_an_answer_without_a_usable_token_is_none(body: Any) -> None:
    async with (
        serving(lambda _: Answer(200, body)) as server,
        sender(oauth(server.url)) as one,
    ):
        with pytest.raises(RetryableError, match="its answer has none"):
            await one.send(READ)


async def test_the_place_of_tokens_obeys_the_rules_for_addresses() -> None:
    async with serving() as server:
        said = oauth(server.url, token_url="http://169.254.169.254/token")  # noqa: S106
        async with sender(said) as one:
            with pytest.raises(ConfigError, match="which no setting allows"):
                await one.send(READ)
    assert not server.asked


async def test_a_token_url_that_redirects_is_not_followed() -> None:
    async with serving() as other:
        redirect = Answer(307, b"", {"Location": f"{other.url}/token"})
        async with serving(lambda _: redirect) as server, sender(oauth(server.url)) as one:
            with pytest.raises(ConfigError, match="redirects are not followed"):
                await one.send(READ)
    assert not other.asked
