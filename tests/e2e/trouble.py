"""Customers' ERPs in one site, one connection each, with troubles of their own."""

import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from textwrap import dedent
from typing import Any

from tests.e2e.erp import FILES, KEY, MAKE, Erp
from tests.e2e.site import Site
from tests.harness import Doc, Said, Server
from tracbridge.testing.erp import SYSTEMS, Clock, serve_in_thread
from tracbridge.testing.erp.wire import Deed

NAMES = tuple(sorted(SYSTEMS))

QUICK = {"MONGO_RETRY_DELAY": "0.05"}
"""An outage within a run is waited out quickly."""


@dataclass
class Member(Erp):
    """One of several ERPs; its orders in TracOS carry its name."""

    @property
    def mine(self) -> Doc:
        """What all of its documents say."""
        return {"companyId": self.name}

    def plant(self, *documents: Doc) -> None:
        self.site.orders.insert_many([{**one, **self.mine} for one in documents])

    def edit(self, key: str, **values: Any) -> None:
        number = self.number(key)
        assert number is not None, key
        self.change(number, **values)

    def change(self, number: int, **values: Any) -> None:
        """Somebody changes TracOS's order of that number."""
        now = datetime.now(UTC)
        change = {"$set": {**values, "updatedAt": now, "isSynced": False}}
        found = self.site.orders.update_one({"number": number, **self.mine}, change)
        assert found.matched_count == 1, number

    def doc(self, key: str) -> Doc | None:
        number = self.number(key)
        return None if number is None else self.by_number(number)

    def by_number(self, number: int) -> Doc | None:
        """TracOS's order of that number."""
        return self.site.orders.find_one({"number": number, **self.mine})

    def number(self, key: str) -> int | None:
        record = self.sim.record(key)
        ref, scope = self.mapping.key.ref(record), self.mapping.customer_scope(record)
        row = self.state("numbers").find_one({"c": self.name, "ref": ref, "scope": scope})
        return int(row["number"]) if row else None

    @property
    def docs(self) -> list[Doc]:
        """All of its orders in TracOS."""
        return list(self.site.orders.find(self.mine).sort("number", 1))

    def kept_in(self, store: str) -> list[Doc]:
        """Our own rows of this connection."""
        return list(self.state(store).find({"c": self.name}).sort("_id", 1))

    @property
    def cases(self) -> list[Doc]:
        """What of its records is in quarantine and still open."""
        return [case for case in self.kept_in("quarantine") if case["state"] == "open"]

    def write(self, key: str, text: str, **more: Any) -> None:
        """The planner writes a description."""
        self.sim.edit(key, **{self.text: self.worded(text)}, **more)

    def says(self, key: str) -> tuple[Any, Any]:
        """The description on both sides."""
        return (self.doc(key) or {}).get("description"), self.shown(key)["description"]

    def whole(self) -> None:
        """Each record has one document that says the same, each document one record."""
        keys = self.keys
        self.agree(*keys)
        numbers = Counter(self.number(key) for key in keys)
        assert set(numbers.values()) <= {1}, numbers
        assert sorted(number or 0 for number in numbers) == [one["number"] for one in self.docs], (
            self.name
        )

    def later(self, hours: float) -> None:
        """His whole list was read so long ago, and his system's pace was kept so long ago."""
        cursors, back = self.state("cursors"), timedelta(hours=hours)
        row = cursors.find_one({"_id": f"{self.name}:customer"})
        if row:
            memory = json.loads(row["cursor"])
            moment = datetime.fromisoformat(memory["swept"]) - back
            cursor = json.dumps({**memory, "swept": moment.isoformat()})
            cursors.update_one({"_id": row["_id"]}, {"$set": {"cursor": cursor}})
        row = cursors.find_one({"_id": f"{self.name}:pace"})
        if row:
            at = row["cursor"]["at"] - back
            cursors.update_one({"_id": row["_id"]}, {"$set": {"cursor.at": at}})

    def once(self, operation: str, people: Callable[[], None]) -> None:
        """Somebody is a moment quicker than our next request of that kind."""

        def before(deed: Deed) -> None:
            if deed.operation.partition(":")[0] == operation:
                self.sim.before = None
                people()

        self.sim.before = before


@dataclass
class Fleet:
    """Some ERPs, synced by one process."""

    site: Site
    each: dict[str, Member] = field(default_factory=dict)

    def __iter__(self) -> Iterator[Member]:
        return iter(self.each.values())

    def __getitem__(self, name: str) -> Member:
        return self.each[name]

    def cli(self, *words: str, timeout: float = 180) -> Said:
        said = self.site.cli(*words, timeout=timeout)
        assert "Traceback" not in said.err, said.err
        return said

    def run(self, *words: str, codes: tuple[int, ...] = (0,)) -> dict[str, Doc]:
        """One run; what each connection did."""
        said = self.cli("run", "--json", *words)
        assert said.code in codes, f"{said.code}\n{said.err}\n{said.out}"
        self.said = said
        return {one["connection"]: one for one in said.json()["connections"]}

    def rests(self) -> None:
        """Once our own writes were read back, a run writes nothing anywhere."""
        self.run()
        for one in self:
            one.sim.requests.clear()
        before = self.site.memory()
        done = self.run()
        for one in self:
            did = done[one.name]
            assert (did["inbound"]["created"], did["inbound"]["updated"]) == (0, 0), did
            assert did["outbound"]["delivered"] == 0, did
            assert one.sim.requests.writes == 0, one.sim.requests.as_json()
        assert self.site.memory() == before


@contextmanager
def erps(  # noqa: PLR0913 - what each system is to be like
    server: Server,
    root: Path,
    *names: str,
    customer: str = "",
    more: str = "",
    own: Mapping[str, str] | None = None,
    clock: Callable[[], Clock] = Clock.real,
    company: Mapping[str, Mapping[str, Any]] | None = None,
    extra: Mapping[str, str] | None = None,
) -> Iterator[Fleet]:
    """These ERPs, served over HTTP, and a TracOS, both empty; the files that connect them.

    ``customer``: further settings of all their connectors, ``own``: of single ones, as YAML in one
    line. ``more``: further parts of each connection.
    """
    site = Site(server, root, {"ERP_KEY": KEY, **QUICK, **(extra or {})})
    fleet = Fleet(site)
    site.write("tracbridge.yaml", "defaults: {}\n")
    with ExitStack() as stack:
        stack.callback(site.close)
        for name in names or NAMES:
            sim = SYSTEMS[name](clock=clock(), **{**MAKE[name], **(company or {}).get(name, {})})
            url = stack.enter_context(serve_in_thread(sim))
            parts = [f"preset: {name}", f"url: {url}", *COMMON, customer, (own or {}).get(name, "")]
            settings = ", ".join(filter(None, parts))
            text = dedent(FILES[name]).replace("customer: {", f"customer: {{{settings}, ")
            text += f"tenant: {name}\ntracos: {{filter: {{companyId: {name}}}}}\n" + dedent(more)
            site.write(f"connections/{name}.yaml", text)
            fleet.each[name] = Member(site, sim, name, name)
        yield fleet


COMMON = ("connector: rest", "networks: [127.0.0.0/8]", "calls_per_second: 1000")
