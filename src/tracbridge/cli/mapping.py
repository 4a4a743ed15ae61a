"""``tracbridge mapping``: look at a mapping, prove it, try it on records, watch records drift."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated

import typer
from msgspec.structs import asdict

from tracbridge.bootstrap import Service
from tracbridge.cli.context import (
    Json,
    say,
    say_json,
    serving,
    settings,
    wait_for,
    with_mapping,
)
from tracbridge.cli.table import counted, harmless, quoted, short, table
from tracbridge.config.mappings import Source, preset, preset_names, value_of
from tracbridge.config.settings import Settings
from tracbridge.config.translations import translation_of
from tracbridge.desk.mappings import in_yaml, source_of
from tracbridge.desk.trying import try_json
from tracbridge.domain.errors import ConfigError, SettingError
from tracbridge.domain.link import Claim
from tracbridge.engine.glimpse import KEPT
from tracbridge.mapping.declared import Declared
from tracbridge.mapping.envelope import decode
from tracbridge.ports.connector import Peeks
from tracbridge.proof.lint import Finding, findings
from tracbridge.proof.shapes import Drift, Shapes, drift, kept_shapes
from tracbridge.proof.trying import Row, Try, tried

app = typer.Typer(no_args_is_help=True, help="Mappings: show, check and try them; watch for drift.")

Given = Annotated[
    str | None,
    typer.Argument(
        metavar="[MAPPING]", help="A preset's name or a file.  [default: the connection's]"
    ),
]
Mapping = Annotated[
    str | None,
    typer.Option(
        "--mapping",
        metavar="NAME",
        help="A preset's name or a file.  [default: the connection's]",
    ),
]
WRONG = 1


def meant(given: str | None) -> tuple[Settings, Declared]:
    """The connection's settings and mapping, or with that mapping instead if one is named."""
    config = settings() if given is None else with_mapping(settings(), given)
    return config, translation_of(config)


@app.command("list")
def list_(json: Json = False) -> None:
    """The presets that are shipped."""
    told = [(name, str(preset(name).value.get("about", ""))) for name in preset_names()]
    if json:
        say_json([{"preset": name, "about": about} for name, about in told])
    else:
        say(table(("PRESET", "ABOUT"), told))


@app.command()
def show(
    mapping: Given = None,
    version: Annotated[
        str,
        typer.Option(
            metavar="DIGEST", help="One that was in use: in history, the digest before the +."
        ),
    ] = "",
) -> None:
    """The whole mapping as it counts, all layers put together, in YAML."""
    if mapping and version:
        raise typer.BadParameter("name a mapping, or a --version.")
    found = wait_for(_version(version)) if version else meant(mapping)[0].mapping
    say(f"# {found.digest}\n{in_yaml(value_of(found.words))}")


async def _version(digest: str) -> Source:
    """The mapping of that version, from our store; raises `ConfigError` if it is not there."""
    async with serving() as service:
        return await source_of(service, digest.partition("+")[0])


@app.command()
def check(mapping: Given = None, json: Json = False) -> None:
    """What a mapping loses, leaves open or cannot tell apart, by a look and by 2,000 trials.

    Exit 1 where orders would be refused or come back as something else.
    """
    config, declared = meant(mapping)
    found = findings(config.mapping.spec, declared, creates="tracos" in config.create)
    if json:
        say_json([asdict(finding) for finding in found])
    else:
        say(explained(found) + in_short(found))
    raise typer.Exit(WRONG if any(finding.grave for finding in found) else 0)


def explained(found: list[Finding]) -> str:
    """A row for each finding, and one for what to do."""
    rows = []
    for one in found:
        rows.append((one.level.value, one.where, one.what, one.example))
        if one.cure:
            rows.append(("", "", f"-> {one.cure}", ""))
    return table(("LEVEL", "PLACE", "WHAT", "EXAMPLE"), rows) if rows else ""


def in_short(found: list[Finding]) -> str:
    """The whole in one line."""
    grave = sum(finding.grave for finding in found)
    if grave:
        return f"{counted(grave, 'thing')} must be mended before orders flow."
    return "Nothing is refused, and nothing comes back as something else."


@app.command("try")
def try_(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Records as the customer sends.")],
    mapping: Mapping = None,
    limit: Annotated[int, typer.Option(metavar="N", help="Records to show.", min=1)] = 5,
    json: Json = False,
) -> None:
    """Show records side by side: as they come in, as TracOS gets them, as they would go back.

    Touches nothing. Exit 1 where a record would be refused.
    """
    config, declared = meant(mapping)
    try:
        data = file.read_bytes()
    except OSError as error:
        raise SettingError(f"{file} cannot be read: {error.strerror}.") from None
    records = decode(data, config.mapping.spec.records)
    tries = [
        (one.pointer, tried(declared, one.body, one.raw))
        for one in records[:limit]
        if one.body is not None
    ]
    unread = [one for one in records[:limit] if one.body is None]
    if json:
        say_json([{"pointer": pointer, **try_json(one)} for pointer, one in tries])
    else:
        say("\n".join(shown(pointer, one) for pointer, one in tries))
        for one in unread:
            say(f"{one.pointer}: would be refused: {harmless(str(one.error))}")
        if len(records) > limit:
            say(f"... and {len(records) - limit:,} more: --limit {len(records)}")
    bad = bool(unread) or any(one.error for _, one in tries)
    raise typer.Exit(WRONG if bad else 0)


def shown(pointer: str, one: Try) -> str:
    """One record as a table."""
    rows = [cells(row, refused=one.error is not None) for row in one.rows]
    head = ("FIELD", "CUSTOMER'S KEY", "COMES IN", "IS TO US", "GOES BACK")
    title = f"{pointer}\n" if pointer else ""
    end = f"Would be refused: {harmless(str(one.error))}\n" if one.error else ""
    warned = "".join(f"Warned of: {code}\n" for code in (one.order.warnings if one.order else ()))
    return title + table(head, rows) + warned + end


def cells(row: Row, *, refused: bool) -> tuple[str, str, str, str, str]:
    """One field; of a record that is refused nothing goes back."""
    ours = f"! {row.wrong}" if row.wrong and row.ours is None else quoted(row.ours, WIDTH)
    if not row.field:
        same = "passed on" if row.back == row.theirs else "set by us"
        ours = "" if refused else same if row.back else "left out"
    elif row.wrong and row.ours is not None:
        ours = f"({row.wrong})"
    back = "=" if row.back == row.theirs and row.back else short(harmless(row.back), WIDTH)
    return row.field, row.path, short(harmless(row.theirs), WIDTH), ours, back


WIDTH = 36


@app.command("drift")
def drift_(
    days: Annotated[
        int, typer.Option(metavar="N", help="How far back to look, where records are kept.", min=1)
    ] = 30,
    json: Json = False,
) -> None:
    """Compare the records that can be read now with those that were taken in before.

    Touches nothing. Exit 1 where something differs that the mapping needs.
    """
    declared, before, now = wait_for(_shapes(timedelta(days=days)))
    found = drift(before, now, declared)
    if json:
        counts = {"before": before.records, "now": now.records}
        say_json({**counts, "found": [asdict(one) for one in found]})
    else:
        say(drifted(found, before, now))
    raise typer.Exit(WRONG if any(one.matters for one in found) else 0)


async def _shapes(back: timedelta) -> tuple[Declared, Shapes, Shapes]:
    async with serving() as service:
        mapping = translation_of(service.settings)
        before, now = await _seen(service, mapping, datetime.now(UTC) - back), Shapes()
        customer = service.customer.connector
        if not isinstance(customer, Peeks):
            raise ConfigError("this customer's system cannot be looked at without taking records.")
        await customer.look()
        async for page in customer.peek(Claim(0, 0)):
            for record in page.records:
                now.see(record, mapping)
    return mapping, before, now


async def _seen(service: Service, mapping: Declared, start: datetime) -> Shapes:
    """The records that were taken in: what is kept of them, or else what they looked like."""
    if service.customer.connector.traits.resumes:
        kept = await service.connection.passes.cursor(KEPT)
        return kept_shapes(kept) if kept else Shapes()
    seen = Shapes()
    async for recording in service.recorded.since(start):
        for record in recording.records:
            seen.see(record, mapping)
    return seen


def drifted(found: list[Drift], before: Shapes, now: Shapes) -> str:
    """The differences as a table."""
    waiting = counted(now.records, "record that waits", "records that wait")
    looked = f"{waiting}, against {before.records:,} from before"
    if not now.records and not found:
        return "No record waits: there is nothing to compare."
    if not found:
        return f"{looked}: of the same shape."
    rows = [(one.kind.value, one.path, one.what, "yes" if one.matters else "") for one in found]
    return table(("KIND", "PLACE", "WHAT", "MATTERS"), rows) + f"{looked}."
