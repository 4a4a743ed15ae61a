"""Comments by the contract: the REST connector fulfils it, and broken ones are caught by name."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any

import pytest
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from tests.contract.plain_api import INTERFACE, PlainApi
from tests.contract.test_planted_faults import outcomes
from tests.contract.test_rest import PlainContract, connector
from tracbridge.adapters.connectors.rest.connector import RestConnector
from tracbridge.sdk import Body, Cursor, Page, Receipt, Record, Refusal, UnknownOutcomeError
from tracbridge.testing.contract import ConnectorContract, Rig
from tracbridge.testing.conversing import ConversingContract
from tracbridge.testing.erp.serving import serve

REMARKS: dict[str, Any] = {
    "ref": "{id}",
    "read": {
        "request": {
            "path": "/remarks",
            "query": {"since": "{since}", "limit": "{limit}", "offset": "{offset}"},
        },
        "first": {"query": {"since": None}},
        "records": "remarks",
        "paging": {"kind": "keyset", "full": True},
        "changed": {"path": "made"},
    },
    "of": {"path": "/remarks/{ref}"},
    "records": "remarks",
    "add": {"method": "POST", "path": "/remarks/{ref}", "body": "{record}"},
    "answer": {"ref": "{id}"},
}


class TalkingApi(PlainApi):
    """The same system, whose people comment on orders."""

    def __init__(self) -> None:
        super().__init__()
        self.said: list[dict[str, Any]] = []

    async def say(self, ref: str, text: str) -> str:
        return str(self.added(ref, text)["id"])

    async def remarks(self, ref: str) -> list[tuple[str, str]]:
        return [(str(one["id"]), one["text"]) for one in self.said if one["order"] == ref]

    def added(self, ref: str, text: str) -> dict[str, Any]:
        made = self.next().replace(second=len(self.said)).isoformat()
        self.said.append({"id": len(self.said) + 1, "order": ref, "text": text, "made": made})
        return self.said[-1]

    def answer(self, request: Request, body: Any) -> Response:
        if not request.url.path.startswith("/remarks"):
            return super().answer(request, body)
        ref = request.url.path.removeprefix("/remarks").strip("/")
        if request.method == "POST":
            return JSONResponse(self.added(ref, body["text"]), 201)
        if ref:
            return JSONResponse({"remarks": [one for one in self.said if one["order"] == ref]})
        query = request.query_params
        since = datetime.fromisoformat(query.get("since") or "2000-01-01T00:00:00+00:00")
        rows = [one for one in self.said if datetime.fromisoformat(one["made"]) >= since]
        rows = rows[int(query["offset"]) :]
        return JSONResponse({"remarks": rows[: int(query["limit"])]})


class TalkingContract(PlainContract):
    size = 3
    connector: type[RestConnector] = RestConnector

    @asynccontextmanager
    async def rig(self) -> AsyncIterator[Rig]:
        api = TalkingApi()
        talks = {**INTERFACE, "comments": REMARKS}
        async with serve(api) as url:

            def made() -> RestConnector:
                return connector(url, api, self.size, talks, self.connector)

            yield Rig(made(), api, made)

    def remark(self, text: str) -> Body:
        return {"text": text}

    def key_and_text(self, comment: Body) -> tuple[str, str]:
        return str(comment["id"]), comment["text"]


class TestTalkingRestConnector(TalkingContract):
    """All of it, comments included."""


# -- broken on purpose --------------------------------------------------------------------------


class ListsAll(RestConnector):
    async def comments_of(self, order: Record) -> Sequence[Body]:
        return [record.body or {} async for page in self.comments(None) for record in page.records]


class NewestCommentFirst(RestConnector):
    async def comments_of(self, order: Record) -> Sequence[Body]:
        return list(reversed(await super().comments_of(order)))


class NamesTheOrder(RestConnector):
    async def comment(self, order: Record, body: Body, key: str) -> Receipt | Refusal:
        answer = await super().comment(order, body, key)
        return Receipt(f"order-{order.ref}") if isinstance(answer, Receipt) else answer


class SaysItTwice(RestConnector):
    async def comment(self, order: Record, body: Body, key: str) -> Receipt | Refusal:
        await super().comment(order, body, key)
        return await super().comment(order, body, key)


class GuessesThatItArrived(RestConnector):
    async def comment(self, order: Record, body: Body, key: str) -> Receipt | Refusal:
        answer = await super().comment(order, body, key)
        return Receipt("") if isinstance(answer, UnknownOutcomeError) else answer


class ReadsAgainFromTheFirst(RestConnector):
    async def comments(self, since: Cursor | None) -> AsyncIterator[Page]:
        async for page in super().comments(since):
            if since is None:
                yield page


BROKEN = {
    ListsAll: "test_comments_of_a_record_are_its_own_and_oldest_first",
    NewestCommentFirst: "test_comments_of_a_record_are_its_own_and_oldest_first",
    NamesTheOrder: "test_our_comment_is_there_once_and_under_the_key_of_its_receipt",
    SaysItTwice: "test_our_comment_is_there_once_and_under_the_key_of_its_receipt",
    GuessesThatItArrived: "test_of_a_comment_without_an_answer_the_list_tells",
    ReadsAgainFromTheFirst: "test_comments_of_both_sides_are_read_apart_from_their_place_on",
}


@pytest.mark.parametrize("broken", BROKEN, ids=lambda one: one.__name__)
async def test_a_connector_that_breaks_a_conversation_is_caught(
    broken: type[RestConnector],
) -> None:
    suite: ConnectorContract = TalkingContract()
    assert set(await outcomes(suite, BROKEN[broken])) == {"passed"}
    suite.connector = broken  # type: ignore[attr-defined]
    assert "failed" in await outcomes(suite, BROKEN[broken])


def test_comments_are_a_part_of_the_contract_of_every_connector() -> None:
    assert issubclass(ConnectorContract, ConversingContract)
