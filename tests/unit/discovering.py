"""Proposals for tests: compiled as the command line does it, and samples of made-up systems."""

from pathlib import Path
from random import Random
from typing import Any

from tracbridge.config.mappings import compile_mapping, preset_names, source, zone_named
from tracbridge.config.translations import _reading, _writing
from tracbridge.config.yamlfile import parse
from tracbridge.domain.errors import SettingError
from tracbridge.mapping.declared import Declared
from tracbridge.mapping.lines import Surroundings
from tracbridge.mapping.spec import Mapped
from tracbridge.proof.discover import Proposal, discover, filled

WORDS = (
    *("pump", "bearing", "noisy", "valve", "leak", "replace", "motor", "north", "gate", "belt"),
    *("conveyor", "inspect", "filter", "oil", "pressure", "sensor", "seal"),
    *("Substituir", "vibração", "Lager", "größer"),
)


def compile_(given: Any, zone: str | None = "UTC") -> tuple[Mapped, Declared]:
    """A preset or a table as a mapping."""
    around = Surroundings(
        zone=zone_named(zone) if zone else None,
        zones=zone_named,
        reads=_reading,
        writes=_writing,
    )
    made = source(given, Path(), lambda way: ".".join(map(str, way)))
    return made.spec, compile_mapping(made, around, lambda way: ".".join(map(str, way)))


def proposed(bodies: list[Any], zone: str = "", *, presets: bool = False, **more: Any) -> Proposal:
    return discover(bodies, "plant", compile_, preset_names() if presets else (), zone, **more)


def said(proposal: Proposal) -> Any:
    """What its file says."""
    return parse(proposal.text(["a head"]), "proposal").value


def mapping(proposal: Proposal, zone: str | None = None) -> Declared:
    """The file as a mapping, its gaps filled."""
    return compile_(filled(said(proposal)), zone)[1]


def refused(proposal: Proposal) -> set[str]:
    """The places at which the file is refused as it is; a zone is needed in several."""
    try:
        compile_(said(proposal), None)
    except SettingError as error:
        places = [line.split(": ")[1:] for line in str(error).splitlines()]
        return {"zone" if "no time zone '?'" in rest[1] else rest[0] for rest in places}
    return set()


def text(dice: Random, most: int = 8) -> str:
    """Some words."""
    words = [dice.choice(WORDS) for _ in range(dice.randint(3, most))]
    return " ".join(words).capitalize()
