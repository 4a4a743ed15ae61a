"""No secret in any error, printed value or log line, whatever goes wrong."""

import asyncio
import logging
import traceback
from base64 import b64encode
from collections.abc import Callable, Sequence
from typing import Any

import pytest
from pydantic import ValidationError

from tests.unit.rest.served import Answer, Asked, Raw, sender, serving, settings
from tracbridge.adapters.connectors.rest.auth import header_of, token_request
from tracbridge.adapters.connectors.rest.calls import Call
from tracbridge.adapters.connectors.rest.settings import OAuth2
from tracbridge.adapters.connectors.rest.spec import Csrf
from tracbridge.domain.errors import TracbridgeError

CANARY = "canary-7f3a"
PLANTED = (
    CANARY,
    b64encode(f"user:{CANARY}".encode()).decode(),
    CANARY.encode().hex(),
)

AUTHS: dict[str, dict[str, Any]] = {
    "basic": {"user": "user", "password": CANARY},
    "header": {"token": CANARY},
    "bearer": {"token": CANARY},
    "frappe": {"user": "user", "password": CANARY},
    "maxauth": {"user": "user", "password": CANARY},
    "oauth2": {"token_url": "", "client_id": "user", "client_secret": CANARY},
}


ANSWERS: dict[str, Callable[[Asked], Answer | Raw]] = {
    "refused, with an echo": lambda asked: Answer(401, {"echo": asked.headers}),
    "token refused": lambda _: Answer(400, {"error": CANARY}),
    "redirect": lambda _: Answer(302, b"", {"Location": f"/login?next={CANARY}#{CANARY}"}),
    "redirect elsewhere": lambda _: Answer(
        307, b"", {"Location": f"https://u:{CANARY}@example.com/"}
    ),
    "broken": lambda _: Raw([CANARY.encode()]),
    "reset": lambda _: Raw([], "reset"),
    "hang": lambda _: Raw([], "hang"),
    "cut off": lambda _: Raw([b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n" + CANARY.encode()]),
    "page": lambda _: Answer(200, f"<html>{CANARY}".encode(), {"Content-Type": "text/html"}),
    "too long": lambda _: Answer(200, CANARY.encode() * 200_000),
    "packed": lambda _: Answer(200, CANARY.encode(), {"Content-Encoding": "gzip"}),
    "throttled": lambda _: Answer(429, {"error": CANARY}, {"Retry-After": CANARY}),
    "away": lambda _: Answer(503, {"error": CANARY}),
}


def shows(text: str) -> bool:
    return any(planted in text for planted in PLANTED)


async def provoked(one: Any, calls: Sequence[Call]) -> list[BaseException]:
    """All errors of these calls, and of reading their answers."""
    errors: list[BaseException] = []
    for call in calls:
        try:
            reply = await one.send(call)
            assert not shows(repr(reply))
            _ = reply.json
        except TracbridgeError as error:
            errors.append(error)
    return errors


CALLS = (
    Call("GET", f"/orders?key={CANARY}", (("q", CANARY),), {"X-Own": CANARY}, operation="read"),
    Call("POST", "/orders", body={"text": CANARY}, writes=True, operation="create"),
    Call("GET", "/orders", headers={"X-Own": f"{CANARY}\n"}),
    Call("GET", f"https://user:{CANARY}@elsewhere.example/?{CANARY}"),
)


@pytest.mark.parametrize("kind", AUTHS)
@pytest.mark.parametrize("answer", ANSWERS)
async def test_no_error_no_value_and_no_log_line_shows_a_secret(
    kind: str, answer: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    async with serving(ANSWERS[answer]) as server:
        auth = {"kind": kind, **AUTHS[kind]}
        if "token_url" in auth:
            auth["token_url"] = f"{server.url}/token"
        said = settings(server.url, auth=auth, headers={"X-Gateway": CANARY}, timeout=0.2, max_mb=1)
        async with sender(said, csrf=Csrf(path="/csrf")) as one:
            errors = await provoked(one, CALLS)
            printed = [repr(one), repr(said), str(said), repr(one.pace), str(one.pace.describe())]
    assert errors
    for error in errors:
        printed += [str(error), repr(error), "".join(traceback.format_exception(error))]
    assert not [text for text in (*printed, caplog.text) if shows(text)]


async def test_a_system_that_is_away_is_told_without_a_secret() -> None:
    async with serving() as server:
        url = server.url
    said = settings(url, auth={"kind": "bearer", "token": CANARY})
    async with sender(said) as one:
        errors = await provoked(one, CALLS)
    texts = ["".join(traceback.format_exception(error)) for error in errors]
    assert texts
    assert not any(map(shows, texts))


@pytest.mark.parametrize(
    "said",
    [
        {"auth": {"kind": "bearer", "token": f"{CANARY}\n"}},
        {"auth": {"kind": "bearer", "token": f" {CANARY}"}},
        {"auth": {"kind": "bearer", "token": f"ä{CANARY}"}},
        {"auth": {"kind": "bearer", "tokn": CANARY}},
        {"auth": {"kind": "basic", "user": f"a:{CANARY}", "password": CANARY}},
        {"auth": {"kind": "basic", "password": CANARY}},
        {"auth": {"kind": "barer", "token": CANARY}},
        {"auth": {"kind": "bearer", "token": {"a": CANARY}}},
        {"auth": CANARY},
        {"auth": {"kind": "header", "header": "Cookie", "token": CANARY}},
        {"headers": {"Authorization": CANARY}},
        {"headers": {"a b": CANARY}},
        {"headers": {"X-Key": ""}},
        {"headers": [CANARY]},
        {"networks": ["0.0.0.0/0"], "ca": CANARY},
        {"networks": ["10.0.0.1/8"], "ca": CANARY},
        {"url": f"https://user:{CANARY}@erp.example.com"},
        {"secret": CANARY},
        {"interface": {"a": CANARY}},
    ],
)
def test_settings_that_are_refused_are_not_repeated(said: dict[str, Any]) -> None:
    with pytest.raises(ValidationError) as refused:
        settings(**{"url": "https://erp.example.com", **said})
    assert not shows(str(refused.value))
    assert not shows("".join(traceback.format_exception(refused.value)))


def test_what_carries_a_secret_prints_without_it() -> None:
    said = settings("https://erp.example.com", auth={"kind": "bearer", "token": CANARY})
    assert header_of(said.auth) == ("authorization", f"Bearer {CANARY}")
    auth = OAuth2(
        kind="oauth2",
        token_url="https://erp.example.com/token",  # noqa: S106
        client_id="user",
        client_secret=CANARY,
    )
    assert repr(token_request(auth)) == "Outgoing(POST /token)"


async def test_what_a_login_holds_while_it_works_prints_without_its_secrets() -> None:
    def handler(asked: Asked) -> Answer:
        return Answer(200, {"access_token": CANARY, "expires_in": 3_600})

    async with serving(handler) as server:
        auth = {"kind": "oauth2", **AUTHS["oauth2"], "token_url": f"{server.url}/token"}
        async with sender(settings(server.url, auth=auth)) as one:
            await asyncio.gather(*(one.send(CALLS[0]) for _ in range(3)))
            login = one._login
            printed = [repr(value) for value in vars(login).values()]
            printed += [repr(await login.credential()), repr(login)]
    assert not any(map(shows, printed))
