"""The rules of a connection: in force, tested, and asked of what was recorded. Writes nothing."""

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from datetime import date, datetime
from threading import Lock
from typing import Any

import msgspec
from msgspec import Struct

from tracbridge.bootstrap import Service
from tracbridge.config.policies import version_of_words
from tracbridge.config.rules import RuleSource, book_of
from tracbridge.config.settings import Settings
from tracbridge.config.translations import translation_of
from tracbridge.desk.errors import WordError
from tracbridge.desk.mappings import last_used, names_of
from tracbridge.desk.texts import counted
from tracbridge.domain.errors import RetryableError
from tracbridge.engine.replay import Replayed, replay
from tracbridge.ports.recorded import Recorded, Recording
from tracbridge.ports.undo import RunHistory
from tracbridge.proof.replay import Difference, Setup
from tracbridge.rules.book import Book, flows
from tracbridge.rules.spec import Then
from tracbridge.rules.trial import Trial, tried

MOST = 20_000
"""Records that one replay takes."""

CHANGES = 50_000
"""Changes on record since its beginning that one replay takes."""

SECONDS = 25.0
"""For one replay."""

SHOWN = 200
"""Orders that are told of."""

PORTION = 25
"""Records after which others of this process have their turn."""


# -- in force ----------------------------------------------------------------------------------


def rules_json(service: Service) -> dict[str, Any]:
    """The rules in the order in which they are asked. ``counts``: whether they do today, in UTC."""
    source, today = service.settings.rules, service.connection.clock.now().date()
    files = names_of(source.files, service.settings.root) if source else []
    return {
        "connection": service.name,
        "digest": service.connection.book.digest or None,
        "files": files,
        "items": [
            {
                "name": one.rule.name,
                "on": list(flows(one.rule)),
                "when": one.rule.when,
                "then": then_json(one.rule.then),
                "priority": one.rule.priority,
                "from": one.rule.from_,
                "until": one.rule.until,
                "counts": one.counts_on(today),
                "tests": len(one.rule.tests),
            }
            for one in service.connection.book.rules
        ],
    }


def then_json(then: Then) -> dict[str, Any]:
    """What a rule does: the one word that it says, with its message or its fields."""
    said: dict[str, Any] = msgspec.to_builtins(then)
    return {word: what for word, what in said.items() if what not in (None, {})}


def deed(then: Then) -> str:
    """What a rule does, in short."""
    for word in ("reject", "hold", "ignore", "warn"):
        if getattr(then, word) is not None:
            return f"{word}: {getattr(then, word)}"
    return f"set {', '.join(then.set)}"


def days(start: date | None, end: date | None) -> str:
    """From when to when a rule counts, "" where it always does."""
    return "" if start is None and end is None else f"{start or ''} - {end or ''}"


def trials(book: Book, now: datetime) -> list[Trial]:
    """The tests that stand inside the rules; ``now``: where a test names no day."""
    return [trial for written in book.rules for trial in tried(written, now)]


def trials_json(found: Sequence[Trial]) -> dict[str, Any]:
    """How many there are, how many failed, and each of them."""
    items = [{**msgspec.structs.asdict(one), "passed": one.passed} for one in found]
    return {"tests": len(found), "failed": sum(not one.passed for one in found), "items": items}


# -- replay ------------------------------------------------------------------------------------


class Comparison(Struct, frozen=True):
    """A replay. ``old``, ``new``: the versions that were compared, as `version_of_words`."""

    since: datetime
    old: str
    new: str
    done: Replayed

    def json(self) -> dict[str, Any]:
        """For programs; of `SHOWN` orders at most. ``differ``: how many end otherwise."""
        done = self.done
        return {
            "since": self.since,
            "compared": {"old": self.old, "new": self.new},
            "records": done.records,
            "edits": done.edits,
            "orders": done.orders,
            "differ": len(done.differences),
            "differences": [difference_json(one) for one in done.differences[:SHOWN]],
        }


def difference_json(one: Difference) -> dict[str, Any]:
    """One order that ends otherwise."""
    fields = {name: {"old": old, "new": new} for name, (old, new) in one.fields.items()}
    return {"order": one.order, "old": one.old, "new": one.new, "fields": fields}


def set_up(config: Settings) -> Setup:
    """The mapping and the rules of these settings, compiled, with TracOS's own transitions."""
    rules = book_of(config.rules) if config.rules else Book()
    return Setup(translation_of(config), rules, config.legal)


_ONE = Lock()


async def compared(
    service: Service, since: datetime, most: int, rules: RuleSource | None = None
) -> Comparison:
    """Which orders would have ended otherwise with these rules than with those in use; without
    ``rules``, with what is in use now than with what the last change was made by.

    Bounded in time and memory, and one at a time in this process. Raises `WordError` where it would
    take more than ``most`` records, `CHANGES` changes or `SECONDS`; `RetryableError` while another
    one is at work; `ConfigError` where there is nothing to compare with.
    """
    config = service.settings
    old = await last_used(service) if rules is None else config
    new = config if rules is None else replace(config, rules=rules)
    if not _ONE.acquire(blocking=False):
        raise RetryableError("another replay is at work in this process: try again in a while.")
    try:
        inputs = _Portions(service.recorded, most)
        await inputs.refuse_many(service.past, since)
        both = [await asyncio.to_thread(set_up, one) for one in (old, new)]
        done = await replay(service.connection, inputs, service.past, since, *both)
    finally:
        _ONE.release()
    return Comparison(since, version_of_words(old), version_of_words(new), done)


def _too_much(what: str) -> WordError:
    return WordError(f"{what}: say a later since; tracbridge rules replay has no such bound.")


class _Portions:
    """What was recorded, in portions after which others have their turn; up to the bounds."""

    def __init__(self, inputs: Recorded, most: int) -> None:
        self._inputs, self._left, self._most = inputs, most, most
        self._until = time.monotonic() + SECONDS

    async def refuse_many(self, past: RunHistory, start: datetime) -> None:
        """The replay remembers how each changed order was before: not of too many at once."""
        seen = 0
        async for _ in past.changes(start):
            seen += 1
            if seen > CHANGES:
                raise _too_much(f"there are more than {counted(CHANGES, 'change')} since then")
            self._refuse_late()

    async def since(self, start: datetime) -> AsyncIterator[Recording]:
        async for recording in self._inputs.since(start):
            records = recording.records
            self._left -= len(records)
            if self._left < 0:
                raise _too_much(f"there are more than {counted(self._most, 'record')} since then")
            for first in range(0, len(records), PORTION):
                self._refuse_late()
                yield Recording(recording.at, records[first : first + PORTION])
                await asyncio.sleep(0)

    def _refuse_late(self) -> None:
        if time.monotonic() > self._until:
            raise _too_much(f"the replay takes longer than {SECONDS:.0f} s")
