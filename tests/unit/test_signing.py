"""Signatures of webhooks: what is accepted, and what is not."""

from datetime import timedelta

import pytest

from tests.harness import NOW
from tracbridge.adapters.hooks.signing import claimed, fits, signed
from tracbridge.config.hooks import HookIn

SECRET = " ".join(["correct", "horse", "battery", "staple"])
BODY = b'{"name":"WO-1"}'

OPENSSL = "v1=4c3c42af3aa4503a3afabad25133d75f0b6dd74ab2b22fd88a3fdebdc5276655"
"""Made by: printf '%s' '1774008000.{"name":"WO-1"}' | openssl dgst -sha256 -hmac SECRET"""

FRAPPE = "7x95mXkhSQWOyzMN/LZ4x5Z6Og0ttMGPIgXsvx4+Oc8="
"""The same over the body alone, as Frappe does it, in base64."""


def test_a_signature_is_what_openssl_says() -> None:
    assert signed(SECRET, BODY, "e1", NOW) == {
        "x-tracbridge-timestamp": "1774008000",
        "x-tracbridge-signature": OPENSSL,
        "x-tracbridge-event": "e1",
    }


def test_what_we_sign_is_accepted() -> None:
    claim = claimed(signed(SECRET, BODY, "e1", NOW), BODY, NOW)
    assert not claim.why
    assert fits(claim, [SECRET])


@pytest.mark.parametrize(
    ("seconds", "accepted"), [(0, True), (300, True), (301, False), (-300, True), (-301, False)]
)
def test_a_signature_counts_for_five_minutes_both_ways(seconds: int, accepted: bool) -> None:
    headers = signed(SECRET, BODY, "", NOW)
    assert (claimed(headers, BODY, NOW + timedelta(seconds=seconds)).why == "") is accepted


@pytest.mark.parametrize("stamp", ["", "soon", "-1", "1774008000.0", "1e9", "٣", "1" * 13])
def test_a_timestamp_is_a_count_of_seconds(stamp: str) -> None:
    headers = {**signed(SECRET, BODY, "", NOW), "x-tracbridge-timestamp": stamp}
    assert claimed(headers, BODY, NOW).why


@pytest.mark.parametrize(
    "given", ["", OPENSSL[3:], OPENSSL.upper(), "v2=" + OPENSSL[3:], OPENSSL + " ", "v1=é"]
)
def test_a_signature_has_one_spelling(given: str) -> None:
    headers = {**signed(SECRET, BODY, "", NOW), "x-tracbridge-signature": given}
    claim = claimed(headers, BODY, NOW)
    assert claim.why or not fits(claim, [SECRET])


def test_either_of_two_secrets_counts_and_no_other() -> None:
    new = f"{SECRET}, the new one"
    hook = HookIn(secret=new, previous=SECRET)
    for secret in (SECRET, new):
        assert fits(claimed(signed(secret, BODY, "", NOW), BODY, NOW), hook.secrets)
    other = claimed(signed("quite another secret", BODY, "", NOW), BODY, NOW)
    assert not fits(other, hook.secrets)


def test_without_a_secret_nothing_fits() -> None:
    assert not fits(claimed(signed("", BODY, "", NOW), BODY, NOW), [])


def test_a_body_or_a_timestamp_that_was_changed_does_not_fit() -> None:
    headers = signed(SECRET, BODY, "", NOW)
    later = {**headers, "x-tracbridge-timestamp": "1774008001"}
    assert not fits(claimed(headers, BODY[:-1] + b" ", NOW), [SECRET])
    assert not fits(claimed(later, BODY, NOW), [SECRET])


def test_frappe_signs_the_body_in_base64() -> None:
    claim = claimed({"x-frappe-webhook-signature": FRAPPE}, BODY, NOW)
    assert (claim.kind, claim.why) == ("frappe", "")
    assert fits(claim, [SECRET])
    assert not fits(claimed({"x-frappe-webhook-signature": FRAPPE}, BODY + b" ", NOW), [SECRET])


def test_an_event_is_known_again_by_its_id_and_its_body() -> None:
    def name(event: str, body: bytes) -> str:
        return claimed(signed(SECRET, body, event, NOW), body, NOW).event

    assert name("e1", BODY) == name("e1", BODY)
    assert len({name("e1", BODY), name("e2", BODY), name("e1", b"{}"), name("", BODY)}) == 4
    assert name("", BODY) == ""


def test_no_secret_is_ever_shown() -> None:
    hook = HookIn(secret=SECRET, previous="the one before it")
    assert SECRET not in repr(hook)
    assert "the one before it" not in repr(hook)
