"""The rules of a connection: those in force, their tests, and a replay of what was recorded."""

import asyncio
from datetime import datetime, timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Depends
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from tracbridge.api.context import Connection, Needs, Role
from tracbridge.api.desk import DeskRoute
from tracbridge.bootstrap import Service
from tracbridge.config.rules import RuleSource, book_of, from_text
from tracbridge.desk.rules import MOST, compared, rules_json, trials, trials_json

router = APIRouter(tags=["rules"], route_class=DeskRoute)

WHERE = "/connections/{connection}/rules"

MONTH = timedelta(days=30)

Candidate = Annotated[str, Field(max_length=100_000)]
"""The text of a rule file."""


class Test(BaseModel):
    """``rules``: others than those in use, as a rule file has them."""

    model_config = ConfigDict(extra="forbid")

    rules: Candidate | None = None


class Replay(Test):
    """``since``: 30 days ago where it is not said. ``limit``: records; with more it is refused."""

    since: AwareDatetime | None = None
    limit: int = Field(5_000, ge=1, le=MOST)

    def start(self, service: Service) -> datetime:
        """From when on."""
        return self.since or service.connection.clock.now() - MONTH


async def candidate(text: str | None) -> RuleSource | None:
    """The rules that came with the request; raises `SettingError`, line by line."""
    return None if text is None else await asyncio.to_thread(from_text, text)


@router.get(WHERE)
async def rules(service: Connection) -> dict[str, Any]:
    """The rules in the order in which they are asked: when, what then, priority, days."""
    return rules_json(service)


@router.post(WHERE + "/test")
async def test(service: Connection, said: Test) -> dict[str, Any]:
    """Run the tests that stand inside the rules in use, or inside others. Touches nothing.

    422: the others are no rules; each line that is wrong is said.
    """
    other = await candidate(said.rules)
    book = book_of(other) if other else service.connection.book
    found = await asyncio.to_thread(trials, book, service.connection.clock.now())
    return trials_json(found)


@router.post(WHERE + "/replay", dependencies=[Depends(Needs(Role.OPERATOR))])
async def replay(service: Connection, said: Replay) -> dict[str, Any]:
    """Which orders would have ended otherwise with other rules. Without ``rules``: with what is in
    use now than with what the last change was made by. Touches nothing.

    422: there is more since then than one replay takes. 503: another one is at work.
    """
    other = await candidate(said.rules)
    done = await compared(service, said.start(service), said.limit, other)
    return done.json()
