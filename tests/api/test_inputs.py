"""What a request may not be: each is refused with the reason, and nothing happens."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Annotated, Any

import httpx2
import pytest
from fastapi import APIRouter, Query, Request
from loguru import logger
from pydantic import BaseModel, ConfigDict

from tests import harness
from tests.api.asking import Api, asking, bearer, key, two_tenants
from tests.e2e.site import Site
from tracbridge.api.app import make
from tracbridge.api.context import SIGNED, Connection, Operator, Viewer
from tracbridge.api.limits import HEADERS, Limits
from tracbridge.api.problem import TYPE
from tracbridge.api.server import Protocol, listening
from tracbridge.domain.errors import ConfigError, RetryableError, SettingError

router = APIRouter(tags=["things"])
"""Routes as every noun has them."""


class Thing(BaseModel):
    model_config = ConfigDict(extra="forbid")

    name: str
    inner: Any = None


class Failing(BaseModel):
    model_config = ConfigDict(extra="forbid")

    how: str


ERRORS: dict[str, Exception] = {
    "fault": ZeroDivisionError("secret=hunter2"),
    "away": RetryableError("it is away"),
    "setting": SettingError("the word is wrong"),
    "state": ConfigError("no such run"),
}


@router.get("/things")
async def things(
    caller: Viewer,
    limit: Annotated[int, Query(ge=1, le=500)] = 100,
    sort: Annotated[str, Query(pattern="^(name|at)$")] = "name",
    tag: Annotated[list[str] | None, Query()] = None,
) -> dict[str, Any]:
    return {"limit": limit, "sort": sort, "tag": tag}


@router.post("/things")
async def add(caller: Operator, thing: Thing) -> dict[str, Any]:
    return {"name": thing.name}


@router.post("/failing")
async def failing(caller: Viewer, how: Failing) -> None:
    raise ERRORS[how.how]


@router.get("/slow")
async def slow(caller: Viewer) -> None:
    await asyncio.Event().wait()


@router.post("/slow")
async def slow_change(caller: Viewer, thing: Thing) -> dict[str, str]:
    await asyncio.sleep(0.3)
    return {"name": "done"}


@router.post("/slow/empty")
async def slow_change_without_body(caller: Viewer) -> dict[str, str]:
    await asyncio.sleep(0.3)
    return {"name": "done"}


@router.post("/signed", openapi_extra=SIGNED)
async def signed(request: Request) -> dict[str, int]:
    return {"bytes": len(await request.body())}


@router.get("/connections/{connection}/thing")
async def of_connection(service: Connection) -> dict[str, str]:
    return {"name": service.name}


JSON = {"Content-Type": "application/json"}


@pytest.fixture
def site(replica_set: harness.Server, tmp_path: Path) -> Iterator[Site]:
    site = Site(replica_set, tmp_path)
    yield two_tenants(site)
    site.close()


@pytest.fixture
async def api(site: Site) -> AsyncIterator[Api]:
    async with asking(site, routers=[router], limits=Limits(body=1_000)) as api:
        api.client.headers.update(bearer(await key(api.hosted, "operator")))
        yield api


@pytest.fixture
async def hasty(site: Site) -> AsyncIterator[Api]:
    """The same, with little time for each request."""
    async with asking(site, routers=[router], limits=Limits(seconds=0.2)) as api:
        api.client.headers.update(bearer(await key(api.hosted, "operator")))
        yield api


def problem(answer: httpx2.Response, status: int) -> Any:
    """The answer as a problem of that status."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == TYPE
    body = answer.json()
    assert body["status"] == status
    assert body["title"]
    return body


@pytest.mark.parametrize(
    "kind",
    ["text/plain", "application/xml", "application/json; charset=latin-1", "application/jsonp", ""],
)
async def test_74_a_body_of_another_kind_is_415(api: Api, kind: str) -> None:
    headers = {"Content-Type": kind} if kind else {}
    answer = await api.client.post("/api/v1/things", content=b'{"name": "a"}', headers=headers)
    problem(answer, 415)


async def test_74_a_packed_body_is_415(api: Api) -> None:
    headers = {**JSON, "Content-Encoding": "gzip"}
    problem(await api.client.post("/api/v1/things", content=b"x", headers=headers), 415)


@pytest.mark.parametrize("path", ["things", "signed"])
async def test_75_a_body_that_is_too_large_is_413_while_it_is_read(api: Api, path: str) -> None:
    given = []

    async def endless() -> AsyncIterator[bytes]:
        for _ in range(1_000):
            given.append(1)
            yield b" " * 300

    answer = await api.client.post(f"/api/v1/{path}", content=endless(), headers=JSON)
    assert "1,000 bytes" in problem(answer, 413)["detail"]
    assert len(given) < 10


async def test_75_a_body_that_says_that_it_is_too_large_is_not_read(api: Api) -> None:
    answer = await api.client.post("/api/v1/things", content=b" " * 1_001, headers=JSON)
    problem(answer, 413)
    answer = await api.client.post("/api/v1/signed", content=b" " * 1_000)
    assert answer.json() == {"bytes": 1_000}


@pytest.mark.parametrize(
    ("body", "offset"),
    [(b'{"name": }', 9), (b"", 0), (b"{'name': 1}", 1), (b'{"name": "a"} x', 14)],
)
async def test_76_what_is_no_json_is_400_with_its_offset(
    api: Api, body: bytes, offset: int
) -> None:
    answer = await api.client.post("/api/v1/things", content=body, headers=JSON)
    if body:
        assert problem(answer, 400)["offset"] == offset
    else:
        problem(answer, 422)


@pytest.mark.parametrize(
    "body",
    [
        '{"name": "a", "inner": ' + "[" * 64 + "]" * 64 + "}",
        "[" * 499 + "]" * 499,
        '{"name": "\\ud800"}',
        '{"name": "a", "inner": NaN}',
        '{"name": "a", "inner": 1e999}',
    ],
)
async def test_76_json_that_is_too_deep_or_no_text_is_400(api: Api, body: str) -> None:
    problem(await api.client.post("/api/v1/things", content=body.encode(), headers=JSON), 400)


@pytest.mark.parametrize("field", ["tenant", "isSynced", "_id", "role", "$set"])
async def test_77_an_unknown_field_is_422_and_named(api: Api, field: str) -> None:
    answer = await api.client.post("/api/v1/things", json={"name": "a", field: "secret"})
    body = problem(answer, 422)
    assert body["errors"][0]["where"] == f"body.{field}"
    assert "secret" not in answer.text


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("limit=1e9", "limit"),
        ("limit=-1", "limit"),
        ("limit=abc", "limit"),
        ("limit=501", "limit"),
        ("sort=$where", "sort"),
        ("filter[status][$ne]=x", "filter[status][$ne]"),
        ("tenant=globex", "tenant"),
    ],
)
async def test_78_a_parameter_that_is_not_accepted_is_422_and_named(
    api: Api, query: str, field: str
) -> None:
    body = problem(await api.client.get(f"/api/v1/things?{query}"), 422)
    assert body["errors"][0]["where"] == f"query.{field}"


@pytest.mark.parametrize(
    "value", ['{"$gt":""}', '{"$where":"sleep(200)"}', "$regex", "a.b", "$set", "../x", "a%00b"]
)
async def test_an_operator_in_a_path_is_only_a_name_that_is_not_there(api: Api, value: str) -> None:
    answer = await api.client.get(f"/api/v1/connections/{value}/thing")
    assert problem(answer, 404)["title"] == "Not found"


async def test_80_a_parameter_that_stands_twice_is_400(api: Api) -> None:
    body = problem(await api.client.get("/api/v1/things?limit=1&limit=2"), 400)
    assert "query.limit" in body["detail"]
    assert (await api.client.get("/api/v1/things?tag=a&tag=b")).json()["tag"] == ["a", "b"]


@pytest.mark.parametrize("name", ["Idempotency-Key", "Content-Length", "Authorization", "Host"])
async def test_80_a_header_that_stands_twice_is_400(api: Api, name: str) -> None:
    both = httpx2.Headers([(name, "13"), (name, "13"), ("Content-Type", "application/json")])
    request = httpx2.Request("POST", "http://here/api/v1/things", headers=both, content=b"{}")
    body = problem(await api.client.send(request), 400)
    assert name.lower() in body["detail"]


# -- how errors are told -----------------------------------------------------------------------


async def test_a_fault_of_ours_is_500_with_the_id_under_which_the_log_has_it(api: Api) -> None:
    told: list[Any] = []
    number = logger.add(told.append, level="ERROR")
    answer = await api.client.post("/api/v1/failing", json={"how": "fault"})
    logger.remove(number)
    body = problem(answer, 500)
    assert told[0].record["extra"]["id"] == body["id"]
    assert told[0].record["exception"].type is ZeroDivisionError
    for secret in ("hunter2", "ZeroDivision", "Traceback", ".py"):
        assert secret not in answer.text


@pytest.mark.parametrize(("how", "status"), [("away", 503), ("setting", 422), ("state", 409)])
async def test_our_own_errors_say_what_to_do(api: Api, how: str, status: int) -> None:
    problem(await api.client.post("/api/v1/failing", json={"how": how}), status)


async def test_what_is_not_there_is_404_and_another_method_405(api: Api) -> None:
    problem(await api.client.get("/api/v1/nothing"), 404)
    problem(await api.client.get("/nothing"), 404)
    answer = await api.client.delete("/api/v1/things")
    problem(answer, 405)
    assert "GET" in answer.headers["allow"]


async def test_what_is_asked_and_takes_too_long_is_503(hasty: Api) -> None:
    assert "0.2 s" in problem(await hasty.client.get("/api/v1/slow"), 503)["detail"]


@pytest.mark.parametrize(("path", "body"), [("slow", {"name": "a"}), ("slow/empty", None)])
async def test_a_change_that_has_begun_is_never_broken_off(
    hasty: Api, path: str, body: dict[str, str] | None
) -> None:
    answer = await hasty.client.post(f"/api/v1/{path}", json=body)
    assert answer.json() == {"name": "done"}


async def test_a_body_that_does_not_come_is_408(hasty: Api) -> None:
    async def stuck() -> AsyncIterator[bytes]:
        yield b"{"
        await asyncio.Event().wait()

    problem(await hasty.client.post("/api/v1/things", content=stuck(), headers=JSON), 408)


async def test_every_answer_carries_the_security_headers(api: Api) -> None:
    asked = [
        api.client.get("/health/live"),
        api.client.get("/api/v1/things"),
        api.client.get("/nothing"),
        api.client.get("/api/v1/things", headers={"Authorization": "Bearer x"}),
        api.client.post("/api/v1/failing", json={"how": "fault"}),
        api.client.post("/api/v1/things", content=b" " * 2_000, headers=JSON),
    ]
    statuses = []
    for one in asked:
        answer = await one
        statuses.append(answer.status_code)
        for name, value in HEADERS.items():
            assert answer.headers[name] == value, answer.status_code
    assert statuses == [200, 200, 404, 401, 500, 413]


async def test_a_route_that_declares_no_role_is_refused(api: Api) -> None:
    open_to_all = APIRouter()

    @open_to_all.get("/open")
    async def _() -> None: ...

    with pytest.raises(TypeError, match="/open declares no role"):
        make(api.hosted, api.app.state.access, routers=[open_to_all])


# -- over a real connection --------------------------------------------------------------------


class Hasty(Protocol):
    within = 0.2


async def test_headers_that_do_not_come_end_the_connection(api: Api) -> None:
    async with listening(api.app, "127.0.0.1", 0, Hasty) as address:
        host, port = address.removeprefix("http://").split(":")
        reader, writer = await asyncio.open_connection(host, int(port))
        writer.write(b"GET /health/live HTTP/1.1\r\nHost: here\r\nX-Slow: ")
        assert await reader.read() == b""
        writer.close()
        reader, writer = await asyncio.open_connection(host, int(port))
        writer.write(b"GET /health/live HTTP/1.1\r\nHost: here\r\nConnection: close\r\n\r\n")
        assert (await reader.read()).startswith(b"HTTP/1.1 200")
        writer.close()


async def test_a_chunked_body_that_is_too_large_is_413_over_the_wire(api: Api) -> None:
    async with listening(api.app, "127.0.0.1", 0) as address:
        host, port = address.removeprefix("http://").split(":")
        reader, writer = await asyncio.open_connection(host, int(port))
        head = "POST /api/v1/signed HTTP/1.1\r\nHost: here\r\nTransfer-Encoding: chunked\r\n\r\n"
        writer.write(head.encode() + b"400\r\n" + b"x" * 1_024 + b"\r\n")
        answer = await reader.read()
        assert answer.startswith(b"HTTP/1.1 413")
        assert json.loads(answer.partition(b"\r\n\r\n")[2])["status"] == 413
        writer.close()
