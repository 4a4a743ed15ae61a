"""A system in memory that gives its records in pages, the ways that systems do."""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import parse_qsl

from tests.unit.rest.saved import NOW, reply, system
from tracbridge.adapters.connectors.rest.calls import Call, Reply
from tracbridge.adapters.connectors.rest.paging import At, Pager, Seen
from tracbridge.ports.connector import Cursor, Page

BASE = "https://erp.example.com"
START = NOW - timedelta(days=1)
FIRST = {"query": {"since": None}}

KINDS: dict[str, dict[str, Any]] = {
    "keyset": {},
    "keyset, full pages": {"paging": {"kind": "keyset", "full": True}},
    "offset": {"paging": {"kind": "offset"}, "sorted": True},
    "offset, full pages": {"paging": {"kind": "offset", "full": True}, "sorted": True},
    "page": {
        "request": {"query": {"skip": None, "page": "{page}"}},
        "paging": {"kind": "page", "more": "more"},
        "sorted": True,
    },
    "keyset by id": {
        "request": {"query": {"skip": None, "after": "{last}"}},
        "paging": {"kind": "keyset", "by": "id", "initial": 0},
    },
    "keyset, asked in whole seconds": {
        "changed": {"path": "at", "send": "YYYY-MM-DDTHH:mm:ssZ", "overlap": 0},
    },
    "link": {"request": {"query": {"skip": None}}, "paging": {"kind": "link", "path": "next"}},
    "relative link in a header": {
        "request": {"query": {"skip": None}},
        "paging": {"kind": "link"},
    },
}


class Table:
    """The records: (id, seconds after the start, text). Times are shown in whole seconds, or
    ``fine``.
    """

    fine = False

    def __init__(self, rows: Sequence[tuple[int, float, str]] = ()) -> None:
        self.rows = {id_: (id_, at, text) for id_, at, text in rows}
        self.calls: list[Call] = []
        self.spoil: Callable[[list[Any], int], list[Any]] = lambda page, _: page

    def shown(self, row: tuple[int, float, str]) -> dict[str, Any]:
        at = (START + timedelta(seconds=row[1] if self.fine else int(row[1]))).isoformat()
        return {"id": row[0], "at": at, "v": str(row[1]), "text": row[2]}

    def answer(self, call: Call) -> Reply:
        self.calls.append(call)
        query = dict(call.query) | dict(parse_qsl(call.path.partition("?")[2]))
        rows = sorted(self.rows.values(), key=lambda row: (row[1], row[0]))
        if since := query.get("since"):
            from_ = datetime.fromisoformat(since)
            rows = [r for r in rows if START + timedelta(seconds=r[1]) >= from_]
        if "after" in query:
            rows = sorted(r for r in rows if r[0] > int(query["after"]))
        size = int(query["top"])
        skip = int(query.get("skip", (int(query.get("page", 1)) - 1) * size))
        page = [self.shown(row) for row in rows[skip : skip + size]]
        more = len(rows) > skip + size
        page = self.spoil(page, len(self.calls))
        link = f"/orders?top={size}&skip={skip + size}" + (f"&since={since}" if since else "")
        link = link.replace("+", "%2B")
        body = {"orders": page, "more": more, "next": BASE + link if more else None}
        header = {"link": f'<{link}>; rel="next"'} if more else {}
        return reply(body, 200, **header)


def pager(kind: str, size: int = 3, **read: Any) -> Pager:
    told = {"size": size, "first": FIRST, **KINDS[kind], **read}
    return Pager(system(ref="{id}", read=told), BASE)


def read(
    pages: Pager,
    table: Table,
    since: Cursor | None = None,
    *,
    between: Callable[[int], None] = lambda _: None,
    now: datetime = NOW,
) -> list[Page]:
    """One whole reading; ``between``: what happens there after each page."""
    found: list[Page] = []
    table.fine = pages.system.spec.read.changed.send is not None  # type: ignore[union-attr]
    at: At | None = pages.start(since, now)
    seen = Seen()
    while at is not None:
        step = pages.take(at, table.answer(pages.call(at)), seen, now)
        found.append(step.page)
        at = step.next
        between(len(found))
        assert len(found) < 500
    return found


def ids(pages: Sequence[Page]) -> list[int]:
    """Those of the records, in order."""
    return [int(record.ref or 0) for page in pages for record in page.records]
