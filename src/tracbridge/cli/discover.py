"""``tracbridge discover``: a mapping proposed from a look at the customer's records."""

import sys
from collections.abc import AsyncGenerator, AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import typer
from msgspec.structs import asdict

from tracbridge.cli.context import CHOSEN, Json, say, say_json, serving, settings, wait_for
from tracbridge.cli.table import counted, table
from tracbridge.config.mappings import preset_names, source, zone_named
from tracbridge.config.settings import Settings
from tracbridge.config.translations import translation_of
from tracbridge.domain.errors import ConfigError
from tracbridge.domain.link import Claim
from tracbridge.mapping.declared import Declared
from tracbridge.mapping.spec import Mapped
from tracbridge.ports.connector import Page, Peeks, Record
from tracbridge.proof.discover import Proposal
from tracbridge.proof.discover import discover as proposed

MOST = 10_000
"""Records that are looked at, at most: all of them are held in memory."""

GAPS = 3
"""Exit code: the proposal is written, and something has to be filled in before it loads."""


def discover(
    name: Annotated[
        str, typer.Argument(metavar="[CONNECTION]", help="[default: the only one]")
    ] = "",
    records: Annotated[
        int, typer.Option(metavar="N", help="Records to look at.", min=1, max=MOST)
    ] = 500,
    out: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write it there; what is there stays.")
    ] = None,
    json: Json = False,
) -> None:
    """Propose a mapping from a look at the customer's records.

    Touches nothing of his. The findings go to the terminal, the file to --out or stdout. Exit 3
    where something has to be
    filled in before the file loads.
    """
    if name:
        CHOSEN.set((*CHOSEN.get(), name))
    config = settings()
    if out is not None and out.exists():
        raise ConfigError(f"{out} is there already; nothing was written.")
    found = wait_for(_discover(config, records))
    where = within(out, config.root) if out else f"mappings/{config.name}.yaml"
    text = found.text(head(config.name, found, where))
    if out is not None:
        write(out, text)
    if json:
        say_json(as_json(found, text))
    else:
        tell(found, text, out, f"mapping: {where} in connection {config.name}")
    raise typer.Exit(GAPS if found.gaps else 0)


async def _discover(config: Settings, most: int) -> Proposal:
    async with serving() as service:
        customer = service.customer.connector
        if not isinstance(customer, Peeks):
            raise ConfigError("this customer's system cannot be looked at without taking records.")
        await customer.look()
        found = await sample(customer.peek(Claim(0, 0)), most)
    if not found:
        raise ConfigError("his system shows no record: there is nothing to go by.")
    refs = [record.ref for record in found if record.ref]
    return proposed(
        [record.body for record in found],
        config.name,
        compiler(config),
        preset_names(),
        str(config.zone or ""),
        refs if len(refs) == len(found) else (),
    )


async def sample(pages: AsyncIterator[Page], most: int) -> list[Record]:
    """The first so many records that can be read, each once, as it was read last."""
    found: dict[str, Record] = {}
    try:
        async for page in pages:
            for record in page.records:
                if record.body is not None and record.error is None:
                    found[record.ref or f"\0{len(found)}"] = record
            if len(found) >= most:
                break
    finally:
        if isinstance(pages, AsyncGenerator):
            await pages.aclose()
    return list(found.values())[:most]


def compiler(config: Settings) -> Any:
    """What makes a mapping of a preset's name or a table, in the connection's surroundings."""
    zoned = replace(config, zone=config.zone or zone_named("UTC"))

    def compile_(given: Any) -> tuple[Mapped, Declared]:
        made = source(given, config.root, lambda _: "proposal")
        return made.spec, translation_of(replace(zoned, mapping=made))

    return compile_


def within(out: Path, root: Path) -> str:
    """The file as a connection names it: from the configuration's folder on."""
    try:
        return out.resolve().relative_to(root.resolve()).as_posix()
    except ValueError:
        return out.as_posix()


def head(name: str, found: Proposal, where: str) -> list[str]:
    """The comment at the beginning of the file, which is to lie there."""
    gaps = f' "?" is to be filled in ({", ".join(found.gaps)}): before that it is refused.'
    return [
        f"Proposed by tracbridge discover {name} from {counted(found.records, 'record')}. Look at "
        f"each line: the comment says what it rests on.{gaps if found.gaps else ''}",
        f"The connection takes it by mapping: {where}. Then: tracbridge mapping check "
        f"--connection {name}, and tracbridge preview --connection {name}",
    ]


def write(out: Path, text: str) -> None:
    """The new file; raises `ConfigError` where it cannot be made, or is there."""
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        with out.open("x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError:
        raise ConfigError(f"{out} is there already; nothing was written.") from None
    except OSError as error:
        raise ConfigError(f"{out} cannot be written: {error.strerror}.") from None


def as_json(found: Proposal, text: str) -> dict[str, Any]:
    """The proposal for programs."""
    return {
        "records": found.records,
        "understood": found.understood,
        "preset": found.preset or None,
        "found": [asdict(one) for one in found.found],
        "gaps": found.gaps,
        "file": text,
    }


def tell(found: Proposal, text: str, out: Path | None, after: str) -> None:
    """The findings; where the file goes to stdout they stand on stderr, so that it can be kept."""
    said = explained(found) + in_short(found)
    if out is None:
        sys.stderr.write(said + "\n")
        say(text)
    else:
        say(f"{said}\n{out} is written. Next: {after}")


def explained(found: Proposal) -> str:
    """A row for each finding, and one for what to do."""
    rows = []
    for one in found.found:
        rows.append((one.level.value, one.where, one.what, one.example))
        if one.cure:
            rows.append(("", "", f"-> {one.cure}", ""))
    return table(("LEVEL", "PLACE", "WHAT", "EXAMPLE"), rows)


def in_short(found: Proposal) -> str:
    """The whole in one line."""
    read = f"{found.understood:,} of {counted(found.records, 'record')} would be understood"
    if not found.gaps:
        return f"{read}. Look at what is called a guess."
    return f"{read} once this is filled in: {', '.join(found.gaps)}."
