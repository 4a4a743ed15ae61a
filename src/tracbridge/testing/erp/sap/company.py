"""A company that works with SAP PM: its orders, their rules, and its people."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final, Literal

from tracbridge.testing.erp.sap import odata, states
from tracbridge.testing.erp.sap.login import failed
from tracbridge.testing.erp.sap.states import BY_CODE, Step
from tracbridge.testing.erp.simulator import Simulator
from tracbridge.testing.erp.store import Row
from tracbridge.testing.erp.wire import RefusedError

SERVICE_PATH: Final = "/sap/opu/odata/sap/API_MAINTENANCEORDER;v=0002"
ENTITY: Final = "MaintenanceOrder"
TITLE_LENGTH: Final = 40
MISSING: Final = ("/IWBEP/CM_MGW_RT/020", "Resource not found for segment 'MaintenanceOrderType'")

DEFAULTS: Final[dict[str, Any]] = {
    "MaintenanceOrderType": "PM01",
    "MaintenanceOrderDesc": "",
    "MaintenanceOrderLongText": "",
    "MaintOrdBasicStartDate": None,
    "MaintOrdBasicStartTime": "PT00H00M00S",
    "MaintOrdBasicEndDate": None,
    "MaintOrdBasicEndTime": "PT00H00M00S",
    "MaintenanceNotification": "",
    "MaintenancePlanningPlant": "1710",
    "MaintenancePlant": "1710",
    "MainWorkCenter": "RES-0300",
    "Equipment": "",
    "FunctionalLocation": "",
    "MaintPriority": "",
    "CompanyCode": "1710",
    "UserStatusText": "",
    "YY1_TracosNumber": "",
}
READ_ONLY: Final = (
    "MaintenanceOrderInternalID", "OrderHasLongText", "MaintOrdProcessPhaseCode",
    "SystemStatusText", "CreationDate", "CreatedByUser", "LastChangeByUser", "LastChangeDateTime",
)  # fmt: skip
DATES: Final = ("MaintOrdBasicStartDate", "MaintOrdBasicEndDate", "CreationDate")


class SapCompany(Simulator):
    """``change_dates``: whether ``LastChangeDateTime`` is set always, from the first edit on, or
    by edits over the API only. ``required``: fields without which no order is made.
    ``external_numbers``: whoever makes an order may say its number.
    """

    SYSTEM, KEY = "sap_pm", "MaintenanceOrder"
    TITLE, TEXT = "MaintenanceOrderDesc", "MaintenanceOrderLongText"
    NUMBER, MARK = "YY1_TracosNumber", "LastChangeDateTime"
    PERSON, SERVICE = "JSILVA", "TRACBRIDGE"

    def __init__(
        self,
        *,
        change_dates: Literal["always", "edited", "api"] = "always",
        required: tuple[str, ...] = (),
        external_numbers: bool = True,
        **shared: Any,
    ) -> None:
        super().__init__(**shared)
        self._change_dates = change_dates
        self._required = required
        self._external_numbers = external_numbers
        self._last_number = 3_999_999

    def _locked(self, row: Row, user: str) -> RefusedError:
        return failed(400, "IW/123", f"Order {row.key} is being processed by user {user}")

    # --- records

    def _row(self, key: str) -> Row:
        row = self.store.get(key)
        if row is None:
            raise failed(404, *MISSING)
        return row

    def _create(self, values: Mapping[str, Any], by: str) -> Row:
        given = self._checked(values, new=True)
        number = str(given.pop(self.KEY, "") or "").lstrip("0")
        if missing := [name for name in self._required if not given.get(name)]:
            raise failed(400, "IW/046", f"Fill in all required entry fields: {', '.join(missing)}")
        if number and not self._external_numbers:
            raise failed(400, "IW/451", "No external number assignment for this order type")
        if number in self.store:
            raise failed(400, "IW/118", f"Order {number} already exists")
        if not number:
            self._last_number += 1
            number = str(self._last_number)
        now = self._stamp()
        fields = {self.KEY: number, **DEFAULTS, "MaintenanceOrderInternalID": f"OR{number:0>12}"}
        fields |= {"CreationDate": odata.as_date(now), "CreatedByUser": by, **given}
        fields["_codes"] = frozenset({"CRTD"})
        return self._put(fields, by, now, new=True)

    def _update(self, row: Row, values: Mapping[str, Any], by: str) -> Row:
        self._open(row, by)
        if "CLSD" in row.fields["_codes"]:
            raise failed(400, "BS/007", f"System status CLSD is active (ORD {row.key})")
        given = self._checked(values, new=False)
        return self._put({**row.fields, **given}, by, self._stamp())

    def _act(self, row: Row, step: Step, by: str) -> Row:
        self._open(row, by)
        codes = row.fields["_codes"]
        if not step.allowed(codes):
            words = f"'{step.words}' is not allowed: system status {states.text(codes)}"
            raise failed(400, "BS/007", f"{words} (ORD {row.key})")
        return self._put({**row.fields, "_codes": step.done(codes)}, by, self._stamp())

    def _put(self, fields: dict[str, Any], by: str, now: datetime, *, new: bool = False) -> Row:
        old = self.store.get(fields[self.KEY])
        mark = old.mark if old else None
        silent = {"always": False, "edited": new, "api": by != self.SERVICE or new}
        if not silent[self._change_dates]:
            mark = now.replace(microsecond=0)
        return self.store.put(fields[self.KEY], {**fields, "LastChangeByUser": by}, now, mark)

    def _checked(self, values: Mapping[str, Any], *, new: bool) -> dict[str, Any]:
        given = {}
        for name, value in values.items():
            if name in READ_ONLY or (name == self.KEY and not new):
                raise ValueError(f"Property '{name}' cannot be written")
            if name not in DEFAULTS and name != self.KEY:
                raise ValueError(f"Property '{name}' is invalid")
            if name in DATES:
                odata.date_of(value or "")
            empty = DEFAULTS.get(name)
            given[name] = empty if value is None else value
        if self.TITLE in given:
            given[self.TITLE] = str(given[self.TITLE])[:TITLE_LENGTH]
        return given

    def _known(self, field: str) -> None:
        if field not in DEFAULTS and field not in (*READ_ONLY, self.KEY):
            raise ValueError(f"Invalid property '{field}'")

    def _value_of(self, field: str, word: Any) -> Any:
        self._known(field)
        if field in (self.MARK, *DATES) and not isinstance(word, datetime | None):
            raise ValueError(f"Invalid literal {word!r} for property '{field}'")
        return word.lstrip("0") if field == self.KEY and isinstance(word, str) else word

    def _value(self, row: Row, field: str) -> Any:
        if field == self.MARK:
            return row.mark
        if field == "SystemStatusText":
            return states.text(row.fields["_codes"])
        value = row.fields.get(field)
        return odata.date_of(value or "") if field in DATES else value

    def _wire(self, row: Row, base: str = "", names: str = "") -> dict[str, Any]:
        """The record as the API gives it: all of it, or fields by ``names``."""
        where = f"{base}{SERVICE_PATH}/{ENTITY}('{row.key}')"
        record = {name: value for name, value in row.fields.items() if name != "_codes"}
        record["OrderHasLongText"] = "X" if record[self.TEXT] else ""
        record["SystemStatusText"] = states.text(row.fields["_codes"])
        record[self.MARK] = odata.as_instant(row.mark) if row.mark else ""
        if names:
            record = {name: record[name] for name in names.split(",")}
        type_ = f"API_MAINTENANCEORDER.{ENTITY}Type"
        metadata = {"id": where, "uri": where, "type": type_, "etag": etag(row)}
        return {"__metadata": metadata, **self._drifted(record)}

    def _foreign(self) -> dict[str, Any]:
        values = {self.KEY: "9900001", self.TITLE: "Order of another company"}
        company = dict.fromkeys(
            ("CompanyCode", "MaintenancePlant", "MaintenancePlanningPlant"), "9910"
        )
        return {**DEFAULTS, **values, **company, "_codes": frozenset({"REL"})}

    # --- people

    def create(self, **fields: Any) -> str:
        return self._create(fields, self.PERSON).key

    def edit(self, key: str, **fields: Any) -> None:
        self._update(self._row(key), fields, self.PERSON)

    def set_status(self, key: str, status: Any) -> None:
        """``status``: REL, PCNF, CNF, TECO, CLSD, LKD, NOEX or DLFL."""
        row = self._row(key)
        steps = [step for step in BY_CODE[status] if step.allowed(row.fields["_codes"])]
        self._act(row, (steps or BY_CODE[status])[0], self.PERSON)

    def delete(self, key: str) -> None:
        """The deletion flag; the order stays."""
        self.set_status(key, "DLFL")

    def archive(self, key: str) -> None:
        """Out of the database, as after years."""
        self.store.drop(self._row(key).key, self._stamp())

    def reopen(self, key: str) -> None:
        self._act(self._row(key), states.CANCEL_TECO, self.PERSON)

    def comment(self, key: str, text: str) -> str:
        """SAP has none: people write on at the end of the long text."""
        held = self._row(key).fields[self.TEXT]
        line = f"* {self.now():%d.%m.%Y %H:%M:%S} {self.PERSON}\n{text}"
        self.edit(key, **{self.TEXT: f"{held}\n{line}" if held else line})
        return ""

    def comments(self, key: str) -> list[dict[str, Any]]:  # noqa: ARG002 (no order has any)
        return []

    def _whole(self, row: Row) -> dict[str, Any]:
        return self._wire(row)

    def _way(self, key: str, word: str) -> list[Any]:
        return list(states.way(self._row(key).fields["_codes"], word))

    def _sample(self, number: int) -> dict[str, Any]:
        return {
            self.TITLE: f"Check pump {number}",
            self.TEXT: f"Vibration {number % 10} mm/s",
            "MaintPriority": str(1 + number % 4),
            "Equipment": f"2171{number % 100:05}",
            "MaintOrdBasicStartDate": odata.as_date(self.now()),
            "MaintOrdBasicStartTime": "PT06H00M00S",
        }


def etag(row: Row) -> str:
    """Another one for each version, also within one second and without a time of change."""
    moment = f"{row.at:%Y-%m-%dT%H%%3A%M%%3A%S}.{row.version:07}Z"
    return f"W/\"datetimeoffset'{moment}'\""
