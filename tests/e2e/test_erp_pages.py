"""Pages that are odd: records of others, records that are none, links elsewhere, rows that move."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from random import Random
from typing import Any

import pytest

from tests.e2e.trouble import Fleet, Member, erps
from tests.harness import Server
from tracbridge.testing.erp import Elsewhere, Strike

pytestmark = pytest.mark.faults
"""They wait for clocks and deadlines: `make faults` runs them."""

SMALL = "also: {read: {size: 10}}"
"""Pages of ten records."""


def spoilt(one: Member, *, nameless: str, no_object: str = "") -> None:
    """His API shows one record without its key, and one as no object."""
    drifted, name = one.sim._drifted, one.sim.KEY

    def shown(record: Any) -> Any:
        found = drifted(record)
        if record[name] == nameless:
            return {key: value for key, value in found.items() if key != name}
        return found if record[name] != no_object else "no record at all"

    one.sim._drifted = shown  # type: ignore[method-assign]


# -- records that are none of his ------------------------------------------------------------------


def test_records_that_are_none_are_in_quarantine_with_their_bytes_and_the_rest_is_done(
    replica_set: Server, tmp_path: Path
) -> None:
    """Another company's, one without its key, one that is no object."""
    own = {
        "erpnext": "expect: {company: Acme}",
        "maximo": "expect: {siteid: BEDFORD}",
        "sap_pm": 'expect: {CompanyCode: "1710"}',
    }
    with erps(replica_set, tmp_path, own=own) as fleet:
        keys = {one.name: one.sim.plant(6) for one in fleet}
        for one in fleet:
            second, third = (one.sim.record(key)[one.sim.KEY] for key in keys[one.name][1:3])
            no_object = third if one.name in ("odoo", "erpnext") else ""
            spoilt(one, nameless=second, no_object=no_object)
            one.sim.faults.foreign_row = Strike(after=1, times=1)
        done = fleet.run(codes=(3,))
        for one in fleet:
            second, third = keys[one.name][1:3]
            wrong = {"missing_value", "required"} & {case["code"] for case in one.cases}
            bad = {*wrong, *EXPECTED.get(one.name, ())}
            assert len(wrong) == 1, one.cases
            assert {case["code"] for case in one.cases} == bad
            assert done[one.name]["inbound"]["quarantined"] == len(bad)
            assert done[one.name]["inbound"]["created"] == len(one.docs) == 7 - len(bad)
        shown = {case["code"]: (one, case) for one in fleet for case in one.cases}
        for one, case in shown.values():
            words = ("show", case["_id"], "--json", "--connection", one.name)
            said = fleet.cli("quarantine", *words)
            assert said.json()["content"].encode() == bytes(case["raw"])
            assert "object at 0x" not in said.out


EXPECTED = {
    "erpnext": ["tenant_mismatch", "not_an_object"],
    "maximo": ["tenant_mismatch"],
    "odoo": ["not_an_object"],
    "sap_pm": ["tenant_mismatch"],
}


# -- links -----------------------------------------------------------------------------------------


@contextmanager
def listening() -> Iterator[tuple[str, list[bytes]]]:
    """A server at another address of this machine, and what it was sent."""
    heard: list[bytes] = []
    with socket.create_server(("127.0.0.9", 0)) as server:
        server.settimeout(0.1)
        ended = threading.Event()

        def listen() -> None:
            while not ended.is_set():
                try:
                    caller, _ = server.accept()
                except TimeoutError:
                    continue
                with caller:
                    heard.append(caller.recv(4_096))

        thread = threading.Thread(target=listen, daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.9:{server.getsockname()[1]}", heard
        finally:
            ended.set()
            thread.join()


LINKED = {
    "maximo": "{size: 10, first: {paging: {kind: link, path: responseInfo.nextPage.href, by: null, "
    "initial: null, full: null}, query: {oslc.where: istask=0}}}",
    "sap_pm": "{size: 10, request: {query: {$top: null}}, "
    "first: {paging: {kind: link, path: d.__next}}}",
}


def test_a_link_to_another_host_is_not_followed_and_one_to_his_own_is(
    replica_set: Server, tmp_path: Path
) -> None:
    own = {name: f"also: {{read: {read}}}" for name, read in LINKED.items()}
    company = {"sap_pm": {"page_size": 10}}
    with (
        erps(replica_set, tmp_path, *LINKED, own=own, company=company) as fleet,
        listening() as (host, heard),
    ):
        for one, where in zip(fleet, (host, "http://169.254.169.254"), strict=True):
            one.sim.plant(25)
            one.sim.faults.foreign_link = Elsewhere(host=where)
        done = fleet.run(codes=(1,))
        for one in fleet:
            assert "leads to another host" in done[one.name]["error"]
            one.sim.faults.clear()
        assert heard == []
        fleet.run()
        for one in fleet:
            assert len(one.docs) == 25
            assert one.cases == []
        assert heard == []


# -- rows --------------------------------------------------------------------------------------


@pytest.fixture
def paged(replica_set: Server, tmp_path: Path) -> Iterator[Fleet]:
    with erps(replica_set, tmp_path, customer=SMALL) as made:
        yield made


def test_pages_that_come_twice_and_rows_that_are_doubled_or_out_of_order_change_nothing(
    paged: Fleet,
) -> None:
    keys = {one.name: one.sim.plant(35) for one in paged}
    for number in range(2):
        for one in paged:
            one.sim.faults.repeat_page = Strike(after=2, every=3)
            one.sim.faults.duplicate_rows = Strike(every=2)
            one.sim.faults.reorder = Strike(every=2)
            for key in keys[one.name][number::2]:
                one.write(key, f"Planned {number}")
        done = paged.run()
        for one in paged:
            one.sim.requests.clear()
            assert done[one.name]["inbound"]["created"] == (35, 0)[number]
            assert one.says(keys[one.name][number])[0] == f"Planned {number}"
            one.whole()
    for one in paged:
        one.sim.faults.clear()
    paged.rests()


def test_rows_that_move_while_we_page_are_neither_lost_nor_doubled(paged: Fleet) -> None:
    keys = {one.name: one.sim.plant(45) for one in paged}
    for number in range(2):
        for place, one in enumerate(paged):
            random = Random(10 * number + place)
            busy(one, keys[one.name], random)
            for key in keys[one.name][number::2]:
                one.write(key, f"Planned {number}")
        paged.run()
        for one in paged:
            one.sim.before = None
        paged.run()
        for one in paged:
            one.whole()


def busy(one: Member, keys: list[str], random: Random) -> None:
    """People who write and make orders whenever we ask for a page."""

    def before(deed: Any) -> None:
        if deed.operation == "list":
            one.write(random.choice(keys), f"Written meanwhile {random.random()}")
            if random.random() < 0.3:
                keys.extend(one.sim.plant(1))

    one.sim.before = before


def test_a_page_that_was_passed_over_is_no_delete_and_comes_with_the_next_whole_list(
    paged: Fleet,
) -> None:
    for one in paged:
        one.sim.clock.advance(-200_000)
        one.sim.plant(34)
        one.sim.clock.advance(200_000)
        one.sim.plant(1)
        one.sim.faults.skip_page = Strike(after=2, times=1)
    paged.run()
    found = {one.name: len(one.docs) for one in paged}
    assert set(found.values()) == {25, 35}, "some notice it by themselves"
    paged.run()
    assert found == {one.name: len(one.docs) for one in paged}, "what is old is not read again"
    for one in paged:
        one.later(hours=25)
    paged.run()
    for one in paged:
        assert len(one.docs) == 35
        assert not any(document["deleted"] for document in one.docs)
        one.whole()
