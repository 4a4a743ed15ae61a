"""How a connection fares, in a word, and all of them in a sentence."""

from datetime import UTC, datetime, timedelta

import pytest
from msgspec.structs import replace

from tracbridge.dashboard.board import MINUTES, Flow
from tracbridge.dashboard.figures import Figures, sentence
from tracbridge.dashboard.rendering import polyline, shown, visible
from tracbridge.desk.blackouts import Blackouts
from tracbridge.domain.workorder import Side
from tracbridge.engine.controls import Paused
from tracbridge.ports.views import LastRun, Open, Standing

NOW = datetime(2026, 3, 20, 12, 0, tzinfo=UTC)
NOTHING = Open(held=0, quarantined=0, refused=0, missing=0)
RUN = LastRun("r", NOW, NOW, 0.1, 0)
STANDING = Standing("acme", RUN, "", 4, 0, NOTHING, None)
GOOD = Figures("acme", "acme", NOW, STANDING)
OLD = replace(STANDING, on_their_way=3, oldest=NOW - timedelta(minutes=41))
LATELY = replace(OLD, oldest=NOW - timedelta(minutes=2))


@pytest.mark.parametrize(
    ("figures", "word"),
    [
        (GOOD, "in order"),
        (replace(GOOD, standing=LATELY), "in order"),
        (replace(GOOD, standing=OLD), "behind"),
        (replace(GOOD, breaker="read"), "behind"),
        (replace(GOOD, paused={Side.TRACOS: Paused(NOW, "ana")}), "paused"),
        (
            replace(GOOD, standing=replace(STANDING, open=replace(NOTHING, held=1))),
            "needs attention",
        ),
        (replace(GOOD, standing=replace(STANDING, last_run=replace(RUN, exit=1))), "cannot run"),
        (replace(GOOD, standing=None, error="away"), "cannot run"),
        (replace(GOOD, standing=None), "not read yet"),
    ],
)
def test_the_worst_thing_gives_the_word(figures: Figures, word: str) -> None:
    assert figures.health == word


def test_the_sentence_counts_what_needs_a_person_and_nothing_else() -> None:
    held = replace(GOOD, standing=replace(STANDING, open=replace(NOTHING, held=1)))
    behind = replace(GOOD, standing=OLD)
    assert sentence([]) == "There is no connection yet."
    assert sentence([GOOD]) == "The connection acme is in order."
    assert sentence([GOOD, GOOD]) == "All 2 connections are in order."
    assert sentence([behind, GOOD, held]) == "1 of 3 connections needs attention."
    assert sentence([held, held, GOOD]) == "2 of 3 connections need attention."


def test_only_what_is_shown_makes_figures_differ() -> None:
    assert GOOD.same(replace(GOOD, at=NOW + timedelta(seconds=5)))
    assert not GOOD.same(replace(GOOD, to_approve=1))


def test_in_a_blackout_nothing_is_late() -> None:
    dark = Blackouts(NOW + timedelta(hours=2), None, None)
    assert replace(GOOD, standing=OLD, blackouts=dark).health == "in a blackout"
    assert replace(GOOD, standing=OLD, blackouts=Blackouts(None, NOW, NOW)).health == "behind"
    told = replace(GOOD, blackouts=dark, paused={Side.TRACOS: Paused(NOW, "ana")})
    assert told.health == "paused"


def test_how_long_a_backlog_takes_is_told_only_where_it_is_known() -> None:
    waits = replace(GOOD, standing=OLD, to_send=1_200)
    assert waits.caught_up(2.0) == "about 10 min"
    assert waits.caught_up(0.0) == "unknown: nothing was given in the last 10 minutes"
    paused = replace(waits, paused={Side.TRACOS: Paused(NOW, "ana")})
    assert paused.caught_up(2.0) == "not while it is paused"
    dark = replace(waits, blackouts=Blackouts(NOW + timedelta(hours=2), None, None))
    assert dark.caught_up(2.0) == "about 10 min after 2026-03-20 14:00Z, at the rate of before"


def test_the_rate_is_that_of_the_last_minutes_since_something_was_given() -> None:
    flow = Flow()
    assert flow.rate(6_000.0) == 0.0
    flow.add(95, 600)
    flow.add(99, 600)
    assert flow.rate(100 * 60.0) == pytest.approx(1_200 / 300)
    assert flow.rate(100 * 60.0 + 30) == pytest.approx(1_200 / 330)
    assert flow.rate(105 * 60.0) == pytest.approx(600 / 360)
    assert flow.rate(110 * 60.0) == 0.0


def test_an_hour_of_orders_moves_on_and_forgets_what_is_older() -> None:
    flow = Flow()
    flow.add(100, 5)
    flow.add(102, 2)
    flow.add(101, 1)
    assert flow.until(102)[-3:] == [5, 1, 2]
    assert flow.until(104)[-5:] == [5, 1, 2, 0, 0]
    assert sum(flow.until(100 + MINUTES)) == 3
    flow.add(20, 9)
    assert sum(flow.until(102)) == 8
    assert sum(flow.until(1_000)) == 0
    assert len(flow.until(1_000)) == MINUTES


def test_texts_from_outside_are_shown_with_all_that_hides_in_them() -> None:
    assert visible("a\u202eb\x00") == "a\\u202eb\\x00"
    assert visible("two\nlines") == "two\nlines"
    assert shown("x" * 1_000) == "x" * 399 + "…"
    assert [shown(value) for value in (None, True, 3)] == ["-", "yes", "3"]


def test_a_small_curve_stays_within_its_frame() -> None:
    points = [tuple(map(float, one.split(","))) for one in polyline([0, 7, 3]).split()]
    assert points == [(0.0, 23.0), (60.0, 1.0), (120.0, 13.6)]
