"""The samples: the same for the same seed, of every kind, and fit to be linked and merged."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracbridge.runtime import sample

NOW = datetime(2026, 11, 20, 12, 0, 0, 123456, tzinfo=UTC)
COUNTS = st.integers(0, 60)
SEEDS = st.integers(0, 10**6)
STATUS_OF = {flag: status for status, flag in sample.FLAGS.items()}


def both(
    customer: int, tracos: int, seed: int = 0
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    orders = sample.customer_orders(customer, seed, NOW, tracos=tracos)
    return orders, sample.tracos_documents(tracos, seed, NOW)


def shared(customer: int, tracos: int, seed: int) -> list[tuple[dict[str, Any], dict[str, Any]]]:
    orders, documents = both(customer, tracos, seed)
    by_number = {document["number"]: document for document in documents}
    return [(o, by_number[o["orderNo"]]) for o in orders if o["orderNo"] in by_number]


def status(order: dict[str, Any]) -> str:
    true = [flag for flag in STATUS_OF if order.get(flag)]
    assert len(true) == 1 or (not true and "isActive" not in order and not order["isDeleted"])
    return STATUS_OF[true[0]] if true else "in_progress"


@given(COUNTS, COUNTS, SEEDS)
def test_the_same_seed_gives_the_same_orders(customer: int, tracos: int, seed: int) -> None:
    assert both(customer, tracos, seed) == both(customer, tracos, seed)


def test_ten_and_ten_share_four_of_which_some_differ_in_status_and_some_agree() -> None:
    pairs = shared(10, 10, 0)
    assert [order["orderNo"] for order, _ in pairs] == [7, 8, 9, 10]
    assert 0 < sum(status(order) != document["status"] for order, document in pairs) < 4


@given(COUNTS, COUNTS, SEEDS)
def test_each_side_has_so_many_orders_with_two_fifths_on_both(
    customer: int, tracos: int, seed: int
) -> None:
    orders, documents = both(customer, tracos, seed)
    assert len({order["orderNo"] for order in orders}) == customer
    assert [document["number"] for document in documents] == list(range(1, tracos + 1))
    pairs = shared(customer, tracos, seed)
    assert len(pairs) == round(0.4 * min(customer, tracos))
    assert [order["orderNo"] for order, _ in pairs] == list(sample.shared_numbers(customer, tracos))


@given(st.integers(5, 60), st.integers(5, 60), SEEDS)
def test_every_status_is_on_both_sides(customer: int, tracos: int, seed: int) -> None:
    orders, documents = both(customer, tracos, seed)
    assert {status(order) for order in orders} == set(sample.CYCLE)
    assert {document["status"] for document in documents} == set(sample.CYCLE)


@given(st.integers(5, 60), st.integers(5, 60), SEEDS)
def test_some_are_deleted_on_both_sides(customer: int, tracos: int, seed: int) -> None:
    orders, documents = both(customer, tracos, seed)
    assert {order["isDeleted"] for order in orders} == {True, False}
    assert {document["deleted"] for document in documents} == {True, False}


@given(COUNTS, COUNTS, SEEDS)
def test_shared_orders_can_be_linked_and_merged(customer: int, tracos: int, seed: int) -> None:
    for order, document in shared(customer, tracos, seed):
        assert order["summary"] == document["description"]
        created = datetime.fromisoformat(order["creationDate"])
        assert abs(created - document["createdAt"]) < timedelta(hours=1)
        assert {status(order), document["status"]} != {"completed", "cancelled"}
        assert order["isDeleted"] == document["deleted"]
        if order["isDeleted"]:
            assert datetime.fromisoformat(order["deletedDate"]) == document["deletedAt"]
        edited = datetime.fromisoformat(order["lastUpdateDate"])
        assert abs(edited - document["updatedAt"]) > timedelta(minutes=5)


@given(COUNTS, SEEDS)
def test_tracos_documents_have_its_shape_and_fields_of_its_own(count: int, seed: int) -> None:
    for document in sample.tracos_documents(count, seed, NOW):
        assert NOW - timedelta(days=30) < document["createdAt"] < document["updatedAt"] < NOW
        assert document["title"] == document["description"].splitlines()[0] != ""
        assert (document.get("deletedAt") is not None) == document["deleted"]
        assert document.get("isSynced", False) is False
        assert {"assetId", "priority"} <= document.keys()
        times = (document["createdAt"], document["updatedAt"], document.get("deletedAt"))
        assert all(time.microsecond % 1000 == 0 for time in times if time)


@given(COUNTS, SEEDS)
def test_customer_orders_have_his_shape(count: int, seed: int) -> None:
    for order in sample.customer_orders(count, seed, NOW, tracos=count):
        created, edited = (
            datetime.fromisoformat(order[key]) for key in ("creationDate", "lastUpdateDate")
        )
        assert NOW - timedelta(days=30) < created < edited < NOW
        assert order["summary"].strip()
        assert (order["deletedDate"] is not None) == order["isDeleted"]
        assert json.loads(json.dumps(order)) == order


@pytest.mark.parametrize("key", ["isActive", "isSynced", "costCenter"])
def test_keys_that_are_often_absent_are_there_in_some_orders(key: str) -> None:
    orders, _ = both(10, 10)
    assert {key in order for order in orders} == {True, False}


def test_some_documents_lack_the_mark() -> None:
    _, documents = both(10, 10)
    assert {"isSynced" in document for document in documents} == {True, False}


def test_the_files_hold_the_orders_and_nothing_else_is_left(tmp_path: Path) -> None:
    orders, _ = both(10, 10)
    written = sample.write_customer_files(tmp_path / "inbound", orders)
    assert sorted(written) == sorted((tmp_path / "inbound").iterdir())
    assert [path.name for path in written] == [f"{order['orderNo']}.json" for order in orders]
    assert [json.loads(path.read_bytes()) for path in written] == orders
