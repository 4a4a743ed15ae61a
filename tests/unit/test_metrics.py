"""Labels stay few whatever happens, and a page shows what it may and nothing else."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st
from prometheus_client.parser import text_string_to_metric_families

from tracbridge.adapters.observe.metrics import (
    OTHER,
    Bounded,
    Metrics,
    Process,
    Reading,
    summed,
    worst,
)
from tracbridge.bootstrap.inventory import breakers

NOW = datetime(2026, 3, 20, 12, 0, tzinfo=UTC)
WORDS = st.text(max_size=12) | st.sampled_from(["type", "no_status", "read"])


@given(st.lists(WORDS, max_size=40), st.integers(0, 5))
def test_a_label_takes_few_plain_words_and_all_else_is_other(values: list[str], limit: int) -> None:
    bound = Bounded(limit)
    labels = [bound(value) for value in values]
    assert len({*labels} - {OTHER}) <= limit
    assert [bound(value) for value in values] == labels


@given(st.dictionaries(WORDS, st.integers(1, 9), max_size=9), st.integers(0, 3))
def test_nothing_is_lost_where_labels_are_put_together(counts: dict[str, int], limit: int) -> None:
    assert sum(summed(counts, Bounded(limit)).values()) == sum(counts.values())


@given(st.dictionaries(WORDS, st.sampled_from(["closed", "half_open", "open"]), max_size=9))
def test_an_open_breaker_shows_whatever_shares_its_label(states: dict[str, str]) -> None:
    found = worst(states, Bounded(1))
    assert max(found.values(), default=0) == (
        1 if "open" in states.values() else 0.5 if "half_open" in states.values() else 0
    )


class _Heard:
    def __init__(self) -> None:
        self.told: list[object] = []

    def batch(self, flow: str, counts: object) -> None:
        self.told.append((flow, counts))

    def incident(self, code: str, where: str, message: str) -> None:
        self.told.append((code, where, message))


@given(st.text(), st.text(), st.text())
def test_whatever_is_told_no_word_of_it_is_on_the_page(code: str, where: str, message: str) -> None:
    metrics, heard = Metrics(), _Heard()
    observer = metrics.observer(heard, "t", "c")
    observer.incident(f"<{code}", where, f"<{message}")
    observer.batch(f"<{where}", {f"<{code}": 1, "read": 0})
    assert heard.told == [
        (f"<{code}", where, f"<{message}"),
        (f"<{where}", {f"<{code}": 1, "read": 0}),
    ]
    page = metrics.page([Reading("t", "c", NOW)], Process(), NOW).decode()
    assert "<" not in page
    assert 'tracbridge_incidents_total{code="other",connection="c",tenant="t"} 1.0' in page


TENANTS = st.sampled_from(["t1", "t2"])
PAIRS = st.sets(st.tuples(TENANTS, st.sampled_from(["a", "b", "c"])), max_size=6)


@given(PAIRS, PAIRS)
def test_a_page_is_about_its_connections_only(
    active: set[tuple[str, str]], shown: set[tuple[str, str]]
) -> None:
    metrics = Metrics()
    for one in active:
        metrics.observer(_Heard(), *one).batch("inbound", {"read": 1})
        metrics.passed(one, 0.2, "ok")
    readings = [Reading(tenant, name, NOW) for tenant, name in shown]
    page = metrics.page(readings, Process(), NOW, whole=False).decode()
    seen = {
        (one.labels["tenant"], one.labels["connection"])
        for family in text_string_to_metric_families(page)
        for one in family.samples
        if "tenant" in one.labels
    }
    assert seen == shown
    assert "process_" not in page


def test_a_connection_that_was_not_read_yet_has_no_figures_that_look_like_good_news() -> None:
    page = Metrics().page([Reading("t", "c", failing=NOW)], Process(), NOW).decode()
    assert "tracbridge_freshness_seconds{" not in page
    assert 'tracbridge_up{connection="c",tenant="t"} 0.0' in page


def test_an_open_breaker_is_half_open_when_its_time_is_over_unless_somebody_opened_it() -> None:
    one = {"state": "open", "force": "automatic", "seconds": 30.0}
    forced = {**one, "force": "open", "seconds": 0.0}
    kept = {"at": NOW, "state": {"operations": {"read": one, "update": forced}}}
    assert breakers(kept, NOW) == {"read": "open", "update": "open"}
    later = NOW + timedelta(seconds=30)
    assert breakers(kept, later) == {"read": "half_open", "update": "open"}
    assert breakers(None, NOW) == {}
