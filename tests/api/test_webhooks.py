"""Webhooks that wake a connection: who may, who may not, and that once is enough."""

import base64
import hmac
import json
from collections.abc import AsyncIterator, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from tests import harness
from tests.api.hooked import BEFORE, SECRET, Hooked, hooked
from tests.e2e.site import Place, Site
from tests.harness import order
from tracbridge.adapters.hooks.signing import signed

IN = """
hooks:
  in: {secret: "${env:HOOK_SECRET}", previous: "${env:HOOK_BEFORE}"%s}
"""

BODY = b'{"name":"WO-1"}'


@pytest.fixture
def site(
    replica_set: harness.Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Site]:
    site = Site(replica_set, tmp_path)
    monkeypatch.chdir(tmp_path)
    site.connect("acme", IN % "")
    site.connect("globex")
    site.connect("frappe", IN % ", kind: frappe")
    site.connect("files", IN % ", takes: records")
    yield site
    site.close()


@pytest.fixture
async def at(site: Site) -> AsyncIterator[Hooked]:
    async with hooked(site) as at:
        yield at


def arrived(site: Site) -> list[dict[str, Any]]:
    return site.records("inbox")


async def test_a_signed_webhook_rings_and_its_body_is_no_data(at: Hooked, site: Site) -> None:
    answer = await at.hook("acme", json.dumps(order(7)).encode())
    assert (answer.status_code, answer.json()) == (200, {"status": "accepted"})
    assert at.rung == ["acme"]
    (row,) = arrived(site)
    assert (row["state"], row["c"], row["records"]) == ("done", "acme", False)
    assert "raw" not in row
    assert list(Place(site, "acme", {}).inbound.iterdir()) == []


async def test_what_is_not_signed_now_is_refused_whoever_it_is_for(at: Hooked, site: Site) -> None:
    now = at.api.hosted.now()
    old, ahead = (now + timedelta(seconds=s) for s in (-302, 302))
    fresh = signed(SECRET, BODY, "", now)
    unsigned = [
        {},
        {k: v for k, v in fresh.items() if k != "x-tracbridge-signature"},
        {k: v for k, v in fresh.items() if k != "x-tracbridge-timestamp"},
        {**fresh, "x-tracbridge-timestamp": "now"},
        signed(SECRET, BODY, "", old),
        signed(SECRET, BODY, "", ahead),
    ]
    for headers in unsigned:
        known = await at.hook("acme", BODY, headers)
        unknown = await at.hook("no-such-connection", BODY, headers)
        assert known.status_code == unknown.status_code == 401, headers
        assert known.content == unknown.content
    assert at.rung == []
    assert arrived(site) == []


async def test_a_bad_signature_is_answered_like_a_connection_that_is_not_there(
    at: Hooked, site: Site
) -> None:
    now = at.api.hosted.now()
    good = signed(SECRET, BODY, "", now)
    answers = [
        await at.hook("acme", BODY, signed("quite-another-secret", BODY, "", now)),
        await at.hook("acme", BODY, {**good, "x-tracbridge-signature": "v1=00"}),
        await at.hook("acme", BODY[:-1] + b" ", good),
        await at.hook("acme", BODY, {"x-frappe-webhook-signature": frappe(SECRET, BODY)}),
        await at.hook("frappe", BODY, good),
        await at.hook("globex", BODY, good),
        await at.hook("no-such-connection", BODY, good),
    ]
    assert {answer.status_code for answer in answers} == {404}
    assert len({(a.content, tuple(sorted(a.headers.items()))) for a in answers}) == 1
    assert at.rung == []
    assert arrived(site) == []


async def test_the_same_webhook_again_does_nothing(at: Hooked, site: Site) -> None:
    headers = signed(SECRET, BODY, "e1", at.api.hosted.now())
    answers = [
        await at.hook("acme", BODY, headers),
        await at.hook("acme", BODY, headers),
        await at.hook("acme", BODY, {**headers, "x-tracbridge-event": "e2"}),
    ]
    assert [answer.status_code for answer in answers] == [200, 200, 200]
    assert len({answer.content for answer in answers}) == 1
    assert at.rung == ["acme"]
    assert len(arrived(site)) == 1


async def test_an_event_that_is_sent_anew_is_known_by_its_id(at: Hooked, site: Site) -> None:
    now = at.api.hosted.now()
    for seconds in (0, 1, 2):
        headers = signed(SECRET, BODY, "e1", now + timedelta(seconds=seconds))
        assert (await at.hook("acme", BODY, headers)).status_code == 200
    assert at.rung == ["acme"]
    other = signed(SECRET, BODY, "e2", now + timedelta(seconds=3))
    assert (await at.hook("acme", BODY, other)).status_code == 200
    assert at.rung == ["acme", "acme"]


async def test_both_secrets_count_while_they_are_changed(at: Hooked) -> None:
    now = at.api.hosted.now()
    for secret, status in ((SECRET, 200), (BEFORE, 200), ("quite-another-secret", 404)):
        answer = await at.hook("acme", secret.encode(), signed(secret, secret.encode(), "", now))
        assert answer.status_code == status
    assert at.rung == ["acme", "acme"]


async def test_the_secret_before_counts_no_more_once_it_is_gone(site: Site) -> None:
    file = site.root / "connections/acme.yaml"
    file.write_text(file.read_text().replace(', previous: "${env:HOOK_BEFORE}"', ""))
    async with hooked(site) as at:
        headers = signed(BEFORE, BODY, "", at.api.hosted.now())
        assert (await at.hook("acme", BODY, headers)).status_code == 404


def frappe(secret: str, body: bytes) -> str:
    """As Frappe signs: see `frappe/integrations/doctype/webhook/webhook.py` of its source."""
    return base64.b64encode(hmac.new(secret.encode(), body, "sha256").digest()).decode()


async def test_frappe_is_understood_and_its_body_counts_once(at: Hooked) -> None:
    other = b'{"name": "WO-1", "modified": "2026-03-20 12:00:01"}'
    for body in (BODY, BODY, other):
        headers = {"X-Frappe-Webhook-Signature": frappe(SECRET, body)}
        assert (await at.hook("frappe", body, headers)).status_code == 200
    assert at.rung == ["frappe", "frappe"]
    wrong = {"X-Frappe-Webhook-Signature": frappe("quite-another-secret", BODY)}
    assert (await at.hook("frappe", BODY, wrong)).status_code == 404


async def test_records_in_a_webhook_are_taken_in_where_the_connection_says_so(
    at: Hooked, site: Site
) -> None:
    body = json.dumps(order(7)).encode()
    for _ in range(2):
        assert (await at.hook("files", body, event="e1")).status_code == 200
    files = Place(site, "files", {"companyId": "files"})
    (path,) = files.inbound.glob("*.json")
    assert path.read_bytes() == body
    await at.run("files")
    assert files.doc(7)


async def test_a_webhook_that_is_too_large_is_refused_before_anything_else(at: Hooked) -> None:
    for name in ("acme", "no-such-connection"):
        assert (await at.hook(name, b"x" * 1_000_001)).status_code == 413
    assert at.rung == []
