"""Several connections by files: each with its own orders, folders and troubles."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.site import Site
from tests.faults.service import serving
from tests.harness import Server, doc, order


@pytest.fixture
def site(replica_set: Server, tmp_path: Path) -> Iterator[Site]:
    site = Site(replica_set, tmp_path)
    yield site
    site.close()


def test_two_customers_with_the_same_numbers_never_see_each_others_orders(site: Site) -> None:
    acme, beta = site.connect("acme"), site.connect("beta")
    acme.drop(order(7, "completed", summary="Pump of Acme"))
    beta.drop(order(7, "pending", summary="Pump of Beta"))
    acme.plant(doc(8, "on_hold"))
    code, did = site.summaries()
    assert (code, did["acme"]["inbound"]["created"], did["beta"]["inbound"]["created"]) == (0, 1, 1)
    assert [place.doc(7)["description"] for place in (acme, beta)] == [  # type: ignore[index]
        "Pump of Acme",
        "Pump of Beta",
    ]
    assert [path.name for path in acme.outbound.glob("*.json")] == ["workorder_8.json"]
    assert not list(beta.outbound.glob("*.json"))
    assert site.summaries()[1]["beta"]["outbound"]["delivered"] == 0


def test_a_document_of_nobody_here_is_left_alone(site: Site) -> None:
    acme = site.connect("acme")
    site.orders.insert_one(doc(9))
    assert site.summaries()[1]["acme"]["outbound"]["read"] == 0
    assert not list(acme.outbound.glob("*.json"))
    assert site.orders.find_one({"number": 9}, {"_id": 0, "isSynced": 1}) == {}


def test_one_that_cannot_run_stops_no_other(site: Site) -> None:
    acme, beta = site.connect("acme"), site.connect("beta")
    acme.inbound.rmdir()
    beta.drop(order(1))
    said = site.cli("run", "--json")
    did = {one["connection"]: one for one in said.json()["connections"]}
    assert said.code == 1
    assert str(acme.inbound.relative_to(site.root)) in did["acme"]["error"]
    assert did["beta"]["inbound"]["created"] == 1
    text = site.cli("run").out
    assert "acme: could not run: " in text
    assert "1 of 2 connections: nothing to do." in text


def test_a_command_about_one_order_asks_which_connection_is_meant(site: Site) -> None:
    acme, _ = site.connect("acme"), site.connect("beta")
    acme.drop(order(7))
    site.summaries()
    unsure = site.cli("show", "7")
    assert unsure.code == 2
    assert "Say --connection NAME, of: acme, beta." in unsure.err
    assert site.cli("show", "7", "--connection", "acme").code == 0
    assert site.cli("quarantine", "list", "--connection", "beta").code == 0
    unknown = site.cli("show", "7", "--connection", "acne")
    assert unknown.code == 2
    assert 'there is no connection "acne"; the nearest is acme.' in unknown.err


def test_status_check_and_preview_tell_of_all_of_them(site: Site) -> None:
    acme, _ = site.connect("acme"), site.connect("beta")
    acme.drop(order(7))
    found = site.cli("check", "--json")
    assert found.code == 0, found.out
    assert {one["connection"] for one in found.json()} >= {"acme", "beta"}
    plans = site.cli("preview", "--json").json()["connections"]
    assert {one["connection"]: len(one["changes"]) for one in plans} == {"acme": 1, "beta": 0}
    site.summaries("--connection", "acme")
    states = {one["connection"]: one for one in site.cli("status", "--json").json()}
    assert states["acme"]["last_run"]["exit"] == 0
    assert states["beta"]["last_run"] is None


def test_the_connection_default_goes_on_where_the_environment_left_off(site: Site) -> None:
    site.drop(order(7, "on_hold"))
    before = site.cli("run")
    assert before.code == 2, "the environment alone, without folders, is not what is tested here"
    site.extra = {"DATA_INBOUND_DIR": "in", "DATA_OUTBOUND_DIR": "out"}
    assert site.cli("run").code == 0
    site.extra = {}
    site.write(
        "tracbridge.yaml",
        """
        connections:
          default:
            customer: {inbound: in, outbound: out}
            acknowledge: {receipts: true}
        """,
    )
    _, did = site.summaries()
    assert did["default"]["inbound"]["read"] == 0
    assert site.cli("history", "7").out.count("->") >= 1
    assert len(site.records("links")) == 1


def test_beside_a_file_the_environment_may_not_say_what_the_file_says(site: Site) -> None:
    site.connect("acme")
    site.extra = {"DATA_INBOUND_DIR": "in", "CONFLICT_POLICY": "ask"}
    said = site.cli("run")
    assert said.code == 2
    assert (
        "DATA_INBOUND_DIR in the environment has no effect beside acme.yaml: remove it, and say "
        "customer.inbound in the connection." in said.err
    )
    assert "CONFLICT_POLICY" in said.err


def test_what_is_wrong_is_told_all_at_once_with_file_line_path_and_the_nearest_key(
    site: Site,
) -> None:
    site.write(
        "tracbridge.yaml",
        """
        tenants:
          acme: {}
        defaults:
          conflicts: {policy: nevest}
        connections:
          one:
            tenant: acne
            customer: {inbond: a/in, outbound: a/out}
          two:
            customer: {inbound: b/in, outbound: b/out, file_mode: "0777"}
            tracos: {uri: "mongodb://joe:secret@db/x"}
            state_database: ${env:NOWHERE}
        """,
    )
    said = site.cli("check")
    assert said.code == 2
    for line in (
        "tracbridge.yaml:8: connections.one.customer.inbond: is no key here. The nearest is "
        "inbound.",
        "tracbridge.yaml:8: connections.one.customer.inbound: is missing.",
        'tracbridge.yaml:4: connections.one.conflicts.policy: "nevest" is not accepted; it takes '
        "newest, tracos, customer or ask.",
        'tracbridge.yaml:10: connections.two.customer.file_mode: "0777" is not accepted; it takes '
        "three octal digits",
        "tracbridge.yaml:11: connections.two.tracos.uri: holds a password; write ${env:NAME} or "
        "${file:PATH} instead, and the value there.",
        'tracbridge.yaml:12: connections.two.state_database: "${env:NOWHERE}" is not set in the '
        "environment.",
    ):
        assert line in said.out
    assert "secret" not in said.out + said.err


def test_a_secret_is_named_where_it_is_kept_and_shown_nowhere(site: Site) -> None:
    acme = site.connect("acme", "retries: {max: 0}\n")
    path = site.root / "connections" / "acme.yaml"
    path.write_text(path.read_text().replace("tracos: {", "tracos: {uri: '${file:uri.txt}', "))
    site.write("uri.txt", "mongodb://joe:canary@127.0.0.1:1/?serverSelectionTimeoutMS=200\n")
    acme.drop(order(1))
    for words in (("run",), ("check",), ("status",), ("run", "--json")):
        said = site.cli(*words)
        assert said.code in (0, 1)
        assert "canary" not in said.out + said.err
    assert "127.0.0.1:1" in said.out + said.err


@pytest.mark.parametrize(
    ("one", "other", "words"),
    [
        ("companyId: a", "companyId: a", "work on the same orders of "),
        ("companyId: a", "site: 1", "work on the same orders of "),
        ("companyId: a", "companyId: a, site: 1", "work on the same orders of "),
        ("companyId: a", "companyId: b, site: 1", ""),
        ("companyId: 1", "companyId: true", ""),
    ],
)
def test_two_connections_on_the_same_orders_are_refused(
    site: Site, one: str, other: str, words: str
) -> None:
    for name, owner in (("acme", one), ("beta", other)):
        site.connect(name)
        path = site.root / "connections" / f"{name}.yaml"
        path.write_text(path.read_text().replace(f"companyId: {name}", owner))
    said = site.cli("status")
    assert (said.code, words in said.err) == ((2, True) if words else (0, True))


def test_folders_of_two_connections_never_meet(site: Site) -> None:
    site.connect("acme")
    site.connect("beta")
    path = site.root / "connections" / "beta.yaml"
    path.write_text(path.read_text().replace("data/beta/out", "data/acme/in/beta"))
    said = site.cli("run")
    assert said.code == 2
    assert (
        'beta.customer.outbound ("data/acme/in/beta") lies inside acme.customer.inbound '
        '("data/acme/in"); give each connection folders of its own.' in said.err
    )


def test_a_service_takes_up_new_and_changed_files_and_keeps_the_old_ones_over_a_mistake(
    site: Site,
) -> None:
    acme = site.connect("acme")
    path = site.root / "connections" / "acme.yaml"
    good = path.read_text()
    with serving(site, "run", "--every", "0.2") as service:
        acme.drop(order(1))
        service.until(lambda: acme.doc(1))
        beta = site.connect("beta")
        beta.drop(order(2))
        service.until(lambda: beta.doc(2))
        path.write_text(good + "conflict: {}\n")
        mistake = "connections/acme.yaml:4: connections.acme.conflict: is no key here."
        service.until(lambda: mistake in service.text)
        acme.drop(order(4))
        service.until(lambda: acme.doc(4))
        path.write_text(good + "enabled: false\n")
        service.until(lambda: "connection=acme what=ended" in service.text)
        path.write_text(good + "conflicts: {policy: ask}\n")
        service.until(lambda: service.text.count("connection=acme what=begun") == 1)
        acme.drop(order(5))
        service.until(lambda: acme.doc(5))
        path.write_text(good)
        service.until(lambda: "connection=acme what=changed" in service.text)
        acme.drop(order(6))
        service.until(lambda: acme.doc(6))


def test_a_file_that_is_first_named_with_a_mistake_counts_as_soon_as_it_is_mended(
    site: Site,
) -> None:
    acme = site.connect("acme")
    path = site.root / "connections" / "acme.yaml"
    with serving(site, "run", "--every", "0.2") as service:
        acme.drop(order(1))
        service.until(lambda: acme.doc(1))
        site.write("rules/new.yaml", "rules: [5]")
        path.write_text(path.read_text() + "rules: rules/new.yaml\n")
        service.until(lambda: "configuration_kept" in service.text)
        site.write("rules/new.yaml", "rules: []")
        service.until(lambda: "connection=acme what=changed" in service.text)
        assert service.text.count("configuration_kept") == 1


def test_one_customers_trouble_does_not_stop_the_others(site: Site) -> None:
    acme, beta = site.connect("acme"), site.connect("beta")
    with serving(site, "run", "--every", "0.2") as service:
        acme.drop(order(1))
        beta.drop(order(1))
        service.until(lambda: acme.doc(1) and beta.doc(1))
        # The folder's tie to our memory is gone: Acme stops, as it must.
        acme.inbound.rename(acme.inbound.with_name("elsewhere"))
        service.until(lambda: "connection=acme code=connection_waits" in service.text)
        beta.drop(order(2))
        service.until(lambda: beta.doc(2))
        acme.inbound.with_name("elsewhere").rename(acme.inbound)
        acme.drop(order(3))
        service.until(lambda: acme.doc(3))


def test_what_lets_no_pass_begin_is_on_record_once_and_over_when_it_is(site: Site) -> None:
    acme, _ = site.connect("acme"), site.connect("beta")

    def runs() -> list[tuple[int, str]]:
        rows = site.server.client[site.state]["tracbridge_runs"].find({"c": "acme"})
        ended = [row for row in rows.sort("started", 1) if row["ended"]]
        return [(row["exit"], row.get("error") or "") for row in ended]

    with serving(site, "run", "--every", "0.2") as service:
        acme.drop(order(1))
        service.until(lambda: acme.doc(1))
        acme.inbound.rename(acme.inbound.with_name("away"))
        service.until(lambda: service.text.count("connection_waits") > 1)
        errors = [error for code, error in runs() if code == 1]
        assert len(errors) == len(set(errors)), "attempts that fail in the same way are one"
        assert str(acme.inbound.relative_to(site.root)) in errors[-1]
        states = {one["connection"]: one for one in site.cli("status", "--json").json()}
        assert states["acme"]["last_run"]["exit"] == 1
        acme.inbound.with_name("away").rename(acme.inbound)
        path = site.root / "connections" / "acme.yaml"
        path.write_text(path.read_text() + "conflicts: {policy: ask}\n")  # it begins at once
        acme.drop(order(2))
        service.until(lambda: acme.doc(2))
        service.until(lambda: runs()[-1] == (0, ""))
