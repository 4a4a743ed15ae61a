"""What lets us in is hidden, in every spelling, from what a system says."""

import base64
import json
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.rest.saved import Saved, asking, reply
from tracbridge.adapters.connectors.rest.calls import Call
from tracbridge.adapters.connectors.rest.hiding import Hiding
from tracbridge.adapters.connectors.rest.settings import RestSettings

PASSWORD = 'pa"ss w0rd+/ö'  # noqa: S105


def hiding(password: str = PASSWORD) -> Hiding:
    auth = {"kind": "basic", "user": "ana", "password": password}
    given_ = {"connector": "rest", "preset": "sap_pm", "url": "https://x.example.com", "auth": auth}
    return Hiding(RestSettings.model_validate({**given_, "headers": {"X-Key": "gateway-key"}}))


@pytest.mark.parametrize(
    "spelling",
    [
        PASSWORD,
        quote(PASSWORD, safe=""),
        json.dumps(PASSWORD)[1:-1],
        base64.b64encode(f"ana:{PASSWORD}".encode()).decode(),
        "gateway-key",
    ],
)
def test_each_spelling_is_hidden(spelling: str) -> None:
    assert spelling.encode() not in hiding().hidden(f"you sent {spelling}!".encode())


@pytest.mark.parametrize("text", ["Bearer abcdef.123456", "authorization: token key:secretsecret"])
def test_a_token_that_we_do_not_know_is_hidden_by_what_stands_before_it(text: str) -> None:
    assert text.rsplit(maxsplit=1)[-1].encode() not in hiding().hidden(text.encode())


@given(st.binary())
def test_what_has_none_of_it_stays(data: bytes) -> None:
    if b"oken" not in data and b"asic" not in data:
        assert hiding("a password of ours").hidden(data) == data


def test_a_short_secret_does_not_hide_half_of_the_words() -> None:
    assert hiding("abc").hidden(b"abcabc") == b"abcabc"


def test_a_description_shows_nothing() -> None:
    assert PASSWORD not in repr(hiding())


async def test_words_of_a_refusal_are_hidden_and_records_are_not() -> None:
    made = asking(Saved(reply({"message": "no tok-tok-tok"}, 400)), secret="tok-tok-tok")  # noqa: S106
    _, verdict = await made.ask(Call("GET", "/x"))
    assert verdict.words == "no ***"
    made = asking(Saved(reply({"text": "tok-tok-tok"})), secret="tok-tok-tok")  # noqa: S106
    answer, _ = await made.ask(Call("GET", "/x"))
    assert b"tok-tok-tok" in answer.data
