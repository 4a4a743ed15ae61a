"""Living through stories: people act on both sides, a pass runs, and both sides are looked at.

The stories of a page live side by side in one world, each with an order of its own: the first rows
of all of them, one pass, the second rows, and so on. Whatever a person enters is remembered with
what he had seen, so that what is lost in silence is found in the end (see `Values`).
"""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

from tests.harness import FLAGS, Doc, World, order
from tests.stories.reading import DAYS, MONDAY, Page, Row, State, Story, moment, state_of

BEFORE = timedelta(days=1)
ROUNDS = 12
"""Passes within which everything must have come to rest."""

NAMES = {"status": "status", "text": "description", "deleted": "deleted"}
"""The words of the stories, and the names of the fields."""


@dataclass(eq=False, slots=True)
class Entered:
    """One value that a person entered, and what he had seen in that field before."""

    value: object
    where: str
    seen: list["Entered"]


@dataclass(slots=True)
class Values:
    """One field: every value that was entered, and which of them each side has shown."""

    entered: list[Entered] = field(default_factory=list)
    shown: dict[str, list[Entered]] = field(default_factory=lambda: {"TracOS": [], "customer": []})

    def enter(self, side: str, value: object, where: str, *others: str) -> None:
        """Somebody at ``side`` replaces what he saw (there, and at ``others``)."""
        seen = [one for name in (side, *others) for one in self.shown[name]]
        self.entered.append(Entered(value, where, seen))
        self.shown[side].append(self.entered[-1])

    def shows(self, side: str, value: object) -> str:
        """The side was brought to show ``value``; a complaint if nobody ever entered it."""
        if self.shown[side] and self.shown[side][-1].value == value:
            return ""
        known = [one for one in self.entered if one.value == value]
        self.shown[side] += known[-1:]
        return "" if known else f"{side} shows {value!r}, which nobody entered"

    def agree(self) -> None:
        """Where both sides show the same, each has seen the other's."""
        ours, theirs = self.shown["TracOS"], self.shown["customer"]
        if ours and theirs and ours[-1] is not theirs[-1] and ours[-1].value == theirs[-1].value:
            ours.append(theirs[-1])
            theirs.append(ours[-2])

    def lost(self, kept: list[object]) -> list[Entered]:
        """Values that neither stand, nor are on record, nor were replaced by one who saw them."""
        stands = [shown[-1].value for shown in self.shown.values() if shown]
        return [
            one
            for one in self.entered
            if one.value not in stands
            and one.value not in kept
            and not any(one in later.seen for later in self.entered)
        ]


@dataclass(slots=True)
class Customer:
    """The customer's system: what it holds of the order, and since when."""

    record: State = field(default_factory=dict)
    at: datetime = MONDAY
    deleted: str | None = None
    past: list[tuple[datetime, State, datetime, str | None]] = field(default_factory=list)
    moved: Doc | None = None

    def keep(self, now: datetime) -> None:
        self.past.append((now, dict(self.record), self.at, self.deleted))

    def edit(self, state: State, at: datetime) -> None:
        if state.get("deleted", self.record.get("deleted")) != self.record.get("deleted"):
            self.deleted = at.isoformat() if state["deleted"] else None
        self.record, self.at = {**self.record, **state}, at

    def adopt(self, body: Doc) -> None:
        self.record = content(body)
        self.at = datetime.fromisoformat(body["lastUpdateDate"])
        self.deleted = body["deletedDate"]


def content(body: Doc) -> State:
    """A file of ours in the words of the stories."""
    status = next(status for status, flag in FLAGS.items() if body[flag])
    return {"status": status, "text": body["summary"], "deleted": body["isDeleted"]}


def words(state: State | None) -> str:
    """A state as the tables spell it."""
    if state is None:
        return "gone"
    return f'{state["status"]}{" deleted" * bool(state["deleted"])} "{state["text"]}"'


@dataclass(slots=True)
class Life:
    """One story on its way: what is still to come, and what went otherwise than it says."""

    story: Story
    world: World
    number: int
    zone: timezone = UTC
    left: list[Row] = field(default_factory=list)
    customer: Customer = field(default_factory=Customer)
    values: dict[str, Values] = field(default_factory=lambda: {name: Values() for name in NAMES})
    row: Row | None = None
    looks: Doc = field(default_factory=dict)
    files: int = 0
    removed: Doc | None = None
    foreseen: Doc = field(default_factory=dict)
    complaints: list[str] = field(default_factory=list)

    # -- what people do --------------------------------------------------------------------

    def begins(self) -> None:
        """A first row ``both`` is lived before all others: both sides hold that order."""
        self.left = list(self.story.rows)
        if self.left[0].who == "both":
            self.row = self.left.pop(0)
            self.enters("customer", self.row.state | {"deleted": False}, self.row.at - BEFORE)
            self.exports()

    def goes_on(self) -> None:
        """Everything up to the next pass."""
        self.row = None
        while self.left:
            self.row = self.left.pop(0)
            ACTS[self.row.who](self, self.row)
            if self.row.seen is not None:
                return

    def enters(self, side: str, state: State, at: datetime) -> None:
        """A person edits; values that stand there already are no edit."""
        shown = self.customer.record if side == "customer" else self.in_tracos() or {}
        for name, value in state.items():
            if shown.get(name) != value:
                self.values[name].enter(side, value, self.where)
        if side == "customer":
            self.customer.edit(state, at)
        else:
            self.stores(state, at)

    def stores(self, state: State, at: datetime) -> None:
        changes: Doc = {NAMES[name]: value for name, value in state.items()}
        if "deleted" in state:
            changes["deletedAt"] = at if state["deleted"] else None
        old = self.world.doc(self.number)
        if old is None:
            new = {"number": self.number, "deleted": False, "createdAt": at, "updatedAt": at}
            new |= {"title": str(state["text"]), **changes}
            self.world.orders.insert_one(new)
        else:
            self.world.edit(self.number, updatedAt=at, **changes)

    def exports(self, **over: Any) -> None:
        """The customer's whole record into our folder."""
        customer = self.customer
        self.files += 1
        body = order(
            self.number,
            customer.record["status"],
            at=customer.at.astimezone(self.zone),
            summary=customer.record["text"],
            isDeleted=customer.record["deleted"],
            deletedDate=customer.deleted and self.there(customer.deleted),
        )
        self.world.drop(body | over, f"{self.number}-{self.files}.json")
        customer.keep(self.row.at if self.row else customer.at)

    def there(self, text: str) -> str:
        """The instant as his clock on the wall spells it."""
        return datetime.fromisoformat(text).astimezone(self.zone).isoformat()

    def exports_old(self, day: str) -> None:
        """What he held then, with the date that it had then."""
        now = self.customer
        _, record, edited, deleted = [one for one in now.past if one[0] <= moment(day)][-1]
        self.customer = Customer(record, edited, deleted, list(now.past))
        self.exports()
        self.customer = now

    # -- what is seen ----------------------------------------------------------------------

    @property
    def where(self) -> str:
        row = self.row
        return f"{self.story.page}.md:{row.line}: {row.when}, {row.who} {row.what}" if row else ""

    @property
    def path(self) -> Any:
        return self.world.outbound / f"workorder_{self.number}.json"

    def in_tracos(self) -> State | None:
        stored = self.world.doc(self.number)
        if stored is None:
            return None
        return {name: stored[stored_name] for name, stored_name in NAMES.items()}

    def conflicts(self) -> list[Doc]:
        found = self.world.records("conflicts")
        return [one for one in found if one["ref"] == str(self.number)]

    def look(self) -> Doc:
        sent = self.world.sent(self.number)
        return {
            "TracOS": self.in_tracos(),
            "customer": dict(self.customer.record),
            "file": content(sent) if sent else None,
            "conflicts": {one["_id"]: told(one) for one in self.conflicts()},
            "cases": {
                one["_id"]: f"refused: {one['code']}"
                for one in self.world.cases()
                if one["ref"] == str(self.number)
            },
        }

    def books(self) -> None:
        """After a pass: which values each side shows now."""
        for side, state in (("TracOS", self.in_tracos()), ("customer", self.customer.record)):
            for name, value in (state or {}).items():
                if complaint := self.values[name].shows(side, value):
                    self.complaints.append(f"{self.where}: {complaint}")
        for values in self.values.values():
            values.agree()

    def is_checked(self) -> None:
        """What this row says about both sides, against what they show."""
        self.books()
        before, self.looks = self.looks, self.look()
        if self.foreseen and self.foreseen.items() - (self.looks["TracOS"] or {}).items():
            self.complaints.append(f"{self.where}: the plan said {self.foreseen}")
        self.foreseen = {}
        if self.row is None or self.row.seen is None or self.row.who == "both":
            return
        found = {
            "TracOS": changed(before.get("TracOS"), self.looks["TracOS"]),
            "customer": changed(before.get("customer"), self.looks["customer"]),
            "file": self.file_as(self.row.seen["file"], before.get("file")),
            "conflicts": "; ".join(sorted(self.news(before))),
        }
        expected = {**self.row.seen}
        expected["conflicts"] = "; ".join(sorted(filter(None, said(expected["conflicts"]))))
        for name, text in expected.items():
            if normal(text) != normal(found[name]):
                self.complaints.append(
                    f"{self.where}: {name}: the story says {text or 'nothing new'!r}, "
                    f"found {found[name] or 'nothing new'!r}"
                )

    def news(self, before: Doc) -> list[str]:
        """Conflicts and refused records that were not there before."""
        return [
            text
            for kind in ("conflicts", "cases")
            for id_, text in self.looks[kind].items()
            if id_ not in before.get(kind, {})
        ]

    def file_as(self, text: str, before: State | None) -> str:
        """What lies in the outbound folder, in the words of the story if it says so."""
        file = self.looks["file"]
        if file == before:
            return (
                "" if not text else text if says(text, file, self.looks["TracOS"]) else "as it was"
            )
        if says(text, file, self.looks["TracOS"]):
            return text
        return "-" if file is None else words(file)

    def ends(self) -> list[str]:
        """What is not as the story ends, and what was lost."""
        end, complaints = self.story.end, list(self.complaints)
        found = {"TracOS": words(self.in_tracos()), "customer": words(self.customer.record)}
        for side, text in found.items():
            if normal(end[side].replace(" alive", "")) != normal(text):
                complaints.append(f"end: {side}: the story says {end[side]!r}, found {text!r}")
        for name, values in self.values.items():
            for one in values.lost(self.on_record(name)):
                complaints.append(f"{name} {one.value!r} was lost in silence, entered: {one.where}")
        return complaints

    def on_record(self, name: str) -> list[object]:
        """Every value of that field that a conflict's record holds."""
        found = [
            one[side][NAMES[name]]
            for one in self.conflicts()
            for side in ("tracos", "customer")
            if NAMES[name] in one["fields"] and NAMES[name] in one[side]
        ]
        return [bool(value) for value in found] if name == "deleted" else found


def told(conflict: Doc) -> str:
    """A conflict in the words of the tables."""
    names = {stored: name for name, stored in NAMES.items()}
    stands = {None: "waits", "tracos": "TracOS", "customer": "customer"}
    taken = sorted((names[name], stands[side]) for name, side in conflict["taken"].items())
    if conflict["kind"] == "missing":
        return "missing: waits"
    return "; ".join(f"{conflict['kind']} {name}: {side}" for name, side in taken)


def said(text: str) -> list[str]:
    return [part.strip() for part in text.split(";") if not part.strip().startswith("exit")]


def normal(text: str) -> str:
    """The same state in the same words."""
    try:
        return json.dumps(state_of(text), sort_keys=True)
    except ValueError:
        return "; ".join(sorted(part.strip() for part in text.split(";")))


def changed(before: State | None, now: State | None) -> str:
    """What is new, in the words of the tables."""
    if now is None:
        return "" if before is None else "gone"
    if not before:
        return words(now) if now else ""
    new = {name: value for name, value in now.items() if value != before.get(name)}
    parts = [new.get("status", ""), f'"{new["text"]}"' if "text" in new else ""]
    if "deleted" in new:
        parts.insert(1, "deleted" if new["deleted"] else "alive")
    return " ".join(filter(None, parts))


def says(text: str, file: State | None, tracos: State | None) -> bool:
    """The file is as the story says, in what it says."""
    if text in ("", "-") or file is None:
        return text == "-" and file is None
    if text == "same":
        return file == tracos
    return all(file[name] == value for name, value in state_of(text).items())


# -- deeds -----------------------------------------------------------------------------------


def tracos_acts(life: Life, row: Row) -> None:
    match row.what:
        case "removes the document":
            life.removed = life.world.orders.find_one_and_delete({"number": life.number})
        case "puts the document back":
            assert life.removed is not None
            life.world.orders.insert_one(life.removed)
        case "asks for it again":
            life.world.orders.update_one({"number": life.number}, {"$set": {"isSynced": False}})
        case _:
            new = {"deleted": False} if row.parts["new"] else {}
            stored = life.world.doc(life.number) or {}
            at = stored["updatedAt"] if row.parts["undated"] else row.at
            life.enters("TracOS", new | row.state, at)


def customer_acts(life: Life, row: Row) -> None:
    if row.parts.get("state"):
        year = row.parts["year"]
        new = {} if life.customer.record else {"deleted": False}
        life.enters("customer", new | row.state, row.at.replace(year=int(year or row.at.year)))
        if row.parts["quiet"] is None:
            life.exports()
    elif day := row.parts["day"]:
        life.exports_old(day)
    elif row.what == "exports what contradicts itself":
        life.exports(isDone=True, isCanceled=True)
    else:
        life.customer.at = row.at if row.what.endswith("now") else life.customer.at
        life.exports()


def importer_acts(life: Life, row: Row) -> None:
    sent = life.world.sent(life.number)
    match row.what:
        case "moves away":
            life.customer.moved = life.world.take(life.number)
        case "imports what he moved":
            life.customer.adopt(life.customer.moved or {})
        case "refuses":
            life.path.with_suffix(".json.err").write_text("no such asset", encoding="utf-8")
        case _ if sent is not None:
            life.customer.adopt(sent)
            if row.what == "takes":
                life.world.take(life.number)
            elif row.what == "acknowledges":
                life.path.with_suffix(".json.ack").touch()
    life.customer.keep(row.at)


def operator_acts(life: Life, row: Row) -> None:
    """By the command line, as the person who keeps the sync."""
    match row.what:
        case "previews":
            previews(life)
        case "undoes the last change":
            undoes(life)
        case "loses the cursors":
            life.world.server.client[life.world.state]["tracbridge_cursors"].delete_many({})
        case "resends":
            calls(life, "resend", str(life.number))
        case "retries":
            calls(life, "quarantine", "retry", *life.look()["cases"])
        case _:
            calls(life, "conflicts", "resolve", newest_conflict(life, row), *resolving(life, row))


def calls(life: Life, *words_: str) -> None:
    said_ = life.world.cli(*words_)
    if said_.code:
        life.complaints.append(f"{life.where}: exit {said_.code}: {said_.err.strip()}")


def undoes(life: Life) -> None:
    """What the run that last changed the order did to it, by somebody who sees both sides."""
    entries = [one for one in life.world.records("history") if one["ref"] == str(life.number)]
    run = max(entries, key=lambda one: one["at"])["run"]
    said_ = life.world.cli("undo", run, "--order", str(life.number), "--json")
    names = {stored: name for name, stored in NAMES.items()}
    for name, change in said_.json()["orders"][0]["fields"].items():
        life.values[names[name]].enter("TracOS", change["to"], life.where, "customer")


def previews(life: Life) -> None:
    """What the run will do, without doing anything."""
    before = life.world.memory()
    (plan,) = life.world.cli("preview", "--json").json()["connections"]
    names = {stored: name for name, stored in NAMES.items()}
    life.foreseen = {
        names[name]: value["to"]
        for change in plan["changes"]
        if (change["number"], change["side"]) == (life.number, "tracos")
        for name, value in change["fields"].items()
    }
    if life.world.memory() != before or not life.foreseen:
        life.complaints.append(f"{life.where}: the preview wrote something, or foresaw nothing")


def resolving(life: Life, row: Row) -> list[str]:
    """Which values a person lets stand, and who it was; what is set is entered by that person."""
    words_ = ["--by", "Ana"]
    if side := row.parts["side"]:
        words_ += ["--take", side.lower()]
    if (name := row.parts["field"]) in NAMES:
        words_ += ["--field", NAMES[name or ""]]
    for name, value in row.state.items():
        text = str(value).lower() if name == "deleted" else str(value)
        words_ += ["--set", f"{NAMES[name]}={text}"]
        life.values[name].enter("TracOS", value, life.where, "customer")
    return words_


def newest_conflict(life: Life, row: Row) -> str:
    """The latest conflict about that field."""
    field_ = NAMES.get(row.parts["field"] or next(iter(row.state), ""), "status")
    about = [one for one in life.conflicts() if field_ in one["fields"]]
    waiting = [one for one in about if one["decided"] is None] or about
    return str(max(waiting, key=lambda one: one["at"])["_id"]) if waiting else "none"


ACTS: dict[str, Callable[[Life, Row], None]] = {
    "TracOS": tracos_acts,
    "customer": customer_acts,
    "importer": importer_acts,
    "operator": operator_acts,
    "nobody": lambda *_: None,
}


# -- a page ----------------------------------------------------------------------------------


def live(world: World, page: Page) -> dict[str, list[str]]:
    """All stories of the page to their ends; what is not as each of them says, by name."""
    numbered = enumerate(page.stories, start=1)
    lives = [Life(story, world, number, page.zone) for number, story in numbered]
    for life in lives:
        life.begins()
    rest(world, page, lives)
    for life in lives:
        life.is_checked()
    while any(life.left for life in lives):
        for life in lives:
            life.goes_on()
        code, _, err = world.run()
        assert code == max(map(expected_code, lives)), err
        for life in lives:
            life.is_checked()
    rest(world, page, lives)
    world.rests()
    return {life.story.name: life.ends() for life in lives}


def expected_code(life: Life) -> int:
    """3 where the row says that something waits for a person or was refused."""
    if life.row is None or life.row.seen is None:
        return 0
    told_ = life.row.seen["conflicts"]
    troubled = any(word in told_ for word in ("waits", "refused", "exit 3"))
    return 3 if troubled or life.row.what == "refuses" else 0


def rest(world: World, page: Page, lives: list[Life]) -> None:
    """The importer takes what lies there as often as we send it, until nothing comes any more."""
    ending = "acknowledges" if page.acknowledges else "takes"
    for _ in range(ROUNDS):
        for life in lives:
            row = Row(0, "rest", moment(f"{DAYS[-1]} 23:00"), "importer", ending, {}, None)
            importer_acts(life, row)
        code, done, err = world.run()
        assert code == 0, err
        for life in lives:
            life.books()
        if not done["outbound"]["delivered"] and not done["outbound"].get("acknowledged", 0):
            return
    raise AssertionError(f"after {ROUNDS} passes it still moves: {done}")
