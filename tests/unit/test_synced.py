"""The view ``isSynced``: what we read in it and how we set it."""

from typing import Any

import pytest

from tests.harness import NOW
from tracbridge.mapping.synced import is_synced, mark, synced_at


@pytest.mark.parametrize("flag", [False, None, "true", 1, [True]])
def test_only_a_real_true_is_synced(flag: Any) -> None:
    assert is_synced({"isSynced": True})
    assert not is_synced({"isSynced": flag})
    assert not is_synced({})


@pytest.mark.parametrize("at", [None, "2026-03-20", 1_774_008_000])
def test_only_an_instant_tells_since_when(at: Any) -> None:
    assert synced_at({"syncedAt": NOW}) == NOW
    assert synced_at({"syncedAt": at}) is None
    assert synced_at({}) is None


def test_a_mark_is_read_as_it_was_set_and_its_removal_leaves_a_trace() -> None:
    assert (is_synced(mark(NOW)), synced_at(mark(NOW))) == (True, NOW)
    assert mark(None) == {"isSynced": False}
