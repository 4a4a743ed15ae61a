"""Sample orders for both sides, to try the product with. The same seed gives the same orders.

TracOS has the numbers from 1 on; the customer's begin so that two fifths are on both sides. Those
have one text and were created within an hour of each other, so they are recognised as the same
orders; some differ in their status, so that a merge shows. All that is said of an order follows
from the seed and its number alone, so that each side can be made without the other.
"""

import json
import os
from collections.abc import Iterable
from datetime import datetime, timedelta, timezone
from pathlib import Path
from random import Random
from typing import Any

from msgspec import Struct

from tracbridge.domain.workorder import Status, to_milliseconds

SHARED = 0.4

CYCLE = (
    Status.PENDING,
    Status.IN_PROGRESS,
    Status.COMPLETED,
    Status.ON_HOLD,
    Status.CANCELLED,
)
"""Statuses by number. Completed and cancelled are no neighbours, since those are exchanged."""

EXCHANGE = (1, -1, 0, 0)
"""The customer gives each order the status of the one so far away: two are exchanged, two agree."""

FLAGS = {
    Status.PENDING: "isPending",
    Status.IN_PROGRESS: "isActive",
    Status.COMPLETED: "isDone",
    Status.ON_HOLD: "isOnHold",
    Status.CANCELLED: "isCanceled",
}

WORK = (
    ("Replace bearing on pump {}", "Noisy at full load; drive end runs at 84 °C."),
    ("Check oil level of gearbox {}", "Top up with VG 220 and look for leaks at the shaft seal."),
    ("Tighten belt of conveyor {}", "It slips when the line starts under load."),
    ("Calibrate pressure transmitter {}", "Reads 0.3 bar above the reference gauge."),
    ("Clean filter of compressor {}", "Differential pressure is over the limit."),
    ("Inspect safety valve of boiler {}", "Yearly inspection; the certificate ends this month."),
    ("Lubricate chain of elevator {}", "Use the high-temperature grease from shelf 12."),
    ("Replace contactor in panel {}", "Contacts are burnt, the motor stops at random."),
    ("Align coupling of fan {}", "Vibration 7.1 mm/s at 1x; the laser tool is in the workshop."),
    ("Trocar o selo mecânico da bomba {}", "Vazamento de água na área de utilidades."),
)
ASSETS = ("P", "G", "C", "K", "B")
COST_CENTRES = ("4100-MAINT", "4200-UTIL", "4300-PROD")
ZONES = (timedelta(0), timedelta(hours=-3), timedelta(hours=2))
HOUR = timedelta(hours=1)
DELETED = 2
"""Of every four orders the second is deleted, on both sides if it is on both."""


class _Facts(Struct, frozen=True):
    """What both sides would say of one order, and when each last edited it."""

    number: int
    status: Status
    asset: str
    title: str
    text: str
    created_at: datetime
    deleted_at: datetime | None
    edited_at: tuple[datetime, datetime]
    chance: Random


def shared_numbers(customer: int, tracos: int) -> range:
    """The numbers that are on both sides when each has so many orders."""
    return range(tracos - round(SHARED * min(customer, tracos)) + 1, tracos + 1)


def tracos_documents(count: int, seed: int, now: datetime) -> list[dict[str, Any]]:
    """``count`` documents of TracOS's collection, numbered from 1, none of them synced yet."""
    return [_document(_facts(number, seed, now)) for number in range(1, count + 1)]


def customer_orders(count: int, seed: int, now: datetime, *, tracos: int) -> list[dict[str, Any]]:
    """``count`` records of the customer, beside ``tracos`` documents made of the same seed."""
    first = shared_numbers(count, tracos).start
    numbers = range(first, first + count)
    return [
        _order(_facts(number, seed, now), _customer_status(number, seed, numbers))
        for number in numbers
    ]


def write_customer_files(folder: Path, orders: Iterable[dict[str, Any]]) -> list[Path]:
    """One file for each order, ``<orderNo>.json``; a reader never sees a part of one."""
    folder.mkdir(parents=True, exist_ok=True)
    return [_write(folder, order) for order in orders]


def _write(folder: Path, order: dict[str, Any]) -> Path:
    name = f"{order['orderNo']}.json"
    part = folder / f".{name}.{os.getpid()}.tmp"
    part.write_text(json.dumps(order, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")
    return part.replace(folder / name)


def _status(number: int, seed: int) -> Status:
    return CYCLE[(number + seed) % len(CYCLE)]


def _customer_status(number: int, seed: int, numbers: range) -> Status:
    partner = number + EXCHANGE[numbers.index(number) % len(EXCHANGE)]
    return _status(partner if partner in numbers else number, seed)


def _facts(number: int, seed: int, now: datetime) -> _Facts:
    chance = Random(f"{seed}:{number}")  # noqa: S311 (samples, not secrets)
    title, detail = chance.choice(WORK)
    asset = f"{chance.choice(ASSETS)}-{chance.randint(101, 499)}"
    title = title.format(asset)
    created = to_milliseconds(now - timedelta(days=chance.uniform(2, 29)))
    deleted = created + chance.uniform(2, 24) * HOUR if number % 4 == DELETED else None
    deleted = to_milliseconds(deleted) if deleted else None
    first = (deleted or created + HOUR) + chance.uniform(0, 12) * HOUR
    second = first + chance.uniform(0.1, 5) * HOUR
    return _Facts(
        number=number,
        status=_status(number, seed),
        asset=asset,
        title=title,
        text=f"{title}\n{detail}",
        created_at=created,
        deleted_at=deleted,
        edited_at=(first, second) if chance.getrandbits(1) else (second, first),
        chance=chance,
    )


def _document(facts: _Facts) -> dict[str, Any]:
    chance = facts.chance
    return {
        "number": facts.number,
        "status": facts.status.value,
        "title": facts.title,
        "description": facts.text,
        "createdAt": facts.created_at,
        "updatedAt": to_milliseconds(facts.edited_at[0]),
        "deleted": facts.deleted_at is not None,
        **({"deletedAt": facts.deleted_at} if facts.deleted_at or facts.number % 2 else {}),
        **({"isSynced": False} if facts.number % 3 else {}),
        "assetId": facts.asset,
        "priority": chance.choice(("low", "medium", "high")),
    }


def _order(facts: _Facts, status: Status) -> dict[str, Any]:
    chance = facts.chance
    zone = chance.choice(ZONES)
    created = facts.created_at + chance.uniform(1, 50) * HOUR / 60
    flags = {flag: flag == FLAGS[status] for flag in FLAGS.values()}
    if facts.number % 3 == 0 and not facts.deleted_at:
        del flags["isActive"]
    return {
        "orderNo": facts.number,
        **flags,
        "isDeleted": facts.deleted_at is not None,
        **({"isSynced": False} if facts.number % 4 == 0 else {}),
        "summary": facts.text,
        "creationDate": _written(created, zone),
        "lastUpdateDate": _written(facts.edited_at[1], zone),
        "deletedDate": _written(facts.deleted_at, zone) if facts.deleted_at else None,
        **({"costCenter": chance.choice(COST_CENTRES)} if facts.number % 2 == 0 else {}),
    }


def _written(moment: datetime, offset: timedelta) -> str:
    return moment.astimezone(timezone(offset)).isoformat()
