"""A flood of requests: it is told to wait, it costs no memory, and orders go on meanwhile."""

import http.client
import itertools
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from threading import Event
from urllib.parse import urlsplit

import pytest

from tests.api.asking import bearer
from tests.e2e.site import Site
from tests.e2e.test_process import Running, running
from tests.faults.service import fair
from tests.harness import Server, doc, order

THREADS = 6

LITTLE = 96 * 1024
"""Kilobytes that a process may grow by, whatever is asked of it."""

TOO_MANY = 429

Asked = tuple[str, str, dict[str, str], bytes]
"""Method, path, headers and body."""


@pytest.fixture
def site(replica_set: Server, tmp_path: Path) -> Iterator[Site]:
    site = Site(replica_set, tmp_path)
    yield site
    site.close()


def memory(pid: int) -> int:
    """Kilobytes of it that lie in memory."""
    text = Path(f"/proc/{pid}/status").read_text()
    return int(text.partition("VmRSS:")[2].split()[0])


def guesses(number: int) -> Sequence[Asked]:
    """Requests of somebody whom nobody knows, each another one."""
    name = f"n{number}" + "x" * 80
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    return [
        ("GET", f"/api/v1/connections/{name}", bearer(f"tb_{number:012d}_{'x' * 43}"), b""),
        ("GET", f"/api/v1/connections/{name}/orders?q={name}", {}, b""),
        ("POST", f"/api/v1/hooks/{name}", {"X-Tracbridge-Signature": "v1=00"}, b"{}"),
        ("POST", "/login", {**form, "Cookie": f"session={name}"}, f"key={name}".encode()),
        ("GET", f"/{name}?{name}", {"X-Forwarded-For": f"10.0.{number % 256}.1"}, b""),
    ]


def known(key: str, number: int) -> Sequence[Asked]:
    """Requests of somebody who may ask all this, and does so too often."""
    body = b'[{"orderNo": "x"}]'
    push = {**bearer(key), "Idempotency-Key": f"k{number}", "Content-Type": "application/json"}
    few = [("POST", "/api/v1/connections/acme/orders", push, body)] if number < 20 else []
    return [*few, ("GET", f"/api/v1/connections/n{number}", bearer(key), b"")]


@contextmanager
def flooded(at: Running, key: str) -> Iterator[Counter[int]]:
    """As many requests as we can make, all the time; how many there were of each answer."""
    answers, over, numbers = Counter[int](), Event(), itertools.count()
    where = urlsplit(at.address)

    def flood() -> None:
        line = http.client.HTTPConnection(str(where.hostname), where.port, timeout=60)
        while not over.is_set():
            number = next(numbers)
            for method, path, headers, body in known(key, number) if key else guesses(number):
                try:
                    line.request(method, path, body or None, headers)
                    answer = line.getresponse()
                    answer.read()
                    answers[answer.status] += 1
                except (ConnectionError, http.client.HTTPException):
                    line.close()
        line.close()

    with ThreadPoolExecutor(THREADS) as pool:
        floods = [pool.submit(flood) for _ in range(THREADS)]
        try:
            yield answers
        finally:
            over.set()
        for one in floods:
            one.result()


@pytest.mark.parametrize(("who", "many"), fair([("nobody", 60), ("admin", 300)], [0]))
def test_a_flood_is_told_to_wait_and_orders_go_both_ways(site: Site, who: str, many: int) -> None:
    with running(site) as at:
        at.works()
        before = memory(at.service.process.pid)
        with flooded(at, at.key if who == "admin" else "") as answers:
            for number in range(101, 105):
                at.acme.drop(order(number))
                at.acme.plant(doc(number + 100))
                at.service.until(partial(at.acme.doc, number))
                sent = at.acme.outbound / f"workorder_{number + 100}.json"
                at.service.until(sent.exists)
            at.service.until(lambda: answers[TOO_MANY] >= many)
        assert not [status for status in answers if status >= 500], answers
        assert memory(at.service.process.pid) - before < LITTLE
        other = site.cli("keys", "create", "Bo", "--role", "admin", "--json").json()["key"]
        at.key = other
        at.works()
        assert at.service.text.count("\n") < 1_000
        at.service.stop()
