"""What holds whenever a run is taken back, whatever it did and whatever happened since."""

from collections.abc import Sequence
from random import Random

from hypothesis import given
from hypothesis import strategies as st

from tests.property.cases import NAMES, STEADY, agreed, fields, rolled, some_fields, some_names
from tracbridge.domain.workorder import Fields, Side, Value
from tracbridge.sync.undo import HARMLESS, Trace, Undo, undo


def some_run(dice: Random) -> tuple[Fields, list[Trace], Fields]:
    """An order before and after a run that changed it a few times, with its traces."""
    before = shown = some_fields(dice)
    traces = []
    for _ in range(dice.randrange(1, 4)):
        after = {**shown, **{name: some_fields(dice)[name] for name in some_names(dice)}}
        changed = {name: value for name, value in after.items() if shown[name] != value}
        old = {name: shown[name] for name in changed}
        traces.append(Trace(Side.TRACOS, old, changed))
        if dice.random() < 0.5:
            traces.append(Trace(Side.CUSTOMER, old, changed))
        shown = after
    return before, traces, shown


runs: st.SearchStrategy[tuple[Fields, list[Trace], Fields]] = rolled(some_run)


def taken_back(traces: Sequence[Trace], shown: Fields) -> tuple[Undo, dict[str, Value]]:
    """The undo, and what TracOS shows after it."""
    found = undo("1", traces, agreed(shown), shown)
    return found, {**shown, **{name: back for name, (_, back) in found.fields.items()}}


@STEADY
@given(runs)
def test_a_run_after_which_nothing_was_changed_is_taken_back_whole(
    run: tuple[Fields, list[Trace], Fields],
) -> None:
    before, traces, shown = run
    found, after = taken_back(traces, shown)
    assert after == before
    assert found.whole


@STEADY
@given(runs, fields)
def test_only_what_still_shows_the_runs_value_is_set_back(
    run: tuple[Fields, list[Trace], Fields], now: Fields
) -> None:
    before, traces, shown = run
    _, after = taken_back(traces, now)
    for name in NAMES:
        if now[name] != shown[name]:
            assert after[name] == now[name]
        assert after[name] in (now[name], before[name])


@STEADY
@given(runs, fields)
def test_every_field_of_the_run_shows_the_value_before_or_is_on_record(
    run: tuple[Fields, list[Trace], Fields], now: Fields
) -> None:
    before, traces, _ = run
    found, after = taken_back(traces, now)
    for name in {name for trace in traces for name in trace.after}:
        if after[name] != before[name]:
            assert found.later[name].before == before[name]
            assert found.later[name].now == after[name]
        else:
            assert name not in found.later


@STEADY
@given(runs, fields)
def test_undoing_twice_does_nothing_the_second_time(
    run: tuple[Fields, list[Trace], Fields], now: Fields
) -> None:
    _, traces, _ = run
    first, after = taken_back(traces, now)
    second, still = taken_back(traces, after)
    assert (second.fields, still, second.later) == ({}, after, first.later)


@STEADY
@given(runs, fields)
def test_an_undo_can_be_undone(run: tuple[Fields, list[Trace], Fields], now: Fields) -> None:
    _, traces, _ = run
    found, after = taken_back(traces, now)
    old = {name: pair[0] for name, pair in found.fields.items()}
    new = {name: pair[1] for name, pair in found.fields.items()}
    again, back = taken_back([Trace(Side.TRACOS, old, new)], after)
    assert back == now
    assert all(one.why in HARMLESS for one in again.rest)
