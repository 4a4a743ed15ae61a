"""What people do in a story, by documents in TracOS, by files, by our commands."""

import json
import signal
from collections.abc import Callable

from tests.stories.life import NAMES, WORDS, Life
from tests.stories.reading import Row, moment


def tracos_acts(life: Life, row: Row) -> None:
    match row.what:
        case "removes the document":
            life.removed = life.world.orders.find_one_and_delete({"number": life.number})
        case "puts the document back":
            assert life.removed is not None
            life.world.orders.insert_one(life.removed)
        case "asks for it again":
            life.world.orders.update_one({"number": life.number}, {"$set": {"isSynced": False}})
        case _:
            new = {"deleted": False} if row.parts["new"] else {}
            stored = life.world.doc(life.number) or {}
            at = stored["updatedAt"] if row.parts["undated"] else row.at
            life.enters("TracOS", new | row.state, at)


def customer_acts(life: Life, row: Row) -> None:
    if row.parts.get("state"):
        year = row.parts["year"]
        new = {} if life.customer.record else {"deleted": False}
        life.enters("customer", new | row.state, row.at.replace(year=int(year or row.at.year)))
        if row.parts["quiet"] is None:
            life.exports()
    elif day := row.parts["day"]:
        life.exports(life.customer.as_of(moment(day)))
    elif row.what == "exports what contradicts itself":
        life.exports(isDone=True, isCanceled=True)
    else:
        life.customer.at = row.at if row.what.endswith("now") else life.customer.at
        life.exports()


def importer_acts(life: Life, row: Row) -> None:
    imports(life, row.what)
    life.customer.keep(row.at)


def imports(life: Life, how: str) -> None:
    """What the customer's importer does with our file of this order, if there is one."""
    sent = life.world.sent(life.number)
    match how:
        case "moves away":
            life.customer.moved = life.world.take(life.number)
        case "imports what he moved":
            life.customer.adopt(life.customer.moved or {})
        case "refuses":
            life.path.with_suffix(".json.err").write_text("no such asset", encoding="utf-8")
        case "spoils our file":
            life.path.write_text(json.dumps({**(sent or {}), "summary": "???"}), encoding="utf-8")
        case _ if sent:
            life.customer.adopt(sent)
            if how == "takes":
                life.world.take(life.number)
            elif how == "acknowledges":
                life.path.with_suffix(".json.ack").touch()


def operator_acts(life: Life, row: Row) -> None:
    """By the command line, as the person who keeps the sync."""
    match row.what:
        case "previews":
            previews(life)
        case "undoes the last change":
            undoes(life)
        case "loses the cursors":
            life.world.server.client[life.world.state]["tracbridge_cursors"].delete_many({})
        case "resends":
            calls(life, "resend", str(life.number))
        case "compares and heals":
            calls(life, "reconcile", "--fix", "--order", str(life.number))
        case _ if step := row.parts["step"]:
            loses_power(life, step)
        case "retries":
            calls(life, "quarantine", "retry", *open_cases(life))
        case _:
            calls(life, "conflicts", "resolve", newest_conflict(life, row), *resolving(life, row))


def calls(life: Life, *words_: str) -> None:
    said_ = life.world.cli(*words_)
    if said_.code:
        life.complaints.append(f"{life.where}: exit {said_.code}: {said_.err.strip()}")


def loses_power(life: Life, step: str) -> None:
    """A pass ends in the middle, right after that durable step; nobody has time to clean up."""
    settings = life.world.extra
    life.world.extra = {**settings, "CRASH_AT": f"{step}:1"}
    code, _, _ = life.world.run()
    life.world.extra = settings
    if code != -signal.SIGKILL:
        life.complaints.append(f"{life.where}: that step was not reached")


def undoes(life: Life) -> None:
    """What the run that last changed the order did to it, by somebody who sees both sides."""
    entries = [one for one in life.world.records("history") if one["ref"] == str(life.number)]
    run = max(entries, key=lambda one: one["at"])["run"]
    said_ = life.world.cli("undo", run, "--order", str(life.number), "--json")
    for name, change in said_.json()["orders"][0]["fields"].items():
        life.values[WORDS[name]].enter("TracOS", change["to"], life.where, "customer")


def previews(life: Life) -> None:
    """What the run will do, without doing anything."""
    before = life.world.memory()
    (plan,) = life.world.cli("preview", "--json").json()["connections"]
    life.foreseen = {
        WORDS[name]: value["to"]
        for change in plan["changes"]
        if (change["number"], change["side"]) == (life.number, "tracos")
        for name, value in change["fields"].items()
    }
    if life.world.memory() != before or not life.foreseen:
        life.complaints.append(f"{life.where}: the preview wrote something, or foresaw nothing")


def resolving(life: Life, row: Row) -> list[str]:
    """Which values a person lets stand, and who it was; what is set is entered by that person."""
    words_ = ["--by", "Ana"]
    if side := row.parts["side"]:
        words_ += ["--take", side.lower()]
    if (name := row.parts["field"]) in NAMES:
        words_ += ["--field", NAMES[name or ""]]
    for name, value in row.state.items():
        text = str(value).lower() if name == "deleted" else str(value)
        words_ += ["--set", f"{NAMES[name]}={text}"]
        life.values[name].enter("TracOS", value, life.where, "customer")
    return words_


def newest_conflict(life: Life, row: Row) -> str:
    """The latest conflict about that field."""
    field_ = NAMES.get(row.parts["field"] or next(iter(row.state), ""), "status")
    about = [one for one in life.conflicts() if field_ in one["fields"]]
    waiting = [one for one in about if one["decided"] is None] or about
    return str(max(waiting, key=lambda one: one["at"])["_id"]) if waiting else "none"


def open_cases(life: Life) -> list[str]:
    return [one["_id"] for one in life.world.cases() if one["ref"] == str(life.number)]


ACTS: dict[str, Callable[[Life, Row], None]] = {
    "TracOS": tracos_acts,
    "customer": customer_acts,
    "importer": importer_acts,
    "operator": operator_acts,
    "nobody": lambda *_: None,
}
