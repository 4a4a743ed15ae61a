"""The main tasks, done by clicks in a real browser against the service as it is started."""

import json
import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from threading import Thread

import pytest

from tests.dashboard.served import Browser, browser, needs_chromium
from tests.e2e.site import Place, Site
from tests.harness import NOW, Doc, Server, doc, order


@dataclass
class Running:
    """``tracbridge serve`` with its workers, and an administrator's key.

    Connection ``busy`` has a conflict, ``sloppy`` three refused records, ``calm`` nothing.
    """

    site: Site
    address: str
    key: str
    busy: Place
    calm: Place


@pytest.fixture(scope="module")
def running(replica_set: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    site = Site(replica_set, tmp_path_factory.mktemp("site"))
    busy, calm = site.connect("busy", "conflicts: {policy: ask}\n"), site.connect("calm")
    sloppy = site.connect("sloppy")
    busy.drop(order(7))
    busy.plant(doc(7, description="Inspect conveyor 7", status="in_progress", isSynced=False))
    for number in (21, 22, 23):
        sloppy.drop(order(number, isDone=True))
    key = site.cli("keys", "create", "Ana", "--role", "admin", "--json").json()["key"]
    process = site.popen("serve", "--allow-root", "--port", "0", "--every", "0.5")
    try:
        address = address_of(process)
        site.until(lambda: len(site.cases()) == 3 and site.records("conflicts"))
        yield Running(site, address, key, busy, calm)
    finally:
        process.terminate()
        process.wait(timeout=20)
        site.close()


def address_of(process: "subprocess.Popen[str]") -> str:
    """Where it listens, as its log says; the rest of the log is read and dropped."""
    assert process.stderr
    for line in process.stderr:
        if found := re.search(r"http://127\.0\.0\.1:\d+", line):
            Thread(target=drained, args=(process,), daemon=True).start()
            return found[0]
    raise AssertionError("it did not begin to listen")


def drained(process: "subprocess.Popen[str]") -> None:
    """Reads what nobody needs, so that the process never waits for a reader."""
    process.communicate()


@needs_chromium
async def test_from_the_worst_connection_to_a_conflict_decided_by_clicks(running: Running) -> None:
    async with browser() as one:
        page = one.page
        await enter(one, running)
        await page.get_by_role("heading", name="of 3 connections need").wait_for()
        worst = page.locator("#connections tbody tr").first
        assert "needs attention" in await worst.inner_text()
        await worst.get_by_role("link", name="busy").click()
        await page.get_by_label("Number of an order").fill("7")
        await page.get_by_role("button", name="Show the order").click()
        word = await page.locator(".word").inner_text()
        assert word == "held, because the two sides disagree on status"
        await page.get_by_role("link", name="Decide the conflict in status").click()
        await page.get_by_label("Why").fill("asked the planner")
        await page.get_by_role("button", name="Take TracOS's: in_progress").click()
        dialog = page.get_by_role("dialog")
        assert "in_progress, as TracOS has it?" in await dialog.inner_text()
        await one.agree()
        await one.done("Decided. The next run tells the other side.")
        await page.get_by_role("heading", name="Order 7: decided").wait_for()
        assert "asked the planner" in await page.locator("main").inner_text()
        sent = running.busy.outbound / "workorder_7.json"
        running.site.until(lambda: sent.exists() and json.loads(sent.read_bytes())["isActive"])
        await page.get_by_role("link", name="Audit").click()
        row = page.get_by_role("row").filter(has_text="conflict.resolve")
        assert "asked the planner" in await row.inner_text()


@needs_chromium
async def test_a_group_of_refused_records_is_tried_again_and_discarded_by_clicks(
    running: Running,
) -> None:
    async with browser() as one:
        page = one.page
        await enter(one, running)
        await page.get_by_role("link", name="Needs attention").click()
        group = page.locator(".group")
        assert "are both true: 3 orders of sloppy" in await group.inner_text()
        await group.get_by_role("button", name="Try all 3 again").click()
        await one.done("refused again")
        await group.get_by_role("link", name="21.json").click()
        await page.get_by_text("Mend it and try again").click()
        field = page.get_by_role("textbox", name="The record")
        mended = {**json.loads(await field.input_value()), "isDone": False}
        await field.fill(json.dumps(mended))
        await page.get_by_role("button", name="Take it in").click()
        await one.agree()
        await one.done("Taken in as mended.")
        await page.get_by_role("link", name="Needs attention").click()
        await group.get_by_role("button", name="Discard all 2").click()
        await page.get_by_role("button", name="No, leave it").click()
        assert len(running.site.cases()) == 2
        await group.get_by_role("button", name="Discard all 2").click()
        await one.agree()
        await one.done("Discarded.")
        await page.get_by_role("heading", name="Nothing needs attention").wait_for()
        assert running.site.cases() == []


@needs_chromium
async def test_a_direction_is_paused_and_resumed_and_the_overview_tells_it_live(
    running: Running,
) -> None:
    async with browser() as one:
        page = one.page
        await enter(one, running)
        row = page.locator("#c-calm")
        running.calm.plant(doc(1), doc(2))
        await row.get_by_role("link", name="2 waiting").wait_for()
        await row.get_by_role("link", name="calm").click()
        await page.locator(".u-wrap").first.wait_for()
        await page.get_by_role("button", name="Look").click()
        await page.get_by_text("Nothing to do: a run would change nothing.").wait_for()
        await page.get_by_label("Why").first.fill("their night")
        await page.get_by_role("button", name="Pause").first.click()
        await one.done("Paused from the next run on")
        await page.locator("#main").get_by_text("their night").wait_for()
        await page.get_by_role("link", name="Overview").click()
        await page.get_by_label("Show only").fill("paused")
        assert await page.locator("#connections tbody tr:visible").count() == 1
        await page.locator("#c-calm").get_by_role("link", name="calm").click()
        await page.get_by_role("button", name="Resume").click()
        await one.done("Resumed")


def changed(running: Running) -> str:
    """The run that changed order 41, which another one had made."""
    calm, site = running.calm, running.site

    def latest(name: str, **which: object) -> Doc:
        rows = [one for one in site.records(name) if which.items() <= one.items()]
        return max(rows, key=lambda one: str(one.get("started") or one["at"]), default={})

    calm.drop(order(41, summary="Pump"))
    site.until(lambda: latest("history", ref="41", side="tracos"))
    made = latest("history", ref="41", side="tracos")["run"]
    site.until(lambda: latest("runs", c="calm")["_id"] != made)
    calm.drop(order(41, at=NOW + timedelta(hours=1), summary="Wrong"))
    site.until(lambda: (calm.doc(41) or {})["description"] == "Wrong")
    return str(latest("history", ref="41", side="tracos")["run"])


@needs_chromium
async def test_a_run_is_taken_back_after_a_look_at_what_that_does(running: Running) -> None:
    calm, run = running.calm, changed(running)
    async with browser() as one:
        page = one.page
        await enter(one, running)
        await page.goto(f"{running.address}/connections/calm")
        await page.get_by_role("link", name=f"Undo run {run}").click()
        await page.get_by_role("button", name="Look what would be set back").click()
        row = page.locator("#undo").get_by_role("row").filter(has_text="41")
        assert "description: Wrong → Pump" in await row.inner_text()
        assert (calm.doc(41) or {})["description"] == "Wrong"
        await page.get_by_label("Why").fill("a wrong list")
        button = page.get_by_role("button", name="Set 1 order back")
        await button.click()
        await page.get_by_role("button", name="No, leave it").click()
        assert (calm.doc(41) or {})["description"] == "Wrong"
        await button.click()
        await one.agree()
        await one.done("Taken back. The next run tells the customer.")
        assert (calm.doc(41) or {})["description"] == "Pump"
        await page.get_by_role("link", name="Audit").click()
        row = page.get_by_role("row").filter(has_text="run.undo")
        assert "a wrong list" in await row.inner_text()


@needs_chromium
async def test_the_main_pages_fit_a_phone_and_are_used_by_keyboard(running: Running) -> None:
    async with browser() as one:
        page = one.page
        await page.set_viewport_size({"width": 360, "height": 740})
        await enter(one, running)
        for path in ("/", "/connections/busy", "/connections/busy/orders/7", "/attention"):
            await page.goto(f"{running.address}{path}")
            width = await page.evaluate("document.documentElement.scrollWidth")
            assert width <= 360, path
        await page.goto(f"{running.address}/")
        await page.keyboard.press("Tab")
        assert await page.evaluate("document.activeElement.textContent") == ("Skip to the content")
        await page.keyboard.press("Enter")
        assert await page.evaluate("document.activeElement.id") == "main"


async def enter(one: Browser, at: Running) -> None:
    """By typing the key in."""
    await one.page.goto(f"{at.address}/login")
    await one.page.get_by_label("API key or token").fill(at.key)
    await one.page.keyboard.press("Enter")
    await one.page.wait_for_url(f"{at.address}/")
