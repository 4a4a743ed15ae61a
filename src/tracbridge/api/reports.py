"""The daily reports of a connection."""

from typing import Annotated, Any

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field

from tracbridge.api.context import Connection
from tracbridge.desk.report import reports_json

router = APIRouter(tags=["reports"])


class Asked(BaseModel):
    """Which page. ``after``: the day at which the page before ended."""

    model_config = ConfigDict(extra="forbid")

    limit: int = Field(31, ge=1, le=500)
    after: str = Field("", pattern=r"^([0-9]{4}-[0-9]{2}-[0-9]{2})?$")


@router.get("/connections/{connection}/reports")
async def reports(service: Connection, asked: Annotated[Asked, Query()]) -> dict[str, Any]:
    """The daily reports, newest first: orders by reason, which add up to all orders."""
    return await reports_json(service, asked.limit, asked.after)
