"""The tables of Odoo's maintenance, and how their values are shown."""

from datetime import UTC, datetime
from html import escape
from typing import Any, Final

import orjson
from msgspec import Struct

from tracbridge.testing.erp.wire import RefusedError, answer

REQUEST = "maintenance.request"
CLOCK = "%Y-%m-%d %H:%M:%S"
MANY2ONE = frozenset(
    ("stage_id", "equipment_id", "maintenance_team_id", "user_id", "company_id", "create_uid",
     "write_uid")
)  # fmt: skip
READ_ONLY = ("id", "create_date", "write_date", "create_uid", "write_uid", "display_name")

DEFAULTS: Final[dict[str, Any]] = {
    "name": False,
    "description": False,
    "request_date": False,
    "schedule_date": False,
    "close_date": False,
    "stage_id": 1,
    "kanban_state": "normal",
    "priority": False,
    "maintenance_type": "corrective",
    "equipment_id": False,
    "maintenance_team_id": False,
    "user_id": False,
    "company_id": 1,
    "duration": 0.0,
    "archive": False,
    "recurring_maintenance": False,
    "repeat_interval": 1,
    "x_tracos_number": False,
}


class Stage(Struct):
    """A row of ``maintenance.stage``; its name may change, and has translations."""

    id: int
    name: str
    done: bool = False
    names: dict[str, str] = {}

    def called(self, lang: str) -> str:
        """Its name in that language."""
        return self.names.get(lang, self.name)

    def shown(self, lang: str) -> dict[str, Any]:
        """As ``search_read`` gives it."""
        fold = self.done
        return {
            "id": self.id,
            "name": self.called(lang),
            "sequence": self.id,
            "fold": fold,
            "done": fold,
        }


STAGES: Final = (
    Stage(1, "New Request", names={"pt_BR": "Nova solicitação"}),
    Stage(2, "In Progress", names={"pt_BR": "Em andamento"}),
    Stage(3, "Repaired", done=True, names={"pt_BR": "Reparado"}),
    Stage(4, "Scrap", done=True, names={"pt_BR": "Sucata"}),
)


ERRORS: Final = {
    401: ("werkzeug.exceptions.Unauthorized", "Invalid apikey"),
    403: ("odoo.exceptions.AccessError", "You are not allowed to access 'Maintenance Request'."),
    404: ("werkzeug.exceptions.NotFound", "404: Not Found"),
    409: ("odoo.exceptions.LockError", "The record is being edited by another user."),
    429: ("werkzeug.exceptions.TooManyRequests", "429: Too Many Requests"),
    500: ("psycopg2.OperationalError", "could not serialize access due to concurrent update"),
    502: ("werkzeug.exceptions.BadGateway", "502: Bad Gateway"),
    503: ("werkzeug.exceptions.ServiceUnavailable", "503: Service Unavailable"),
}


def failed(status: int, name: str, words: str) -> RefusedError:
    """An error of Odoo."""
    trace = 'Traceback (most recent call last):\n  File "/opt/odoo/http.py", line 2154\n'
    body = {"name": name, "message": words, "arguments": [words], "context": {}, "debug": trace}
    return RefusedError(answer(body, status))


def instant(text: str) -> datetime:
    """A date or a time in UTC; raises `ValueError`."""
    whole = text if len(text) > 10 else f"{text} 00:00:00"
    return datetime.strptime(whole[:19], CLOCK).replace(tzinfo=UTC)


def sanitised(text: str) -> str:
    """HTML as the database keeps it: text without a tag becomes a paragraph."""
    return text if text.lstrip().startswith("<") else f"<p>{escape(text, quote=False)}</p>"


def shown(fields: dict[str, Any], name: str) -> Any:
    """A field that is no many2one; false where nothing is."""
    return fields.get("name" if name == "display_name" else name, False)


def rpc_error(refused: RefusedError) -> dict[str, Any]:
    """The same in the older interface, where every status is 200."""
    error = orjson.loads(refused.answer.data)
    return {"code": 200, "message": "Odoo Server Error", "data": error}
