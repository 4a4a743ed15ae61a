"""A company that works with Odoo: its maintenance requests, their rules, and its people."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from msgspec import structs

from tracbridge.testing.erp.odoo.messages import Messages
from tracbridge.testing.erp.odoo.model import (
    CLOCK,
    DEFAULTS,
    MANY2ONE,
    READ_ONLY,
    REQUEST,
    STAGES,
    Stage,
    failed,
    instant,
    sanitised,
    shown,
)
from tracbridge.testing.erp.simulator import Simulator
from tracbridge.testing.erp.store import Row
from tracbridge.testing.erp.wire import RefusedError


class OdooCompany(Simulator):
    """``fractions``: the database keeps parts of a second of ``write_date`` that no answer shows.

    The names of ``stages`` may be changed.
    """

    SYSTEM, KEY, TITLE, TEXT = "odoo", "id", "name", "description"
    NUMBER, MARK, PERSON, SERVICE = "x_tracos_number", "write_date", "ana", "tracbridge"
    BORN = "id"

    def __init__(self, *, fractions: bool = False, **shared: Any) -> None:
        super().__init__(**shared)
        self.stages: dict[int, Stage] = {
            stage.id: Stage(**structs.asdict(stage)) for stage in STAGES
        }
        self.names: dict[str, dict[int, str]] = {
            "equipment_id": {31: "Pump P-101/SN88", 32: "Fan F-7"},
            "maintenance_team_id": {1: "Internal Maintenance"},
            "company_id": {1: "Acme", 2: "Other Company"},
            "write_uid": {2: self.SERVICE, 6: self.PERSON},
        }
        self.messages = Messages(self)
        self._fractions = fractions
        self._last_id = 0

    def _locked(self, row: Row, user: str) -> RefusedError:
        words = f"The record {REQUEST}({row.key},) is being edited by {user}."
        return failed(409, "odoo.exceptions.LockError", words)

    # --- records

    def _row(self, id_: Any, by: str) -> Row:
        row = self.store.get(str(id_))
        if row is None:
            words = (
                f"Record does not exist or has been deleted.\n(Record: {REQUEST}({id_},), User: 2)"
            )
            raise failed(404, "odoo.exceptions.MissingError", words)
        if by:
            self._open(row, by)
        return row

    def _create(self, values: dict[str, Any], by: str) -> int:
        given = self._checked(values)
        if not given.get("name"):
            words = (
                "The operation cannot be completed: Missing required value for the field 'Subjects'"
            )
            raise failed(422, "odoo.exceptions.ValidationError", words)
        self._last_id += 1
        now = self._stamp()
        fields = {**DEFAULTS, "id": self._last_id, "request_date": now.date().isoformat()}
        fields |= {"create_date": f"{now:{CLOCK}}", "create_uid": self._uid(by), **given}
        self._put(fields, by, now)
        return self._last_id

    def _write(self, ids: Iterable[Any], values: dict[str, Any], by: str) -> None:
        given = self._checked(values)
        if "name" in given and not given["name"]:
            words = (
                "The operation cannot be completed: Missing required value for the field 'Subjects'"
            )
            raise failed(422, "odoo.exceptions.ValidationError", words)
        for row in [self._row(id_, by) for id_ in ids]:
            self._write_one(row, dict(given), by)

    def _write_one(self, row: Row, given: dict[str, Any], by: str) -> None:
        now = self._stamp()
        if "stage_id" in given:
            given.setdefault("kanban_state", "normal")
            done = self.stages[given["stage_id"]].done
            given["close_date"] = now.date().isoformat() if done else False
            if given["stage_id"] != row.fields["stage_id"]:
                self.messages.track(row, given["stage_id"], by)
            if done and row.fields["recurring_maintenance"]:
                self._successor(row, by)
        self._put({**row.fields, **given}, by, now)

    def _successor(self, row: Row, by: str) -> None:
        """Closing a recurring request makes the next one, which is not ours."""
        due = instant(row.fields["schedule_date"] or f"{self.now():{CLOCK}}")
        due += timedelta(days=row.fields["repeat_interval"])
        kept = {name: value for name, value in row.fields.items() if name in DEFAULTS}
        changed = {"schedule_date": f"{due:{CLOCK}}", "stage_id": 1, self.NUMBER: False}
        self._create({**kept, **changed, "kanban_state": "normal", "close_date": False}, by)

    def _put(self, fields: dict[str, Any], by: str, now: datetime) -> None:
        whole = now if self._fractions else now.replace(microsecond=0)
        fields = {**fields, "write_date": f"{now:{CLOCK}}", "write_uid": self._uid(by)}
        self.store.put(str(fields["id"]), fields, now, whole)

    def _uid(self, by: str) -> int:
        return 2 if by == self.SERVICE else 6

    def _checked(self, values: dict[str, Any]) -> dict[str, Any]:
        """What is written of them; raises for what this model does not have."""
        given = {name: value for name, value in values.items() if name not in READ_ONLY}
        for name, value in given.items():
            if name not in DEFAULTS:
                raise ValueError(f"Invalid field {name!r} in {REQUEST!r}")
            given[name] = self._checked_value(name, value)
        return given

    def _checked_value(self, name: str, value: Any) -> Any:
        if value is None or value is False or value == "":
            return DEFAULTS[name] if isinstance(DEFAULTS[name], bool) else False
        if name in MANY2ONE and (not isinstance(value, int) or value not in self._names(name)):
            raise ValueError(f"Wrong value for {REQUEST}.{name}: {value!r}")
        if name == "kanban_state" and value not in ("normal", "blocked", "done"):
            raise ValueError(f"Wrong value for {REQUEST}.{name}: {value!r}")
        if name in ("schedule_date",):
            return f"{instant(value):{CLOCK}}"
        return sanitised(value) if name == "description" else value

    def _names(self, name: str, lang: str = "en_US") -> dict[int, str]:
        if name == "stage_id":
            return {id_: stage.called(lang) for id_, stage in self.stages.items()}
        return self.names["write_uid" if name in ("create_uid", "user_id") else name]

    def _value_of(self, field: str, word: Any) -> Any:
        """A word of a domain as `_value` gives that field."""
        if field.partition(".")[0] not in DEFAULTS and field not in (*READ_ONLY, "id"):
            raise ValueError(f"Invalid field {REQUEST}.{field} in condition")
        if field == "write_date" and word:
            return instant(word)
        return False if word is None else word

    def _value(self, row: Row, field: str) -> Any:
        if field == "write_date":
            return row.mark
        if field == "stage_id.done":
            return self.stages[row.fields["stage_id"]].done
        return row.fields.get(field, False)

    def _shown(self, row: Row, names: Iterable[str] | None, lang: str) -> dict[str, Any]:
        wanted = ["id", *names] if names else [*DEFAULTS, *READ_ONLY]
        record = {}
        for name in wanted:
            if name in MANY2ONE:
                id_ = row.fields.get(name)
                record[name] = [id_, self._names(name, lang)[id_]] if id_ else False
            else:
                record[name] = shown(row.fields, name)
        return self._drifted(record)

    def _foreign(self) -> dict[str, Any]:
        values = {"id": 900_001, "name": "Order of another company", "company_id": 2}
        stamps = dict.fromkeys(("create_date", "write_date"), f"{self.now():{CLOCK}}")
        return {**DEFAULTS, **values, **stamps, "create_uid": 6, "write_uid": 6}

    # --- people

    def create(self, **fields: Any) -> str:
        return str(self._create(fields, self.PERSON))

    def edit(self, key: str, **fields: Any) -> None:
        self._write([key], fields, self.PERSON)

    def set_status(self, key: str, status: Any) -> None:
        """``status``: the id of a stage, or ``normal``, ``blocked`` or ``done`` of the board."""
        field = "stage_id" if isinstance(status, int) else "kanban_state"
        self.edit(key, **{field: status})

    def delete(self, key: str) -> None:
        self.store.drop(self._row(key, self.PERSON).key, self._stamp())

    def archive(self, key: str) -> None:
        self.edit(key, archive=True)

    def reopen(self, key: str) -> None:
        self.edit(key, stage_id=2)

    def duplicate(self, key: str) -> str:
        """A copy of it, TracOS's number included: a custom field is copied unless told not to."""
        fields = self._row(key, "").fields
        return self.create(**{name: fields[name] for name in DEFAULTS})

    def comment(self, key: str, text: str) -> str:
        return str(self.messages.post(int(self._row(key, "").key), text, self.PERSON))

    def comments(self, key: str) -> list[dict[str, Any]]:
        return self.messages.of(int(key))

    def _whole(self, row: Row) -> dict[str, Any]:
        return self._shown(row, None, "en_US")

    def _way(self, key: str, word: str) -> list[Any]:
        ended = self._row(key, "").fields["stage_id"] > 2
        ways: dict[str, list[Any]] = {
            "pending": [1],
            "in_progress": [2],
            "on_hold": [2, "blocked"] if ended else ["blocked"],
            "completed": [3],
            "cancelled": [4],
        }
        return ways[word]

    def _sample(self, number: int) -> dict[str, Any]:
        return {
            "name": f"Check pump {number}",
            "description": f"<p>Vibration {number % 10} mm/s</p>",
            "priority": str(number % 4),
            "equipment_id": 31 + number % 2,
            "maintenance_team_id": 1,
        }
