"""Our process is killed while it works with a system that answers, and whose answers get lost."""

import signal
import time
from pathlib import Path
from random import Random

import pytest

from tests.e2e.test_erp import document
from tests.e2e.trouble import Fleet, Member, erps
from tests.faults.deaths import SOON, SYSTEMS, disputed, killed_at, nothing_twice, rest
from tests.faults.service import PATIENCE, fair, serving
from tests.harness import Server
from tracbridge.ports.runtime import Step
from tracbridge.testing.erp import Strike

# -- at any moment, and answers get lost -----------------------------------------------------------

ROUNDS = [("odoo", 30, 4, 1)] + [
    (system, 200, 25, seed) for seed, system in enumerate(SYSTEMS, start=2)
]


@pytest.mark.parametrize(("system", "orders", "kills", "seed"), fair(ROUNDS, [0]))
def test_kills_and_lost_answers_make_no_double(
    replica_set: Server, tmp_path: Path, system: str, orders: int, kills: int, seed: int
) -> None:
    """Half of the orders are new to the customer, half of them are changed there."""
    random, half = Random(seed), orders // 2
    with erps(replica_set, tmp_path, system, customer=SOON) as fleet:
        one = fleet[system]
        keys = one.sim.plant(half)
        fleet.run()
        before = one.sim.store.changes
        one.plant(*(document(number) for number in range(1, half + 1)))
        for key in keys:
            one.edit(key, description=f"Worked on {key}")
        one.sim.faults.drop_reply = Strike(every=3, only=["writes"])
        died = [
            killed_in_its_work(one, random.randint(1, max(2, 2 * orders // kills)), random)
            for _ in range(kills)
        ]
        assert any(died)
        one.sim.faults.drop_reply = Strike(every=5, only=["writes"])
        rest(fleet)
        one.sim.faults.clear()
        assert one.sim.store.changes - before == 2 * half, "each order is written once"
        assert len(one.keys) == len(one.docs) == 2 * half
        for key in keys:
            assert one.says(key) == (f"Worked on {key}",) * 2
        assert one.cases == disputed(one) == []
        nothing_twice(one)
        one.whole()
        fleet.rests()


def killed_in_its_work(one: Member, writes: int, random: Random) -> bool:
    """A service that dies a moment after so many writes; False where there are none to be made."""
    until, deadline = one.sim.requests.writes + writes, time.monotonic() + PATIENCE
    undone = {**one.mine, "isSynced": {"$ne": True}}
    with serving(one.site, "run", "--every", "0.1") as service:
        while one.sim.requests.writes < until and one.site.orders.count_documents(undone):
            assert service.runs_on(random.uniform(0, 0.05)), service.text
            assert time.monotonic() < deadline, service.text
    return one.sim.requests.writes >= until


# -- at each durable step --------------------------------------------------------------------------

RULES = """
    rules:
      - name: no nonsense
        on: inbound
        when: new.description == "Nonsense"
        then: {reject: "An order needs a text."}
"""
"""A record of his can be refused, too."""

PAGES = "also: {commits_within: 1, read: {size: 4}}"
"""Some pages, so that each step is passed more than once."""

CASES = [
    (system, step, n)
    for system in SYSTEMS
    for step in Step
    for n in (1, 2)
    if step is not Step.ACKNOWLEDGED  # only of systems that do not answer
]


CHOSEN = [
    CASES.index(case)
    for case in (
        ("odoo", Step.EFFECT, 1),
        ("sap_pm", Step.STAGED, 2),
        ("maximo", Step.TRACOS, 1),
        ("erpnext", Step.PUBLISHED, 1),
    )
]


class Day:
    """What both sides do: both make orders and edit them, also the same one; some are wrong."""

    def __init__(self, fleet: Fleet, one: Member) -> None:
        self.fleet, self.one = fleet, one
        self.keys = one.sim.plant(10)
        fleet.run()
        self.before = one.sim.store.changes
        self.effects = 0
        self.clash = self.keys[6]

    def work(self) -> None:
        """Of twelve orders, three are new to each side."""
        one, keys = self.one, self.keys
        one.plant(*(document(number) for number in range(1, 9)))
        one.change(8, status="nonsense")
        for key in keys[:4]:
            one.edit(key, description=f"Worked on {key}")
        for key in keys[4:6]:
            one.write(key, f"Planned {key}")
        one.write(self.clash, "Planned at once")
        one.edit(self.clash, description="Worked on at once")
        one.edit(keys[7], status="completed")
        one.write(keys[8], "Nonsense")
        self.keys += one.sim.plant(2)
        self.people = 4 + 2

    def mend(self) -> None:
        """What was wrong is put right."""
        self.one.change(8, status="pending")
        self.one.write(self.keys[8], f"Planned {self.keys[8]}")
        self.people += 1

    def over(self) -> None:
        """Nothing is lost, doubled or wrong, and his system was made to do each thing once."""
        one, keys = self.one, self.keys
        assert len(one.keys) == len(one.docs) == 20
        for key in keys[:4]:
            assert one.says(key) == (f"Worked on {key}",) * 2
        for key in (*keys[4:6], keys[8]):
            assert one.says(key) == (f"Planned {key}",) * 2
        assert one.cases == []
        (clash,) = disputed(one)
        assert clash["kind"] == "clash"
        texts = {"tracos": "Worked on at once", "customer": "Planned at once"}
        (winner,) = clash["taken"].values()
        assert one.says(self.clash) == (texts[winner],) * 2
        assert {side: clash[side]["description"] for side in texts} == texts
        wins = int(winner == "tracos")
        moves = 2 if one.system in ("sap_pm", "maximo") else 1  # released, then completed
        made = one.sim.store.changes - self.before - self.people
        assert made == 8 + 4 + wins + moves, "each of our writes took effect once"
        nothing_twice(one)
        one.whole()
        self.fleet.rests()


@pytest.mark.parametrize(("system", "step", "n"), fair(CASES, CHOSEN))
def test_a_kill_at_a_step_is_as_if_it_had_not_been(
    replica_set: Server, tmp_path: Path, system: str, step: Step, n: int
) -> None:
    with erps(replica_set, tmp_path, system, customer=PAGES, more="rules: rules.yaml\n") as fleet:
        fleet.site.write("rules.yaml", RULES)
        day = Day(fleet, fleet[system])
        day.work()
        # The lease is taken once by each process: so it is the n-th in a row that dies there.
        times, at = (n, 1) if step is Step.LEASE else (1, n)
        for _ in range(times):
            killed_at(fleet, step, at)
        fleet.run(codes=(3,))
        day.mend()
        rest(fleet)
        day.over()


@pytest.mark.faults
@pytest.mark.parametrize("system", SYSTEMS)
def test_kills_at_one_step_after_the_other_are_survived(
    replica_set: Server, tmp_path: Path, system: str
) -> None:
    """Before anything could be finished in between; and some of his answers are lost as well."""
    with erps(replica_set, tmp_path, system, customer=PAGES, more="rules: rules.yaml\n") as fleet:
        fleet.site.write("rules.yaml", RULES)
        day = Day(fleet, fleet[system])
        day.work()
        day.one.sim.faults.drop_reply = Strike(every=3, only=["writes"])
        usual, died = fleet.site.extra, 0
        for step in Step:
            fleet.site.extra = {**usual, "CRASH_AT": f"{step}:1"}
            died += fleet.cli("run").code == -signal.SIGKILL
        fleet.site.extra = usual
        assert died > 5
        day.mend()
        rest(fleet)
        day.one.sim.faults.clear()
        day.over()
