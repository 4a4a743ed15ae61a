"""What was committed does not come again while it stays as it is."""

import pytest

from tracbridge.adapters.connectors.rest import settled
from tracbridge.adapters.connectors.rest.settled import Settled
from tracbridge.domain.errors import RecordError
from tracbridge.ports.connector import Cursor, Page, Record


def page(cursor: str, *records: Record) -> Page:
    return Page(records, Cursor(cursor))


def record(ref: str | None, text: str = "a", version: str = "1") -> Record:
    return Record({"text": text}, ref, version, raw=text.encode())


def refs(found: Page) -> list[str | None]:
    return [one.ref for one in found.records]


def test_what_was_not_committed_comes_again() -> None:
    known = Settled()
    assert refs(known.fresh(page("1", record("7")))) == ["7"]
    assert refs(known.fresh(page("1", record("7")))) == ["7"]


def test_what_was_committed_comes_again_only_when_it_is_another() -> None:
    known = Settled()
    known.fresh(page("1", record("7"), record("8")))
    known.add(Cursor("1"))
    assert refs(known.fresh(page("2", record("7"), record("8", "b")))) == ["8"]
    assert refs(known.fresh(page("3", record("7", version="2")))) == ["7"]


def test_an_older_page_that_was_committed_with_a_later_one_counts_too() -> None:
    known = Settled()
    known.fresh(page("1", record("7")))
    known.fresh(page("2", record("8")))
    known.add(Cursor("2"))
    assert refs(known.fresh(page("3", record("7"), record("8")))) == []


def test_a_page_after_the_committed_one_does_not_count() -> None:
    known = Settled()
    known.fresh(page("1", record("7")))
    known.fresh(page("2", record("8")))
    known.add(Cursor("1"))
    assert refs(known.fresh(page("2", record("8")))) == ["8"]


def test_pages_with_one_cursor_are_committed_together() -> None:
    known = Settled()
    known.fresh(page("1", record("7")))
    known.fresh(page("1", record("8")))
    known.add(Cursor("1"))
    assert refs(known.fresh(page("2", record("7"), record("8")))) == []


def test_a_record_without_an_id_always_comes() -> None:
    known = Settled()
    broken = Record(None, raw=b"x", error=RecordError("type", "is no record."))
    known.fresh(page("1", broken))
    known.add(Cursor("1"))
    assert len(known.fresh(page("2", broken)).records) == 1


def test_a_cursor_that_nobody_gave_commits_nothing() -> None:
    known = Settled()
    known.fresh(page("1", record("7")))
    known.add(Cursor("0"))
    assert refs(known.fresh(page("1", record("7")))) == ["7"]


def test_memory_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settled, "KEPT", 10)
    known = Settled()
    for n in range(3):
        known.fresh(page(str(n), *(record(f"{n}-{one}") for one in range(10))))
        known.add(Cursor(str(n)))
    assert refs(known.fresh(page("x", record("2-9")))) == []
    assert refs(known.fresh(page("y", record("0-0")))) == ["0-0"]
