"""A company that works with Maximo: its orders, their rules, and its people."""

import zlib
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

from tracbridge.testing.erp.maximo import states
from tracbridge.testing.erp.maximo.records import (
    ATTRIBUTES,
    DATES,
    READ_ONLY,
    failed,
    merged,
    shown,
)
from tracbridge.testing.erp.maximo.states import HISTORY, NAMES, STEPS
from tracbridge.testing.erp.simulator import Simulator
from tracbridge.testing.erp.store import Row
from tracbridge.testing.erp.wire import RefusedError

COLLECTION: Final = "/maximo/oslc/os/mxwo"


class MaximoCompany(Simulator):
    """People name a record ``SITE/WONUM``.

    ``zone``: of the server, in whose offset all times are. ``site``: of orders that name none.
    ``synonyms``: for sites, their own words for statuses. ``log_touches``: an entry in the work log
    changes the order that it is of.
    """

    SYSTEM, KEY, TITLE = "maximo", "wonum", "description"
    TEXT, NUMBER, MARK = "description_longdescription", "externalrefid", "changedate"
    PERSON, SERVICE, BORN = "WILSON", "MAXINT", "workorderid"

    def __init__(
        self,
        *,
        zone: str = "America/New_York",
        site: str = "BEDFORD",
        synonyms: Mapping[str, Mapping[str, str]] | None = None,
        log_touches: bool = False,
        **shared: Any,
    ) -> None:
        super().__init__(**shared)
        self.zone = ZoneInfo(zone)
        self.synonyms = {name: dict(words) for name, words in (synonyms or {}).items()}
        self._site = site
        self._log_touches = log_touches
        self._last, self._last_id = 100_455, 70_000

    def _locked(self, row: Row, user: str) -> RefusedError:
        return failed(400, f"BMXAA9549E - Work order {row.key} is being updated by user {user}.")

    # --- records

    def _row(self, key: str) -> Row:
        row = self.store.get(key)
        if row is None:
            raise failed(404, "BMXAA8727E - The OSLC resource was not found.")
        return row

    def _create(self, values: Mapping[str, Any], by: str) -> Row:
        given = self._checked(values, None)
        site = given.setdefault("siteid", self._site)
        if "wonum" not in given:
            self._last += 1
            given["wonum"] = str(self._last)
        key = f"{site}/{given['wonum']}"
        if key in self.store:
            raise failed(
                400, f"BMXAA4129E - Record (SITEID={site}, WONUM={given['wonum']}) exists."
            )
        status = self._internal(site, given.pop("status", None) or self.external(site, "WAPPR"))
        if status in HISTORY:
            raise self._no_change(key, status, "BMXAA4568E - A new work order cannot be there.")
        now = self._stamp()
        shown_now = self.local(now)
        fields = {"orgid": "EAGLENA", "worktype": "CM", "istask": False, "reportdate": shown_now}
        fields |= {"reportedby": by, **given, "status": status, "statusdate": shown_now}
        self._last_id += 1
        fields |= {"historyflag": False, "workorderid": self._last_id}
        return self._put(key, fields, by, now)

    def _update(self, row: Row, values: Mapping[str, Any], by: str, *, merge: bool = False) -> Row:
        self._open(row, by)
        stamp = values.get("_rowstamp")
        if stamp is not None and stamp != self.rowstamp(row):
            words = "has been updated by another user. Your changes have not been saved."
            raise failed(412, f"BMXAA8229W - Record WORKORDER {row.key} {words}")
        if row.fields["status"] in HISTORY:
            raise failed(400, f"BMXAA4532E - Work order {row.key} is a history record: read only.")
        given = self._checked(values, row)
        word = given.pop("status", None)
        status = self._step(row, word) if word else None
        now = self._stamp()
        changed = self._moved(status, now) if status else {}
        if "worklog" in given:
            given["worklog"] = self._logged(row, given["worklog"], by, now, merge=merge)
        empty = [name for name, value in given.items() if value in (None, "", [])]
        fields = {**row.fields, **given, **changed}
        touched = self._log_touches or set(given) != {"worklog"} or bool(changed)
        kept = {name: value for name, value in fields.items() if name not in empty}
        return self._put(row.key, kept, by, now, None if touched else row)

    def _step(self, row: Row, status: str) -> str:
        """The status that a word of the site means, if it can be gone to."""
        old, new = row.fields["status"], self._internal(row.fields["siteid"], status)
        if old == new:
            words = "BMXAA0032E - The status that you selected is the same as the current status."
            raise self._no_change(row.key, status, f"{words} Select a different status.")
        if new not in STEPS[old]:
            raise self._no_change(row.key, status, f"BMXAA4568E - {old} does not lead to {new}.")
        if new == "CAN" and row.fields.get("actlabhrs"):
            raise self._no_change(row.key, status, "BMXAA4569E - Actuals have been reported.")
        return new

    def _moved(self, status: str, now: datetime) -> dict[str, Any]:
        """What a change to that status changes."""
        moment = self.local(now)
        stamps = {"INPRG": "actstart", "COMP": "actfinish"}
        extra = {stamps[status]: moment} if status in stamps else {}
        about = {"status": status, "statusdate": moment, "historyflag": status in HISTORY}
        return {**about, **extra}

    def _no_change(self, key: str, status: str, why: str) -> RefusedError:
        words = f"BMXAA4590E - Could not change Work Order {key.split('/')[1]} status to {status}."
        return failed(400, f"{words}\n\t{why}")

    def _logged(
        self, row: Row, given: list[dict[str, Any]], by: str, now: datetime, *, merge: bool
    ) -> list[dict[str, Any]]:
        held = row.fields.get("worklog", []) if merge else []
        new = {"createby": by, "createdate": self.local(now), "logtype": "CLIENTNOTE"}
        return merged(held, given, new, start=self.store.changes)

    def _put(
        self, key: str, fields: dict[str, Any], by: str, now: datetime, untouched: Row | None = None
    ) -> Row:
        """``untouched``: the row whose time of change stays."""
        mark = untouched.mark if untouched else now.replace(microsecond=0)
        return self.store.put(key, fields if untouched else {**fields, "changeby": by}, now, mark)

    def _checked(self, values: Mapping[str, Any], row: Row | None) -> dict[str, Any]:
        given = {}
        for name, value in values.items():
            if name in ("href", "_rowstamp", "_action", "localref") or (
                row and name in ("wonum", "siteid") and value == row.fields[name]
            ):
                continue
            if name in READ_ONLY or (row and name in ("wonum", "siteid")):
                raise ValueError(f"BMXAA4191E - The field {name} is read-only.")
            self._known(name)
            if name == "description" and len(value or "") > 100:
                raise ValueError("BMXAA4049E - The value specified exceeds the maximum length.")
            given[name] = self.local(self._instant(value)) if name in DATES and value else value
        return given if row else {name: one for name, one in given.items() if one not in (None, "")}

    def _internal(self, site: str, status: str) -> str:
        for name in NAMES:
            if self.external(site, name) == status:
                return name
        raise failed(400, f"BMXAA4021E - Value {status} is not in domain WOSTATUS.")

    def external(self, site: str, status: str) -> str:
        """The site's own word for a status."""
        return self.synonyms.get(site, {}).get(status, status)

    def rowstamp(self, row: Row) -> str:
        """Another one for each version."""
        return str(8_834_520 + row.version)

    def local(self, moment: datetime) -> str:
        """As the server writes it."""
        return moment.astimezone(self.zone).isoformat(timespec="seconds")

    def _instant(self, text: str) -> datetime:
        moment = datetime.fromisoformat(text)
        return moment if moment.tzinfo else moment.replace(tzinfo=self.zone)

    def _known(self, field: str) -> None:
        if field.partition(".")[0] not in ATTRIBUTES:
            raise ValueError(f"BMXAA8744E - The attribute {field} is not defined.")

    def _value_of(self, field: str, word: Any) -> Any:
        self._known(field)
        is_date = field in (*DATES, self.MARK, "worklog.createdate", "statusdate")
        return self._instant(word) if is_date and word is not None else word

    def _value(self, row: Row, field: str) -> Any:
        if field == self.MARK:
            return row.mark
        if field == "_shuffled":
            return zlib.crc32(row.key.encode())
        if field == "status":
            return self.external(row.fields["siteid"], row.fields["status"])
        if field == "worklog.createdate":
            dates = [self._instant(log["createdate"]) for log in row.fields.get("worklog", [])]
            return max(dates, default=None)
        value = row.fields.get(field.removesuffix("_internal"))
        return self._instant(value) if field in (*DATES, "statusdate") and value else value

    def _foreign(self) -> dict[str, Any]:
        site = {"wonum": "900001", "siteid": "OTHER", "orgid": "OTHERORG", "status": "APPR"}
        return {**site, "description": "Order of another company", "historyflag": False}

    # --- people

    def create(self, **fields: Any) -> str:
        return self._create(fields, self.PERSON).key

    def edit(self, key: str, **fields: Any) -> None:
        self._update(self._row(key), fields, self.PERSON)

    def set_status(self, key: str, status: Any) -> None:
        """``status``: the site's own word."""
        row = self._row(key)
        if row.fields["status"] == "CLOSE" and status == "HISTEDIT":
            now = self._stamp()
            self._put(key, {**row.fields, **self._moved(status, now)}, self.PERSON, now)
        else:
            self.edit(key, status=status)

    def delete(self, key: str) -> None:
        self.store.drop(self._row(key).key, self._stamp())

    def archive(self, key: str) -> None:
        """Out of the database, into an archive."""
        self.delete(key)

    def reopen(self, key: str) -> None:
        self.set_status(key, self.external(self._row(key).fields["siteid"], "INPRG"))

    def book(self, key: str, hours: float) -> None:
        """Report hours that were worked."""
        row = self._row(key)
        self._put(key, {**row.fields, "actlabhrs": hours}, self.PERSON, self._stamp())

    def comment(self, key: str, text: str) -> str:
        row = self._row(key)
        self._update(row, {"worklog": [{"description": text}]}, self.PERSON, merge=True)
        return str(self.comments(key)[-1]["worklogid"])

    def comments(self, key: str) -> list[dict[str, Any]]:
        return list(self._row(key).fields.get("worklog", []))

    def _whole(self, row: Row) -> dict[str, Any]:
        return shown(self, row, COLLECTION, None)

    def _way(self, key: str, word: str) -> list[Any]:
        fields = self._row(key).fields
        return [
            self.external(fields["siteid"], status) for status in states.way(fields["status"], word)
        ]

    def _sample(self, number: int) -> dict[str, Any]:
        return {
            "description": f"Check pump {number}",
            "description_longdescription": f"<p>Vibration {number % 10} mm/s</p>",
            "wopriority": 1 + number % 4,
            "assetnum": f"P{100 + number % 100}",
        }
