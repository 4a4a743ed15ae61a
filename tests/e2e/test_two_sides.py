"""Stories of one order over days, told as tables: who did what, and what both sides show then.

Each story begins with both sides holding ``{pending, "Pump"}``, agreed, and ends when the customer
has taken everything and nothing moves any more. Stories with the same settings live side by side in
one world, each with an order of its own, and share their passes.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from types import EllipsisType
from typing import Any

import pytest

from tests.harness import FLAGS, NOW, Doc, Server, World, order

Step = tuple[str, Doc, Doc | EllipsisType]
"""Who, what, and what is to be seen after a pass; ``...``: no pass, the next step meets this one.

Who: ``tracos`` edits; ``customer`` edits and exports his whole record; ``export`` is his record
unedited, or with fields and a time in hours of its own; ``takes``: his importer reads our file and
removes it; ``waits``. What is seen: ``status``, ``text``, ``deleted`` of TracOS's document,
``file`` (None: there is none; else some of its content), ``kinds`` of disagreement on record so
far, and the run's ``code`` where it is not 0. Each step takes an hour.
"""

BEGINNING = {"status": "pending", "text": "Pump", "deleted": None}
DEAD = (NOW + timedelta(days=1)).isoformat(timespec="milliseconds")
AUTO: Mapping[str, str] = {}


@dataclass(frozen=True, slots=True)
class Story:
    """What happens, and how it ends: on both sides, but for what the customer has ``apart``."""

    name: str
    steps: list[Step]
    end: Doc
    kinds: list[str] = field(default_factory=list)
    settings: Mapping[str, str] = field(default_factory=dict)
    apart: Doc = field(default_factory=dict)
    record: Doc = field(default_factory=dict)
    """Some of what the last disagreement's record holds."""


TAKEN: Step = ("takes", {}, {})
SETTLED = [TAKEN, TAKEN, TAKEN]
"""He takes what lies there as often as we send it, so that we know that he has it."""

GASKET = {"status": "completed", "text": "Pump, gasket"}

MERGES = [
    Story(
        "edits of different fields both survive",
        [
            ("tracos", {"status": "completed"}, ...),
            ("customer", {"text": "Pump, gasket"}, {**GASKET, "file": GASKET}),
        ],
        GASKET,
    ),
    Story(
        "edits of different fields both survive the other way round",
        [
            ("customer", {"status": "completed"}, ...),
            ("tracos", {"text": "Pump, gasket"}, {**GASKET, "file": GASKET}),
        ],
        GASKET,
    ),
    Story(
        "the same change on both sides is no conflict",
        [
            ("tracos", {"status": "completed"}, ...),
            ("customer", {"status": "completed"}, {"status": "completed"}),
        ],
        {"status": "completed"},
    ),
    Story(
        "a value that goes there and back again arrives each time",
        [
            ("tracos", {"status": "completed"}, {"file": {"status": "completed"}}),
            *SETTLED,
            ("tracos", {"status": "pending"}, {"file": {"status": "pending"}}),
            *SETTLED,
            ("customer", {"status": "completed"}, {"status": "completed"}),
            *SETTLED,
            ("customer", {"status": "pending"}, {"status": "pending"}),
        ],
        {},
    ),
    Story(
        "an edit made before our file was taken",
        [
            ("tracos", {"status": "completed"}, {"file": {"status": "completed", "text": "Pump"}}),
            ("customer", {"text": "Pump, gasket"}, {**GASKET, "file": GASKET}),
        ],
        GASKET,
        kinds=["doubt"],
        record={"fields": ["status"], "taken": {"status": "tracos"}},
    ),
    Story(
        "the order opened again after our file was taken",
        [
            ("tracos", {"status": "completed"}, {"file": {"status": "completed"}}),
            ("takes", {}, {"file": None}),
            ("customer", {"status": "in_progress"}, {"status": "in_progress"}),
        ],
        {"status": "in_progress"},
    ),
    Story(
        "an edit before our file was taken, and the order opened again after it",
        [
            ("tracos", {"status": "completed"}, {"file": {"status": "completed"}}),
            ("customer", {"text": "Pump, gasket"}, {**GASKET, "file": GASKET}),
            *SETTLED,
            ("customer", {"status": "in_progress"}, {"status": "in_progress"}),
            *SETTLED,
            ("tracos", {"status": "completed"}, {"file": GASKET}),
        ],
        GASKET,
        kinds=["doubt"],
    ),
    Story(
        "an export that shows a version which we have replaced meanwhile",
        [
            ("tracos", {"status": "on_hold"}, {"file": {"status": "on_hold"}}),
            ("takes", {}, ...),
            ("tracos", {"status": "completed"}, {"file": {"status": "completed"}}),
            ("customer", {"text": "Pump, gasket"}, {**GASKET, "file": GASKET}),
        ],
        GASKET,
        kinds=["doubt"],
    ),
    Story(
        "an unread version is superseded by a newer one",
        [
            ("tracos", {"status": "on_hold"}, {"file": {"status": "on_hold"}}),
            ("tracos", {"status": "completed"}, {"file": {"status": "completed"}}),
            ("tracos", {"text": "Pump, gasket"}, {"file": GASKET}),
        ],
        GASKET,
    ),
    Story(
        "an edit a moment after he took our version",
        [
            ("tracos", {"status": "completed"}, {"file": {"status": "completed"}}),
            ("takes", {}, ...),
            ("customer", {"text": "Pump, gasket"}, {**GASKET, "kinds": []}),
        ],
        GASKET,
    ),
    Story(
        "two files in one batch, each with an edit, and one in TracOS",
        [
            ("customer", {"text": "Pump, seal"}, ...),
            ("customer", {"text": "Pump, gasket"}, ...),
            ("tracos", {"status": "completed"}, {**GASKET, "file": GASKET}),
        ],
        GASKET,
    ),
    Story(
        "a later edit of the text does not make his status newer",
        [
            ("customer", {"status": "on_hold"}, ...),
            ("tracos", {"status": "completed"}, ...),
            ("customer", {"text": "Pump, gasket"}, {**GASKET, "file": GASKET}),
        ],
        GASKET,
        kinds=["clash"],
    ),
    Story(
        "a later edit of the text in TracOS does not make its status newer",
        [
            ("tracos", {"status": "on_hold"}, {"file": {"status": "on_hold"}}),
            ("customer", {"status": "in_progress"}, ...),
            ("tracos", {"text": "Pump, gasket"}, {"status": "in_progress"}),
        ],
        {"status": "in_progress", "text": "Pump, gasket"},
        kinds=["clash"],
    ),
]

EXPORTS = [
    Story(
        "a whole export again and again",
        [
            ("tracos", {"status": "completed"}, {"file": {"status": "completed"}}),
            *SETTLED,
            ("export", {}, {"status": "completed", "file": None}),
            ("export", {"hour": 99}, {"status": "completed", "file": None}),
            ("export", {}, {"status": "completed", "file": None}),
        ],
        {"status": "completed"},
    ),
    Story(
        "old exports while our version is unread",
        [
            ("tracos", {"status": "completed"}, {"file": {"status": "completed"}}),
            ("export", {}, {"status": "completed", "file": {"status": "completed"}}),
            ("export", {"hour": 50}, {"status": "completed", "file": {"status": "completed"}}),
            TAKEN,
        ],
        {"status": "completed"},
        kinds=["doubt"],
    ),
    Story(
        "a stale export, after which he is told again",
        [
            ("customer", {"status": "on_hold"}, {"status": "on_hold"}),
            *SETTLED,
            (
                "export",
                {"status": "pending", "hour": 0},
                {"status": "on_hold", "file": {"status": "on_hold"}},
            ),
        ],
        {"status": "on_hold"},
        kinds=["stale"],
    ),
]


def clash(policy: str, first: str, winner: str) -> Story:
    edits = {"tracos": {"status": "on_hold"}, "customer": {"status": "in_progress"}}
    second = "customer" if first == "tracos" else "tracos"
    return Story(
        f"both change the status, {first} first, policy {policy}",
        [
            (first, edits[first], ...),
            (second, edits[second], {**edits[winner], "file": edits[winner]}),
        ],
        edits[winner],
        kinds=["clash"],
        settings={"CONFLICT_POLICY": policy},
        record={"decided": policy, "taken": {"status": winner}, **edits},
    )


def ended(policy: str) -> Story:
    return Story(
        f"completed against cancelled waits until both agree, policy {policy}",
        [
            ("tracos", {"status": "completed"}, ...),
            ("customer", {"status": "cancelled"}, {"status": "completed", "code": 3}),
            (
                "tracos",
                {"text": "Pump, gasket"},
                {"file": {"status": "cancelled", "text": "Pump, gasket"}},
            ),
            *SETTLED,
            ("tracos", {"status": "cancelled"}, {"status": "cancelled"}),
            ("customer", {"text": "Pump"}, {"status": "cancelled", "text": "Pump"}),
        ],
        {"status": "cancelled"},
        kinds=["clash"],
        settings={"CONFLICT_POLICY": policy},
        record={"decided": "both agree"},
    )


CLASHES = [
    clash("newest", "tracos", "customer"),
    clash("newest", "customer", "tracos"),
    clash("tracos", "tracos", "tracos"),
    clash("tracos", "customer", "tracos"),
    clash("customer", "tracos", "customer"),
    clash("customer", "customer", "customer"),
    ended("newest"),
    ended("tracos"),
    ended("customer"),
    Story(
        "two clocks within five seconds tell nothing, TracOS wins",
        [
            ("tracos", {"status": "on_hold"}, ...),
            ("export", {"status": "in_progress", "hour": 1 + 4 / 3600}, {"status": "on_hold"}),
        ],
        {"status": "on_hold"},
        kinds=["clash"],
        settings={"CONFLICT_POLICY": "newest"},
    ),
    Story(
        "ask holds that field and all else flows",
        [
            ("tracos", {"status": "on_hold"}, ...),
            (
                "customer",
                {"status": "in_progress", "text": "Pump, gasket"},
                {"status": "on_hold", "text": "Pump, gasket", "code": 3},
            ),
            ("waits", {}, {"status": "on_hold"}),
            (
                "tracos",
                {"text": "Pump, seal"},
                {"file": {"status": "in_progress", "text": "Pump, seal"}},
            ),
            *SETTLED,
            ("customer", {"text": "Pump, bolt"}, {"status": "on_hold", "text": "Pump, bolt"}),
        ],
        {"status": "on_hold", "text": "Pump, bolt"},
        kinds=["clash"],
        settings={"CONFLICT_POLICY": "ask"},
        apart={"status": "in_progress"},
        record={"decided": None},
    ),
]

DELETE, EDIT = {"deleted": DEAD}, {"text": "Pump, gasket"}


def delete_against_edit(setting: str, deleter: str) -> Story:
    editor = "customer" if deleter == "tracos" else "tracos"
    ends = {"both": {**EDIT, **DELETE}, "edit_wins": EDIT, "delete_wins": DELETE}
    return Story(
        f"{deleter} deletes what the other edits, {setting}",
        [(deleter, DELETE, ...), (editor, EDIT, {})],
        ends[setting],
        kinds=[] if setting == "both" else ["clash"],
        settings={"DELETE_CONFLICT": setting},
    )


def delete_alone(setting: str, deleter: str) -> Story:
    """It arrives, no old export makes it undone, and who deleted it can take it back."""
    return Story(
        f"{deleter} alone deletes, and takes it back later, {setting}",
        [
            (deleter, DELETE, DELETE),
            ("export", {}, DELETE),
            *SETTLED,
            ("export", {}, {**DELETE, "file": None}),
            (deleter, {"deleted": None}, {"deleted": None}),
        ],
        {},
        kinds=["doubt"] if deleter == "tracos" else [],
        settings={"DELETE_CONFLICT": setting},
    )


DELETES = [
    make(setting, deleter)
    for make in (delete_against_edit, delete_alone)
    for setting in ("both", "edit_wins", "delete_wins")
    for deleter in ("tracos", "customer")
]

CONTENT = [
    Story(
        "a file that is gone proves nothing until his export shows it",
        [
            ("tracos", {"status": "completed"}, {"file": {"status": "completed"}}),
            ("takes", {}, {"status": "completed", "file": None}),
            (
                "export",
                {"status": "pending", "hour": 30},
                {"status": "completed", "file": {"status": "completed"}},
            ),
            TAKEN,
        ],
        {"status": "completed"},
        kinds=["doubt"],
        settings={"ACK": "content"},
    ),
    Story(
        "his export of our version closes the window",
        [
            ("tracos", {"status": "completed"}, {"file": {"status": "completed"}}),
            ("takes", {}, {"file": None}),
            ("customer", {}, {"status": "completed", "kinds": []}),
            ("customer", {"status": "pending"}, {"status": "pending", "kinds": []}),
        ],
        {},
        settings={"ACK": "content"},
    ),
]

STORIES = [*MERGES, *EXPORTS, *CLASHES, *DELETES, *CONTENT]


# -- living through them ---------------------------------------------------------------------


@dataclass
class Customer:
    """One order in his system, as he holds it now."""

    world: World
    number: int
    hour: int = 0
    edited: int = 0
    files: int = 0
    record: Doc = field(default_factory=lambda: dict(BEGINNING))

    def export(self, **own: Any) -> None:
        """His whole record into our folder; ``hour`` and fields of ``own`` stand above it."""
        at = NOW + timedelta(hours=own.pop("hour", self.edited))
        shown = {**self.record, **own}
        body = order(
            self.number,
            shown["status"],
            at=at,
            summary=shown["text"],
            isDeleted=shown["deleted"] is not None,
            deletedDate=shown["deleted"],
        )
        self.files += 1
        self.world.drop(body, f"{self.number}-{self.files}.json")

    def edits(self, **values: Any) -> None:
        self.edited = self.hour
        self.record |= values
        self.export()

    def takes(self) -> None:
        body = self.world.take(self.number)
        if body is not None:
            self.record = content(body)

    def in_tracos(self, values: Doc) -> None:
        """TracOS's users edit the same order."""
        names = {"text": "description", "status": "status"}
        changes: Doc = {names[name]: value for name, value in values.items() if name in names}
        if "deleted" in values:
            at = values["deleted"]
            changes |= {"deleted": at is not None, "deletedAt": at and datetime.fromisoformat(at)}
        self.world.edit(self.number, updatedAt=NOW + timedelta(hours=self.hour), **changes)


ACTS: dict[str, Callable[[Customer, Doc], object]] = {
    "tracos": lambda customer, what: customer.in_tracos(what),
    "customer": lambda customer, what: customer.edits(**what),
    "export": lambda customer, what: customer.export(**what),
    "takes": lambda customer, _: customer.takes(),
    "waits": lambda *_: None,
}


def content(body: Doc) -> Doc:
    """A file of ours in the words of the stories."""
    status = next(status for status, flag in FLAGS.items() if body[flag])
    return {"status": status, "text": body["summary"], "deleted": body["deletedDate"]}


@dataclass
class Telling:
    """One story on its way: what is still to come, and what went otherwise."""

    story: Story
    customer: Customer
    left: list[Step]
    seen: Doc = field(default_factory=dict)
    where: str = ""
    complaints: list[str] = field(default_factory=list)

    def goes_on(self) -> None:
        """Everything up to the next pass."""
        self.seen = {}
        while self.left:
            who, what, seen = self.left.pop(0)
            self.customer.hour += 1
            self.where = f"hour {self.customer.hour}, {who} {what}"
            ACTS[who](self.customer, what)
            if not isinstance(seen, EllipsisType):
                self.seen = {**seen}
                return
        self.customer.takes()

    def is_checked(self) -> None:
        expected = {name: value for name, value in self.seen.items() if name != "code"}
        file = self.customer.world.sent(self.customer.number)
        found: Doc = {**self.in_tracos(), "file": content(file) if file else None}
        if isinstance(expected.get("file"), dict) and found["file"]:
            found["file"] = {name: found["file"][name] for name in expected["file"]}
        if "kinds" in expected:
            found["kinds"] = [conflict["kind"] for conflict in self.conflicts()]
        found = {name: found[name] for name in expected}
        if found != expected:
            self.complaints.append(f"{self.where}: expected {expected}, found {found}")

    def in_tracos(self) -> Doc:
        stored = self.customer.world.doc(self.customer.number)
        assert stored is not None
        at = stored.get("deletedAt") if stored["deleted"] else None
        deleted = at.astimezone(UTC).isoformat(timespec="milliseconds") if at else None
        return {"status": stored["status"], "text": stored["description"], "deleted": deleted}

    def conflicts(self) -> list[Doc]:
        found = self.customer.world.records("conflicts")
        ours = [conflict for conflict in found if conflict["ref"] == str(self.customer.number)]
        return sorted(ours, key=lambda conflict: conflict["at"])


def tell(world: World, stories: list[Story]) -> dict[str, Telling]:
    """Live through the stories side by side, to the end where nothing moves any more."""
    tellings = []
    for number, story in enumerate(stories, start=1):
        customer = Customer(world, number)
        customer.export()
        steps = [*SETTLED, *story.steps, *SETTLED, TAKEN]
        tellings.append(Telling(story, customer, steps))
    assert world.run()[0] == 0
    while any(telling.left for telling in tellings):
        for telling in tellings:
            telling.goes_on()
        code, _, said = world.run()
        assert code == max(telling.seen.get("code", 0) for telling in tellings), said
        for telling in tellings:
            telling.is_checked()
    assert world.outbound_files() == {}, "there is an end to it"
    world.rests()
    return {telling.story.name: telling for telling in tellings}


Told = Callable[[Story], Telling]


@pytest.fixture(scope="module")
def told(replica_set: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Told]:
    worlds: dict[str, tuple[World, dict[str, Telling]]] = {}

    def tell_once(story: Story) -> Telling:
        key = repr(story.settings)
        if key not in worlds:
            world = World(replica_set, tmp_path_factory.mktemp("story"), story.settings)
            worlds[key] = (world, tell(world, [s for s in STORIES if repr(s.settings) == key]))
        return worlds[key][1][story.name]

    yield tell_once
    for world, _ in worlds.values():
        world.close()


@pytest.mark.parametrize("story", STORIES, ids=lambda story: story.name)
def test_both_sides_show_what_the_story_says(told: Told, story: Story) -> None:
    telling = told(story)
    assert telling.complaints == []
    end = {**BEGINNING, **story.end}
    assert telling.in_tracos() == end
    assert telling.customer.record == {**end, **story.apart}
    conflicts = telling.conflicts()
    assert [conflict["kind"] for conflict in conflicts] == story.kinds
    if story.record:
        assert {name: conflicts[-1][name] for name in story.record} == story.record


def test_a_held_order_is_not_marked_and_others_are(world: World) -> None:
    customer = Customer(world, 7)
    customer.export()
    world.settle(7)
    world.edit(7, status="completed")
    customer.edits(status="cancelled")
    world.drop(order(8))
    assert world.run()[0] == 3
    marks = {stored["number"]: stored["isSynced"] for stored in world.orders.find()}
    assert marks == {7: False, 8: True}
    world.rests()
