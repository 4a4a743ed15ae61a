"""Attributes of Maximo's work orders, and how a record looks."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from tracbridge.testing.erp.maximo import oslc
from tracbridge.testing.erp.maximo.states import NAMES
from tracbridge.testing.erp.store import Row
from tracbridge.testing.erp.wire import Asked, RefusedError, answer

if TYPE_CHECKING:
    from tracbridge.testing.erp.maximo.company import MaximoCompany

DATES: Final = ("reportdate", "targstartdate", "schedstart", "schedfinish", "actstart", "actfinish")
READ_ONLY: Final = (
    "changedate", "changeby", "statusdate", "status_description", "historyflag", "workorderid",
    "actlabhrs",
)  # fmt: skip
ATTRIBUTES: Final = frozenset((
    "wonum", "siteid", "orgid", "description", "description_longdescription", "status",
    "reportedby", "worktype", "wopriority", "assetnum", "location", "parent", "istask",
    "externalrefid", "sourcesysid", "sendersysid", "worklog", *DATES, *READ_ONLY,
))  # fmt: skip


def failed(status: int, message: str) -> RefusedError:
    """An error of Maximo; its code stands at the beginning of the message."""
    code = message.partition(" ")[0]
    more = {"moreInfo": {"href": f"oslc/error/messages/{code}"}}
    error = {"extendedError": more, "reasonCode": code, "message": message}
    return RefusedError(answer({"Error": {**error, "statusCode": str(status)}}, status))


def shown(
    maximo: "MaximoCompany", row: Row, collection: str, asked: Asked | None
) -> dict[str, Any]:
    """The record as the API gives it, whole or what ``asked`` selects. What is empty is left out,
    unless ``asked`` says ``_dropnulls=0``.
    """
    href = f"{collection}/{oslc.rest_id(row.key)}"
    head: dict[str, Any] = {"href": href, "_rowstamp": maximo.rowstamp(row)}
    wanted = {"*": ["*"]} if asked is None else oslc.select(asked.query.get("oslc.select", ""))
    if not wanted:
        return {"href": href}
    fields = row.fields
    record = {
        **{name: value for name, value in fields.items() if value not in (None, "")},
        "status": maximo.external(fields["siteid"], fields["status"]),
        "status_description": NAMES[fields["status"]],
    }
    if row.mark:
        record["changedate"] = maximo.local(row.mark)
    if asked is not None and asked.query.get("_dropnulls") == "0":
        empty = ATTRIBUTES if "*" in wanted else wanted.keys() & ATTRIBUTES
        record = {**dict.fromkeys(empty - {"worklog"}), **record}
    if "*" not in wanted:
        record = {name: record[name] for name in wanted if name in record}
    if "worklog" in record:
        logs: Sequence[Mapping[str, Any]] = record["worklog"]
        names = wanted.get("worklog", ["*"])
        record["worklog"] = [_chosen(log, names, href) for log in logs]
    return {**head, **maximo._drifted(record)}  # noqa: SLF001 (its other half)


def _chosen(log: Mapping[str, Any], names: Sequence[str], href: str) -> dict[str, Any]:
    kept = {name: value for name, value in log.items() if "*" in names or name in names}
    return {"localref": f"{href}/worklog/{log['worklogid']}", **kept}


def merged(
    held: Sequence[dict[str, Any]],
    given: Sequence[Mapping[str, Any]],
    new: Mapping[str, Any],
    *,
    start: int,
) -> list[dict[str, Any]]:
    """The log with these entries: those with a known id are changed, all others added."""
    entries = {log["worklogid"]: log for log in held}
    for number, one in enumerate(given):
        values = {name: value for name, value in one.items() if name != "localref"}
        id_ = values.get("worklogid")
        if id_ in entries:
            entries[id_] = {**entries[id_], **values}
        else:
            made = 1000 * (start + 1) + number
            entries[made] = {**new, **values, "worklogid": made}
    return list(entries.values())
