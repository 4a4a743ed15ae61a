"""Comments in the customer's spelling, and the state in which new orders begin."""

from datetime import UTC, datetime
from typing import Any

import pytest

from tests.unit.declaring import made
from tracbridge.domain.comment import Comment
from tracbridge.domain.errors import RecordError, SettingError
from tracbridge.mapping.comments import CommentSide
from tracbridge.mapping.translation import Route

ALONE: dict[str, Any] = {
    "of": "order",
    "key": "id",
    "text": {"path": "body", "html": True},
    "author": "who[1]",
    "at": {"path": "at"},
}
WITHIN: dict[str, Any] = {
    "path": "log",
    "key": "id",
    "text": {"path": "short", "limit": 10},
    "long": {"path": "whole"},
}


def side(**words: Any) -> CommentSide:
    found = made(comments=words).comments
    assert found is not None
    return found


def test_a_comment_is_read_with_its_order_its_author_and_its_time() -> None:
    body = {"order": 7, "id": 41, "body": "<p>Loud &amp; hot</p>", "who": [3, "Ana"]}
    alone = side(**ALONE)
    assert alone.order(body) == "7"
    at = datetime(2026, 11, 20, 9, tzinfo=UTC)
    said = alone.read({**body, "at": "2026-11-20T09:00:00Z"})
    assert said == Comment("Loud & hot", "Ana", at, key="41")


@pytest.mark.parametrize(
    "body",
    [
        {"id": 1},
        {"id": 1, "body": ""},
        {"id": 1, "body": None},
        {"body": "x"},
        {"id": True, "body": "x"},
        {"id": "", "body": "x"},
        {"id": "x" * 121, "body": "x"},
        {"id": "a\nb", "body": "x"},
    ],
)
def test_a_comment_without_a_text_or_a_key_is_refused(body: dict[str, Any]) -> None:
    with pytest.raises(RecordError):
        side(**ALONE).read(body)


def test_what_an_order_carries_is_found_and_what_is_none_is_left_out() -> None:
    within = side(**WITHIN)
    assert within.within({"log": [{"id": 1}, "x", None]}) == [{"id": 1}]
    assert within.within({"log": None}) == within.within({}) == ()
    assert within.order({"order": 7}) is None


def test_a_short_text_is_written_where_short_ones_stand_and_a_long_one_whole_beside_it() -> None:
    within = side(**WITHIN)
    assert within.write(Comment("Checked")) == {"short": "Checked"}
    long = Comment("Checked, and greased twice")
    assert within.write(long) == {"short": "Checked, a", "whole": long.text}
    assert within.shown(long) == long.text
    assert within.read({"id": 1, **within.write(long)}).text == long.text


def test_a_text_that_his_system_cuts_is_expected_as_it_comes_back() -> None:
    cut = side(**{**WITHIN, "long": None})
    assert cut.shown(Comment("Checked, and greased twice")) == "Checked, a"


@pytest.mark.parametrize(
    "words",
    [
        {"path": "log", "of": "order"},
        {"path": None, "of": None},
        {"tracos": "status"},
        {"tracos": "a.b"},
        {"text": {"path": "n", "as": "integer"}},
    ],
)
def test_what_comments_cannot_mean_is_refused(words: dict[str, Any]) -> None:
    with pytest.raises(SettingError, match="comments"):
        made(comments={**WITHIN, **words})


CASES = {
    "cases": [
        {"is": "pending", "when": {"state": "NEW"}},
        {"is": "in_progress", "when": {"state": "RUN"}},
        {"is": "completed", "when": {"state": "END"}},
    ]
}
STEPS = {"NEW": ["RUN"], "RUN": ["END"], "END": []}


def test_a_new_order_begins_where_his_system_lets_it_and_goes_on_from_there() -> None:
    used = made({"status": CASES}, transitions={"initial": "NEW", "steps": STEPS})
    assert used.route("", "", None, "pending") == Route("NEW", "pending", last=True)
    assert used.route("", "", None, "completed") == Route("NEW", "pending", last=False)
    assert used.route("NEW", "", "pending", "completed") == Route("RUN", "in_progress", last=False)


def test_a_new_order_may_begin_anywhere_where_nothing_is_said() -> None:
    used = made({"status": CASES}, transitions={"steps": STEPS})
    assert used.route("", "", None, "completed") is None


def test_the_state_in_which_orders_begin_is_one_of_the_status() -> None:
    with pytest.raises(SettingError, match="initial"):
        made({"status": CASES}, transitions={"initial": "NOWHERE", "steps": STEPS})
