"""A simulated ERP and a TracOS, connected by a file and synced by the command line."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from textwrap import dedent
from typing import Any

from pymongo.collection import Collection

from tests.e2e.site import Site
from tests.harness import Doc, Server
from tracbridge.config.files import configured
from tracbridge.config.translations import translation_of
from tracbridge.domain.workorder import Fields, Value
from tracbridge.mapping.declared import Declared
from tracbridge.mapping.states import CasesCodec
from tracbridge.testing.erp import SYSTEMS, Clock, Simulator, serve_in_thread

TEXTS = {
    "odoo": "description",
    "sap_pm": "MaintenanceOrderLongText",
    "maximo": "description_longdescription",
    "erpnext": "description",
}

KEY = "a-key-that-nobody-may-see"

FILES: Mapping[str, str] = {
    "odoo": """
        customer: {auth: {kind: bearer, token: "${env:ERP_KEY}"}}
        mapping: {use: odoo, key: {ours: x_tracos_number}}
    """,
    "sap_pm": """
        customer: {auth: {kind: basic, user: TRACBRIDGE, password: "${env:ERP_KEY}"}}
        mapping:
          use: sap_pm
          key: {as: text, ours: YY1_TracosNumber}
          fields:
            status:      # here a released order counts as begun
              cases:
                - {is: cancelled, when: {SystemStatusText: {has: NOEX}}}
                - {is: completed, when: {SystemStatusText: {has: CLSD}}, only: read}
                - {is: completed, when: {SystemStatusText: {has: TECO}}}
                - {is: on_hold, when: {SystemStatusText: {has: LKD}}}
                - {is: completed, when: {SystemStatusText: {has: CNF}}, only: read}
                - {is: in_progress, when: {SystemStatusText: {has: PCNF}}, only: read}
                - {is: in_progress, when: {SystemStatusText: {has: REL}}}
                - {is: pending, when: {SystemStatusText: {has: CRTD}}}
          transitions:
            steps:
              release: null
              CRTD: [REL, NOEX]
              REL: [LKD, TECO, NOEX]
              PCNF: [LKD, TECO, NOEX]
              CNF: [TECO]
              LKD: [REL]
              TECO: [REL, CLSD]
              CLSD: []
              NOEX: []
            irreversible: [CLSD, NOEX]
            allow: [NOEX]
        zone: America/Sao_Paulo
    """,
    "maximo": """
        customer: {auth: {kind: header, header: apikey, token: "${env:ERP_KEY}"}}
        mapping: {use: maximo}
        zone: America/New_York
    """,
    "erpnext": """
        customer: {auth: {kind: frappe, user: tracbridge, password: "${env:ERP_KEY}"}}
        mapping: {use: erpnext, key: {ours: tracos_number}}
        zone: America/Sao_Paulo
    """,
}
"""What each system's connection says beside its address."""

MAKE: Mapping[str, Mapping[str, Any]] = {
    "odoo": {"key": KEY},
    "sap_pm": {"password": KEY},
    "maximo": {"apikey": KEY},
    "erpnext": {"api_key": "tracbridge", "api_secret": KEY},
}
"""How each simulated company lets us in."""


@dataclass
class Erp:
    """One customer's ERP and the TracOS that it is connected to."""

    site: Site
    sim: Simulator
    name: str
    system: str
    _mapping: Declared | None = field(default=None, repr=False)

    # -- what we do ----------------------------------------------------------------------------

    def run(self, *words: str, code: int = 0, timeout: float = 120) -> Doc:
        """One run by the command line; its summary."""
        said = self.site.cli("run", "--json", *words, timeout=timeout)
        assert said.code == code, (said.code, said.out, said.err)
        found: Doc = said.json()["connections"][0]
        return found

    def rests(self) -> None:
        """Once our own writes were read back, a run writes nothing anywhere."""
        self.run()
        self.sim.requests.clear()
        before = self.site.memory()
        summary = self.run()
        assert (summary["inbound"]["created"], summary["inbound"]["updated"]) == (0, 0), summary
        assert summary["outbound"]["delivered"] == 0, summary
        assert self.sim.requests.writes == 0, self.sim.requests.as_json()
        assert self.site.memory() == before

    # -- TracOS's people -----------------------------------------------------------------------

    def plant(self, *documents: Doc) -> None:
        """Orders of TracOS's."""
        self.site.orders.insert_many([dict(one) for one in documents])

    def edit(self, key: str, **values: Any) -> None:
        """Somebody changes TracOS's order."""
        now = datetime.now(UTC)
        change = {"$set": {**values, "updatedAt": now, "isSynced": False}}
        found = self.site.orders.update_one({"number": self.number(key)}, change)
        assert found.matched_count == 1, key

    def doc(self, key: str) -> Doc | None:
        """TracOS's order of the customer's key."""
        number = self.number(key)
        return None if number is None else self.site.orders.find_one({"number": number})

    def number(self, key: str) -> int | None:
        """TracOS's number for the customer's key."""
        ref, scope = self.mapping.key.ref(self.sim.record(key)), ""
        if self.mapping.numbered:
            return int(ref)
        scope = self.mapping.customer_scope(self.sim.record(key))
        row = self.state("numbers").find_one({"ref": ref, "scope": scope})
        return int(row["number"]) if row else None

    def state(self, name: str) -> Collection[Doc]:
        """One of our own collections."""
        return self.site.server.client[self.site.state][f"tracbridge_{name}"]

    # -- the customer's side -------------------------------------------------------------------

    @property
    def mapping(self) -> Declared:
        """How his records are understood."""
        if self._mapping is None:
            settings = configured(self.site.env, self.site.root).named(self.name)
            self._mapping = translation_of(settings)
        return self._mapping

    def shown(self, key: str) -> Fields:
        """His record, as the mapping understands it."""
        return self.mapping.from_customer(self.sim.record(key)).fields

    @property
    def keys(self) -> list[str]:
        """What people call his records, oldest first."""
        return [row.key for row in self.sim.store]

    @property
    def text(self) -> str:
        """Where his description stands."""
        return TEXTS[self.system]

    def worded(self, text: str) -> str:
        """A description as his system keeps it."""
        return f"<p>{text}</p>" if self.system in ("odoo", "maximo") else text

    def carrying(self, number: int) -> Doc:
        """What a record of his says that stands for TracOS's order of that number."""
        if self.mapping.numbered:
            return {self.sim.KEY: str(number)}
        return {self.sim.NUMBER: str(number)}

    def twin(self, key: str, number: int) -> Doc:
        """TracOS's order that says the same as his record."""
        order = self.mapping.from_customer(self.sim.record(key))
        made = self.mapping.to_tracos(order, None)
        title = made.get("title") or order.fields.get("description")
        return {**made, "number": number, "title": title, "isSynced": False}

    @property
    def own_statuses(self) -> set[str]:
        """Those of TracOS's statuses that his system has, too."""
        codec = dict(self.mapping.written)["status"]
        assert isinstance(codec, CasesCodec)
        return {state.is_ for state in codec.states if state.only != "read"}

    @property
    def writes_each(self) -> int:
        """Writes that a change of one text costs."""
        return 1

    def agree(self, *keys: str) -> None:
        """Both sides show the same in each of these orders."""
        for key in keys:
            document, his = self.doc(key), self.shown(key)
            assert document is not None, key
            ours = self.mapping.from_tracos(document, None).fields
            for name in his.keys() & ours.keys():
                here, there = (self.kept(name, one[name]) for one in (ours, his))
                assert here == there, (key, name, ours[name], his[name])

    def kept(self, name: str, value: Value) -> Value:
        """What his system keeps of a value."""
        fold = self.mapping.lossy.get(name)
        return fold(value) if fold else value


@contextmanager
def erp(
    server: Server, root: Path, system: str, *, more: str = "", **company: Any
) -> Iterator[Erp]:
    """The ERP, served over HTTP, and a TracOS, both empty; the file that connects them."""
    clock = company.pop("clock", None) or Clock.real()
    sim = SYSTEMS[system](clock=clock, **MAKE[system], **company)
    with serve_in_thread(sim) as url:
        site = Site(server, root, {"ERP_KEY": KEY})
        try:
            site.write("tracbridge.yaml", f"defaults:\n  customer:\n    url: {url}\n{COMMON}")
            text = dedent(FILES[system]).replace("customer: {", f"customer: {{preset: {system}, ")
            site.write(f"connections/{system}.yaml", text + dedent(more))
            yield Erp(site, sim, system, system)
        finally:
            site.close()


COMMON = """\
    connector: rest
    networks: [127.0.0.0/8]
    calls_per_second: 1000
"""
