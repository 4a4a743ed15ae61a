"""Cursors: what is remembered comes back, and a time of change is never left behind too early."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.rest.saved import NOW
from tracbridge.adapters.connectors.rest.cursor import Memory, due, lowered, memory_of
from tracbridge.ports.connector import Cursor

moments = st.integers(0, 4_000_000_000).map(lambda n: datetime.fromtimestamp(n, UTC))
maybe = st.none() | moments
SAO, NEW_YORK = ZoneInfo("America/Sao_Paulo"), ZoneInfo("America/New_York")


@given(maybe, st.text(), maybe, maybe, st.none() | st.integers() | st.text(), maybe)
def test_a_cursor_comes_back_as_it_was(
    since: datetime | None,
    token: str,
    swept: datetime | None,
    began: datetime | None,
    last: int | str | None,
    top: datetime | None,
) -> None:
    memory = Memory(since, token, swept, began, last, top, form=1)
    assert memory_of(memory.cursor()) == memory
    assert memory_of(Cursor(str(memory.cursor()))) == memory


@pytest.mark.parametrize(
    "text", ["", "x", "7", "[]", '{"since": 7}', '{"since": "2026-01-01T00:00:00"}']
)
def test_a_text_that_we_did_not_write_says_nothing(text: str) -> None:
    assert memory_of(Cursor(text)) == Memory()
    assert memory_of(None) == Memory()


@pytest.mark.parametrize(
    ("memory", "hours", "whole"),
    [
        (Memory(), None, True),
        (Memory(None, "t"), None, False),
        (Memory(since=NOW), None, False),
        (Memory(since=NOW), 24, True),
        (Memory(since=NOW, swept=NOW - timedelta(hours=23)), 24, False),
        (Memory(since=NOW, swept=NOW - timedelta(hours=24)), 24, True),
    ],
)
def test_the_whole_list_is_due(memory: Memory, hours: float | None, whole: bool) -> None:
    assert due(memory, hours, NOW) is whole


@given(moments, st.floats(0, 86_400))
def test_the_overlap_is_read_again(moment: datetime, overlap: float) -> None:
    assert lowered(moment, overlap, None) == moment - timedelta(seconds=overlap)


@given(st.integers(-9000, 9000), st.integers(-9000, 9000), st.integers(0, 4000))
def test_of_an_hour_that_the_clocks_show_twice_nothing_is_lost(
    one: int, other: int, overlap: int
) -> None:
    """Whatever was changed later by the true clock stands at or after what we ask from."""
    border = datetime(2026, 11, 1, 6, tzinfo=UTC)  # the clocks of New York go back to 01:00
    read = border + timedelta(seconds=one)
    late = border + timedelta(seconds=max(one, other))
    shown = read.astimezone(NEW_YORK).replace(tzinfo=None)
    understood = shown.replace(tzinfo=NEW_YORK).astimezone(UTC)  # a clock without an offset
    from_ = lowered(understood, overlap, NEW_YORK).astimezone(NEW_YORK).replace(tzinfo=None)
    assert late.astimezone(NEW_YORK).replace(tzinfo=None) >= from_


def test_where_the_clocks_go_on_as_ever_only_the_overlap_is_read_again() -> None:
    for zone in (SAO, NEW_YORK, UTC):
        assert lowered(NOW, 60, zone) == NOW - timedelta(seconds=60)
