"""Secrets and payloads are nowhere: support bundle, metrics, log, API."""

import io
import json
import os
import stat
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path
from zipfile import ZipFile

import pytest
from loguru import logger

from tests.api.watched import ALL, watched
from tests.e2e.site import Site
from tests.harness import Server, World, doc, order
from tracbridge.adapters.observe import log
from tracbridge.config.settings import Settings, load
from tracbridge.desk.bundle import PLAIN, masked, settings_shown

CANARY = "kanarien-vogel-7391"


@pytest.fixture
def site(replica_set: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    site = Site(replica_set, tmp_path / "place")
    monkeypatch.chdir(site.root)
    yield site
    logger.remove()
    site.close()


def unpacked(data: bytes) -> dict[str, str]:
    with ZipFile(io.BytesIO(data)) as archive:
        return {name: archive.read(name).decode() for name in archive.namelist()}


def secrets_everywhere(site: Site) -> None:
    """A canary in every kind of setting that takes a text, and in every field of an order."""
    owner = {"companyId": CANARY}
    place = site.connect("alpha", **owner)
    bad = order(77_001, None, summary=f"bad {CANARY}")
    place.drop(order(77_002, summary=f"good {CANARY}"), f"{CANARY}.json")
    place.drop(bad, f"bad-{CANARY}.json")
    place.plant(doc(77_003, "odd", title=CANARY, description=CANARY))
    (site.root / "hook").write_text(CANARY)
    site.extra = {
        "TRACBRIDGE_ALERT_WEBHOOK": f"https://{CANARY}.example.com/x",
        "TRACBRIDGE_ALERT_SECRET": f"hook {CANARY}",
        "TRACBRIDGE_ALERT_MAIL": f"{CANARY}@example.com",
        "TRACBRIDGE_ALERT_FROM": f"{CANARY}@example.org",
        "TRACBRIDGE_SMTP": f"{CANARY}.example.com",
        "TRACBRIDGE_SMTP_USER": CANARY,
        "TRACBRIDGE_SMTP_PASSWORD": CANARY,
    }


def test_a_bundle_has_versions_settings_and_counts_and_no_secret(site: Site) -> None:
    secrets_everywhere(site)
    assert site.cli("run").code == 3
    said = site.cli("support-bundle", "bundle.zip")
    assert said.code == 0, said.err
    path = site.root / "bundle.zip"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    files = unpacked(path.read_bytes())
    assert sorted(files) == ["README.txt", "about.json", "connections/alpha.json"]
    about, alpha = json.loads(files["about.json"]), json.loads(files["connections/alpha.json"])
    assert about["packages"]["pymongo"]
    assert "TRACBRIDGE_ALERT_SECRET" in about["environment"]
    assert alpha["settings"]["log_level"] == "INFO"
    assert alpha["settings"]["archive_retention_days"] == 90
    assert alpha["settings"]["mongo_uri"] == "set"
    assert alpha["figures"]["quarantine_open"]["no_status"] == 1
    assert alpha["memory"]["collections"]["tracbridge_links"]["documents"] >= 1
    assert "ref" in alpha["memory"]["collections"]["tracbridge_links"]["indexes"]
    assert alpha["runs"][0]["did"]["quarantined"] >= 1
    hidden = [CANARY, str(site.server.port), "127.0.0.1", "7700", str(site.root), "in/"]
    for name, text in files.items():
        for secret in hidden:
            assert secret not in text, (name, secret)


def test_a_bundle_is_made_while_our_memory_is_away(site: Site) -> None:
    site.connect("alpha")
    site.extra = {"MONGO_URI": f"mongodb://ana:{CANARY}@127.0.0.1:9/?directConnection=true"}
    said = site.cli("support-bundle", "bundle.zip", "--json")
    assert said.code == 0, said.err
    files = unpacked((site.root / "bundle.zip").read_bytes())
    alpha = json.loads(files["connections/alpha.json"])
    assert alpha["unreadable"] == "RetryableError"
    assert not any(CANARY in text for text in [*files.values(), said.out, said.err])


def test_a_file_that_is_there_is_not_written_over(site: Site) -> None:
    site.connect("alpha")
    (site.root / "there.zip").write_text("mine")
    said = site.cli("support-bundle", "there.zip")
    assert said.code == 1
    assert "there.zip is there already; name another file." in said.err
    assert (site.root / "there.zip").read_text() == "mine"


async def test_metrics_log_and_reports_hold_no_secret_and_no_payload(
    site: Site, capfd: pytest.CaptureFixture[str]
) -> None:
    secrets_everywhere(site)
    async with watched(site, environ={**os.environ, **site.extra}) as serving:
        log.configure("TRACE", "json", "r")
        await serving.run()
        await serving.watch.look()
        page = await serving.page()
        answer = await serving.http.get("/api/v1/connections/alpha/reports", headers=ALL)
        ready = await serving.http.get("/health/ready")
    assert 'tracbridge_quarantine_open{code="no_status"' in page
    assert CANARY not in page + answer.text + ready.text
    # The log names files and orders, which people look for; it has no value and no secret.
    lines = [json.loads(line) for line in capfd.readouterr().err.splitlines()]
    assert lines
    for line in lines:
        named = {key: text for key, text in line.items() if key not in ("where", "what")}
        assert CANARY not in json.dumps(named)
        assert f"good {CANARY}" not in json.dumps(line)
        assert f"bad {CANARY}" not in json.dumps(line)


def test_every_text_of_a_setting_is_hidden_unless_it_is_a_word_of_ours(world: World) -> None:
    environ = {**world.env, "MONGO_URI": f"mongodb://u:{CANARY}@h/", "STATE_DATABASE": CANARY}
    shown = settings_shown(load(environ, None))
    assert shown.keys() == {one.name for one in fields(Settings)}
    assert CANARY not in json.dumps(shown)
    texts = {name for name, value in shown.items() if isinstance(value, str)}
    unknown = {n for n in texts - PLAIN if not str(shown[n]).startswith("set")}
    assert not unknown


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (None, None),
        (True, True),
        (7, 7),
        (0.5, 0.5),
        ("", ""),
        (CANARY, "set"),
        (Path("/a") / CANARY, "set (absolute)"),
        (Path(CANARY), "set (relative)"),
        ((20, 0.05), [20, 0.05]),
        ({CANARY: CANARY}, {"entries": 1}),
        ([CANARY], {"entries": 1}),
        (frozenset({CANARY}), {"entries": 1}),
        (object(), "set"),
    ],
)
def test_a_value_is_shown_without_its_texts(value: object, shown: object) -> None:
    assert masked(value) == shown
