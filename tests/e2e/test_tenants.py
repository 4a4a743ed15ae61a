"""What one tenant does, or suffers, is no business of the others."""

import json
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from tests.e2e.site import Site
from tests.faults.service import serving
from tests.harness import Server, order

FLOOD = 20_000


@pytest.fixture
def site(replica_set: Server, tmp_path: Path) -> Iterator[Site]:
    site = Site(replica_set, tmp_path)
    yield site
    site.close()


def test_one_tenants_flood_keeps_nobody_waiting(site: Site) -> None:
    """While twenty thousand orders of one come in, those of the others do as they come."""
    big, small = site.connect("big"), site.connect("small")
    site.summaries()
    flood = site.root / "flood"
    flood.mkdir()
    for number in range(1, FLOOD + 1):
        (flood / f"{number}.json").write_text(json.dumps(order(number)))
    with serving(site, "run", "--every", "0.5") as service:
        for path in flood.iterdir():
            path.rename(big.inbound / path.name)
        service.until(lambda: big.orders.count_documents({"companyId": "big"}))
        for number in (1, 2, 3):
            small.drop(order(number))
            service.until(partial(small.doc, number))
        assert big.orders.count_documents({"companyId": "big"}) < FLOOD
