"""The names of claimed batches: which came first is read from them after a crash."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta, timezone

from hypothesis import given
from hypothesis import strategies as st

from tracbridge.adapters.connectors.folder.claims import (
    claim_folder,
    in_claim_order,
    new_batch,
    parse_folder,
    taken_at,
)
from tracbridge.domain.link import Claim

INSTANTS = st.datetimes(timezones=st.just(UTC)).map(
    lambda at: at.replace(year=2000 + at.year % 80 // 4 * 4)
)


@given(st.lists(INSTANTS, min_size=2, max_size=9))
def test_batches_of_a_pass_keep_their_order_whatever_the_clock_says(
    times: Sequence[datetime],
) -> None:
    claim = Claim(7, 6)
    made = [claim_folder("", claim, new_batch(at)) for at in times]
    assert in_claim_order(reversed(made)) == made
    numbers = [one.number for one in made]
    assert numbers == sorted(set(numbers)), "a record's place in its pass begins with the number"


@given(INSTANTS)
def test_a_batch_tells_to_the_microsecond_when_it_was_taken(time: datetime) -> None:
    at = time.astimezone(timezone(timedelta(hours=-3)))
    batch = new_batch(at)
    assert taken_at(batch) == at
    folder = parse_folder(claim_folder("", Claim(1, 0), batch).path)
    assert folder is not None
    assert (folder.batch, folder.day) == (batch, f"{at.astimezone(UTC):%Y-%m-%d}")


def test_the_names_of_earlier_releases_tell_the_second() -> None:
    at = datetime(2026, 11, 27, 23, 59, 58, tzinfo=UTC)
    assert taken_at("20261127T235958-00000affffffff") == at
