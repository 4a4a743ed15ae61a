"""Logins that end, are refused or rotated, schemas that change, and secrets that nobody may see."""

from base64 import b64encode
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.erp import KEY
from tests.e2e.test_erp import document
from tests.e2e.trouble import Fleet, Member, erps
from tests.faults.service import serving
from tests.harness import Said, Server
from tracbridge.testing.erp import Drift, Refuse, Strike
from tracbridge.testing.erp.frappe.api import Frappe
from tracbridge.testing.erp.maximo.api import Maximo
from tracbridge.testing.erp.odoo.api import Odoo
from tracbridge.testing.erp.sap.api import SapPm

NEXT = "another-key-that-nobody-may-see"


@pytest.fixture
def fleet(replica_set: Server, tmp_path: Path) -> Iterator[Fleet]:
    with erps(replica_set, tmp_path) as made:
        yield made


def failed_logins(one: Member) -> int:
    """How often a wrong secret was shown."""
    return one.sim.login.failed if isinstance(one.sim, SapPm) else one.sim.failed_logins


def let_in(one: Member, secret: str) -> None:
    """From now on only this secret opens his system."""
    match one.sim:
        case Odoo() | Maximo() as system:
            system.keys = {secret: None}
        case Frappe() as system:
            system.token = f"tracbridge:{secret}"
        case SapPm() as system:
            system.login.password = secret
            system.login.unlock()


# -- logins ----------------------------------------------------------------------------------------


def test_a_login_that_is_refused_once_in_mid_read_costs_nothing(
    replica_set: Server, tmp_path: Path
) -> None:
    with erps(replica_set, tmp_path, customer="also: {read: {size: 5}}") as fleet:
        for one in fleet:
            one.sim.plant(18)
            one.sim.faults.expired = Strike(after=3, times=1)
        fleet.run()
        for one in fleet:
            assert one.sim.faults.expired is not None
            assert one.sim.faults.expired.struck == 1
            assert len(one.docs) == 18
            assert one.cases == one.kept_in("conflicts") == []
            one.whole()
        fleet.rests()


def test_a_wrong_secret_says_what_to_mend_and_is_shown_once_over_many_runs(fleet: Fleet) -> None:
    keys = {one.name: one.sim.plant(3) for one in fleet}
    fleet.run()
    for one in fleet:
        let_in(one, NEXT)
        one.edit(keys[one.name][0], description="Worked on")
        one.write(keys[one.name][1], "Planned")
    before = fleet.site.memory()
    for _ in range(4):
        done = fleet.run(codes=(1,))
        for one in fleet:
            assert failed_logins(one) == 1, "the account is not locked by us"
            assert "check the secret that auth names" in done[one.name]["error"]
    assert fleet.site.memory() == before
    fleet.site.extra = {**fleet.site.extra, "ERP_KEY": NEXT}
    fleet.run()
    for one in fleet:
        assert failed_logins(one) in (0, 1)
        assert one.says(keys[one.name][0]) == ("Worked on", "Worked on")
        assert one.says(keys[one.name][1]) == ("Planned", "Planned")
        one.whole()
    fleet.rests()


@pytest.mark.faults
def test_a_secret_that_is_rotated_in_a_file_counts_without_a_restart(fleet: Fleet) -> None:
    site, secret = fleet.site, fleet.site.write("secret.txt", KEY)
    for one in fleet:
        path = site.root / f"connections/{one.name}.yaml"
        path.write_text(path.read_text().replace("${env:ERP_KEY}", "${file:secret.txt}"))
    keys = {one.name: one.sim.plant(3) for one in fleet}
    with serving(site, "run", "--every", "0.3") as service:
        service.until(lambda: all(len(one.docs) == 3 for one in fleet))
        for one in fleet:
            let_in(one, NEXT)
        service.until(lambda: all(failed_logins(one) for one in fleet))
        for one in fleet:
            one.write(keys[one.name][0], "Planned")
        secret.write_text(NEXT)
        service.until(lambda: all(one.says(keys[one.name][0])[0] == "Planned" for one in fleet))
        for one in fleet:
            assert failed_logins(one) <= 2, "the old secret was shown once, and once more"
        service.stop()
        assert KEY not in service.text
        assert NEXT not in service.text


# -- schemas ---------------------------------------------------------------------------------------

STATUSES = {
    "erpnext": "repair_status",
    "maximo": "status",
    "odoo": "stage_id",
    "sap_pm": "SystemStatusText",
}
REFUSED = {"erpnext", "odoo"}
"""Their records without that field have a status that no table knows; the others tell no news."""


def test_a_field_that_is_added_changes_nothing_and_one_that_is_emptied_is_empty(
    fleet: Fleet,
) -> None:
    keys = {one.name: one.sim.plant(3) for one in fleet}
    fleet.run()
    for one in fleet:
        one.sim.faults.drift = Drift(added={"u_line": {"deep": [1, 2]}, "u_flag": None})
        one.write(keys[one.name][0], "Planned")
        one.edit(keys[one.name][1], description="Worked on")
        one.sim.edit(keys[one.name][2], **{one.text: ""})
    fleet.run()
    for one in fleet:
        assert one.says(keys[one.name][0]) == ("Planned", "Planned")
        assert one.says(keys[one.name][1]) == ("Worked on", "Worked on")
        assert (one.doc(keys[one.name][2]) or {})["description"] == ""
        assert one.cases == one.kept_in("conflicts") == []
        one.whole()
    fleet.rests()


def test_a_field_that_is_renamed_or_removed_empties_nothing_and_heals(fleet: Fleet) -> None:
    keys = {one.name: one.sim.plant(4) for one in fleet}
    fleet.run()
    shown = {one.name: texts(one) for one in fleet}
    for one in fleet:
        one.sim.faults.drift = Drift(renamed={one.text: "u_text"}, removed=[one.sim.TITLE])
        one.write(keys[one.name][0], "Planned")
    fleet.run()
    for one in fleet:
        assert texts(one) == shown[one.name], "a key that is not there is no news"
        one.sim.faults.drift = Drift(removed=[STATUSES[one.name]])
        one.write(keys[one.name][1], "Planned, too")
    assert STATUSES["sap_pm"] in gone(fleet["sap_pm"], fleet), "who asks sees it beforehand"
    fleet.run(codes=(3,))
    for one in fleet:
        assert {doc["status"] for doc in one.docs} == {"pending"}
        assert {case["code"] for case in one.cases} <= {"unmapped_status"}
        assert bool(one.cases) is (one.name in REFUSED)
        one.sim.faults.drift = None
        one.write(keys[one.name][2], "Planned last")
    fleet.run()
    for one in fleet:
        planned = [one.says(key)[0] for key in keys[one.name][:3]]
        assert planned == ["Planned", "Planned, too", "Planned last"]
        assert one.cases == one.kept_in("conflicts") == [], "what was refused is well by itself"
        one.whole()
    fleet.rests()


def gone(one: Member, fleet: Fleet) -> set[str]:
    """Fields that the mapping needs, and that his records have no more."""
    said = fleet.cli("mapping", "drift", "--connection", one.name, "--json")
    found = [row for row in said.json()["found"] if row["kind"] == "GONE" and row["matters"]]
    return {row["path"] for row in found}


def texts(one: Member) -> list[tuple[str, str]]:
    """Titles and descriptions in TracOS."""
    return [(doc["title"], doc["description"]) for doc in one.docs]


# -- secrets ---------------------------------------------------------------------------------------


def spellings(secret: str) -> list[str]:
    """A secret, as it is and as it goes over the wire."""
    users = [f"{user}:{secret}".encode() for user in ("TRACBRIDGE", "tracbridge")]
    return [secret, *(b64encode(one).decode().rstrip("=") for one in users)]


def told(fleet: Fleet) -> str:
    """All that stands in the two databases."""
    client, site = fleet.site.server.client, fleet.site
    databases = (client[site.database], client[site.state])
    return "\n".join(
        str(list(database[name].find()))
        for database in databases
        for name in database.list_collection_names()
    )


def test_no_secret_is_in_what_we_say_and_keep_whatever_goes_wrong(
    replica_set: Server, tmp_path: Path
) -> None:
    with erps(replica_set, tmp_path, extra={"LOG_LEVEL": "TRACE"}) as fleet:
        heard = list(trouble(fleet))
        text = "\n".join(f"{one.out}\n{one.err}" for one in heard) + told(fleet)
        assert "***" in text, "one of them was repeated to us"
        for spelling in (*spellings(KEY), *spellings(NEXT)):
            assert spelling not in text


def trouble(fleet: Fleet) -> Iterator[Said]:
    """Runs in which all goes well, is refused, is away, and in which he repeats our secret."""
    keys = {one.name: one.sim.plant(3) for one in fleet}
    yield fleet.cli("run")
    for one in fleet:
        locked, refused, _ = keys[one.name]
        one.sim.lock(locked, KEY)
        one.edit(locked, description="Worked on")
        one.edit(refused, description="Worked on")
        one.plant(document(7))
        one.sim.faults.refuse = Refuse(status=422, only=["create"])
    yield fleet.cli("run")
    yield fleet.cli("quarantine", "list")
    for one in fleet:
        one.sim.faults.refuse = Refuse(status=503, times=2)
    yield fleet.cli("run")
    for one in fleet:
        let_in(one, NEXT)
    yield fleet.cli("run", "--json")
    yield fleet.cli("check")
