"""What of a pace is news that has to be kept."""

from typing import Any

import pytest

from tracbridge.engine.pace import told

CLOSED = {"state": "closed", "force": "automatic", "failures": 0, "openings": 0, "seconds": 0.0}
CALM: dict[str, Any] = {
    "operations": {"read": CLOSED, "update": CLOSED},
    "target": {"paused": 0.0, "throttles": 0},
}


def test_at_rest_there_is_nothing_to_keep() -> None:
    assert told({}) == told(CALM) == {}


@pytest.mark.parametrize(
    "change",
    [
        {"state": "open", "failures": 5, "openings": 1, "seconds": 30.0},
        {"force": "open", "state": "open"},
        {"force": "closed"},
        {"failures": 2},
    ],
)
def test_what_a_breaker_does_is_news(change: dict[str, Any]) -> None:
    state = {**CALM, "operations": {"read": CLOSED, "update": {**CLOSED, **change}}}
    assert set(told(state)) == {"update"}


def test_how_long_a_pause_still_is_is_no_news() -> None:
    one = {**CALM, "target": {"paused": 60.0, "throttles": 1}}
    other = {**CALM, "target": {"paused": 20.0, "throttles": 1}}
    assert told(one) == told(other) != {}


def test_a_longer_pause_after_another_refusal_is_news() -> None:
    one = {**CALM, "target": {"paused": 60.0, "throttles": 1}}
    other = {**CALM, "target": {"paused": 60.0, "throttles": 2}}
    assert told(one) != told(other)


def test_a_breaker_that_opened_again_is_news() -> None:
    opened = {**CLOSED, "state": "open", "failures": 5, "openings": 1}
    again = {**opened, "openings": 2}
    assert told({"operations": {"read": opened}}) != told({"operations": {"read": again}})


def test_each_failure_in_a_row_is_news_for_whoever_comes_after_us() -> None:
    once, twice = ({"operations": {"read": {**CLOSED, "failures": n}}} for n in (1, 2))
    assert told(once) != told(twice)
