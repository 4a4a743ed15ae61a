"""Tokens that writes need against forged requests: fetched once, and again where one is stale."""

import asyncio

import pytest

from tests.unit.rest.served import Answer, Asked, sender, serving, settings
from tracbridge.adapters.connectors.rest.calls import Call
from tracbridge.adapters.connectors.rest.spec import Csrf
from tracbridge.domain.errors import RetryableError, UnknownOutcomeError

READ = Call("GET", "/orders", operation="read")
WRITE = Call("POST", "/orders", body={"a": 1}, writes=True, operation="create")
CSRF = Csrf(path="/service/")


class Sap:
    """Writes need the token of their session."""

    def __init__(self, token: str = "t1") -> None:  # noqa: S107 (no secret)
        self.token = token

    def __call__(self, asked: Asked) -> Answer:
        if asked.headers.get("x-csrf-token") == "Fetch":
            headers = {"X-CSRF-Token": self.token, "Set-Cookie": f"session={self.token}; Path=/"}
            return Answer(200, {}, headers)
        known = asked.headers.get("x-csrf-token"), asked.headers.get("cookie")
        if asked.method != "GET" and known != (self.token, f"session={self.token}"):
            return Answer(403, {}, {"X-CSRF-Token": "Required"})
        return Answer()


async def test_writes_get_a_csrf_token_once_and_again_where_it_is_stale() -> None:
    sap = Sap()
    async with serving(sap) as server, sender(settings(server.url), csrf=CSRF) as one:
        assert (await one.send(READ)).status == 200
        replies = await asyncio.gather(*(one.send(WRITE) for _ in range(5)))
        assert [reply.status for reply in replies] == [200] * 5
        sap.token = "t2"  # noqa: S105 (no secret)
        replies = await asyncio.gather(*(one.send(WRITE) for _ in range(5)))
        assert [reply.status for reply in replies] == [200] * 5
    fetches = [a.path for a in server.asked if a.headers.get("x-csrf-token") == "Fetch"]
    assert fetches == ["/service/", "/service/"]


async def test_a_write_that_is_forbidden_for_good_is_tried_twice_and_no_more() -> None:
    def handler(asked: Asked) -> Answer:
        fetch = asked.headers.get("x-csrf-token") == "Fetch"
        return Answer(200 if fetch else 403, {}, {"X-CSRF-Token": "t" if fetch else "Required"})

    async with serving(handler) as server, sender(settings(server.url), csrf=CSRF) as one:
        assert (await one.send(WRITE)).status == 403
    assert [asked.method for asked in server.asked] == ["GET", "POST", "GET", "POST"]


async def test_another_403_is_an_answer_as_any() -> None:
    def handler(asked: Asked) -> Answer:
        fetch = asked.headers.get("x-csrf-token") == "Fetch"
        return Answer(200 if fetch else 403, {}, {"X-CSRF-Token": "t"} if fetch else {})

    async with serving(handler) as server, sender(settings(server.url), csrf=CSRF) as one:
        assert (await one.send(WRITE)).status == 403
    assert [asked.method for asked in server.asked] == ["GET", "POST"]


@pytest.mark.parametrize("status", [200, 404, 500])
async def test_without_a_csrf_token_no_write_is_sent(status: int) -> None:
    async with (
        serving(lambda _: Answer(status, {})) as server,
        sender(settings(server.url), csrf=CSRF) as one,
    ):
        with pytest.raises(RetryableError, match=f"gave no token for writes .*{status}") as bad:
            await one.send(WRITE)
        assert not isinstance(bad.value, UnknownOutcomeError)
    assert [asked.method for asked in server.asked] == ["GET"]


async def test_a_fetch_of_a_token_that_is_throttled_pauses_everything() -> None:
    answer = Answer(429, {}, {"Retry-After": "120"})
    async with (
        serving(lambda _: answer) as server,
        sender(settings(server.url), csrf=CSRF) as one,
    ):
        with pytest.raises(RetryableError, match="put off GET /service/: 429"):
            await one.send(WRITE)
        with pytest.raises(RetryableError, match="asked for a pause"):
            await one.send(READ)
    assert len(server.asked) == 1


async def test_a_token_that_only_says_that_one_is_needed_is_none() -> None:
    answer = Answer(200, {}, {"X-CSRF-Token": "Required"})
    async with serving(lambda _: answer) as server, sender(settings(server.url), csrf=CSRF) as one:
        with pytest.raises(RetryableError, match="gave no token for writes"):
            await one.send(WRITE)


async def test_a_write_that_took_effect_is_not_repeated_whatever_its_headers_say() -> None:
    def handler(asked: Asked) -> Answer:
        fetch = asked.headers.get("x-csrf-token") == "Fetch"
        return Answer(201, {}, {"X-CSRF-Token": "t" if fetch else "Required"})

    async with serving(handler) as server, sender(settings(server.url), csrf=CSRF) as one:
        assert (await one.send(WRITE)).status == 201
    assert [asked.method for asked in server.asked] == ["GET", "POST"]


async def test_a_late_word_about_a_stale_token_does_not_throw_the_new_one_away() -> None:
    sap, renewed = Sap(), asyncio.Event()

    async def handler(asked: Asked) -> Answer:
        answer = sap(asked)
        if asked.target == "/slow" and answer.status == 403:
            await renewed.wait()
        return answer

    async with serving(handler) as server, sender(settings(server.url), csrf=CSRF) as one:
        await one.send(WRITE)
        sap.token = "t2"  # noqa: S105 (no secret)
        slow = asyncio.ensure_future(one.send(Call("POST", "/slow", writes=True)))
        while server.asked[-1].target != "/slow":  # noqa: ASYNC110 (the server is on this loop)
            await asyncio.sleep(0)
        await one.send(WRITE)
        renewed.set()
        assert (await slow).status == 200
    fetches = [a.path for a in server.asked if a.headers.get("x-csrf-token") == "Fetch"]
    assert len(fetches) == 2
