"""``tracbridge keys``: who may call the API of ``tracbridge serve``, and what he may."""

from collections.abc import Collection
from typing import Annotated, Any

import typer

from tracbridge.api import keys
from tracbridge.cli.acting import home, me
from tracbridge.cli.context import Json, configuration, person, say, say_json, wait_for
from tracbridge.cli.table import harmless, moment, table
from tracbridge.config import names
from tracbridge.config.files import Configuration
from tracbridge.domain.errors import ConfigError, SettingError, shown
from tracbridge.ports.access import ApiKey, Role

app = typer.Typer(help="Who may call the API, and what he may.", no_args_is_help=True)

LONG = 64
"""Characters of a key's name."""

CENTURY = 36_500


@app.command("create")
def create(
    name: Annotated[str, typer.Argument(help="Whose it is, or what for; stands in the audit.")],
    role: Annotated[Role, typer.Option(help="What it may do.")],
    tenant: Annotated[
        list[str] | None,
        typer.Option(help="Whose connections it sees; may be repeated.  [default: all]"),
    ] = None,
    days: Annotated[
        int | None,
        typer.Option(help="Until it expires.  [default: never]", min=1, max=CENTURY),
    ] = None,
    json: Json = False,
) -> None:
    """Make an API key. It is shown this once, and cannot be shown again."""
    if not name.isprintable() or not 0 < len(name.strip()) <= LONG:
        raise typer.BadParameter(f"a name has up to {LONG} characters, on one line.")
    key, text = wait_for(_create(name.strip(), role, tenant, days))
    if json:
        say_json({**as_json(key), "key": text})
    else:
        say(f"{text}\nKeep it: it is shown this once. tracbridge keys revoke {key.id} ends it.")


async def _create(
    name: str, role: Role, tenants: Collection[str] | None, days: int | None
) -> tuple[ApiKey, str]:
    whole = configuration()
    refuse_unknown(whole, tenants or ())
    async with home(whole) as hosted:
        key, text = keys.made(name, role, tenants, person(), hosted.now(), days)
        digest = keys.digest(await hosted.pepper(), text)
        await (await hosted.keys()).put(key, digest)
        await hosted.audit(me(), "", "key.create", key.id, outcome=f"{role} {name}")
    return key, text


@app.command("list")
def list_keys(json: Json = False) -> None:
    """Every key, also those that count no more; without their secrets."""
    found = wait_for(_all())
    if json:
        say_json([as_json(one) for one in found])
    elif found:
        head = ("ID", "NAME", "ROLE", "TENANTS", "CREATED", "EXPIRES", "LAST USED", "REVOKED")
        say(table(head, [row(one) for one in found]))
    else:
        say("There is no key: tracbridge keys create NAME --role viewer makes one.")


async def _all() -> list[ApiKey]:
    async with home(configuration()) as hosted:
        return list(await (await hosted.keys()).all())


@app.command("revoke")
def revoke(id_: Annotated[str, typer.Argument(metavar="ID", help="See keys list.")]) -> None:
    """End a key. It counts no more from the next request on; what it was stays on record."""
    key = wait_for(_revoke(id_))
    say(f"Key {key.id} ({harmless(key.name)}) counts no more.")


async def _revoke(id_: str) -> ApiKey:
    async with home(configuration()) as hosted:
        key = await (await hosted.keys()).revoke(id_, hosted.now())
        if key is None:
            raise ConfigError(f"there is no key {shown(id_)}: see tracbridge keys list.")
        await hosted.audit(me(), "", "key.revoke", key.id, outcome=key.name)
    return key


# -- what they need ----------------------------------------------------------------------------


def refuse_unknown(whole: Configuration, tenants: Collection[str]) -> None:
    """Raises `SettingError` for a tenant that has no connection and no introduction."""
    known = {*whole.tenants, *(one.tenant for one in whole.connections)}
    for one in tenants:
        if one not in known:
            near = names.nearest(one, known)
            raise SettingError(f"there is no tenant {shown(one)}; the nearest is {near}.")


def as_json(key: ApiKey) -> dict[str, Any]:
    """One key for programs; ``tenants`` null is all."""
    return {
        "id": key.id,
        "name": key.name,
        "role": key.role.value,
        "tenants": None if key.tenants is None else sorted(key.tenants),
        "created": key.created,
        "by": key.by,
        "expires": key.expires,
        "used": key.used,
        "revoked": key.revoked,
    }


def row(key: ApiKey) -> tuple[str, ...]:
    """One key for people."""
    tenants = "all" if key.tenants is None else ", ".join(sorted(key.tenants))
    times = (key.created, key.expires, key.used, key.revoked)
    return (key.id, harmless(key.name), key.role.value, harmless(tenants), *map(moment, times))
