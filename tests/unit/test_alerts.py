"""Alerts: what is decided, what is sent, and what is remembered of it."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from ipaddress import ip_network
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from tests.unit.receivers import post, web
from tracbridge.adapters.hooks.signing import claimed, fits
from tracbridge.adapters.observe.hooks import Mail, Webhook
from tracbridge.adapters.observe.metrics import Reading
from tracbridge.bootstrap.watching import hooks_of
from tracbridge.config.watching import AlertSettings, MailSettings, watching
from tracbridge.domain.errors import ConfigError, RetryableError, SettingError
from tracbridge.runtime.alerts import (
    KEPT,
    REMIND,
    Fact,
    Kind,
    Limits,
    Message,
    News,
    Told,
    decide,
    facts_of,
    message_of,
    remembered,
    tell,
)

NOW = datetime(2026, 3, 20, 12, 0, tzinfo=UTC)
LOOPBACK = (ip_network("127.0.0.0/8"),)
SHARED = "a secret of the receiver"

FACTS = st.builds(
    Fact, st.sampled_from(Kind), st.sampled_from(["", "no_status", "type"]), st.just("It is so.")
)
STANDING = st.lists(FACTS, max_size=5, unique_by=lambda fact: fact.key)


# -- the decision ----------------------------------------------------------------------------


def known(facts: list[Fact], told: Mapping[str, Told], now: datetime) -> dict[str, Told]:
    """What somebody knows who took everything."""
    for change in decide(facts, told, now):
        told = remembered(told, change)
    return dict(told)


@given(STANDING, STANDING)
def test_who_took_everything_hears_nothing_more(before: list[Fact], after: list[Fact]) -> None:
    told = known(after, known(before, {}, NOW), NOW)
    assert decide(after, told, NOW) == []
    assert decide(after, told, NOW + REMIND - timedelta(seconds=1)) == []


@given(STANDING, STANDING)
def test_each_cause_is_opened_or_resolved_once(before: list[Fact], after: list[Fact]) -> None:
    old, new = {fact.key for fact in before}, {fact.key for fact in after}
    changes = decide(after, known(before, {}, NOW), NOW + timedelta(hours=1))
    said = {(change.cause, change.news) for change in changes}
    assert said == {(key, News.OPENED) for key in new - old} | {
        (key, News.RESOLVED) for key in old - new
    }
    assert len(changes) == len(said)


@given(STANDING, st.integers(1, 5))
def test_what_stands_is_told_again_each_day(facts: list[Fact], days: int) -> None:
    told = known(facts, {}, NOW)
    for day in range(1, days + 1):
        changes = decide(facts, told, NOW + day * REMIND)
        assert [change.news for change in changes] == [News.REMINDER] * len(facts)
        assert {change.since for change in changes} <= {NOW}
        told = known(facts, told, NOW + day * REMIND)


@given(STANDING, STANDING)
def test_the_same_news_has_the_same_id_and_other_news_another(
    before: list[Fact], after: list[Fact]
) -> None:
    told = known(before, {}, NOW)
    later = NOW + REMIND
    one = [message_of(change, "t", "c", later).id for change in decide(after, told, later)]
    other = [message_of(change, "t", "c", later).id for change in decide(after, told, later)]
    assert one == other
    assert len(set(one)) == len(one)


class Deliveries(RuleBasedStateMachine):
    """Facts come and go, the receiver takes some messages and not others, time passes."""

    def __init__(self) -> None:
        super().__init__()
        self.now, self.facts = NOW, list[Fact]()
        self.told: dict[str, Told] = {}
        self.heard: dict[str, News] = {}

    @rule(facts=STANDING)
    def it_changes(self, facts: list[Fact]) -> None:
        self.facts = facts

    @rule(hours=st.integers(1, 30))
    def time_passes(self, hours: int) -> None:
        self.now += timedelta(hours=hours)

    @rule(taken=st.integers(0, 6))
    def it_is_told(self, taken: int) -> None:
        for change in decide(self.facts, self.told, self.now)[:taken]:
            # Nobody hears that something is over which he was not told of, or is told of it twice.
            assert (change.news is News.OPENED) == (change.cause not in self.heard)
            self.told = remembered(self.told, change)
            if change.news is News.RESOLVED:
                del self.heard[change.cause]
            else:
                self.heard[change.cause] = change.news

    @invariant()
    def who_takes_everything_knows_what_is(self) -> None:
        assert known(self.facts, self.told, self.now).keys() == {fact.key for fact in self.facts}
        assert self.told.keys() == self.heard.keys()


TestDeliveries = Deliveries.TestCase
TestDeliveries.settings = settings(max_examples=30, stateful_step_count=20)


def test_a_connection_in_order_is_no_fact() -> None:
    reading = Reading("t", "c", oldest=NOW - timedelta(minutes=14), cases={"type": 9})
    failing = Reading("t", "c", failing=NOW - timedelta(minutes=4), why="away")
    assert facts_of(reading, Limits(), NOW) == []
    assert facts_of(failing, Limits(), NOW) == []


def test_age_groups_and_failures_are_facts_beyond_their_limits() -> None:
    cases = {"type": 10, "no_status": 9}
    old = NOW - timedelta(minutes=16)
    reading = Reading("t", "c", oldest=old, cases=cases, failing=old, why="The folder is gone.")
    found = facts_of(reading, Limits(), NOW)
    assert [fact.key for fact in found] == ["age", "group type", "down"]
    assert found[2].text.endswith("The folder is gone.")


# -- sending ---------------------------------------------------------------------------------


class Kept:
    """A memory of one connection."""

    def __init__(self) -> None:
        self.value: Any = None

    async def cursor(self, name: str) -> Any:
        assert name == KEPT
        return self.value

    async def keep_cursor(self, name: str, value: Any) -> None:
        self.value = value


FACT = Fact(Kind.GROUP, "type", "10 records are in quarantine for type.")


async def test_a_webhook_is_signed_over_time_and_raw_body() -> None:
    async with (
        web() as server,
        hooks_of(AlertSettings(server.url, SHARED, networks=LOOPBACK)) as hooks,
    ):
        ((message, error),) = await tell(hooks[0], Kept(), [FACT], ("acme", "plant"), NOW)
        assert error is None
        (got,) = server.got
        assert got.path == "/alerts"
        claim = claimed(got.headers, got.body, datetime.now(UTC))
        assert not claim.why
        assert fits(claim, [SHARED])
        assert got.headers["x-tracbridge-event"] == message.id
        assert json.loads(got.body) == {
            "id": message.id,
            "at": "2026-03-20T12:00:00+00:00",
            "tenant": "acme",
            "connection": "plant",
            "news": "opened",
            "cause": "group type",
            "text": "10 records are in quarantine for type.",
            "since": "2026-03-20T12:00:00+00:00",
            "data": {},
        }


async def test_a_receiver_that_stumbles_is_asked_again_under_the_same_id() -> None:
    async with (
        web() as server,
        hooks_of(AlertSettings(server.url, SHARED, networks=LOOPBACK)) as hooks,
    ):
        server.answers = [500, 0]
        ((_, error),) = await tell(hooks[0], Kept(), [FACT], ("acme", "plant"), NOW)
        assert error is None
        assert len(server.got) == 3
        assert len({one.headers["x-tracbridge-event"] for one in server.got}) == 1


async def test_what_was_not_taken_is_due_the_next_time_and_what_was_taken_is_not() -> None:
    memory = Kept()
    async with (
        web() as server,
        hooks_of(AlertSettings(server.url, SHARED, networks=LOOPBACK)) as hooks,
    ):
        server.answers = [503, 503, 503]
        ((_, error),) = await tell(hooks[0], memory, [FACT], ("acme", "plant"), NOW)
        assert isinstance(error, RetryableError)
        assert memory.value is None
        later = NOW + timedelta(minutes=1)
        ((message, error),) = await tell(hooks[0], memory, [FACT], ("acme", "plant"), later)
        assert (message.news, error) == (News.OPENED, None)
        assert await tell(hooks[0], memory, [FACT], ("acme", "plant"), later) == []
        ((message, _),) = await tell(hooks[0], memory, [], ("acme", "plant"), later)
        assert message.news is News.RESOLVED
        assert await tell(hooks[0], memory, [], ("acme", "plant"), later) == []


async def test_a_redirect_is_not_followed() -> None:
    async with web() as server, web() as other:
        server.answers, server.location = [307, 307, 307], other.url
        hook = Webhook(server.url, SHARED, LOOPBACK)
        try:
            with pytest.raises(RetryableError, match="it answered 307"):
                await hook.send("1", b"{}")
        finally:
            await hook.aclose()
        assert other.got == []


@pytest.mark.parametrize(
    "url",
    [
        "http://169.254.169.254/latest",
        "http://127.0.0.1:27017/",
        "https://[::ffff:10.0.0.1]/",
        "https://localhost/",
    ],
)
async def test_addresses_inside_are_not_called_unless_their_network_is_named(url: str) -> None:
    hook = Webhook(url, SHARED)
    try:
        with pytest.raises(ConfigError, match="is not called"):
            await hook.send("1", b"{}")
    finally:
        await hook.aclose()


async def test_mail_is_taken_by_each_receiver() -> None:
    plain = AlertSettings(networks=(*LOOPBACK, ip_network("::1/128")))
    async with post() as server:
        config = MailSettings(
            ("ops@example.com", "ana@example.com"), "t@example.com", "127.0.0.1", server.port, "off"
        )
        server.refuses = 1
        async with hooks_of(AlertSettings(mail=config, networks=plain.networks)) as hooks:
            ((message, error),) = await tell(hooks[0], Kept(), [FACT], ("acme", "plant"), NOW)
        assert error is None
        ((receivers, text),) = server.got
        assert receivers == ["ops@example.com", "ana@example.com"]
        assert "Subject: [Tracbridge] plant: needs attention (group type)" in text
        assert "10 records are in quarantine for type." in text
        assert f"Message-ID: <{message.id}@tracbridge>" in text


async def test_mail_without_tls_goes_to_a_named_network_only() -> None:
    config = MailSettings(("o@example.com",), "t@example.com", "127.0.0.1", 25, "off")
    with pytest.raises(ConfigError, match="is not called"):
        await Mail(config).send("1", "Subject", "Text")


async def test_mail_is_not_sent_where_tls_cannot_be_agreed_on() -> None:
    async with post() as server:
        config = MailSettings(("o@example.com",), "t@example.com", "127.0.0.1", server.port)
        with pytest.raises(RetryableError, match="took no mail"):
            await Mail(config, LOOPBACK).send("1", "Subject", "Text")
        assert server.got == []


def test_a_message_never_grows() -> None:
    fact = Fact(Kind.DOWN, "", "x" * 5_000)
    (change,) = decide([fact], {}, NOW)
    message = message_of(change, "t", "c", NOW)
    assert isinstance(message, Message)
    assert len(message.text) == 500


# -- settings --------------------------------------------------------------------------------


def test_settings_of_alerts_are_read_and_secrets_may_stand_in_files(tmp_path: Any) -> None:
    (tmp_path / "secret").write_text(f"{SHARED}\n")
    found = watching(
        {
            "TRACBRIDGE_ALERT_WEBHOOK": "https://hooks.example.com/x",
            "TRACBRIDGE_ALERT_SECRET_FILE": str(tmp_path / "secret"),
            "TRACBRIDGE_ALERT_MAIL": "a@example.com, b@example.com",
            "TRACBRIDGE_ALERT_FROM": "t@example.com",
            "TRACBRIDGE_SMTP": "mail.example.com:2525",
            "TRACBRIDGE_ALERT_AGE": "60",
            "TRACBRIDGE_REPORT_AT": "off",
            "TRACBRIDGE_METRICS": "open",
        }
    )
    assert found.alerts.secret == SHARED
    assert found.alerts.age == 60
    assert found.alerts.mail
    assert (found.alerts.mail.host, found.alerts.mail.port) == ("mail.example.com", 2525)
    assert found.alerts.mail.to == ("a@example.com", "b@example.com")
    assert found.reports.at is None
    assert found.open_metrics
    assert SHARED not in repr(found)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("ALERT_AGE", "soon"),
        ("ALERT_GROUP", "0"),
        ("ALERT_NETWORKS", "10.0.0.1/8"),
        ("REPORT_AT", "25:00"),
        ("REPORT_ZONE", "Mars/Base"),
        ("METRICS", "yes"),
    ],
)
def test_a_wrong_setting_is_refused_by_its_name(name: str, value: str) -> None:
    with pytest.raises(SettingError, match=f"TRACBRIDGE_{name}="):
        watching({f"TRACBRIDGE_{name}": value})


def test_all_that_is_wrong_is_said_at_once_and_no_secret_with_it() -> None:
    environ = {
        "TRACBRIDGE_ALERT_WEBHOOK": "https://hooks.example.com/x",
        "TRACBRIDGE_ALERT_SECRET": "kurz",
        "TRACBRIDGE_ALERT_MAIL": "nobody",
        "TRACBRIDGE_SMTP_PASSWORD": "geheim",
    }
    with pytest.raises(SettingError) as caught:
        watching(environ)
    said = str(caught.value)
    assert len(said.splitlines()) == 4
    assert "kurz" not in said
    assert "geheim" not in said


async def test_an_address_that_is_none_is_refused_by_the_name_of_its_setting() -> None:
    wrong = AlertSettings("https://ana:geheim@hooks.example.com/", SHARED)
    with pytest.raises(
        SettingError, match="TRACBRIDGE_ALERT_WEBHOOK: The URL has a user"
    ) as caught:
        async with hooks_of(wrong):
            pass
    assert "geheim" not in str(caught.value)
