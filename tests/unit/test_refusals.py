"""What is said of each record that is refused: people act on these sentences, so each is known."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.mappings import flags
from tests.unit.test_flags import customer, tracos
from tracbridge.domain.errors import RecordError
from tracbridge.mapping.decode import decode

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "refusals.md"
ROW = re.compile(r"\| (?:`(?P<what>.*)`|\(nothing\)) \| `(?P<code>\w+)` \| (?P<says>.*) \|")
BYTE = re.compile(rb"\\x([0-9a-f]{2})")
MAPPING = flags(text_limit=30)


def rows(title: str) -> list[Any]:
    """The rows of the table under this title."""
    section = PAGE.read_text("utf-8").split(f"## {title}\n")[1].split("\n## ")[0]
    return [pytest.param(*found.groups(), id=found["what"]) for found in ROW.finditer(section)]


def changed(body: dict[str, Any], words: str) -> dict[str, Any]:
    """A good record with the keys of an example, or without one."""
    if words.startswith("no "):
        return {key: value for key, value in body.items() if key != words.removeprefix("no ")}
    changes: dict[str, Any] = json.loads(f"{{{words}}}")
    return body | changes


def refusal(act: Callable[[], object]) -> tuple[str, str]:
    with pytest.raises(RecordError) as caught:
        act()
    return caught.value.why.code, str(caught.value)


@pytest.mark.parametrize(("what", "code", "says"), rows("A record of the customer's"))
def test_a_customers_record_is_refused_in_these_words(what: str, code: str, says: str) -> None:
    body = changed(customer(), what)
    assert refusal(lambda: MAPPING.from_customer(body)) == (code, says)


@pytest.mark.parametrize(("what", "code", "says"), rows("A document of TracOS's"))
def test_a_document_is_refused_in_these_words(what: str, code: str, says: str) -> None:
    body = changed(tracos(), what)
    assert refusal(lambda: MAPPING.from_tracos(body, None)) == (code, says)


@pytest.mark.parametrize(("what", "code", "says"), rows("A file"))
def test_a_file_is_refused_in_these_words(what: str | None, code: str, says: str) -> None:
    data = BYTE.sub(lambda found: bytes.fromhex(found[1].decode()), (what or "").encode())

    def read() -> None:
        for one in decode(data):
            if one.error:
                raise one.error

    assert refusal(read) == (code, says)
