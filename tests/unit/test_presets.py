"""Golden samples: records as the systems give them, what they mean, and what is written back."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import orjson
import pytest
import yaml
from msgspec.structs import replace

from tests.mappings import mapping
from tracbridge.config.mappings import preset, preset_names
from tracbridge.domain.errors import RecordError
from tracbridge.domain.workorder import WorkOrder, settled
from tracbridge.mapping.declared import Declared
from tracbridge.mapping.translation import Route

GOLDEN = Path(__file__).parent.parent / "golden" / "presets"
FEWEST = 8
MADE = datetime(2026, 11, 21, tzinfo=UTC)


def samples() -> list[Any]:
    found = []
    for path in sorted(GOLDEN.glob("*.yaml")):
        whole = yaml.safe_load(path.read_text())
        for one in whole["samples"]:
            zone = one.get("zone", whole["zone"])
            found.append(pytest.param(path.stem, zone, one, id=f"{path.stem}: {one['name']}"))
    return found


def in_words(value: Any) -> Any:
    """An instant as the samples write it."""
    if not isinstance(value, datetime):
        return value
    text = value.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return text.replace(".000Z", "Z")


def told(order: WorkOrder) -> dict[str, Any]:
    parts: dict[str, Any] = {"ref": order.ref, "scope": order.scope}
    parts |= {"created": order.created_at, "updated": order.updated_at, **order.fields}
    return {name: in_words(value) for name, value in parts.items()}


def asked(used: Declared, sample: Any, order: WorkOrder) -> tuple[WorkOrder, Route | None]:
    """The order after the sample's change in TracOS, and the way there."""
    extra = used.extra(sample["record"], orjson.dumps(sample["record"]))  # noqa: S610
    fields = settled({**order.fields, **sample["then"]}, when=MADE)
    status = str(order.fields["status"])
    way = used.route("", extra, status, str(fields["status"]))
    number = order.ref if used.numbered else "1000000001"
    key = "" if used.numbered else order.ref
    made = replace(order, ref=number, key=key, fields=fields, extra=extra)
    return replace(made, state=way.state if way and not way.stuck else ""), way


@pytest.mark.parametrize(("name", "zone", "sample"), samples())
def test_a_golden_sample_means_what_it_says(name: str, zone: str | None, sample: Any) -> None:
    used = mapping(name, ZoneInfo(zone) if zone else None)
    if "refused" in sample:
        with pytest.raises(RecordError) as caught:
            used.from_customer(sample["record"])
        why = caught.value.why
        assert {part: getattr(why, part) for part in sample["refused"]} == sample["refused"]
        return
    order = used.from_customer(sample["record"])
    shown = told(order)
    assert {part: shown.get(part, "-") for part in sample["order"]} == sample["order"]
    if "then" not in sample:
        return
    changed, way = asked(used, sample, order)
    if "route" in sample:
        assert way
        assert {part: getattr(way, part) for part in sample["route"]} == sample["route"]
        return
    spelt = used.to_customer(changed)
    body = {**orjson.loads(used.passed(changed.extra, spelt) or "{}"), **spelt}
    assert {key: body.get(key, "-") for key in sample["written"]} == sample["written"]
    assert not set(sample.get("unwritten", ())) & body.keys()


@pytest.mark.parametrize(("name", "zone", "sample"), samples())
def test_a_record_that_comes_back_unchanged_says_the_same(
    name: str, zone: str | None, sample: Any
) -> None:
    if "refused" in sample:
        pytest.skip("it is refused")
    used = mapping(name, ZoneInfo(zone) if zone else None)
    order = used.from_customer(sample["record"])
    again, _ = asked(used, {**sample, "then": {}}, order)
    spelt = used.to_customer(again)
    body = {**orjson.loads(used.passed(again.extra, spelt) or "{}"), **spelt}
    body = {**sample["record"], **body}
    for key, value in sample["record"].items():
        if isinstance(value, list):
            body[key] = value
    back = used.from_customer(body)
    assert back.ref == order.ref
    for field, value in order.fields.items():
        fold = used.lossy.get(field)
        shown = back.fields[field]
        assert shown == value or (fold and fold(shown) == fold(value)), field


@pytest.mark.parametrize("name", [name for name in preset_names() if name != "flags"])
def test_each_preset_has_samples_odd_ones_among_them_and_says_what_it_is_not_sure_of(
    name: str,
) -> None:
    whole = yaml.safe_load((GOLDEN / f"{name}.yaml").read_text())["samples"]
    assert len(whole) >= FEWEST
    assert any("refused" in sample for sample in whole)
    assert preset(name).value["unverified"]
