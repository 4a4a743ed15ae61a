"""The paces of all connections of one process."""

from tests.unit.resilience.clock import Clock, half
from tracbridge.resilience.breaker import Force, State
from tracbridge.resilience.paces import Paces
from tracbridge.resilience.target import PaceSettings

SETTINGS = PaceSettings()


def paces(clock: Clock) -> Paces:
    return Paces(clock, clock.sleep, half)


def test_connections_to_one_target_share_its_budget_and_its_pause() -> None:
    clock = Clock()
    all_ = paces(clock)
    one, two = all_.of("one", "erp", SETTINGS), all_.of("two", "erp", SETTINGS)
    other = all_.of("other", "elsewhere", SETTINGS)
    one.throttled(60)
    assert two.target is one.target
    assert two.target.bucket.held == 1_060
    assert other.target.bucket.held == 1_000
    assert one.breaker("read") is not two.breaker("read")


def test_a_connection_that_begins_anew_goes_on_where_it_was() -> None:
    clock = Clock()
    all_ = paces(clock)
    pace = all_.of("one", "erp", SETTINGS)
    pace.set("read", Force.OPEN)
    assert all_.of("one", "erp", SETTINGS).state("read") is State.OPEN
    assert all_.of("one", "moved", SETTINGS).state("read") is State.CLOSED


def test_of_several_limits_of_a_target_the_narrowest_counts() -> None:
    clock = Clock()
    all_ = paces(clock)
    one = all_.of("one", "erp", PaceSettings(10, 4))
    all_.of("two", "erp", PaceSettings(2, 20))
    assert (one.target.bucket.rate, one.target.bucket.burst) == (2, 4)
    all_.of("two", "elsewhere", PaceSettings(2, 20))
    assert (one.target.bucket.rate, one.target.bucket.burst) == (10, 4)
    all_.of("one", "erp", PaceSettings(3, 1))
    assert (one.target.bucket.rate, one.target.bucket.burst) == (3, 1)


def test_all_of_a_process_is_kept_and_goes_on_in_the_next_one() -> None:
    clock = Clock()
    before, after = paces(clock), paces(clock)
    before.of("one", "erp", SETTINGS).set("read", Force.OPEN)
    before.of("gone", "erp", SETTINGS)
    again = after.of("one", "erp", SETTINGS)
    after.of("new", "erp", SETTINGS)
    after.restore(before.describe())
    assert again.state("read") is State.OPEN


def test_what_is_kept_waits_for_a_connection_that_comes_later() -> None:
    clock = Clock()
    before, after = paces(clock), paces(clock)
    before.of("one", "erp", SETTINGS).throttled(100.0)
    after.restore(before.describe(), elapsed=10)
    clock.now += 20
    assert after.of("one", "erp", SETTINGS).target.bucket.held == clock.now + 70
    assert after.of("two", "elsewhere", SETTINGS).target.bucket.held == clock.now


def test_a_login_that_was_refused_is_not_tried_again_for_a_while_by_anybody() -> None:
    clock = Clock()
    all_ = paces(clock)
    all_.login("user with old secret").failed(clock.now, 0)
    assert all_.login("user with new secret").enter(clock.now) == 0
    assert all_.login("user with old secret").enter(clock.now) is None
    clock.now += 300
    assert all_.login("user with old secret").enter(clock.now)
    assert all_.login("user with old secret").enter(clock.now) is None
