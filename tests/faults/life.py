"""People on both sides who keep working, and a ledger of every edit that any of them made.

Each edit is a text of its own, together with all the texts that its author had before him. So
"lost" is exact and needs no clock: an edit is safe if it stands on both sides, if somebody who had
it before him has written over it, or if a conflict on record holds it.
"""

import json
from collections import Counter
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from random import Random

from tests.harness import World, doc, order

ROUNDS = 14
"""Within so many runs both sides are at rest."""

Run = Callable[[], int]
"""One run of ours; its exit code."""


class Ledger:
    """Every text ever written on either side, with all that its author had seen."""

    def __init__(self) -> None:
        self.seen: dict[str, frozenset[str]] = {}
        self.order: dict[str, int] = {}
        self.count = 0

    def text(self, side: str) -> str:
        """A text that nobody has written before."""
        self.count += 1
        return f"{side} {self.count}"

    def write(self, number: int, text: str, before: Iterable[str]) -> None:
        """On record: written by one who had these before him."""
        self.seen[text] = frozenset({text}).union(*(self.seen[one] for one in before))
        self.order[text] = number

    def of(self, number: int) -> set[str]:
        """All texts of one order."""
        return {text for text, one in self.order.items() if one == number}

    def covered(self, texts: Iterable[str]) -> set[str]:
        """These, and all that their authors had seen."""
        return set().union(*(self.seen[text] for text in texts if text in self.seen))


class Life:
    """A customer's system and TracOS's users, at work on a few orders."""

    def __init__(self, world: World, seed: int = 0) -> None:
        self.world, self.random, self.ledger = world, Random(seed), Ledger()
        self.own: dict[int, str] = {}
        self.exported: dict[int, str] = {}
        self.last = datetime.now(UTC)
        self.number = 0
        self.bad = 0
        world.orders.create_index("number", unique=True)

    def now(self) -> datetime:
        """Later than ever before, in whole milliseconds."""
        now = datetime.now(UTC)
        now = now.replace(microsecond=now.microsecond // 1000 * 1000)
        step = self.last.resolution * 1000
        self.last = max(now, self.last + step)
        return self.last

    def begin(self) -> None:
        """Three orders on each side."""
        for _ in range(3):
            self.customer_creates()
            self.tracos_creates()

    def act(self) -> None:
        """Somebody does something."""
        self.random.choices(
            (
                self.tracos_edits,
                self.customer_edits,
                self.customer_imports,
                self.tracos_creates,
                self.customer_creates,
                self.customer_errs,
            ),
            (8, 8, 8, 1, 1, 1),
        )[0]()

    def all_act(self) -> None:
        """Each of them does something once."""
        self.customer_imports()
        self.tracos_edits()
        self.customer_edits()
        self.tracos_creates()
        self.customer_creates()
        self.customer_errs()

    def tracos_creates(self) -> None:
        """A new order in TracOS."""
        self.number += 1
        text = self.ledger.text("tracos")
        self.ledger.write(self.number, text, ())
        self.world.orders.insert_one(doc(self.number, at=self.now(), description=text))

    def tracos_edits(self) -> None:
        """Somebody in TracOS writes over what he sees."""
        number = self.random.randint(1, self.number)
        text = self.ledger.text("tracos")
        change = {"$set": {"description": text, "updatedAt": self.now()}}
        before = self.world.orders.find_one_and_update({"number": number}, change)
        if before:
            self.ledger.write(number, text, [before["description"]])

    def customer_creates(self) -> None:
        """A new order at the customer's."""
        self.number += 1
        self._export(self.number)

    def customer_edits(self) -> None:
        """Somebody at the customer's writes over what he sees; it is exported at once."""
        if self.own:
            self._export(self.random.choice(sorted(self.own)))

    def _export(self, number: int) -> None:
        """One system, one line of exports: what it exported before, it has seen."""
        text = self.ledger.text("customer")
        known = (self.own.get(number), self.exported.get(number))
        self.ledger.write(number, text, [one for one in known if one])
        self.own[number] = self.exported[number] = text
        self.world.drop(order(number, at=self.now(), summary=text))

    def customer_errs(self) -> None:
        """A file that is no order."""
        self.bad += 1
        self.world.drop(b'{"orderNo": ', f"bad-{self.bad}.json")

    def customer_imports(self) -> None:
        """His importer moves some of our files away, and reads them."""
        for path in sorted(self.world.outbound.glob("*.json")):
            if self.random.random() < 0.5:
                self._import(path.name)

    def customer_imports_all(self) -> None:
        """Everything that lies there."""
        for path in sorted(self.world.outbound.glob("*.json")):
            self._import(path.name)

    def _import(self, name: str) -> None:
        taken = self.world.root / "taken.json"
        try:
            (self.world.outbound / name).rename(taken)
        except FileNotFoundError:
            return
        body = json.loads(taken.read_bytes())
        number, text = body["orderNo"], body["summary"]
        assert name == f"workorder_{number}.json"
        assert self.ledger.order[text] == number, "a text that nobody wrote"
        self.own[number] = text

    # -- at the end ------------------------------------------------------------------------

    def rest(self, run: Run | None = None) -> None:
        """Everybody stops; both sides come to rest, and then nothing is lost or doubled."""
        run = run or self._run
        for _ in range(ROUNDS):
            self.customer_imports_all()
            before = self.world.memory()
            assert run() in (0, 3)
            if self.world.memory() == before:
                return self.check()
        msg = f"no rest within {ROUNDS} runs"
        raise AssertionError(msg)

    def _run(self) -> int:
        code, _, said = self.world.run()
        assert code in (0, 3), said
        return code

    def check(self) -> None:
        """What must be true at rest."""
        documents = list(self.world.orders.find())
        numbers = Counter(one["number"] for one in documents)
        assert set(numbers.values()) <= {1}, "an order stands twice in TracOS"
        assert set(numbers) == set(self.ledger.order.values()), "an order is on one side only"
        held = {link["ref"] for link in self.world.records("links") if link.get("held")}
        for document in documents:
            self._check_order(document["number"], document["description"], held)
            mark, wanted = document.get("isSynced"), str(document["number"]) not in held
            assert mark is wanted, f"order {document['number']}: isSynced is {mark}"
        self._check_books()

    def _check_order(self, number: int, tracos: str, held: set[str]) -> None:
        own = self.own[number]
        assert tracos == own or str(number) in held, f"order {number}: {tracos} against {own}"
        lost = self.ledger.of(number) - self.ledger.covered((tracos, own, *self._recorded(number)))
        assert not lost, f"order {number}: lost {sorted(lost)}, both show {tracos}"

    def _recorded(self, number: int) -> set[str]:
        """The texts in conflicts of this order."""
        return {
            value
            for conflict in self.world.records("conflicts")
            if conflict["ref"] == str(number)
            for side in ("tracos", "customer")
            for value in conflict[side].values()
            if isinstance(value, str)
        }

    def _check_books(self) -> None:
        """No effect stands twice in the history, and each bad file is in quarantine once.

        Of a version that was made twice, because a crash came before it was frozen, readers of the
        history take the last entry.
        """
        history = self.world.records("history")
        entries = [e for e in history if e["side"] == "tracos" and not e.get("superseded")]
        effects = Counter((one["ref"], one["number"]) for one in entries)
        twice = [effect for effect, times in effects.items() if times > 1]
        assert not twice, f"in the history an effect stands twice: {twice}"
        taken = Counter(
            text for one in entries for text in one["after"].values() if text in self.ledger.order
        )
        again = [text for text, times in taken.items() if times > 1]
        assert not again, f"in TracOS a text stands twice: {again}"
        sources = sorted(case["source"] for case in self.world.records("quarantine"))
        assert sources == sorted(f"bad-{n}.json" for n in range(1, self.bad + 1))
