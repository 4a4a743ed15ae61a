"""Comments on orders: both sides get all of them, each once, whatever happens to replies."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.erp import Erp, erp
from tests.harness import Doc, Server
from tracbridge.testing.erp import Late, Strike

SYSTEMS = ("odoo", "maximo")
MORE = "comments: true\n"


@pytest.fixture(params=SYSTEMS)
def company(request: pytest.FixtureRequest, replica_set: Server, tmp_path: Path) -> Iterator[Erp]:
    with erp(replica_set, tmp_path, request.param, more=MORE) as made:
        yield made


def remark(company: Erp, key: str, text: str, **more: object) -> None:
    """Somebody writes a comment in TracOS."""
    entry = {"text": text, "author": "Ana", **more}
    change = {"$push": {"comments": entry}}
    found = company.site.orders.update_one({"number": company.number(key)}, change)
    assert found.matched_count == 1


def ours(company: Erp, key: str) -> list[str]:
    return [one["text"] for one in (company.doc(key) or {}).get("comments", [])]


def his(company: Erp, key: str) -> list[str]:
    spelling = company.mapping.comments
    assert spelling is not None
    return [spelling.read(one).text for one in company.sim.comments(key)]


def test_each_side_gets_what_the_other_says_and_then_all_is_at_rest(company: Erp) -> None:
    first, second = company.sim.plant(2)
    company.sim.comment(first, "The pump is loud & hot")
    company.run()
    assert ours(company, first) == ["The pump is loud & hot"]
    (entry,) = (company.doc(first) or {})["comments"]
    assert entry["author"]
    assert entry["createdAt"]
    remark(company, first, "Ordered a <new> bearing")
    remark(company, second, "Looks fine")
    summary = company.run()
    assert summary["outbound"]["comments"] == 2
    assert his(company, first) == ["The pump is loud & hot", "Ordered a <new> bearing"]
    assert his(company, second) == ["Looks fine"]
    company.rests()
    assert ours(company, first) == ["The pump is loud & hot", "Ordered a <new> bearing"]


def test_a_long_comment_is_whole_on_both_sides(company: Erp) -> None:
    (key,) = company.sim.plant(1)
    company.run()
    text = "Vibration rose from 4.2 to 9.8 mm/s within a week. " * 4
    remark(company, key, text.strip())
    company.run()
    assert his(company, key) == [text.strip()]
    company.rests()
    assert ours(company, key) == [text.strip()]


def test_equal_comments_are_as_many_as_were_written(company: Erp) -> None:
    (key,) = company.sim.plant(1)
    company.run()
    for _ in range(2):
        remark(company, key, "Checked")
    company.sim.comment(key, "Checked")
    company.run()
    company.run()
    assert his(company, key) == ["Checked"] * 3
    assert ours(company, key) == ["Checked"] * 3
    company.rests()


def test_a_comment_whose_reply_is_lost_is_there_once(company: Erp) -> None:
    keys = company.sim.plant(6)
    company.run()
    for key in keys:
        remark(company, key, f"About {key}")
    company.sim.faults.drop_reply = Strike(every=2, only=["writes"])
    for _ in range(12):
        if company.site.cli("run", "--json").code == 0:
            break
    for key in keys:
        assert his(company, key) == [f"About {key}"]
        assert ours(company, key) == [f"About {key}"]
    company.sim.faults.drop_reply = None
    company.rests()


def test_a_comment_that_is_stored_late_is_there_once(
    replica_set: Server, tmp_path: Path, name: str
) -> None:
    with erp(replica_set, tmp_path, name, more=MORE) as company:
        (key,) = company.sim.plant(1)
        company.run()
        remark(company, key, "Stored late")
        company.sim.faults.slow_commit = Late(by=30, times=1, only=["writes"])
        company.site.cli("run", "--json")
        assert his(company, key) == []
        company.site.cli("run", "--json")
        assert his(company, key) == [], "it is not given twice while it may still come"
        company.sim.clock.advance(31)
        company.run()
        assert his(company, key) == ["Stored late"]
        company.rests()


@pytest.fixture(params=SYSTEMS)
def name(request: pytest.FixtureRequest) -> str:
    system: str = request.param
    return system


def test_a_comment_that_somebody_removed_in_tracos_does_not_come_back(company: Erp) -> None:
    (key,) = company.sim.plant(1)
    company.sim.comment(key, "Wrong order, sorry")
    company.run()
    company.site.orders.update_one({"number": company.number(key)}, {"$set": {"comments": []}})
    company.sim.comment(key, "This is the right one")
    company.run()
    assert ours(company, key) == ["This is the right one"]


def test_comments_stay_where_they_are_unless_the_connection_says_otherwise(
    replica_set: Server, tmp_path: Path, name: str
) -> None:
    with erp(replica_set, tmp_path, name) as company:
        (key,) = company.sim.plant(1)
        company.sim.comment(key, "Not for TracOS")
        company.run()
        document: Doc = company.doc(key) or {}
        assert "comments" not in document
        remark(company, key, "Not for him")
        company.run()
        assert his(company, key) == ["Not for TracOS"]
