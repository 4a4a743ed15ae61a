"""The mapping of a connection: as it counts, its versions, its check, a try with a sample."""

import asyncio
import json
from typing import Annotated, Any

from fastapi import APIRouter, Path
from pydantic import BaseModel, ConfigDict, Field

from tracbridge.api.context import Connection
from tracbridge.api.desk import DeskRoute
from tracbridge.api.problem import ProblemError
from tracbridge.desk.mappings import checked, mapping_json, version_json, versions_of
from tracbridge.desk.trying import LONGEST, sample_json, sampled
from tracbridge.domain.workorder import Side

router = APIRouter(tags=["mappings"], route_class=DeskRoute)

WHERE = "/connections/{connection}/mapping"

Digests = Annotated[str, Path(pattern=r"^[0-9a-f]{12}(\+[0-9a-f]{12})?$")]


class Try(BaseModel):
    """A sample of that side: either one ``record``, or ``content``, the text of a whole file."""

    model_config = ConfigDict(extra="forbid")

    side: Side = Side.CUSTOMER
    record: dict[str, Any] | None = None
    content: str = Field("", max_length=LONGEST)

    @property
    def data(self) -> bytes:
        """As bytes. Raises `ProblemError` 422 where it is not one of both, or too long."""
        if (self.record is None) == (not self.content):
            raise ProblemError(422, "Not accepted", "Say either record or content, and not both.")
        text = self.content or json.dumps(self.record, ensure_ascii=False)
        if len(text) > LONGEST:
            raise ProblemError(422, "Not accepted", f"A sample has up to {LONGEST:,} characters.")
        return text.encode()


@router.get(WHERE)
async def mapping(service: Connection) -> dict[str, Any]:
    """The mapping in use, all layers put together: its version, its files, its words.

    What came into it by a reference is hidden.
    """
    return await asyncio.to_thread(mapping_json, service)


@router.get(WHERE + "/versions")
async def versions(service: Connection) -> dict[str, Any]:
    """By which versions changes were made, when first and last; the latest use first.

    ``whole`` is false where only the latest changes were looked at.
    """
    found, whole = await versions_of(service)
    return {"items": [one.json() for one in found], "whole": whole}


@router.get(WHERE + "/versions/{version}")
async def version_(service: Connection, version: Digests) -> dict[str, Any]:
    """The words of one of them, with its rules; 404 where this connection never used it, or its
    words are not kept.
    """
    return await version_json(service, version)


@router.get(WHERE + "/check")
async def check(service: Connection) -> dict[str, Any]:
    """What it loses, leaves open or cannot tell apart, by a look and by trials; the gravest first.

    ``passed``: no order would be refused, and none would come back as something else.
    """
    found = await asyncio.to_thread(checked, service.settings)
    items = [
        {
            "level": one.level.value,
            "where": one.where,
            "what": one.what,
            "example": one.example,
            "cure": one.cure,
            "grave": one.grave,
        }
        for one in found
    ]
    passed = not any(one.grave for one in found)
    return {"connection": service.name, "passed": passed, "items": items}


@router.post(WHERE + "/try")
async def try_(service: Connection, said: Try) -> dict[str, Any]:
    """What would become of a sample: as it comes in, as we hold it, as it goes out.

    Touches nothing. 422: it cannot be read at all.
    """
    found = await asyncio.to_thread(sampled, service, said.data, said.side)
    return sample_json(service, found)
