"""Deaths of our process while it works with a system that answers, and what must be true then.

What is written there is counted by the system itself: each change that it makes counts once.
"""

import signal
from collections import Counter

from tests.e2e.trouble import Fleet, Member
from tests.faults.service import PATIENCE, serving
from tests.harness import Doc
from tracbridge.ports.runtime import Step
from tracbridge.testing.erp.wire import Deed, DroppedError

SYSTEMS = ("odoo", "sap_pm", "maximo", "erpnext")

SOON = "also: {commits_within: 1}"
"""So long a write may still take effect whose answer never came."""


def rest(fleet: Fleet) -> None:
    """Runs until all is done."""
    for _ in range(20):
        fleet.run(codes=(0, 1, 3))
        if fleet.said.code == 0 and not on_its_way(fleet):
            return
    raise AssertionError(fleet.said.err)


def on_its_way(fleet: Fleet) -> list[Doc]:
    """What was sent, and nobody knows yet with what effect."""
    return [link for one in fleet for link in one.kept_in("links") if link.get("out")]


def nothing_twice(one: Member) -> None:
    """His records carry one number each, and no effect stands twice in the history."""
    told = (str(record.get(one.sim.NUMBER) or "") for record in one.sim.records())
    numbers = Counter(number for number in told if number)
    assert set(numbers.values()) <= {1}, numbers
    effects = Counter(
        (entry["ref"], entry["number"])
        for entry in one.kept_in("history")
        if entry["side"] == "tracos" and not entry.get("superseded")
    )
    assert set(effects.values()) <= {1}, effects


def disputed(one: Member) -> list[Doc]:
    """What is on record of conflicts, but for values that our own version was to replace."""
    notes = one.kept_in("conflicts")
    earlier = [note for note in notes if note["kind"] in ("doubt", "stale")]
    assert {side for note in earlier for side in note["taken"].values()} <= {"tracos"}, earlier
    return [note for note in notes if note not in earlier]


def killed_at(fleet: Fleet, step: Step, n: int) -> None:
    """A run that dies when it passes this step for the n-th time."""
    usual = fleet.site.extra
    fleet.site.extra = {**usual, "CRASH_AT": f"{step}:{n}"}
    said = fleet.cli("run", "--json")
    fleet.site.extra = usual
    assert said.code == -signal.SIGKILL, f"{step}:{n} is not reached: {said.err}"


def killed_in_write(one: Member, nth: int, *, done: bool) -> bool:
    """A run dies while his system does the n-th of our writes; False where it does fewer.

    ``done``: that write takes effect; else it is lost on the way.
    """
    left = nth
    with serving(one.site, "run") as service:

        def before(deed: Deed) -> None:
            nonlocal left
            left -= deed.writes
            if deed.writes and left == 0:
                service.process.kill()
                if not done:
                    raise DroppedError

        one.sim.before = before
        code = service.process.wait(PATIENCE)
        one.sim.before = None
        assert code in (-signal.SIGKILL, 0), service.text
    return code == -signal.SIGKILL
