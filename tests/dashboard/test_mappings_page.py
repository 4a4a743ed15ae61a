"""The page of mappings and rules: hostile texts in them are shown only; what people do there."""

import json
import re
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.dashboard.served import Browser, browser, needs_chromium, served, visitor
from tests.dashboard.test_by_clicks import address_of
from tests.dashboard.test_hostile_texts import TEXTS, WATCH, seen
from tests.e2e.site import HOLD, Place, Site
from tests.harness import NOW, Server, order


@dataclass
class Running:
    """``tracbridge serve`` and an administrator's key.

    Connection ``evil`` has hostile texts in its mapping and its rules, ``acme`` and ``beta`` each a
    change that a rule holds.
    """

    site: Site
    address: str
    key: str
    acme: Place


@pytest.fixture(scope="module")
def running(replica_set: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    site = Site(replica_set, tmp_path_factory.mktemp("site"))
    site.write("rules/hold.yaml", HOLD)
    acme, beta = [site.connect(name, "rules: rules/hold.yaml\n") for name in ("acme", "beta")]
    hostile(site).drop(order(7, "on_hold", summary=TEXTS[4]))
    for place in (acme, beta):
        place.drop(order(7, "completed"))
    key = site.cli("keys", "create", "Ana", "--role", "admin", "--json").json()["key"]
    process = site.popen("serve", "--allow-root", "--port", "0", "--every", "0.5")
    try:
        address = address_of(process)
        site.until(lambda: site.orders.count_documents({}) == 3)
        for place in (acme, beta):
            place.drop(order(7, "pending", lastUpdateDate=(NOW + timedelta(hours=1)).isoformat()))
        site.until(lambda: len(site.cases()) == 2)
        yield Running(site, address, key, acme)
    finally:
        process.terminate()
        process.wait(timeout=20)
        site.close()


@asynccontextmanager
async def looking(at: Running, path: str) -> AsyncIterator[Browser]:
    """Ana has that page open."""
    async with browser() as one:
        await one.page.add_init_script(WATCH)
        await one.page.goto(f"{at.address}/login")
        await one.page.get_by_label("API key or token").fill(at.key)
        await one.page.keyboard.press("Enter")
        await one.page.wait_for_url(f"{at.address}/")
        await one.page.goto(f"{at.address}{path}")
        yield one


async def harmless(one: Browser) -> None:
    """Nothing of what the page shows has run."""
    assert await one.page.evaluate("window.ran") is None
    assert await one.page.evaluate("window.broken") == []


# -- hostile texts -----------------------------------------------------------------------------


def hostile(site: Site) -> Place:
    """Each text stands in the name, the condition, the message and a failing test of a rule, and in
    the name, the keys and the values of the mapping.
    """
    rules: list[dict[str, Any]] = [
        {
            "name": text,
            "on": "inbound",
            "when": f"new.title == {json.dumps(text)}",
            "then": {"warn": f"{text}!"},
            "tests": [{"new": {"title": "x"}, "expect": "set", "values": {"title": f"{text}?"}}],
        }
        for text in TEXTS
    ]
    mapping = {
        "use": "flags",
        "mapping": TEXTS[0],
        "about": " ".join(TEXTS),
        "constants": {f"k{number}": text for number, text in enumerate(TEXTS)},
        "unverified": TEXTS,
    }
    site.write("rules/bad.yaml", yaml.safe_dump({"rules": rules}))
    site.write("mappings/bad.yaml", yaml.safe_dump(mapping))
    return site.connect("evil", "mapping: mappings/bad.yaml\nrules: rules/bad.yaml\n")


@needs_chromium
async def test_texts_of_mappings_and_rules_are_shown_and_never_run(running: Running) -> None:
    async with looking(running, "/mappings?connection=evil") as one:
        said = " ".join((await one.page.locator("#main").inner_text()).split())
        for text in TEXTS:
            for shown in (seen(text), seen(f"{text}!"), repr(f"{text}?")):
                assert shown in said, shown
        await harmless(one)
        then = {"reject": TEXTS[8]}
        other = [{"name": TEXTS[6], "on": "inbound", "when": "true", "then": then}]
        await one.page.get_by_label("Other rules").fill(yaml.safe_dump(other))
        await one.page.get_by_role("button", name="Replay").click()
        await one.page.locator("#replayed table").wait_for()
        table = await one.page.locator("#replayed").inner_text()
        for text in (TEXTS[4], TEXTS[6], TEXTS[8]):
            assert text in table
        await harmless(one)
        await one.page.locator("th a[href*='/versions/']").first.click()
        await one.page.get_by_role("heading", name="Version").wait_for()
        assert TEXTS[0] in await one.page.locator("#main").inner_text()
        await harmless(one)


@needs_chromium
async def test_a_document_of_tracos_that_is_tried_is_only_shown(running: Running) -> None:
    document = {
        "number": 7,
        "title": TEXTS[0],
        "description": TEXTS[4],
        "createdAt": "2026-03-01T08:00:00Z",
        "updatedAt": "2026-03-01T08:00:00Z",
    }
    wanted = {"pending": TEXTS[4], TEXTS[6]: "Would be refused"}
    async with looking(running, "/mappings?connection=acme") as one:
        await one.page.get_by_label("From").select_option("tracos")
        for status, text in wanted.items():
            sample = json.dumps({**document, "status": status})
            await one.page.get_by_label("documents as TracOS has them").fill(sample)
            await one.page.get_by_role("button", name="Try", exact=True).click()
            await one.page.locator("#tried").get_by_text(text).first.wait_for()
            await harmless(one)


# -- by clicks ---------------------------------------------------------------------------------


@needs_chromium
async def test_what_a_rule_holds_is_approved_by_clicks_and_is_on_record(running: Running) -> None:
    async with looking(running, "/attention?connection=acme") as one:
        page, group = one.page, one.page.locator(".group")
        assert "completed stays completed" in await group.inner_text()
        await group.get_by_label("Why").first.fill("asked the planner")
        await group.get_by_role("button", name="Approve all 1").click()
        question = await page.get_by_role("dialog").inner_text()
        assert "1 change through that rule completed stays completed holds" in question
        await page.get_by_role("button", name="No, leave it").click()
        assert shown_status(running) == "completed"
        await group.get_by_role("button", name="Approve all 1").click()
        await one.agree()
        await one.done("Approved.")
        await page.get_by_role("heading", name="Nothing needs attention").wait_for()
        assert shown_status(running) == "pending"
        await page.get_by_role("link", name="Audit").click()
        row = page.get_by_role("row").filter(has_text="case.approve")
        assert "asked the planner" in await row.inner_text()


def shown_status(at: Running) -> str:
    """Of order 7, in TracOS."""
    found = at.acme.doc(7)
    assert found
    return str(found["status"])


@needs_chromium
async def test_a_replay_shows_what_would_end_otherwise_and_a_version_its_words(
    running: Running,
) -> None:
    async with looking(running, "/mappings?connection=beta") as one:
        page, answer = one.page, one.page.locator("#replayed")
        replay, other = page.get_by_role("button", name="Replay"), page.get_by_label("Other rules")
        await other.fill("rules: []")
        await replay.click()
        await answer.get_by_text("1 order would end otherwise").wait_for()
        assert "held by rule" in await answer.locator("tbody tr").first.inner_text()
        await other.fill("rules:\n  - nam: x\n")
        await replay.click()
        await answer.get_by_text("rules:2").wait_for()
        await other.fill("")
        await replay.click()
        await answer.get_by_text("each ends as it did").wait_for()
        version = page.get_by_role("row").filter(has_text="in use")
        assert await version.locator("td").last.inner_text() == "1"
        await version.get_by_role("link").click()
        assert "A planner re-opens." in await page.get_by_label("The rules").inner_text()


async def test_a_viewer_is_offered_no_replay_and_may_not_ask_for_one(
    replica_set: Server, tmp_path: Path
) -> None:
    site = Site(replica_set, tmp_path)
    site.connect("acme")
    async with served(site) as at, visitor(at, await at.key("viewer")) as one:
        page = await one.get("/mappings?connection=acme")
        assert 'hx-post="/mappings/acme/try"' in page.text
        assert "replay" not in page.text
        token = re.search(r'"X-CSRF-Token": "([^"]+)"', page.text)
        assert token
        headers = {"Origin": at.address, "X-CSRF-Token": token[1]}
        asked = await one.post("/mappings/acme/replay", data={"back": 7}, headers=headers)
        assert asked.status_code == 403
        unknown = await one.get(f"/mappings/acme/versions/{'0' * 12}")
        assert unknown.status_code == 404
    site.close()
