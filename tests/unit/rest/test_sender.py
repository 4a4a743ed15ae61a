"""Calls over a real socket, to a server that answers well and one that does not."""

import asyncio
import gzip
import socket
import zlib
from collections.abc import Sequence

import pytest

from tests.unit.rest.served import Answer, Asked, Raw, Time, sender, serving, settings
from tracbridge.adapters.connectors.rest.calls import BadReplyError, Call, Reply
from tracbridge.domain.errors import ConfigError, RetryableError, UnknownOutcomeError
from tracbridge.resilience.breaker import State

READ = Call("GET", "/orders", operation="read")
WRITE = Call("POST", "/orders", body={"a": 1}, writes=True, operation="create")


async def test_a_call_goes_out_as_it_was_made_and_its_answer_comes_back() -> None:
    def handler(asked: Asked) -> Answer:
        return Answer(201, {"id": 7}, {"ETag": 'W/"1"', "Set-Cookie": "sid=canary"})

    async with serving(handler) as server, sender(settings(f"{server.url}/base/")) as one:
        query = (("$filter", "name eq 'Müller & Söhne'"), ("since", "2024-01-01T00:00:00+00:00"))
        call = Call("PUT", "/orders/A%2F1", query, {"If-Match": "*"}, {"ä": None}, True, "update")
        reply = await one.send(call)
    (asked,) = server.asked
    assert asked.target == (
        "/base/orders/A%2F1?$filter=name%20eq%20'M%C3%BCller%20%26%20S%C3%B6hne'"
        "&since=2024-01-01T00:00:00%2B00:00"
    )
    assert (asked.method, asked.body) == ("PUT", '{"ä":null}'.encode())
    assert asked.headers["if-match"] == "*"
    assert asked.headers["content-type"] == "application/json"
    assert asked.headers["host"] == f"127.0.0.1:{server.port}"
    assert (reply.status, reply.json, reply.headers["etag"]) == (201, {"id": 7}, 'W/"1"')
    assert (reply.what, reply.operation) == ("PUT /base/orders/A%2F1", "update")
    assert "set-cookie" not in reply.headers


async def test_every_status_is_an_answer() -> None:
    statuses = [200, 204, 304, 400, 401, 403, 404, 409, 412, 422, 429, 500, 502, 503]
    told = iter(statuses)

    def handler(_: Asked) -> Answer:
        status = next(told)
        return Answer(status, b"" if status in (204, 304) else b"{}", {})

    async with serving(handler) as server, sender(settings(server.url)) as one:
        assert [(await one.send(READ)).status for _ in statuses] == statuses


async def test_a_url_that_has_the_path_of_the_calls_in_it_is_not_doubled() -> None:
    async with serving() as server, sender(settings(f"{server.url}/maximo")) as one:
        await one.send(Call("GET", "/maximo/oslc"))
        await one.send(Call("GET", "/maximo"))
        await one.send(Call("GET", "/maximox"))
    assert [asked.target for asked in server.asked] == [
        "/maximo/oslc",
        "/maximo",
        "/maximo/maximox",
    ]


async def test_a_link_to_our_host_is_followed_where_we_came_from() -> None:
    async with serving() as server, sender(settings(server.url)) as one:
        await one.send(Call("GET", "https://127.0.0.1:9443/next?page=2", (("size", "5"),)))
    assert [asked.target for asked in server.asked] == ["/next?page=2&size=5"]


@pytest.mark.parametrize(
    "link",
    [
        "http://elsewhere.example/next?token=canary",
        "http://canary:canary@elsewhere.example/next",
        "http://127.0.0.1@elsewhere.example/next",
        "http://127.0.0.2/next",
        "ftp://127.0.0.1/next",
        "next",
        "",
        "http://[::1/next",
    ],
)
async def test_a_link_to_somewhere_else_is_not_followed(link: str) -> None:
    async with serving() as server, sender(settings(server.url)) as one:
        with pytest.raises(ConfigError, match="gave a link") as refused:
            await one.send(Call("GET", link))
    assert not server.asked
    assert "canary" not in str(refused.value)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_a_redirect_is_an_error_that_says_where_to_and_nothing_goes_there(
    status: int,
) -> None:
    async with serving() as other:
        where = f"http://canary:canary@127.0.0.1:{other.port}/login?token=canary"
        redirect = Answer(status, b"", {"Location": where})
        async with serving(lambda _: redirect) as server, sender(settings(server.url)) as one:
            with pytest.raises(ConfigError, match=r'on to "http://127.0.0.1/login"; redirects'):
                await one.send(READ)
    assert (len(server.asked), len(other.asked)) == (1, 0)


async def test_a_redirect_without_a_place_is_an_error_too() -> None:
    async with serving(lambda _: Answer(302, b"")) as server, sender(settings(server.url)) as one:
        with pytest.raises(ConfigError, match="redirects are not followed"):
            await one.send(READ)


def closed_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


@pytest.mark.parametrize("call", [READ, WRITE])
async def test_where_nobody_listens_nothing_was_sent(call: Call) -> None:
    async with sender(settings(f"http://127.0.0.1:{closed_port()}")) as one:
        with pytest.raises(RetryableError, match="takes no connection") as refused:
            await one.send(call)
    assert not isinstance(refused.value, UnknownOutcomeError)


LONG = b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n"
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
TWICE = gzip.compress(gzip.compress(b"{}"))
BROKEN: dict[str, Answer | Raw] = {
    "reset before any answer": Raw([], "reset"),
    "closed before any answer": Raw([]),
    "reset in the middle": Raw([LONG + b'{"a":'], "reset"),
    "closed in the middle": Raw([LONG + b'{"a":']),
    "head cut off": Raw([b"HTTP/1.1 200 OK\r\nContent-"]),
    "chunk cut off": Raw([CHUNKED + b"10\r\n{"]),
    "chunk of no size": Raw([CHUNKED + b"zz\r\n{}\r\n0\r\n\r\n"]),
    "not HTTP": Raw([b"220 smtp.example.com ESMTP\r\n"]),
    "two lengths": Raw([b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{}"]),
    "damaged gzip": Answer(200, b"no gzip", {"Content-Encoding": "gzip"}),
    "packed twice": Answer(200, TWICE, {"Content-Encoding": "gzip, gzip"}),
    "endless head": Raw([b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 50_000]),
}


@pytest.mark.parametrize("how", BROKEN)
async def test_of_a_write_without_a_whole_answer_nobody_knows_and_a_read_is_repeated(
    how: str,
) -> None:
    async with serving(lambda _: BROKEN[how]) as server, sender(settings(server.url)) as one:
        with pytest.raises(UnknownOutcomeError, match=r"was sent POST /orders, but"):
            await one.send(WRITE)
        with pytest.raises(RetryableError, match=r"did not answer GET /orders") as refused:
            await one.send(READ)
        assert not isinstance(refused.value, UnknownOutcomeError)
    assert len(server.asked) == 2


@pytest.mark.parametrize(
    "raw",
    [
        Raw([], "hang"),
        Raw([LONG], "hang"),
        Raw([b"HTTP/1.1 200 OK\r\n"], "hang"),
        Raw([CHUNKED, *[b"1\r\n{\r\n"] * 500], "hang", pause=0.01),
        Raw([b"HTTP/1.1 100 Continue\r\n\r\n"], for_ever=True, pause=0.01),
    ],
    ids=["silence", "no body", "half a head", "a byte at a time", "endless 100 Continue"],
)
async def test_a_call_ends_at_its_time_however_the_answer_trickles(raw: Raw) -> None:
    async with serving(lambda _: raw) as server, sender(settings(server.url, timeout=0.2)) as one:
        with pytest.raises(UnknownOutcomeError, match=r"nothing whole came within 0\.2 s"):
            await one.send(WRITE)
        with pytest.raises(RetryableError, match="did not answer GET /orders: nothing whole"):
            await one.send(READ)


async def test_a_name_service_that_hangs_is_bound_by_the_time_of_the_call() -> None:
    async def resolver(host: str, port: int) -> Sequence[str]:
        await asyncio.sleep(3_600)
        raise AssertionError

    told = settings("http://erp.test", timeout=0.1)
    async with sender(told, resolver=resolver) as one:
        with pytest.raises(RetryableError, match="nothing whole came") as refused:
            await one.send(WRITE)
    assert not isinstance(refused.value, UnknownOutcomeError)


def bomb(wbits: int) -> bytes:
    packer = zlib.compressobj(9, wbits=wbits)
    return b"".join(packer.compress(bytes(2**20)) for _ in range(64)) + packer.flush()


@pytest.mark.parametrize(("encoding", "wbits"), [("gzip", 31), ("deflate", 15)])
async def test_a_bomb_stops_at_the_limit_while_it_is_unpacked(encoding: str, wbits: int) -> None:
    packed = bomb(wbits)
    assert len(packed) < 300_000
    answer = Answer(200, packed, {"Content-Encoding": encoding})
    async with (
        serving(lambda _: answer) as server,
        sender(settings(server.url, max_mb=0.5)) as one,
    ):
        with pytest.raises(RetryableError, match=r"the answer has more than 0\.5 MB; raise max_mb"):
            await one.send(READ)
        with pytest.raises(UnknownOutcomeError):
            await one.send(WRITE)


async def test_an_endless_answer_stops_at_the_limit() -> None:
    part = b"10000\r\n" + b"x" * 65_536 + b"\r\n"
    raw = Raw([CHUNKED + part, *[part] * 100])
    async with serving(lambda _: raw) as server, sender(settings(server.url, max_mb=1)) as one:
        with pytest.raises(RetryableError, match="more than 1 MB"):
            await one.send(READ)


async def test_a_packed_answer_of_the_right_size_is_unpacked() -> None:
    data = b'{"a": "' + b"x" * 1_000 + b'"}'
    answer = Answer(200, gzip.compress(data), {"Content-Encoding": "gzip"})
    async with serving(lambda _: answer) as server, sender(settings(server.url)) as one:
        reply = await one.send(READ)
    assert reply.data == data
    assert server.asked[0].headers["accept-encoding"] == "gzip, deflate"


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (Answer(200, b""), "status 200 and an empty body"),
        (Answer(200, b"<html>canary</html>"), "HTML or XML"),
        (Answer(502, b"Bad", {"Content-Type": "text/html"}), "status 502 and an HTML"),
        (Answer(200, b'{"a": "canary'), r"JSON that is cut off or damaged \(13 bytes\)"),
        (Answer(200, b"canary", {"Content-Type": "text/plain; x=y"}), '"text/plain" instead'),
    ],
)
async def test_what_is_no_json_is_told_without_repeating_it(answer: Answer, message: str) -> None:
    async with serving(lambda _: answer) as server, sender(settings(server.url)) as one:
        reply = await one.send(READ)
    with pytest.raises(BadReplyError, match=message) as bad:
        _ = reply.json
    assert "canary" not in str(bad.value)
    assert str(bad.value).startswith("GET /orders was answered with")


async def test_a_header_that_http_does_not_allow_is_not_sent_and_not_repeated() -> None:
    async with serving() as server, sender(settings(server.url)) as one:
        for value in ("canary\r\nX: y", "canarä"):
            with pytest.raises(ConfigError, match="a character that HTTP does not allow") as bad:
                await one.send(Call("GET", "/orders", headers={"If-Match": value}))
            assert "canar" not in str(bad.value)
    assert not server.asked


async def test_proxies_of_the_environment_are_not_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    async with serving() as proxy, serving() as server:
        for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
            monkeypatch.setenv(name, proxy.url)
        async with sender(settings(server.url)) as one:
            await one.send(READ)
    assert (len(proxy.asked), len(server.asked)) == (0, 1)


async def test_cookies_are_kept_for_the_next_call() -> None:
    answer = Answer(200, {}, {"Set-Cookie": "sid=1; Path=/"})
    async with serving(lambda _: answer) as server, sender(settings(server.url)) as one:
        await one.send(READ)
        await one.send(READ)
    assert [asked.headers.get("cookie") for asked in server.asked] == [None, "sid=1"]


async def test_failures_in_a_row_open_the_breaker_and_nobody_is_called() -> None:
    time = Time()
    raw = Raw([], "reset")
    async with (
        serving(lambda _: raw) as server,
        sender(settings(server.url, timeout=5), paces=time.paces()) as one,
    ):
        for _ in range(5):
            with pytest.raises(UnknownOutcomeError):
                await one.send(WRITE)
        assert one.pace.state("create") is State.OPEN
        with pytest.raises(RetryableError, match="Calls for create pause for 30 s") as refused:
            await one.send(WRITE)
        assert not isinstance(refused.value, UnknownOutcomeError)
        assert refused.value.retry_after
        assert len(server.asked) == 5
        time.now += 30
        server.handler = lambda _: Answer()
        reply: Reply = await one.send(WRITE)
        one.pace.succeeded(reply.operation)
        assert one.pace.state("create") is State.CLOSED


async def test_what_an_answer_means_for_the_breaker_says_the_caller() -> None:
    async with (
        serving(lambda _: Answer(500, {})) as server,
        sender(settings(server.url)) as one,
    ):
        for _ in range(5):
            reply = await one.send(WRITE)
            one.pace.failed(reply.operation)
        assert one.pace.state("create") is State.OPEN


async def test_during_a_pause_the_server_is_asked_nothing_by_anybody() -> None:
    time = Time()
    paces = time.paces()
    async with serving() as server:
        told = settings(server.url, timeout=30)
        async with (
            sender(told, paces=paces, name="one") as one,
            sender(told, paces=paces, name="two") as two,
        ):
            one.pace.throttled(600.0, "read")
            for call in (READ, WRITE):
                for each in (one, two):
                    with pytest.raises(RetryableError, match="asked for a pause"):
                        await each.send(call)
            assert not server.asked
            time.now += 600
            await two.send(READ)
    assert len(server.asked) == 1


def test_nothing_that_is_printed_shows_a_body_or_a_query() -> None:
    call = Call("GET", "/a?token=canary", (("x", "canary"),), {"X": "canary"}, {"c": "canary"})
    assert repr(call) == "Call(GET /a)"
    assert repr(Reply(200, {"x": "canary"}, b"canary", "GET /a")) == "Reply(GET /a: 200, 6 bytes)"
