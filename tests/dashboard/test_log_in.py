"""Who gets in, what a session may, and what each answer tells the browser."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from tests.api.asking import OURS, THEIRS, two_tenants
from tests.dashboard.served import Served, log_in, served, token_in, visitor
from tests.e2e.site import Site
from tests.harness import Server
from tracbridge.api import keys


@pytest.fixture
def site(replica_set: Server, tmp_path: Path) -> Iterator[Site]:
    site = two_tenants(Site(replica_set, tmp_path))
    yield site
    site.close()


HEADERS = {
    "content-security-policy": "default-src 'self'; img-src 'self' data:; object-src 'none'; "
    "base-uri 'none'; frame-ancestors 'none'; form-action 'self'",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=()",
    "cache-control": "no-store",
}


async def test_every_page_carries_the_headers_and_no_inline_script_or_style(site: Site) -> None:
    async with served(site) as at, visitor(at, await at.key("admin")) as client:
        pages = ("/", "/attention", "/conflicts", "/mappings", "/audit", f"/connections/{OURS}")
        for path in (*pages, f"/connections/{OURS}/orders/7", "/nowhere", "/login"):
            answer = await client.get(path)
            assert {name: answer.headers.get(name) for name in HEADERS} == HEADERS, path
            assert "<style" not in answer.text
            assert " style=" not in answer.text
            assert "<script>" not in answer.text
            assert " onclick=" not in answer.text
        assert (await client.get("/nowhere")).status_code == 404


async def test_files_are_kept_for_long_because_their_path_names_their_content(site: Site) -> None:
    async with served(site) as at, visitor(at) as client:
        page = (await client.get("/login")).text
        path = next(part for part in page.split('"') if part.endswith("dashboard.js"))
        answer = await client.get(path)
        assert answer.status_code == 200
        assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"
        assert answer.headers["x-content-type-options"] == "nosniff"
        missing = await client.get(f"{path}.map")
        assert (missing.status_code, missing.headers["cache-control"]) == (404, "no-store")


async def test_who_has_not_logged_in_is_sent_to_do_so_and_comes_back_afterwards(
    site: Site,
) -> None:
    async with served(site) as at, visitor(at) as client:
        sent = await client.get("/conflicts?connection=acme")
        assert sent.status_code == 303
        assert sent.headers["location"] == "/login?next=/conflicts%3Fconnection%3Dacme"
        form = (await client.get(sent.headers["location"])).text
        fields = {"token": token_in(form), "key": await at.key()}
        after = {"after": "/conflicts?connection=acme"}
        answer = await client.post(
            "/login", data={**fields, **after}, headers={"Origin": at.address}
        )
        assert answer.headers["location"] == after["after"]
        assert (await client.get(after["after"])).status_code == 200


@pytest.mark.parametrize("elsewhere", ["//evil.example", "https://evil.example", "/\\evil", "x:y"])
async def test_nobody_is_sent_to_another_site_after_the_log_in(site: Site, elsewhere: str) -> None:
    async with served(site) as at, visitor(at) as client:
        form = (await client.get("/login", params={"next": elsewhere})).text
        assert 'name="after" value="/"' in form
        fields = {"token": token_in(form), "key": await at.key(), "after": elsewhere}
        answer = await client.post("/login", data=fields, headers={"Origin": at.address})
        assert (answer.status_code, answer.headers["location"]) == (303, "/")


async def test_the_cookie_is_hidden_from_scripts_and_other_sites(site: Site) -> None:
    async with served(site) as at, visitor(at) as client:
        answer = await log_in(client, at, await at.key())
        cookies = answer.headers.get_list("set-cookie")
        (plain,) = [one for one in cookies if one.startswith("session=")]
        assert "HttpOnly" in plain
        assert "SameSite=strict" in plain
        assert "Max-Age=43200" in plain
        elsewhere = {"Host": "bridge.example", "Origin": "http://bridge.example"}
        form = await client.get("/login", headers=elsewhere)
        (secure,) = form.headers.get_list("set-cookie")
        assert secure.startswith("__Host-login=")
        assert "Secure" in secure
        assert "Path=/" in secure


async def test_a_wrong_key_is_refused_in_the_same_words_as_a_revoked_one(site: Site) -> None:
    async with served(site) as at, visitor(at) as client:
        text = await at.key()
        await (await at.hosted.keys()).revoke(keys.id_of(text) or "", at.hosted.now())
        said = [await log_in(client, at, wrong) for wrong in (text, "tb_nothing", "x")]
        assert [one.status_code for one in said] == [401, 401, 401]
        assert all("No such key, or it counts no more." in one.text for one in said)
        assert "session" not in client.cookies


async def test_a_revoked_key_ends_its_session(site: Site) -> None:
    async with served(site) as at:
        text = await at.key()
        async with visitor(at, text) as client:
            assert (await client.get("/attention")).status_code == 200
            await (await at.hosted.keys()).revoke(keys.id_of(text) or "", at.hosted.now())
            assert (await client.get("/attention")).status_code == 303
            assert (await client.get("/api/v1/audit")).status_code == 401


async def test_after_the_log_out_the_cookie_opens_nothing(site: Site) -> None:
    async with served(site) as at, visitor(at, await at.key()) as client:
        before = client.cookies["session"]
        token = token_in((await client.get("/attention")).text)
        answer = await client.post("/logout", data={"token": token}, headers={"Origin": at.address})
        assert (answer.status_code, answer.headers["location"]) == (303, "/login")
        answer = await client.get("/attention", headers={"Cookie": f"session={before}"})
        assert answer.status_code == 303


async def test_a_form_without_its_token_or_from_another_site_is_refused(site: Site) -> None:
    async with served(site) as at, visitor(at, await at.key()) as client:
        token = token_in((await client.get("/attention")).text)
        ours, theirs = {"Origin": at.address}, {"Origin": "https://evil.example"}
        for path in ("/logout", f"/mappings/{OURS}/try"):
            data = {"token": token, "sample": "{}"}
            head = {"X-CSRF-Token": token}
            for headers, body in (
                ({**theirs, **head}, data),
                (head, data),
                ({**ours, "X-CSRF-Token": "x"}, {**data, "token": "x"}),
                (ours, {**data, "token": ""}),
                ({"Origin": "null", **head}, data),
            ):
                answer = await client.post(path, data=body, headers=headers)
                assert answer.status_code == 403, (path, headers)
        form = token_in((await client.get("/login", headers={"Cookie": ""})).text)
        stolen = {"token": form, "key": await at.key()}
        answer = await client.post("/login", data=stolen, headers=theirs)
        assert answer.status_code == 403


async def test_the_api_takes_a_session_only_with_its_token_and_from_our_own_pages(
    site: Site,
) -> None:
    async with served(site) as at, visitor(at, await at.key()) as client:
        token = token_in((await client.get("/attention")).text)
        path, said = f"/api/v1/connections/{OURS}/pause", {"sides": ["tracos"]}
        ours, foreign = {"Origin": at.address}, {"Origin": "https://evil.example"}
        shown = {"X-CSRF-Token": token}
        for headers in ({}, ours, shown, {**foreign, **shown}, {**ours, "X-CSRF-Token": "x"}):
            assert (await client.post(path, json=said, headers=headers)).status_code == 403
        controls = f"/api/v1/connections/{OURS}/controls"
        assert "tracos" not in (await client.get(controls)).text
        assert (await client.post(path, json=said, headers={**ours, **shown})).status_code == 200
        assert "tracos" in (await client.get(controls)).text


async def test_a_live_page_ends_with_the_key_of_its_session(site: Site) -> None:
    async with served(site) as at:
        text = await at.key()
        async with visitor(at, text) as client, client.stream("GET", "/live/overview") as stream:
            assert stream.headers["content-type"].startswith("text/event-stream")
            lines = stream.aiter_lines()
            told = asyncio.create_task(until(lines, "event: rows"))
            while not told.done():
                happened(at)
                await asyncio.wait([told], timeout=0.05)
            await (await at.hosted.keys()).revoke(keys.id_of(text) or "", at.hosted.now())
            happened(at)
            await until(lines, "event: over")
            assert (await client.get("/")).status_code == 303


def happened(at: Served) -> None:
    """Something that a row shows."""
    counts = {"flow": "inbound", "counts": {"created": 1}}
    at.hosted.hub.tell(at.hosted.now(), OURS, OURS, "batch", counts)


async def until(lines: AsyncIterator[str], wanted: str) -> None:
    """Reads on to that line."""
    async for line in lines:
        if line == wanted:
            return
    raise AssertionError(f"it ended before {wanted}")


async def test_of_another_tenant_nothing_is_seen(site: Site) -> None:
    async with served(site) as at, visitor(at, await at.key("admin", OURS)) as client:
        assert (await client.get(f"/connections/{OURS}")).status_code == 200
        for path in ("/", "/attention", "/conflicts", "/mappings", "/audit"):
            assert THEIRS not in (await client.get(path)).text, path
        asked = [
            await client.get(f"/connections/{name}{rest}")
            for name in (THEIRS, "nobody")
            for rest in ("", "/orders/7", "/preview", "/plots/runs", "/orders?number=7")
        ]
        assert {one.status_code for one in asked} == {404}
        assert len({one.text for one in asked}) == 1


async def test_a_viewer_sees_no_button_that_does_something(site: Site) -> None:
    async with served(site) as at:
        async with visitor(at, await at.key("viewer")) as client:
            page = (await client.get(f"/connections/{OURS}")).text
            assert "hx-post" not in page
            assert (await client.get("/audit")).status_code == 403
        async with visitor(at, await at.key("operator")) as client:
            assert "hx-post" in (await client.get(f"/connections/{OURS}")).text
