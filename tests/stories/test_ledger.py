"""The ledger finds what disappears in silence, and nothing else."""

import pytest

from tests.stories.ledger import Values


@pytest.fixture
def values() -> Values:
    """Both sides hold ``pending``, and TracOS completes the order."""
    field = Values()
    field.enter("customer", "pending", "first")
    field.shows("TracOS", "pending")
    field.enter("TracOS", "completed", "second")
    return field


def lost(values: Values) -> list[str]:
    values.agree()
    return [edit.where for edit in values.lost()]


def test_an_edit_that_arrives_is_not_lost(values: Values) -> None:
    values.shows("customer", "completed")
    assert not lost(values)


def test_an_edit_that_has_not_reached_the_other_side_is_lost(values: Values) -> None:
    assert lost(values) == ["second"]


def test_a_silent_revert_is_a_loss_even_after_somebody_wrote_over_it(values: Values) -> None:
    values.shows("TracOS", "pending")
    assert lost(values) == ["second"]
    values.enter("TracOS", "on_hold", "third")
    values.shows("customer", "on_hold")
    assert lost(values) == ["second"]


def test_whoever_saw_a_value_may_replace_it_with_the_one_before(values: Values) -> None:
    values.shows("customer", "completed")
    values.enter("customer", "pending", "third")
    values.shows("TracOS", "pending")
    assert not lost(values)


def test_a_value_on_record_is_not_lost(values: Values) -> None:
    values.enter("customer", "on_hold", "third")
    values.shows("TracOS", "on_hold")
    assert lost(values) == ["second"]
    values.record("completed")
    assert not lost(values)


def test_the_same_value_entered_after_it_came_on_record_is_an_edit_of_its_own(
    values: Values,
) -> None:
    values.record("completed")
    values.shows("TracOS", "pending")
    values.enter("customer", "completed", "third")
    values.shows("customer", "pending")
    assert lost(values) == ["third"]


def test_a_person_who_decides_has_seen_both_sides(values: Values) -> None:
    values.enter("customer", "on_hold", "third")
    values.enter("TracOS", "in_progress", "decided", "customer")
    values.shows("customer", "in_progress")
    assert not lost(values)


def test_the_same_value_entered_on_both_sides_counts_for_both(values: Values) -> None:
    values.enter("customer", "completed", "third")
    assert not lost(values)
    values.enter("customer", "on_hold", "fourth")
    values.shows("TracOS", "on_hold")
    assert not lost(values)


def test_a_value_that_nobody_entered_is_told(values: Values) -> None:
    assert values.shows("customer", "on_hold") == "customer shows 'on_hold', which nobody entered"
