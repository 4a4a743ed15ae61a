"""The daily report: when it is due, and that its counts add up."""

from datetime import UTC, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st

from tracbridge.domain.link import Link
from tracbridge.engine.reconcile import Found, Looked
from tracbridge.runtime.daily import MANY, WORST, Count, Report, due, keep, moment, reports, worst
from tracbridge.sync.drift import Cure, Drift

NOW = datetime(2026, 3, 20, 12, 0, tzinfo=UTC)
ZONES = st.sampled_from(["UTC", "America/Sao_Paulo", "Europe/Berlin", "Pacific/Apia"])
TIMES = st.times().map(lambda at: at.replace(second=0, microsecond=0))
MOMENTS = st.integers(-3_000_000, 3_000_000).map(lambda n: NOW + timedelta(minutes=n))


def found(ref: str, drift: Drift) -> Found:
    return Found(ref, drift, Cure.NONE, Link("i", "c", ref, "", "order"))


PAGES = st.lists(
    st.lists(st.tuples(st.integers(0, 9), st.sampled_from(Drift)), max_size=12), max_size=4
)


@given(PAGES)
def test_the_counts_add_up_to_all_orders(pages: list[list[tuple[int, Drift]]]) -> None:
    count = Count()
    for number, page in enumerate(pages):
        count.add(Looked(10, [found(f"{number}-{ref}", drift) for ref, drift in page]))
    report = count.report("2026-03-20", NOW, 0.5)
    assert sum(report.counts.values()) == report.orders == 10 * len(pages)
    assert all(report.counts.values())


@given(st.permutations(list(Drift)))
def test_an_order_is_counted_by_its_worst_reason_however_they_are_found(many: list[Drift]) -> None:
    assert worst([found("1", drift) for drift in many]) == {"1": WORST[0]}


def test_every_reason_has_its_rank() -> None:
    assert sorted(WORST) == sorted(Drift)


@given(MOMENTS, TIMES, ZONES)
def test_a_day_is_due_once(now: datetime, at: time, zone: str) -> None:
    day = due(now, at, ZoneInfo(zone), "")
    assert day
    assert due(now, at, ZoneInfo(zone), day) == ""


@given(MOMENTS, TIMES, ZONES)
def test_the_next_one_is_due_from_its_time_on_and_not_before(
    now: datetime, at: time, name: str
) -> None:
    zone = ZoneInfo(name)
    day = due(now, at, zone, "")
    following = datetime.fromisoformat(day).date() + timedelta(days=1)
    begins = moment(following, at, zone)
    assert due(begins - timedelta(seconds=1), at, zone, day) == ""
    assert due(begins, at, zone, day) == following.isoformat()


def test_an_hour_that_the_clock_skips_is_due_all_the_same() -> None:
    berlin, at = ZoneInfo("Europe/Berlin"), time(2, 30)
    spring = datetime(2026, 3, 29, 0, 59, tzinfo=UTC)
    assert due(spring, at, berlin, "2026-03-28") == ""
    assert due(spring + timedelta(hours=1), at, berlin, "2026-03-28") == "2026-03-29"


def test_only_the_latest_day_is_made_up_for() -> None:
    assert due(NOW, time(6), ZoneInfo("UTC"), "2026-01-01") == "2026-03-20"
    assert due(NOW, time(18), ZoneInfo("UTC"), "2026-01-01") == "2026-03-19"


class Kept:
    def __init__(self) -> None:
        self.value: Any = None

    async def cursor(self, name: str) -> Any:
        return self.value

    async def keep_cursor(self, name: str, value: Any) -> None:
        self.value = value


async def test_the_latest_reports_are_kept_one_per_day() -> None:
    memory = Kept()
    for number in range(MANY + 5):
        day = (NOW + timedelta(days=number)).date().isoformat()
        for orders in (1, number):
            await keep(memory, Report(day, NOW, 0.1, orders, {"in order": orders}))
    days = await reports(memory)
    assert len(days) == MANY
    assert days[0].orders == MANY + 4
    assert [one.day for one in days] == sorted({one.day for one in days}, reverse=True)


def test_a_report_says_drift_apart_from_what_is_on_its_way_or_waits() -> None:
    counts = {"in order": 1_000, "waiting": 5, "held": 2, "tampered": 1, "wrong flag": 2}
    report = Report("2026-03-20", NOW, 0.1, 1_010, counts)
    assert report.drift == 3
    assert report.text == (
        "2026-03-20: 1,010 orders: 1,000 in order, 5 waiting, 1 tampered, 2 wrong flag, 2 held."
    )
