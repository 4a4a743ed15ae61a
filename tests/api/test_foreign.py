"""Ids of another tenant and operators of MongoDB, wherever a caller may say something."""

import json
import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import httpx2

from tests.api.conftest import Desk
from tests.harness import Doc, doc, order
from tracbridge.api.app import ROOT, make

NOT_THERE = "0" * 12

BODIES: dict[str, dict[str, Any]] = {
    "edit": {"content": json.dumps(order(7))},
    "resolve": {"take": "customer"},
}
"""What an action takes besides a reason, by the last word of its path."""


def described(desk: Desk) -> dict[str, Any]:
    """The description of the API."""
    return make(desk.hosted, object()).openapi()  # type: ignore[arg-type]


def operations(desk: Desk) -> Iterator[tuple[str, str]]:
    """Method and path of each operation that is about one thing of a connection."""
    for path, methods in described(desk)["paths"].items():
        if re.search(r"\{connection\}.*\{", path):
            yield from ((method.upper(), path) for method in methods)


async def theirs(desk: Desk) -> dict[str, str]:
    """An id of each kind in globex, by the name of its parameter."""
    globex = desk.places["globex"]
    globex.drop(order(7))
    await desk.once()
    globex.drop(order(8, lastUpdateDate="never"))
    globex.plant(doc(9, title="Ours", description="Ours"))
    globex.drop(order(9, summary="Theirs"))
    await desk.once()

    async def first(what: str) -> str:
        items = (await desk.get(f"/connections/globex/{what}", "admin"))["items"]
        return str(items[0].get("id") or items[0]["run"])

    headers = {"x-test-caller": "admin", "Idempotency-Key": "k1"}
    where = f"{ROOT}/connections/globex/orders"
    push = await desk.http.post(where, json=[order(10)], headers=headers)
    return {
        "number": "7",
        "case": await first("quarantine"),
        "conflict": await first("conflicts?state=any"),
        "run": await first("runs"),
        "push": push.json()["id"],
    }


def everything(desk: Desk) -> list[Doc]:
    """All that there is of globex, in our memory and in TracOS."""
    state = desk.site.server.client[desk.site.state]
    found = [
        document
        for name in sorted(state.list_collection_names())
        for document in state[name].find({"c": "globex"}).sort("_id", 1)
    ]
    return [*found, *desk.site.orders.find({"companyId": "globex"}).sort("_id", 1)]


async def asked(desk: Desk, method: str, path: str, id_: str) -> tuple[int, str]:
    """The answer to that id under our own connection, without the id itself."""
    filled = re.sub(r"\{[^}]+\}", id_, path.replace("{connection}", "pump"))
    body = None if method == "GET" else BODIES.get(path.rpartition("/")[2], {})
    answer = await desk.http.request(
        method, filled, json=body, headers={"x-test-caller": "operator"}
    )
    return answer.status_code, answer.text.replace(id_, "...")


async def test_an_id_of_another_tenant_is_as_one_that_is_not_there(desk: Desk) -> None:
    known = await theirs(desk)
    before, tried = everything(desk), set()
    assert before
    for method, path in operations(desk):
        name = re.findall(r"\{(\w+)\}", path)[1]
        if name in known:
            told = await asked(desk, method, path, known[name])
            assert told == await asked(desk, method, path, NOT_THERE), f"{method} {path}"
            assert told[0] == 404, f"{method} {path}: {told}"
            tried.add(name)
    assert tried == set(known)
    for action in ("retry", "discard"):
        answers = [
            await desk.http.post(
                f"{ROOT}/connections/pump/quarantine/{action}",
                json={"ids": [id_]},
                headers={"x-test-caller": "operator"},
            )
            for id_ in (known["case"], NOT_THERE)
        ]
        assert answers[0].status_code == answers[1].status_code
        texts = [re.sub(r'"(wish|status)":"[^"]*"', "", one.text) for one in answers]
        assert texts[0].replace(known["case"], "...") == texts[1].replace(NOT_THERE, "...")
    assert everything(desk) == before


# -- operators -----------------------------------------------------------------------------------

CANARY = {"$gt": "canary"}

OPERATORS: list[Any] = [CANARY, {"$where": "sleep(200) || true"}, {"$regex": ".*"}]


def texts(schema: Any) -> Iterator[str]:
    """The fields of a body that are a text."""
    for name, field in schema.get("properties", {}).items():
        kinds = {field.get("type"), *(one.get("type") for one in field.get("anyOf", []))}
        if "string" in kinds and "object" not in kinds:
            yield name


def bodies(said: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Path and schema of each body."""
    schemas = said["components"]["schemas"]
    for path, methods in said["paths"].items():
        for one in methods.values():
            content = one.get("requestBody", {}).get("content", {}).get("application/json", {})
            schema = content.get("schema", {})
            refs = [schema, *schema.get("anyOf", [])]
            names = [ref["$ref"].rpartition("/")[2] for ref in refs if "$ref" in ref]
            yield from ((path, schemas[name]) for name in names)


async def test_an_operator_in_a_body_is_refused_and_the_field_is_named(desk: Desk) -> None:
    tried = 0
    for path, schema in bodies(described(desk)):
        where = re.sub(r"\{[^}]+\}", "1", path.replace("{connection}", "pump"))
        for field in texts(schema):
            for value in OPERATORS:
                answer = await desk.http.post(
                    where, json={field: value}, headers={"x-test-caller": "admin"}
                )
                assert answer.status_code in {404, 405, 422}, f"{where} {field}: {answer.text}"
                if answer.status_code == 422:
                    assert field in answer.text, f"{where} {field}: {answer.text}"
                    tried += 1
    assert tried > 10


async def test_no_question_of_a_caller_reaches_the_server_as_an_operator(desk: Desk) -> None:
    """The server's own record of what it was asked is looked at."""
    await theirs(desk)
    databases = [desk.site.server.client[n] for n in (desk.site.state, desk.site.database)]
    for database in databases:
        database.command("profile", 2)
    try:
        for path, methods in described(desk)["paths"].items():
            if "get" in methods and not path.endswith("/live"):
                await look(desk, path, methods["get"].get("parameters", []))
    finally:
        for database in databases:
            database.command("profile", 0)
    seen = [entry["command"] for db in databases for entry in db["system.profile"].find()]
    assert len(seen) > 20
    for command in seen:
        assert not set(operators(command)) & {"$where", "$function"}, command
        assert CANARY not in list(values(command)), command


async def look(desk: Desk, path: str, parameters: list[Any]) -> None:
    """With an operator in each place, one after the other."""
    filled = path.replace("{connection}", "pump")
    queries = [one["name"] for one in parameters if one["in"] == "query"]
    for value in (json.dumps(CANARY), "$where"):
        where = re.sub(r"\{[^}]+\}", quote(value), filled)
        for query in [{}, *({name: value} for name in queries), {"q[$gt]": "canary"}]:
            answer: httpx2.Response = await desk.http.get(
                where, params=query or None, headers={"x-test-caller": "admin"}
            )
            assert answer.status_code < 500, f"{where} {query}: {answer.text}"


def operators(value: Any) -> Iterator[str]:
    for key, inner in pairs(value):
        if isinstance(key, str) and key.startswith("$"):
            yield key
        yield from operators(inner)


def values(value: Any) -> Iterator[Any]:
    yield value
    for _, inner in pairs(value):
        yield from values(inner)


def pairs(value: Any) -> list[tuple[Any, Any]]:
    if isinstance(value, dict):
        return list(value.items())
    return list(enumerate(value)) if isinstance(value, list) else []


def test_what_is_looked_for_in_the_record_would_be_seen() -> None:
    asked_so = {"find": "x", "filter": {"a": CANARY, "$or": [{"$where": "1"}]}}
    assert "$where" in set(operators(asked_so))
    assert CANARY in list(values(asked_so))
