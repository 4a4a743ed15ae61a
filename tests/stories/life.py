"""One story on its way: what both sides hold, what the table says, and the ledger of its edits."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timezone
from pathlib import Path
from typing import Any

from tests.harness import FLAGS, Doc, World, order
from tests.stories.ledger import Values
from tests.stories.reading import MONDAY, Row, State, Story, spelt, state_of

NAMES = {"status": "status", "text": "description", "deleted": "deleted"}
"""The words of the stories, and the names of the fields."""

WORDS = {stored: name for name, stored in NAMES.items()}


@dataclass(slots=True)
class Customer:
    """The customer's system: what it holds of the order, and since when."""

    record: State = field(default_factory=dict)
    at: datetime = MONDAY
    deleted: datetime | None = None
    past: list[tuple[datetime, State, datetime, datetime | None]] = field(default_factory=list)
    moved: Doc | None = None

    def keep(self, now: datetime) -> None:
        self.past.append((now, dict(self.record), self.at, self.deleted))

    def as_of(self, day: datetime) -> "Customer":
        """What it held then, with the date that it had then."""
        _, record, edited, deleted = [one for one in self.past if one[0] <= day][-1]
        return Customer(record, edited, deleted)

    def edit(self, state: State, at: datetime) -> None:
        if state.get("deleted", self.record.get("deleted")) != self.record.get("deleted"):
            self.deleted = at if state["deleted"] else None
        self.record, self.at = {**self.record, **state}, at

    def adopt(self, body: Doc) -> None:
        """Import a file of ours."""
        self.record = content(body)
        self.at = datetime.fromisoformat(body["lastUpdateDate"])
        self.deleted = body["deletedDate"] and datetime.fromisoformat(body["deletedDate"])


@dataclass(slots=True)
class Life:
    """One story on its way: what is still to come, and what went otherwise than it says."""

    story: Story
    world: World
    number: int
    zone: timezone = UTC
    left: list[Row] = field(default_factory=list)
    row: Row | None = None
    """What happened before this pass; None if the story waits, or is told."""
    customer: Customer = field(default_factory=Customer)
    files: int = 0
    removed: Doc | None = None
    foreseen: State = field(default_factory=dict)
    values: dict[str, Values] = field(default_factory=lambda: {name: Values() for name in NAMES})
    looks: Doc = field(default_factory=lambda: {"conflicts": {}})
    complaints: list[str] = field(default_factory=list)

    # -- what people do --------------------------------------------------------------------

    def enters(self, side: str, state: State, at: datetime) -> None:
        """A person edits; values that stand there already are no edit."""
        self.sees(side)
        shown = self.holds(side)
        for name, value in state.items():
            if shown.get(name) != value:
                self.values[name].enter(side, value, self.where)
        if side == "customer":
            self.customer.edit(state, at)
        else:
            self.stores(state, at)

    def stores(self, state: State, at: datetime) -> None:
        """TracOS's document after somebody edited it, or entered it."""
        changes: Doc = {NAMES[name]: value for name, value in state.items()}
        if "deleted" in state:
            changes["deletedAt"] = at if state["deleted"] else None
        if self.world.doc(self.number):
            self.world.edit(self.number, updatedAt=at, **changes)
        else:
            new = {"number": self.number, "title": state["text"], "createdAt": at, "updatedAt": at}
            self.world.orders.insert_one(new | changes)

    def exports(self, customer: Customer | None = None, **over: Any) -> None:
        """The customer's whole record into our folder, dates as his clock on the wall has them."""
        given = customer or self.customer
        self.files += 1
        body = order(
            self.number,
            given.record["status"],
            at=given.at.astimezone(self.zone),
            summary=given.record["text"],
            isDeleted=given.record["deleted"],
            deletedDate=given.deleted and given.deleted.astimezone(self.zone).isoformat(),
        )
        self.world.drop(body | over, f"{self.number}-{self.files}.json")
        self.customer.keep(self.row.at if self.row else self.customer.at)

    # -- what is seen ----------------------------------------------------------------------

    @property
    def where(self) -> str:
        """The row, for complaints."""
        row = self.row
        if row is None:
            return f"{self.story.page}.md: {self.story.name}"
        return f"{self.story.page}.md:{row.line}: {row.when} {row.who} {row.what}".rstrip()

    @property
    def path(self) -> Path:
        """Our file of this order."""
        return self.world.outbound / f"workorder_{self.number}.json"

    def holds(self, side: str) -> State:
        """What that side shows; nothing if it has no such order."""
        if side == "customer":
            return dict(self.customer.record)
        stored = self.world.doc(self.number)
        return {name: stored[NAMES[name]] for name in NAMES} if stored else {}

    def conflicts(self) -> list[Doc]:
        found = self.world.records("conflicts")
        return [one for one in found if one["ref"] == str(self.number)]

    def look(self) -> Doc:
        """Everything that a table speaks of."""
        sent = self.world.sent(self.number)
        cases = [one for one in self.world.cases() if one["ref"] == str(self.number)]
        return {
            "TracOS": self.holds("TracOS"),
            "customer": self.holds("customer"),
            "file": content(sent) if sent else {},
            "conflicts": {one["_id"]: told(one) for one in self.conflicts()}
            | {one["_id"]: [f"refused: {one['code']}"] for one in cases},
        }

    # -- the ledger ------------------------------------------------------------------------

    def sees(self, side: str) -> None:
        """What that side shows by now goes into the ledger."""
        for name, value in self.holds(side).items():
            if complaint := self.values[name].shows(side, value):
                self.complaints.append(f"{self.where}: {complaint}")

    def books(self) -> None:
        """After a pass: what each side shows, and what came on record."""
        for side in ("TracOS", "customer"):
            self.sees(side)
        for name, values in self.values.items():
            values.agree()
            for value in self.disputed(NAMES[name]):
                values.record(bool(value) if name == "deleted" else value)

    def disputed(self, name: str) -> list[object]:
        """That field's values in the conflicts that were not there at the last look."""
        new = [one for one in self.conflicts() if one["_id"] not in self.looks["conflicts"]]
        sides = [
            one[side] for one in new if name in one["fields"] for side in ("tracos", "customer")
        ]
        return [side[name] for side in sides if name in side]

    # -- the table -------------------------------------------------------------------------

    def is_checked(self) -> None:
        """After a pass: what the row says of both sides, against what they show."""
        self.books()
        if self.row is None or self.row.seen is None:
            return
        before, self.looks = self.looks, self.look()
        if self.foreseen.items() - self.looks["TracOS"].items():
            self.complaints.append(f"{self.where}: the plan said {self.foreseen}")
        self.foreseen = {}
        found = {
            "TracOS": changed(before["TracOS"], self.looks["TracOS"]),
            "customer": changed(before["customer"], self.looks["customer"]),
            "file": self.file_as(self.row.seen["file"], before["file"]),
            "conflicts": self.news(before),
        }
        self.compares(self.row.seen, found)

    def ends(self) -> list[str]:
        """At rest: what is not as the story ends, what was lost, and all complaints before."""
        self.row = self.story.end
        before, self.looks = self.looks, self.look()
        said = self.story.end.seen or {}
        found = {
            "TracOS": whole(self.looks["TracOS"]),
            "customer": whole(self.looks["customer"]),
            "file": self.file_as(said["file"], None),
            "conflicts": self.news(before),
        }
        self.compares(said, found)
        if not (self.world.doc(self.number) or {}).get("isSynced"):
            self.complaints.append(f"{self.where}: TracOS does not mark it as synced")
        for name, values in self.values.items():
            for edit in values.lost():
                self.complaints.append(
                    f"{name} {edit.value!r} was lost in silence, entered: {edit.where}"
                )
        return self.complaints

    def compares(self, said: dict[str, str], found: dict[str, str]) -> None:
        for name, text in said.items():
            if text != found[name]:
                self.complaints.append(
                    f"{self.where}: {name}: the story says {text or 'nothing new'!r}, "
                    f"found {found[name] or 'nothing new'!r}"
                )

    def news(self, before: Doc) -> str:
        """Conflicts and refused records that were not there before."""
        now = self.looks["conflicts"]
        new = [part for id_ in now.keys() - before["conflicts"].keys() for part in now[id_]]
        return "; ".join(sorted(new))

    def file_as(self, text: str, before: State | None) -> str:
        """What lies in the outbound folder; in the words of the story if they are true."""
        file = self.looks["file"]
        match text:
            case "":
                true = file == before
            case "-":
                true = not file
            case "same":
                true = bool(file) and file == self.looks["TracOS"]
            case _:
                true = state_of(text).items() <= file.items()
        return text if true else whole(file) or "-"


def content(body: Doc) -> State:
    """A file of ours in the words of the stories."""
    status = next(status for status, flag in FLAGS.items() if body[flag])
    return {"status": status, "text": body["summary"], "deleted": body["isDeleted"]}


def told(conflict: Doc) -> list[str]:
    """A conflict in the words of the tables."""
    if conflict["kind"] == "missing":
        return ["missing: waits"]
    stands = {None: "waits", "tracos": "TracOS", "customer": "customer"}
    taken = conflict["taken"].items()
    return [f"{conflict['kind']} {WORDS[name]}: {stands[side]}" for name, side in taken]


def whole(state: State) -> str:
    """An order; that it is alive goes without saying."""
    return spelt({name: value for name, value in state.items() if value is not False})


def changed(before: State, now: State) -> str:
    """What is new, in the words of the tables."""
    if before and now:
        return spelt({name: now[name] for name in now if now[name] != before[name]})
    return whole(now) or "gone" * bool(before)
