"""When a connection is looked at: a schedule instead of seconds, and hours of rest."""

from datetime import UTC, datetime, time
from typing import Annotated, Literal
from zoneinfo import ZoneInfo

from cronsim import CronSim, CronSimError
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema

from tracbridge.config import parse
from tracbridge.domain.schedule import WEEK, Blackout, Cron

UTC_ZONE = ZoneInfo("UTC")

Day = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]


def _hour(value: object) -> time:
    try:
        return datetime.strptime(str(value), "%H:%M").replace(tzinfo=UTC).time()
    except ValueError:
        msg = "is not accepted; it takes a time of the day in quotes, such as `'22:00'`"
        raise ValueError(msg) from None


def _cron(value: object) -> str:
    try:
        next(CronSim(str(value), datetime.now(UTC)))
    except (CronSimError, StopIteration, ValueError) as error:
        msg = (
            f"is not accepted; it takes a cron expression such as `*/15 6-20 * * mon-fri` ({error})"
        )
        raise ValueError(msg) from None
    return str(value)


def _zone(value: object) -> ZoneInfo | None:
    if value is None or isinstance(value, ZoneInfo):
        return value
    try:
        return parse.zone(str(value))
    except ValueError:
        msg = "is not accepted; it takes a time zone such as `Europe/Berlin`"
        raise ValueError(msg) from None


Hour = Annotated[
    time, BeforeValidator(_hour), WithJsonSchema({"type": "string", "pattern": r"^\d\d?:\d\d$"})
]
Zone = Annotated[ZoneInfo | None, BeforeValidator(_zone), WithJsonSchema({"type": "string"})]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)


class Schedule(_Part):
    """Whole passes at set times, instead of every so many seconds."""

    cron: Annotated[str, BeforeValidator(_cron), WithJsonSchema({"type": "string"})] = Field(
        description="Minute, hour, day, month, day of the week, as cron has them."
    )
    zone: Zone = Field(None, description="Whose clock; else the connection's zone, else UTC.")
    jitter: float = Field(
        0.0, ge=0, le=3_600, description="Up to so many seconds later, by chance, each time."
    )


class Rest(_Part):
    """Hours in which a customer's system is left alone."""

    begin: Hour = Field(alias="from", description="From this time of the day on.")
    end: Hour = Field(alias="to", description="Until then; of the next day where it is earlier.")
    days: list[Day] = Field(list(WEEK), description="The days on which it begins.")  # type: ignore[arg-type]
    zone: Zone = Field(None, description="Whose clock; else the connection's zone, else UTC.")


def cron_of(said: Schedule | None, zone: ZoneInfo | None) -> Cron | None:
    """The schedule of a connection in that zone."""
    if said is None:
        return None
    return Cron(said.cron, said.zone or zone or UTC_ZONE, said.jitter)


def blackouts_of(said: list[Rest], zone: ZoneInfo | None) -> tuple[Blackout, ...]:
    """The hours of rest of a connection in that zone."""
    return tuple(
        Blackout(
            one.begin,
            one.end,
            one.zone or zone or UTC_ZONE,
            tuple(WEEK.index(day) for day in one.days),
        )
        for one in said
    )
