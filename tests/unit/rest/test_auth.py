"""Credentials: how they are sent, refused, renewed, and never tried too often."""

import asyncio
import json
from base64 import b64encode
from typing import Any

import pytest

from tests.unit.rest.served import Answer, Asked, Time, sender, serving, settings
from tracbridge.adapters.connectors.rest.auth import LoginRefusedError
from tracbridge.adapters.connectors.rest.calls import Call
from tracbridge.adapters.connectors.rest.sender import Sender
from tracbridge.adapters.connectors.rest.settings import RestSettings
from tracbridge.adapters.connectors.rest.spec import Csrf
from tracbridge.domain.errors import ConfigError, RetryableError, SettingError
from tracbridge.resilience.breaker import Force

READ = Call("GET", "/orders", operation="read")
WRITE = Call("POST", "/orders", body={}, writes=True, operation="create")
CSRF = Csrf(path="/service/")


def packed(text: str) -> str:
    return b64encode(text.encode()).decode()


@pytest.mark.parametrize(
    ("auth", "header", "value"),
    [
        (
            {"kind": "basic", "user": "jörg", "password": "canary:ß"},
            "authorization",
            f"Basic {packed('jörg:canary:ß')}",
        ),
        ({"kind": "header", "token": "canary"}, "apikey", "canary"),
        ({"kind": "header", "header": "X-Key", "token": "canary"}, "x-key", "canary"),
        ({"kind": "bearer", "token": "canary"}, "authorization", "Bearer canary"),
        (
            {"kind": "frappe", "user": "key", "password": "canary"},
            "authorization",
            "token key:canary",
        ),
        (
            {"kind": "maxauth", "user": "max", "password": "canary"},
            "maxauth",
            packed("max:canary"),
        ),
    ],
)
async def test_each_kind_of_credentials_stands_in_its_header(
    auth: dict[str, Any], header: str, value: str
) -> None:
    async with serving() as server, sender(settings(server.url, auth=auth)) as one:
        await one.send(READ)
    assert server.asked[0].headers[header] == value


async def test_without_credentials_a_refusal_is_an_answer() -> None:
    async with serving(lambda _: Answer(401)) as server, sender(settings(server.url)) as one:
        assert [(await one.send(READ)).status for _ in range(2)] == [401, 401]
    assert "authorization" not in server.asked[0].headers


async def test_headers_of_the_settings_go_with_every_request() -> None:
    said: dict[str, Any] = {"headers": {"X-Gateway": "canary"}}

    def handler(asked: Asked) -> Answer:
        return Answer(200, {}, {"X-CSRF-Token": "t"})

    async with serving(handler) as server, sender(settings(server.url, **said), csrf=CSRF) as one:
        await one.send(WRITE)
    assert [asked.headers["x-gateway"] for asked in server.asked] == ["canary", "canary"]


class Door:
    """A system that takes one password, and counts the others."""

    def __init__(self, password: str = "new-canary") -> None:  # noqa: S107
        self.password, self.wrong, self.hiccups = password, 0, 0

    def __call__(self, asked: Asked) -> Answer:
        self.hiccups -= 1
        if (
            self.hiccups < 0
            and asked.headers.get("authorization") == f"Basic {packed(f'user:{self.password}')}"
        ):
            return Answer(200, {}, {"X-CSRF-Token": "t"})
        self.wrong += 1
        return Answer(401, {"echo": asked.headers.get("authorization")})


def basic(url: str, password: str = "old-canary", **said: Any) -> RestSettings:  # noqa: S107
    return settings(url, auth={"kind": "basic", "user": "user", "password": password}, **said)


async def test_a_refused_login_is_tried_once_and_the_error_says_so_without_the_secret() -> None:
    door = Door()
    async with serving(door) as server, sender(basic(server.url)) as one:
        for _ in range(20):
            with pytest.raises(
                LoginRefusedError, match=r"under auth \(basic\).* in \d+ s"
            ) as error:
                await one.send(READ)
            assert isinstance(error.value, ConfigError)
            assert "canary" not in str(error.value)
    assert door.wrong == 1


async def test_however_many_calls_wait_for_the_first_login_one_is_made() -> None:
    door = Door()
    async with serving(door) as server, sender(basic(server.url)) as one:
        calls = (one.send(READ) for _ in range(10))
        results = await asyncio.gather(*calls, return_exceptions=True)
    assert {type(result) for result in results} == {LoginRefusedError}
    assert door.wrong == 1


async def test_a_login_that_was_taken_lets_calls_go_side_by_side() -> None:
    met = asyncio.Barrier(5)

    async def handler(asked: Asked) -> Answer:
        if asked.method == "POST":
            await met.wait()
        return Answer()

    async with serving(handler) as server, sender(basic(server.url)) as one:
        await one.send(READ)
        replies = await asyncio.gather(*(one.send(WRITE) for _ in range(5)))
    assert {reply.status for reply in replies} == {200}


@pytest.mark.parametrize("csrf", [None, CSRF])
async def test_a_rotated_secret_is_read_anew_and_the_calls_go_on(csrf: Csrf | None) -> None:
    door = Door("old-canary")
    now = ["old-canary"]
    asked: list[int] = []

    async with serving(door) as server:

        def fresh() -> RestSettings:
            asked.append(1)
            return basic(server.url, now[0])

        async with sender(basic(server.url), fresh=fresh, csrf=csrf) as one:
            assert (await one.send(WRITE)).status == 200
            assert not asked
            door.password = now[0] = "new-canary"  # noqa: S105
            replies = await asyncio.gather(*(one.send(WRITE) for _ in range(10)))
            assert {reply.status for reply in replies} == {200}
    assert len(asked) == 1


async def test_writes_that_all_need_a_token_first_try_a_refused_login_once() -> None:
    door = Door("old-canary")
    async with serving(door) as server, sender(basic(server.url), csrf=CSRF) as one:
        await one.send(READ)
        door.password = "new-canary"  # noqa: S105
        results = await asyncio.gather(*(one.send(WRITE) for _ in range(5)), return_exceptions=True)
        assert {type(result) for result in results} == {LoginRefusedError}
    assert door.wrong == 2


async def test_one_refusal_of_a_login_that_was_taken_is_no_news() -> None:
    door = Door("old-canary")
    async with serving(door) as server, sender(basic(server.url)) as one:
        await one.send(READ)
        for _ in range(2):
            door.hiccups = 1
            assert (await one.send(READ)).status == 200
    assert door.wrong == 2


async def test_a_new_process_leaves_a_refused_login_alone_and_tries_another_one() -> None:
    door, time = Door(), Time()
    async with serving(door) as server:
        async with sender(basic(server.url), paces=time.paces()) as one:
            with pytest.raises(LoginRefusedError):
                await one.send(READ)
            kept = json.loads(json.dumps(one.describe()))
        assert "canary" not in str(kept)
        async with sender(basic(server.url), paces=time.paces()) as one:
            one.restore(kept, 100)
            with pytest.raises(LoginRefusedError, match="in 200 s"):
                await one.send(READ)
        assert door.wrong == 1
        async with sender(basic(server.url), paces=time.paces()) as one:
            one.restore(kept, 301)
            with pytest.raises(LoginRefusedError, match="in 3600 s"):
                await one.send(READ)
        assert door.wrong == 2
        async with sender(basic(server.url, "new-canary"), paces=time.paces()) as one:
            one.restore(kept, 0)
            assert (await one.send(READ)).status == 200
            assert "login" not in one.describe()


async def test_an_operator_has_a_refused_login_tried_at_once_and_only_once() -> None:
    door = Door()
    async with serving(door) as server, sender(basic(server.url)) as one:
        with pytest.raises(LoginRefusedError):
            await one.send(READ)
        door.password = "old-canary"  # noqa: S105
        one.force(["read"], Force.CLOSED)
        assert (await one.send(READ)).status == 200
        door.password = "new-canary"  # noqa: S105
        for _ in range(5):
            one.force(["read"], Force.CLOSED)
            with pytest.raises(LoginRefusedError):
                await one.send(READ)
    assert door.wrong == 3


async def test_of_a_refused_login_too_little_is_kept_to_find_the_secret() -> None:
    async with serving(Door()) as server, sender(basic(server.url)) as one:
        with pytest.raises(LoginRefusedError):
            await one.send(READ)
        kept = one.describe()["login"]
    assert set(kept) == {"salt", "print", "breaker"}
    assert len(kept["print"]) == 4


async def test_with_a_rotated_secret_that_is_wrong_too_nobody_storms_the_door() -> None:
    door = Door("old-canary")
    async with serving(door) as server:
        said = [basic(server.url)]
        async with sender(basic(server.url), fresh=lambda: said[0]) as one:
            await one.send(READ)
            door.password, said[0] = "new-canary", basic(server.url, "wrong-canary")
            for _ in range(10):
                with pytest.raises(LoginRefusedError):
                    await one.send(READ)
            assert door.wrong == 2
            said[0] = basic(server.url, "new-canary")
            assert (await one.send(READ)).status == 200
    assert door.wrong == 2


async def test_pauses_between_tries_of_a_refused_login_grow() -> None:
    door, time, pauses = Door(), Time(), []
    async with serving(door) as server, sender(basic(server.url), paces=time.paces()) as one:
        for wrong in range(1, 9):
            with pytest.raises(LoginRefusedError):
                await one.send(READ)
            assert door.wrong == wrong
            with pytest.raises(LoginRefusedError) as error:
                await one.send(READ)
            seconds = int(str(error.value).split(" in ")[1].split(" s")[0])
            pauses.append(seconds)
            time.now += seconds
        door.password = "old-canary"  # noqa: S105
        assert (await one.send(READ)).status == 200
        door.password = "new-canary"  # noqa: S105
        with pytest.raises(LoginRefusedError, match="in 300 s"):
            await one.send(READ)
    assert pauses == [300, 3_600, 43_200, *[86_400] * 5]


async def test_a_connection_that_begins_anew_does_not_try_a_refused_login_again() -> None:
    door, paces = Door(), Time().paces()
    async with serving(door) as server:
        for _ in range(5):
            async with sender(basic(server.url), paces=paces) as one:
                with pytest.raises(LoginRefusedError):
                    await one.send(READ)
        assert door.wrong == 1
        async with sender(basic(server.url, "new-canary"), paces=paces) as one:
            assert (await one.send(READ)).status == 200


async def test_a_call_that_breaks_off_while_a_login_is_tried_leaves_the_try_to_the_next() -> None:
    door, time = Door(), Time()
    async with serving(door) as server:
        said = basic(server.url, timeout=0.2)
        async with sender(said, paces=time.paces()) as one:
            with pytest.raises(LoginRefusedError):
                await one.send(READ)
            time.now += 300
            server.handler = lambda _: Answer(200, b"no gzip", {"Content-Encoding": "gzip"})
            with pytest.raises(RetryableError, match="cannot be unpacked"):
                await one.send(READ)
            server.handler = lambda _: Answer()
            assert (await one.send(READ)).status == 200


async def test_settings_that_cannot_be_read_now_are_as_if_unchanged() -> None:
    door = Door()

    def fresh() -> RestSettings:
        raise SettingError("half a file")

    async with serving(door) as server, sender(basic(server.url), fresh=fresh) as one:
        with pytest.raises(LoginRefusedError):
            await one.send(READ)
    assert door.wrong == 1


async def test_settings_for_another_system_are_not_taken_over() -> None:
    door = Door()
    async with serving(door) as server:
        moved = basic("http://127.0.0.2:1", "new-canary")
        async with sender(basic(server.url), fresh=lambda: moved) as one:
            with pytest.raises(LoginRefusedError):
                await one.send(READ)
    assert door.wrong == 1


async def test_a_new_login_begins_without_the_cookies_of_the_old_one() -> None:
    door = Door("old-canary")

    def handler(asked: Asked) -> Answer:
        answer = door(asked)
        answer.headers = {**answer.headers, "Set-Cookie": "sid=old; Path=/"}
        return answer

    async with serving(handler) as server:
        said = [basic(server.url)]
        async with sender(basic(server.url), fresh=lambda: said[0]) as one:
            await one.send(READ)
            door.password, said[0] = "new-canary", basic(server.url, "new-canary")
            await one.send(READ)
    assert [a.headers.get("cookie") for a in server.asked] == [None, "sid=old", None]


async def test_a_new_login_begins_with_a_csrf_token_of_its_own() -> None:
    door = Door("old-canary")
    async with serving(door) as server:
        said = [basic(server.url)]
        async with sender(basic(server.url), fresh=lambda: said[0], csrf=CSRF) as one:
            await one.send(WRITE)
            door.password, said[0] = "new-canary", basic(server.url, "new-canary")
            await one.send(WRITE)
    assert [a.method for a in server.asked] == ["GET", "POST", "POST", "GET", "POST"]


async def test_one_login_at_one_host_is_one_target_whatever_its_secret() -> None:
    paces = Time().paces()

    def pace(**auth: Any) -> Any:
        said = settings("http://127.0.0.1:1", auth=auth)
        return Sender(said, paces=paces, name=str(auth)).pace.target

    one = pace(kind="basic", user="a", password="x")  # noqa: S106
    assert one is pace(kind="maxauth", user="a", password="y")  # noqa: S106
    assert one is not pace(kind="basic", user="b", password="x")  # noqa: S106
    key = pace(kind="bearer", token="x")  # noqa: S106
    assert key is not pace(kind="bearer", token="y")  # noqa: S106
    assert pace(kind="none") is not key
