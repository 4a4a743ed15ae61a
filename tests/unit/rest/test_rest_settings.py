"""What a REST connection can be told, and what it is told back."""

from typing import Any

import pytest
from pydantic import ValidationError

from tests.unit.rest.served import settings
from tracbridge.adapters.connectors.rest.settings import RestSettings

URL = "https://erp.example.com"


def test_a_url_and_a_preset_are_enough() -> None:
    said = RestSettings.model_validate({"connector": "rest", "preset": "odoo", "url": URL})
    assert (said.auth.kind, said.timeout, said.max_bytes) == ("none", 30, 16 * 2**20)
    pace = said.pace
    assert (pace.calls_per_second, pace.burst, pace.patience) == (10, 10, 30)


@pytest.mark.parametrize(("rate", "burst", "made"), [(0.5, None, 1), (2.5, None, 3), (10, 4, 4)])
def test_without_a_burst_it_is_what_goes_in_a_second(
    rate: float, burst: int | None, made: int
) -> None:
    assert settings(URL, calls_per_second=rate, burst=burst).pace.burst == made


@pytest.mark.parametrize(
    ("said", "message"),
    [
        ({"preset": None}, "needs a preset or an interface, and not both"),
        ({"interface": {"read": {}}}, "needs a preset or an interface, and not both"),
        ({"url": "https://2130706433"}, "writes an address as"),
        ({"url": "erp.example.com"}, "does not begin with https://"),
        ({"networks": ["::/0"]}, "is the whole internet"),
        ({"networks": ["10.1.2.3/8"]}, "is no network; write it like"),
        ({"timeout": 0}, "greater than 0"),
        ({"timeout": 601}, "less than or equal to 600"),
        ({"max_mb": 0}, "greater than 0"),
        ({"calls_per_second": 0}, "greater than 0"),
        ({"burst": 0}, "greater than or equal to 1"),
        ({"headers": {"Host": "x"}}, "is a header that is set by itself"),
        ({"auth": {"kind": "header", "header": "a:b", "token": "t"}}, "is not the name of"),
        ({"auth": {"kind": "basic", "user": "", "password": "p"}}, "at least 1 character"),
        ({"auth": {"kind": "basic", "user": "u", "password": ""}}, "is empty"),
        ({"auth": {"kind": "oauth2"}}, "Field required"),
        ({"tiemout": 3}, "Extra inputs are not permitted"),
    ],
)
def test_what_cannot_work_is_refused_with_a_sentence(said: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        settings(URL, **said) if "url" not in said else settings(**said)


def test_every_key_is_described_and_nothing_changes_after() -> None:
    schema = RestSettings.model_json_schema()
    models = [schema, *schema["$defs"].values()]
    assert not [
        name
        for model in models
        for name, key in model["properties"].items()
        if name != "kind" and "description" not in key
    ]
    with pytest.raises(ValidationError, match="frozen"):
        settings(URL).timeout = 1  # type: ignore[misc]
