"""A folder with configuration files, as an integration engineer sets it up."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from textwrap import dedent
from typing import Any

from pymongo.collection import Collection

from tests.harness import Doc, World

HOME = ("DATA_INBOUND_DIR", "DATA_OUTBOUND_DIR", "DATA_SETTLE_SECONDS", "STATE_DATABASE")

HOLD = """
rules:
  - name: completed stays completed
    on: inbound transition
    when: old.status == "completed" && new.status == "pending"
    then: {hold: "A planner re-opens."}
"""
"""A file with a rule that lets nobody re-open an order unasked."""


@dataclass
class Site(World):
    """The server and the databases come from the environment, all else from files."""

    @property
    def env(self) -> dict[str, str]:
        base = super().env
        kept = {name: value for name, value in base.items() if name not in HOME}
        return {**kept, "STATE_DATABASE": self.state, **self.extra}

    def write(self, name: str, text: str) -> Path:
        """A file below the folder; the text is dedented."""
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(dedent(text).lstrip("\n"), encoding="utf-8")
        return path

    def connect(self, name: str, more: str = "", **owner: Any) -> "Place":
        """A connection of its own file, with folders that are there."""
        place = Place(self, name, owner or {"companyId": name})
        for folder in (place.inbound, place.outbound):
            folder.mkdir(parents=True, exist_ok=True)
        fields = ", ".join(f"{key}: {value}" for key, value in place.owner.items())
        self.write(
            f"connections/{name}.yaml",
            f"tenant: {name}\n"
            f"customer: {{inbound: data/{name}/in, outbound: data/{name}/out, settle_seconds: 0}}\n"
            f"tracos: {{filter: {{{fields}}}}}\n" + dedent(more),
        )
        return place

    def summaries(self, *words: str) -> tuple[int, dict[str, Doc]]:
        """One run over all connections: exit code, and what each did."""
        said = self.cli("run", "--json", *words)
        assert said.out.strip(), said.err
        return said.code, {one["connection"]: one for one in said.json()["connections"]}


@dataclass
class Place:
    """What belongs to one connection of a site."""

    site: Site
    name: str
    owner: Mapping[str, Any]

    @property
    def inbound(self) -> Path:
        return self.site.root / "data" / self.name / "in"

    @property
    def outbound(self) -> Path:
        return self.site.root / "data" / self.name / "out"

    @property
    def orders(self) -> Collection[Doc]:
        return self.site.orders

    def drop(self, body: Doc | bytes, name: str | None = None) -> Path:
        """The customer's system puts a file into this connection's folder."""
        path = self.site.drop(body, name)
        return path.replace(self.inbound / path.name)

    def doc(self, number: int) -> Doc | None:
        """The order as TracOS has it for this connection."""
        return self.orders.find_one({"number": number, **self.owner})

    def plant(self, *documents: Doc) -> None:
        """Orders that TracOS has for this connection."""
        self.orders.insert_many([{**one, **self.owner} for one in documents])
