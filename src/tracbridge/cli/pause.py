"""``tracbridge pause`` and ``tracbridge resume``: whose changes wait until somebody says so."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated, Any

import typer

from tracbridge.cli.acting import acting
from tracbridge.cli.context import Json, person, say, say_json, wait_for
from tracbridge.cli.resting import paused_lines
from tracbridge.desk.connections import go_on, hold_back, sides_text
from tracbridge.domain.workorder import Side


class Whose(StrEnum):
    """Whose changes are meant."""

    CUSTOMER = "customer"
    TRACOS = "tracos"
    BOTH = "both"

    @property
    def sides(self) -> frozenset[Side]:
        """At least one."""
        return frozenset(Side) if self is Whose.BOTH else frozenset({Side(self.value)})


Meant = Annotated[
    Whose,
    typer.Argument(metavar="[customer|tracos|both]", help="Whose changes.", show_default=False),
]
Why = Annotated[str, typer.Option(metavar="TEXT", help="For those who find it so, and the audit.")]


def pause(whose: Meant = Whose.BOTH, why: Why = "", json: Json = False) -> None:
    """Take no changes from one side, or both, until resumed."""
    _tell(wait_for(_pause(whose, why)), json=json)


def resume(whose: Meant = Whose.BOTH, why: Why = "", json: Json = False) -> None:
    """Take changes again; what waited is taken by the next pass."""
    _tell(wait_for(_resume(whose, why)), json=json)


async def _pause(whose: Whose, why: str) -> dict[str, Any]:
    async with acting("connection.pause", sides_text(whose.sides), why) as (service, _):
        return await hold_back(service, whose.sides, person(), why)


async def _resume(whose: Whose, why: str) -> dict[str, Any]:
    async with acting("connection.resume", sides_text(whose.sides), why) as (service, _):
        return await go_on(service, whose.sides)


def _tell(state: Mapping[str, Any], *, json: bool) -> None:
    lines = [f"Paused: {line}." for line in paused_lines(dict(state))]
    say_json(state) if json else say("\n".join(lines or ["Changes of both sides are taken."]))
