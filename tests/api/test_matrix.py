"""Every route with every kind of caller, taken from the description of the API itself; and a run of
made-up requests, none of which may be a fault of ours.
"""

import asyncio
import re
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx2
import pytest
import schemathesis
from fastapi.routing import APIRoute
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis.core.result import Ok

from tests import harness
from tests.api.asking import OURS, THEIRS, Api, asking, expired, key, revoked, two_tenants
from tests.e2e.site import Site
from tracbridge.api.app import ROOT, ROUTERS
from tracbridge.api.context import Role
from tracbridge.api.server import listening

OPEN = {"/health/live", "/health/ready"}
"""What anybody may ask."""

SAMPLES = 2
"""Made-up requests for each operation."""


@pytest.fixture
def site(replica_set: harness.Server, tmp_path: Path) -> Iterator[Site]:
    site = Site(replica_set, tmp_path)
    yield two_tenants(site)
    site.close()


@pytest.fixture
async def api(site: Site) -> AsyncIterator[Api]:
    async with asking(site) as api:
        api.app.state.ending.set()  # what streams ends at once
        yield api


_DESCRIBED: dict[str, Any] = {}
"""The description of the API, which takes its time to be made."""


def described(api: Api) -> dict[str, Any]:
    """Each path with its methods."""
    if not _DESCRIBED:
        _DESCRIBED.update(api.app.openapi()["paths"])
    return _DESCRIBED


def operations(api: Api) -> list[tuple[str, str, str]]:
    """Method, path and role of each operation that is not open to anybody."""
    return [
        (method.upper(), path, said.get("x-role", ""))
        for path, methods in described(api).items()
        for method, said in methods.items()
        if path not in OPEN
    ]


def filled(path: str, connection: str = OURS) -> str:
    """With a connection, and something that is not there for everything else."""
    return re.sub(r"\{[^}]+\}", "1", path.replace("{connection}", connection))


async def ask(api: Api, method: str, path: str, text: str) -> httpx2.Response:
    """With that key, "" is none; what takes a body is given an empty one."""
    headers = {"Authorization": f"Bearer {text}"} if text else {}
    body: dict[str, Any] | None = None if method in {"GET", "DELETE"} else {}
    return await api.client.request(method, path, headers=headers, json=body)


async def statuses(api: Api, text: str) -> dict[str, int]:
    """What each operation answers to that key."""
    found = {}
    for method, path, _ in operations(api):
        answer = await ask(api, method, filled(path), text)
        found[f"{method} {path}"] = answer.status_code
    return found


async def test_every_operation_declares_what_it_takes(api: Api) -> None:
    known = {"signature", *(role.value for role in Role)}
    assert {role for _, _, role in operations(api)} <= known
    routes = [route for router in ROUTERS for route in router.routes]
    hidden = [
        route.path
        for route in routes
        if isinstance(route, APIRoute) and f"{ROOT}{route.path_format}" not in described(api)
    ]
    assert hidden == []


@pytest.mark.parametrize("kind", ["none", "unknown", "revoked", "expired"])
async def test_nobody_is_let_in_anywhere(api: Api, kind: str) -> None:
    texts = {
        "none": "",
        "unknown": f"tb_{'0' * 12}_{'x' * 43}",
        "revoked": await revoked(api.hosted),
        "expired": await expired(api.hosted),
    }
    api.app.state.access._failed.take = lambda _: 0.0
    takes = {f"{method} {path}": role for method, path, role in operations(api)}
    for operation, status in (await statuses(api, texts[kind])).items():
        wanted = {401, 404} if takes[operation] == "signature" else {401}
        assert status in wanted, operation


@pytest.mark.parametrize("role", list(Role))
async def test_a_role_may_exactly_what_is_declared(api: Api, role: Role) -> None:
    found = await statuses(api, await key(api.hosted, role.value))
    for method, path, needed in operations(api):
        status = found[f"{method} {path}"]
        if needed == "signature":
            assert status in {401, 404}, path
        elif role.may(Role(needed)):
            assert status not in {401, 403, *range(500, 600)}, f"{method} {path}: {status}"
        else:
            assert status == 403, f"{method} {path}: {status}"


async def test_another_tenants_connection_is_as_one_that_is_not_there(api: Api) -> None:
    theirs = await key(api.hosted, "admin", THEIRS)
    tried = 0
    for method, path, role in operations(api):
        if "{connection}" in path and role != "signature":
            answers = [
                await ask(api, method, filled(path, name), theirs) for name in (OURS, "nothing")
            ]
            assert [one.status_code for one in answers] == [404, 404], f"{method} {path}"
            assert answers[0].content == answers[1].content
            kept = [{n: v for n, v in one.headers.items() if n != "date"} for one in answers]
            assert kept[0] == kept[1]
            tried += 1
    assert tried


async def test_the_description_is_for_those_who_have_a_key(api: Api) -> None:
    where = f"{ROOT}/openapi.json"
    assert (await api.get(where)).status_code == 401
    said = (await api.get(where, await key(api.hosted))).json()
    assert said["openapi"].startswith("3.1")
    assert said["security"] == [{"bearer": []}]


# -- made-up requests --------------------------------------------------------------------------


@contextmanager
def served(site: Site) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """The application in a thread: its address, a key for admins, and its description."""
    told: list[tuple[str, str, dict[str, Any]]] = []
    begun = threading.Event()
    stop: list[tuple[asyncio.AbstractEventLoop, asyncio.Event]] = []

    async def run() -> None:
        async with asking(site) as api, listening(api.app, "127.0.0.1", 0) as address:
            api.app.state.ending.set()
            ended = asyncio.Event()
            stop.append((asyncio.get_running_loop(), ended))
            api.app.state.access._each.take = lambda _: 0.0
            told.append((address, await key(api.hosted, "admin"), api.app.openapi()))
            begun.set()
            await ended.wait()

    def work() -> None:
        try:
            asyncio.run(run())
        finally:
            begun.set()

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    begun.wait()
    try:
        yield told[0]
    finally:
        loop, ended = stop[0]
        loop.call_soon_threadsafe(ended.set)
        thread.join()


def try_out(operation: Any, send: Callable[[Any], None]) -> None:
    """Sends a few requests that this operation's description allows, always the same ones."""

    @settings(
        max_examples=SAMPLES,
        deadline=None,
        derandomize=True,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy())
    def sent(case: Any) -> None:
        send(case)

    sent()


def test_no_made_up_request_is_a_fault_of_ours(site: Site) -> None:
    with served(site) as (address, admin, description):
        headers = {"Authorization": f"Bearer {admin}"}
        tried = []

        def send(case: Any) -> None:
            if "connection" in (case.path_parameters or {}):
                case.path_parameters["connection"] = OURS
            answer = case.call(base_url=address, headers=headers)
            tried.append(case.operation.label)
            assert answer.status_code < 500, f"{case.as_curl_command()}\n{answer.text}"

        for found in schemathesis.openapi.from_dict(description).get_all_operations():
            assert isinstance(found, Ok)
            try_out(found.ok(), send)
        every = {f"{m.upper()} {p}" for p, ms in description["paths"].items() for m in ms}
        assert set(tried) == every
