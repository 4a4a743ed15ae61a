"""What a file may say of webhooks, and what is said of a mistake."""

from pathlib import Path

import pytest

from tracbridge.config.files import configured
from tracbridge.config.hooks import EVENTS, Hooks
from tracbridge.config.settings import Settings
from tracbridge.domain.errors import SettingError

SAID = {
    "IN": "the-secret-of-the-sender",
    "OLD": "the-one-before-this",
    "OUT": "a-secret-of-ours-now",
}


def read(tmp_path: Path, hooks: str, customer: str = "inbound: in, outbound: out") -> Settings:
    folder = tmp_path / "connections"
    folder.mkdir(exist_ok=True)
    (folder / "acme.yaml").write_text(f"customer: {{{customer}}}\nhooks: {hooks}\n")
    return configured(SAID, tmp_path).named("acme")


def test_without_a_word_there_are_no_webhooks(tmp_path: Path) -> None:
    assert read(tmp_path, "{}").hooks == Hooks()


def test_a_file_says_who_may_wake_it_and_who_is_told(tmp_path: Path) -> None:
    hooks = read(
        tmp_path,
        "{in: {secret: '${env:IN}', previous: '${env:OLD}', takes: records}, "
        "out: [{url: 'https://example.com/x', secret: '${env:OUT}', networks: [10.1.0.0/16]}]}",
    ).hooks
    assert hooks.incoming is not None
    assert hooks.incoming.secrets == (SAID["IN"], SAID["OLD"])
    assert hooks.incoming.takes == "records"
    (out,) = hooks.out
    assert (out.secret, out.events) == (SAID["OUT"], frozenset(EVENTS))
    assert [str(network) for network in out.networks] == ["10.1.0.0/16"]


OUT = "{out: [{url: %s, secret: '${env:OUT}'%s}]}"

WRONG = [
    ("{in: {secret: written-down-for-all}}", "hooks.in.secret: is a secret"),
    ("{in: {secret: '${env:IN}', previous: written-down-for-all}}", "hooks.in.previous: is a"),
    ("{out: [{url: 'https://a.b', secret: written-down-for-all}]}", "out.0.secret: is a secret"),
    ("{in: {}}", "hooks.in.secret: is missing"),
    ("{in: {secret: tooshort}}", "hooks.in.secret: is too short"),
    ("{in: {secret: '${env:IN}', previous: tooshort}}", "hooks.in.previous: is too short"),
    ("{in: {secret: '${env:IN}', kind: github}}", "takes generic or frappe"),
    ("{in: {secret: '${env:IN}', secrets: x}}", "The nearest is secret"),
    (OUT % ("'ftp://example.com'", ""), "is no address to send to"),
    (OUT % ("'https://u:p@example.com'", ""), "is no address to send to"),
    (OUT % ("'https://example.com/?token=1'", ""), "is no address to send to"),
    (OUT % ("'https://example.com'", ", events: [order.lost]"), "it takes order.updated"),
    (OUT % ("'https://example.com'", ", events: []"), "events"),
    (OUT % ("'https://example.com'", ", networks: [0.0.0.0/0]"), "is the whole internet"),
    (OUT % ("'https://example.com'", ", networks: [home]"), "is no network"),
]


@pytest.mark.parametrize(("hooks", "said"), WRONG)
def test_a_mistake_is_named_and_no_secret_is_shown(tmp_path: Path, hooks: str, said: str) -> None:
    with pytest.raises(SettingError) as told:
        read(tmp_path, hooks)
    assert said in str(told.value)
    assert "connections/acme.yaml:2" in str(told.value)
    for secret in (*SAID.values(), "written-down", "tooshort", "u:p"):
        assert secret not in str(told.value)


@pytest.mark.parametrize(
    "customer",
    [
        "inbound: in, outbound: out, mode: keep",
        "connector: rest, preset: odoo, url: 'https://e.x', "
        "auth: {kind: bearer, token: '${env:IN}'}",
    ],
)
def test_records_are_taken_only_where_there_is_a_folder_for_them(
    tmp_path: Path, customer: str
) -> None:
    with pytest.raises(SettingError, match=r"hooks\.in\.takes: records can only be laid"):
        read(tmp_path, "{in: {secret: '${env:IN}', takes: records}}", customer)
