"""Saved replies, and a sender that gives them instead of calling anybody."""

import asyncio
import json
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tracbridge.adapters.connectors.rest.asking import Asking
from tracbridge.adapters.connectors.rest.calls import Call, Reply
from tracbridge.adapters.connectors.rest.hiding import Hiding
from tracbridge.adapters.connectors.rest.load import load
from tracbridge.adapters.connectors.rest.sender import Sender
from tracbridge.adapters.connectors.rest.settings import RestSettings
from tracbridge.adapters.connectors.rest.system import System
from tracbridge.adapters.connectors.rest.writing import Writer
from tracbridge.config.places import Places
from tracbridge.resilience.paces import Paces

REPLIES = Path(__file__).parent / "replies"
NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)

INTERFACE: dict[str, Any] = {
    "interface": "his",
    "ref": "{id}",
    "record_version": "v",
    "lock": {"header": "If-Match"},
    "read": {
        "request": {
            "path": "/orders",
            "query": {"since": "{since}", "top": "{limit}", "skip": "{offset}"},
        },
        "first": {"query": {"since": None}},
        "records": "orders",
        "size": 3,
        "paging": {"kind": "keyset"},
        "changed": {"path": "at", "overlap": 0},
    },
    "one": {"request": {"path": "/orders/{ref}"}},
    "find": {
        "request": {"path": "/orders", "query": {"number": "{number}"}},
        "records": "orders",
        "shows": "no",
    },
    "create": {
        "request": {"method": "POST", "path": "/orders", "body": "{record}"},
        "answer": {"record": ""},
        "also": {"no": "{number}"},
        "never": ["id"],
    },
    "update": {
        "request": {"method": "PATCH", "path": "/orders/{ref}", "body": "{changes}"},
        "answer": {"record": ""},
        "never": ["id", "at", "v"],
    },
    "error": {"code": ["code"], "message": ["message"]},
}


def overlaid(under: Any, over: Any) -> Any:
    """One table on another; ``...`` takes a key away."""
    if not (isinstance(under, dict) and isinstance(over, dict)):
        return over
    merged = {**under, **{k: overlaid(under.get(k), v) for k, v in over.items()}}
    return {key: value for key, value in merged.items() if value is not ...}


def system(**over: Any) -> System:
    """An interface of a few words, changed."""
    return load(overlaid(INTERFACE, over), Places(lambda _: "file:1"), UTC)


def saved(name: str) -> Reply:
    """A reply as some system once gave it."""
    told = json.loads((REPLIES / f"{name}.json").read_text())
    data = told["text"].encode() if "text" in told else json.dumps(told["body"]).encode()
    return Reply(told["status"], told["headers"], data, "GET /orders", "read")


def reply(body: Any, status: int = 200, **headers: str) -> Reply:
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    named = {"content-type": "application/json"}
    named |= {key.replace("_", "-"): value for key, value in headers.items()}
    return Reply(status, named, data, "GET /orders", "read")


Answer = Reply | Exception


class Saved(Sender):
    """A sender that answers from a list, or as a function says; ``calls``: what it was sent."""

    def __init__(self, *answers: Answer, by: Callable[[Call], Answer] | None = None) -> None:
        self.answers, self.by = list(answers), by
        self.calls: list[Call] = []
        self.closed = 0
        self.seconds = 0.0
        settings = RestSettings(connector="rest", preset="odoo", url="https://erp.example.com")
        super().__init__(settings, paces=Paces(lambda: self.seconds, asyncio.sleep, lambda: 0.5))

    async def send(self, call: Call) -> Reply:
        self.calls.append(call)
        answer = self.by(call) if self.by else self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    async def aclose(self) -> None:
        self.closed += 1

    @property
    def told(self) -> list[str]:
        """Method and path of each call."""
        return [f"{call.method} {call.path}" for call in self.calls]


def asking(sender: Saved, used: System | None = None, secret: str = "") -> Asking:
    auth = {"kind": "bearer", "token": secret} if secret else {"kind": "none"}
    given = {"connector": "rest", "preset": "odoo", "url": "https://erp.example.com", "auth": auth}
    return Asking(used or system(), sender, lambda: NOW, Hiding(RestSettings(**given)))


def writer(*answers: Answer, used: System | None = None) -> tuple[Writer, Saved]:
    sender = Saved(*answers)
    return Writer(asking(sender, used)), sender


def order(number: int, **more: Any) -> dict[str, Any]:
    """A record of that system."""
    return {"id": str(number), "no": "", "at": "2026-11-20T10:00:00Z", "v": "1", **more}


def orders(records: Iterable[Any]) -> Reply:
    return reply({"orders": list(records)})
