"""Whom to tell what: one message per cause until it is resolved, a reminder each day, then word
that it is over. The decision is pure; sending and remembering are given.

A message is remembered only after its receiver took it. So none is lost, and a process that dies in
between sends it again, under the same id.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from hashlib import sha256
from typing import Any, Protocol

from msgspec import Struct

from tracbridge.domain.errors import TracbridgeError

REMIND = timedelta(hours=24)
"""How long after its last word a cause that still stands is told again."""

KEPT = "alerts"
"""Where it is kept, beside the resume points of the connection, what was told."""

WORDS = 500
"""Characters of what a message says of one cause."""


class Kind(StrEnum):
    """What may be wrong with a connection."""

    AGE = "age"
    """The oldest change has waited too long."""
    GROUP = "group"
    """Many records were refused for the same cause."""
    DOWN = "down"
    """It cannot run."""


class News(StrEnum):
    """What a message says of a cause."""

    OPENED = "opened"
    REMINDER = "reminder"
    RESOLVED = "resolved"
    REPORT = "report"
    """No cause: the daily report."""


class Fact(Struct, frozen=True):
    """Something is wrong just now. ``detail``: which, where a kind has several, such as the code of
    refused records; ``text``: in words, without payload or secret.
    """

    kind: Kind
    detail: str
    text: str

    @property
    def key(self) -> str:
        """The same cause has the same one."""
        return f"{self.kind} {self.detail}".rstrip()


class Told(Struct, frozen=True):
    """A cause that somebody was told of: since when it stands, when he was told last and how often,
    and in which words.
    """

    since: datetime
    last: datetime
    count: int
    text: str


class Message(Struct, frozen=True):
    """One message. ``id``: the same for the same news, so that a receiver can know it again."""

    id: str
    at: datetime
    tenant: str
    connection: str
    news: News
    cause: str
    text: str
    since: datetime | None = None
    data: Mapping[str, Any] = {}

    @property
    def subject(self) -> str:
        """One line that says it."""
        words = {
            News.OPENED: "needs attention",
            News.REMINDER: "still needs attention",
            News.RESOLVED: "is in order again",
            News.REPORT: "daily report",
        }
        about = f" ({self.cause})" if self.cause else ""
        return f"[Tracbridge] {self.connection}: {words[self.news]}{about}"

    def json(self) -> dict[str, Any]:
        """As a program gets it."""
        return {
            "id": self.id,
            "at": self.at.isoformat(),
            "tenant": self.tenant,
            "connection": self.connection,
            "news": self.news.value,
            "cause": self.cause or None,
            "text": self.text,
            "since": self.since.isoformat() if self.since else None,
            "data": dict(self.data),
        }


class Change(Struct, frozen=True):
    """What to say, and what to remember of that cause once it was taken; None: nothing more."""

    cause: str
    news: News
    text: str
    since: datetime
    told: Told | None
    count: int


def decide(facts: Iterable[Fact], told: Mapping[str, Told], now: datetime) -> list[Change]:
    """What one receiver is to hear of one connection, the oldest cause first.

    ``told``: what he knows, by cause. Nothing new, and nothing due: the list is empty.
    """
    standing = {fact.key: fact for fact in facts}
    changes = [_over(key, one) for key, one in told.items() if key not in standing]
    for key, fact in standing.items():
        known = told.get(key)
        if known is None:
            first = Told(now, now, 1, fact.text)
            changes.append(Change(key, News.OPENED, fact.text, now, first, 1))
        elif now - known.last >= REMIND:
            again = Told(known.since, now, known.count + 1, fact.text)
            changes.append(Change(key, News.REMINDER, fact.text, known.since, again, again.count))
    return sorted(changes, key=lambda change: (change.since, change.cause))


def _over(key: str, one: Told) -> Change:
    text = f"It is in order again. It was: {one.text}"
    return Change(key, News.RESOLVED, text, one.since, None, one.count)


def remembered(told: Mapping[str, Told], change: Change) -> dict[str, Told]:
    """What he knows after he took it."""
    rest = {key: one for key, one in told.items() if key != change.cause}
    return rest if change.told is None else {**rest, change.cause: change.told}


def message_id(*words: object) -> str:
    """An id that follows from these words."""
    return sha256("\x00".join(map(str, words)).encode()).hexdigest()[:32]


def message_of(change: Change, tenant: str, connection: str, now: datetime) -> Message:
    """The change as it is sent."""
    words = (connection, change.cause, change.news, change.since.isoformat(), change.count)
    text = change.text if len(change.text) <= WORDS else change.text[: WORDS - 1] + "…"
    return Message(
        message_id(*words), now, tenant, connection, change.news, change.cause, text, change.since
    )


class Limits(Struct, frozen=True):
    """From when on a state is a cause: see `tracbridge.config.watching.AlertSettings`."""

    age: float = 900.0
    group: int = 10
    down: float = 300.0


class State(Protocol):
    """How a connection stands, as far as alerts need it."""

    @property
    def oldest(self) -> datetime | None:
        """Since when the oldest change waits."""

    @property
    def cases(self) -> Mapping[str, int]:
        """Open cases by code."""

    @property
    def failing(self) -> datetime | None:
        """Since when it cannot run."""

    @property
    def why(self) -> str:
        """Why it cannot."""


def facts_of(state: State, limits: Limits, now: datetime) -> list[Fact]:
    """What is wrong with a connection. Words have no figure that changes by itself."""
    found = []
    if state.oldest and (now - state.oldest).total_seconds() > limits.age:
        text = f"The oldest change has waited since {_moment(state.oldest)}: tracbridge status"
        found.append(Fact(Kind.AGE, "", text))
    for code, count in sorted(state.cases.items()):
        if count >= limits.group:
            text = f"{count} records are in quarantine for {code}: tracbridge quarantine list"
            found.append(Fact(Kind.GROUP, code, text))
    if state.failing and (now - state.failing).total_seconds() > limits.down:
        text = f"It cannot run since {_moment(state.failing)}: {state.why}"
        found.append(Fact(Kind.DOWN, "", text))
    return found


def _moment(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M:%S} UTC"


class Hook(Protocol):
    """A receiver of messages."""

    @property
    def name(self) -> str:
        """What it is called in logs and in our memory: ``webhook``, ``mail``."""

    async def send(self, message: Message) -> None:
        """Returns when he took it. Raises a `TracbridgeError` where he did not."""


class Memory(Protocol):
    """Where it is kept what was told."""

    async def cursor(self, name: str) -> Any:
        """What is kept under that name, or None."""

    async def keep_cursor(self, name: str, value: Any) -> None:
        """Keep it."""


async def tell(
    hook: Hook, memory: Memory, facts: Sequence[Fact], whose: tuple[str, str], now: datetime
) -> Collection[tuple[Message, TracbridgeError | None]]:
    """Tell one receiver what he is to hear of one connection (``whose``: tenant and connection).

    Returns each message with the error by which he did not take it. He who does not take one is
    told nothing further now; the rest is due the next time.
    """
    kept = await memory.cursor(KEPT) or {}
    told = {key: Told(**one) for key, one in kept.get(hook.name, {}).items()}
    sent: list[tuple[Message, TracbridgeError | None]] = []
    for change in decide(facts, told, now):
        message = message_of(change, *whose, now)
        try:
            await hook.send(message)
        except TracbridgeError as error:
            return [*sent, (message, error)]
        sent.append((message, None))
        told = remembered(told, change)
        kept = {**kept, hook.name: {key: _row(one) for key, one in told.items()}}
        await memory.keep_cursor(KEPT, kept)
    return sent


def _row(one: Told) -> dict[str, Any]:
    return {"since": one.since, "last": one.last, "count": one.count, "text": one.text}
