"""Whatever stands in orders, file names, refusals, mappings and reasons: it is shown, never run."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.dashboard.served import Browser, Served, browser, needs_chromium, served
from tests.e2e.site import Place, Site
from tests.harness import Server, doc, order
from tracbridge.ports.access import Caller, Role

RUN = "window.ran=1"
TEXTS = [
    f"<script>{RUN}</script>",
    f"</script><script>{RUN}</script>",
    f"</textarea><script>{RUN}</script>",
    f"</title><script>{RUN}</script>",
    f"<img src=x onerror={RUN}>",
    f"<img src=x onerror=alert(1)>{RUN}",
    f"<svg onload={RUN}>",
    f"<svg><script>{RUN}</script></svg>",
    f"<body onload={RUN}>",
    f"<iframe srcdoc='<script>parent.{RUN}</script>'></iframe>",
    f"<iframe src=javascript:parent.{RUN}></iframe>",
    f"<a href=javascript:{RUN}>x</a>",
    f"<details open ontoggle={RUN}>",
    f"<input autofocus onfocus={RUN}>",
    f"<video><source onerror={RUN}></video>",
    f"<math><mtext><style><img src onerror={RUN}></style></mtext></math>",
    f"<template><script>{RUN}</script></template>",
    f"<noscript><p title='</noscript><img src=x onerror={RUN}>'>",
    f'"><script>{RUN}</script>',
    f"'><img src=x onerror={RUN}>",
    f'" onmouseover={RUN} autofocus onfocus={RUN} x="',
    f"' hx-on:load='{RUN}",
    f"<div hx-on::load='{RUN}' hx-trigger=load hx-get=/></div>",
    f"<div hx-get=/login hx-trigger=load hx-vals='js:{{a:{RUN}}}'></div>",
    f"<form action=//evil.example><button>x</button></form>{RUN}",
    f"<base href=//evil.example/>{RUN}",
    f"<meta http-equiv=refresh content='0;url=javascript:{RUN}'>",
    f"<link rel=stylesheet href=//evil.example/x.css>{RUN}",
    f"{{{{ self.__init__.__globals__ }}}}{{% raw %}}{RUN}",
    f"<!--><img src=x onerror={RUN}>-->\u2028\u202e",
]
"""30 of them."""


@pytest.fixture
def place(replica_set: Server, tmp_path: Path) -> Iterator[Place]:
    site = Site(replica_set, tmp_path)
    yield site.connect("acme", "conflicts: {policy: ask}\n")
    site.close()


THREES = [" ".join(TEXTS[n : n + 3]) for n in range(0, len(TEXTS), 3)]
"""Several in each order: a page takes its time."""


def plant(place: Place) -> None:
    """Orders that both sides hold differently, and for each text a file that is refused."""
    for number, text in enumerate(THREES, 1):
        place.drop(order(number, summary=text))
    for number, text in enumerate(TEXTS, 101):
        name = f"{text.replace('/', '')[:80]}.json"
        place.drop(json.dumps(order(number, lastUpdateDate=text)).encode(), name)
    place.plant(*[doc(n, title=text, description=f"{text}!") for n, text in enumerate(THREES, 1)])
    place.site.cli("run")


async def shown(at: Served, one: Browser, path: str, *texts: str) -> None:
    """The page is there, with these texts as texts, and nothing of it has run."""
    await one.page.goto(f"{at.address}{path}")
    page = await one.page.locator("body").inner_text()
    for text in texts:
        assert seen(text) in page.replace("\n", " "), path
    assert await one.page.evaluate("window.ran") is None, path
    assert await one.page.evaluate("window.broken") == [], path


def seen(text: str) -> str:
    """As a page shows it."""
    return text.replace("\u2028", "\\u2028").replace("\u202e", "\\u202e")


WATCH = """
window.broken = [];
document.addEventListener("securitypolicyviolation", (one) => {
  window.broken.push(one.violatedDirective);
});
"""


@needs_chromium
async def test_no_text_from_outside_is_ever_run(place: Place) -> None:
    assert len(set(TEXTS)) == 30
    plant(place)
    async with served(place.site) as at, browser() as one:
        caller = Caller(TEXTS[0], Role.ADMIN)
        await at.hosted.audit(caller, "acme", TEXTS[4], TEXTS[6], TEXTS[18], TEXTS[20])
        await one.page.add_init_script(WATCH)
        await one.log_in(at, await at.key("admin"))
        service = await at.hosted.service("acme")
        assert service
        cases = [case async for case in service.views.cases()]
        conflicts = {one.ref: one.id for one in await service.views.conflicts()}
        assert (len(cases), len(conflicts)) == (30, 10)
        for number, text in enumerate(THREES, 1):
            await shown(at, one, f"/connections/acme/orders/{number}", text, f"{text}!")
            if number % 3 == 0:
                path = f"/conflicts/acme/{conflicts[str(number)]}"
                await shown(at, one, path, text, f"{text}!")
        for case in cases[::3]:
            await shown(at, one, f"/attention/acme/{case.id}", case.source, case.why.value)
        await shown(at, one, "/attention", *[case.source for case in cases[:5]])
        await shown(at, one, "/conflicts", THREES[0][:50])
        await shown(at, one, "/audit", *[TEXTS[n] for n in (0, 4, 6, 18, 20)])
        for path in ("/", "/connections/acme", "/mappings?connection=acme"):
            await shown(at, one, path)


@needs_chromium
async def test_a_sample_that_is_tried_is_only_shown(place: Place) -> None:
    async with served(place.site) as at, browser() as one:
        await one.page.add_init_script(WATCH)
        await one.log_in(at, await at.key("viewer"))
        await one.page.goto(f"{at.address}/mappings")
        bad = order(7, summary=TEXTS[4], lastUpdateDate=TEXTS[6]) | {TEXTS[0]: TEXTS[1]}
        await one.page.get_by_label("Records as the customer sends them").fill(json.dumps(bad))
        await one.page.get_by_role("button", name="Try", exact=True).click()
        await one.page.locator("#tried").get_by_text("Would be refused").wait_for()
        said = await one.page.locator("#tried").inner_text()
        assert TEXTS[4] in said
        assert TEXTS[0] in said
        assert await one.page.evaluate("window.ran") is None
        assert await one.page.evaluate("window.broken") == []
