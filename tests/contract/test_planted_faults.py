"""The contract catches every connector that breaks it, by the test that is about just that.

The honest connectors beside them pass the whole suite: `test_memory` and `test_erp`.
"""

import inspect
from collections.abc import Iterator
from typing import Any

import pytest

from tests.contract import faulty
from tests.contract.erp import ErpConnector, ErpContract
from tests.contract.test_memory import TestMemoryConnector as MemoryContract
from tracbridge.adapters.connectors.memory import MemorySettings
from tracbridge.testing.contract import ConnectorContract
from tracbridge.testing.rig import Bench

REMEMBERS = MemorySettings(resumes=False, page=2)
SMALL = MemorySettings(page=2)
DELETES = MemorySettings(deletes=True)
PLAIN = MemorySettings()

MEMORY = {
    "CommitsNothing": (REMEMBERS, "test_committed_records_are_not_read_again"),
    "CommitsWhatWasNotRead": (REMEMBERS, "test_nothing_planted_after_a_read_is_skipped"),
    "CommitsBackwards": (REMEMBERS, "test_an_older_commit_takes_nothing_back"),
    "CommitsByReading": (REMEMBERS, "test_reading_is_repeatable_until_committed"),
    "RunsAhead": (SMALL, "test_the_cursor_of_each_page_loses_nothing_behind_it"),
    "NewestFirst": (PLAIN, "test_records_are_read_oldest_first"),
    "EndsTwice": (SMALL, "test_the_listing_ends_once_and_last"),
    "ShowsOldVersionsAgain": (PLAIN, "test_a_new_process_goes_on_from_a_committed_cursor"),
    "ForgetsItsPlace": (PLAIN, "test_a_new_process_goes_on_from_a_committed_cursor"),
    "DropsTombstones": (PLAIN, "test_a_deletion_is_read_as_a_tombstone"),
    "CutsLongTexts": (PLAIN, "test_any_text_is_read_whole"),
    "KeepsTheEnvelopeToo": (
        PLAIN,
        "test_original_bytes_are_the_records_own_and_nothing_around_it",
    ),
    "WritesAscii": (PLAIN, "test_any_text_lands_whole"),
    "ForgetsKeys": (PLAIN, "test_the_same_key_lands_once_even_after_a_restart"),
    "TellsTheVersionBefore": (PLAIN, "test_our_own_write_is_recognised_when_it_comes_back"),
    "AnswersInAnotherOrder": (PLAIN, "test_a_batch_is_answered_one_by_one_in_order"),
    "OverwritesWhatIsNewer": (PLAIN, "test_a_stale_write_is_refused"),
    "LooksAndThenWrites": (PLAIN, "test_of_two_racing_writers_exactly_one_wins"),
    "StopsAtARefusal": (PLAIN, "test_a_stale_write_does_not_stop_the_others"),
    "DeclaresDeletions": (DELETES, "test_a_delete_does_what_is_declared"),
    "DropsUnknownKeys": (PLAIN, "test_unknown_keys_are_passed_through"),
    "NotesKeysTooEarly": (PLAIN, "test_a_cancelled_write_can_be_repeated"),
    "WritesInParts": (PLAIN, "test_a_cancelled_write_leaves_nothing_half_visible"),
    "RereadsFromMemory": (PLAIN, "test_records_are_read_again_as_they_are_now"),
    "RereadsOnlyWhatIsThere": (PLAIN, "test_what_is_not_there_is_none_and_the_others_are_read"),
    "ProbesByNumber": (PLAIN, "test_an_update_is_found_only_once_it_took_effect"),
    "ProbesByWriting": (PLAIN, "test_looking_changes_nothing"),
    "ProbesNothing": (PLAIN, "test_a_write_that_took_effect_is_found"),
}
"""Each broken connector to memory, what it is told, and the test that catches it."""

THROUGH_A_NETWORK = {
    "TellsNoWait": "test_a_throttled_read_tells_how_long_to_wait",
    "TakesSecondsForMilliseconds": "test_a_throttled_write_tells_how_long_to_wait_and_is_not_done",
    "ComesBackAtOnce": "test_while_it_waits_a_connector_sends_nothing",
    "ForgetsThePause": "test_a_pause_is_kept_by_a_new_process",
    "PausesAgainInFull": "test_a_pause_that_is_over_by_then_is_over",
    "ThrottledIsEmpty": "test_what_was_throttled_is_done_afterwards",
    "CallsItUndone": "test_a_write_without_an_answer_is_not_called_undone",
    "CallsItDone": "test_a_write_without_an_answer_is_not_called_undone",
    "SendsAgainAsNew": "test_of_a_batch_each_record_is_there_exactly_once_in_the_end",
    "GuessesAfterwards": "test_looking_afterwards_tells_whether_it_took_effect",
    "BlamesTheRecord": "test_check_says_that_it_may_pass",
    "ExpiredIsForbidden": "test_a_write_goes_on_or_can_be_repeated",
    "ExpiredIsTheEnd": "test_a_read_goes_on_or_can_be_repeated",
    "SwallowsCancelling": "test_a_read_that_was_cancelled_can_be_repeated",
    "RepeatsWhenCancelled": "test_a_write_that_was_cancelled_is_there_exactly_once_in_the_end",
    "NoOverlap": "test_a_record_that_was_committed_late_is_read",
    "StrictlyAfter": "test_a_record_of_the_same_time_as_the_last_one_is_not_lost",
    "PagesByTimeAlone": (
        "test_records_of_the_same_time_on_both_sides_of_a_pages_border_are_all_read"
    ),
    "QuotesTheAnswer": "test_no_error_shows_a_secret",
    "QuotesTheAnswerInTheCause": "test_no_error_shows_a_secret",
    "KeepsAPlainPassword": "test_no_description_shows_a_secret",
    "BusyIsRefused": "test_a_record_that_is_open_there_is_busy_and_the_others_are_written",
    "ConflictIsRefused": "test_of_two_racing_writers_exactly_one_wins",
}
"""The same through a network."""


def cases(test: Any) -> Iterator[dict[str, Any]]:
    """The arguments of each run of a test, beside the bench."""
    marks = [mark for mark in getattr(test, "pytestmark", ()) if mark.name == "parametrize"]
    if not marks:
        yield {}
        return
    (mark,) = marks
    name, values = mark.args
    for value in values:
        yield {name: value}


async def outcomes(suite: ConnectorContract, name: str) -> list[str]:
    """How each run of the test ends: passed, failed or skipped."""
    found = []
    for arguments in cases(getattr(suite, name)):
        async with suite.rig() as rig:
            bench = Bench(rig)
            try:
                await rig.connector.check()
                await getattr(suite, name)(bench, **arguments)
            except pytest.skip.Exception:
                found.append("skipped")
            except (Exception, pytest.fail.Exception):
                found.append("failed")
            else:
                found.append("passed")
            finally:
                await bench.close()
    return found


def memory(connector: Any, settings: MemorySettings) -> ConnectorContract:
    suite = MemoryContract()
    suite.connector, suite.settings = connector, settings
    return suite


def network(connector: Any) -> ConnectorContract:
    suite = ErpContract()
    suite.connector = connector
    return suite


@pytest.mark.parametrize("name", MEMORY)
async def test_a_broken_connector_is_caught(name: str) -> None:
    settings, test = MEMORY[name]
    assert set(await outcomes(memory(MemoryContract.connector, settings), test)) == {"passed"}
    assert "failed" in await outcomes(memory(getattr(faulty, name), settings), test)


@pytest.mark.parametrize("name", THROUGH_A_NETWORK)
async def test_a_connector_that_breaks_in_a_network_is_caught(name: str) -> None:
    test = THROUGH_A_NETWORK[name]
    assert set(await outcomes(network(ErpConnector), test)) == {"passed"}
    assert "failed" in await outcomes(network(getattr(faulty, name)), test)


def test_every_broken_connector_is_in_the_tables() -> None:
    planted = {
        name
        for name, one in inspect.getmembers(faulty, inspect.isclass)
        if one.__module__ == faulty.__name__
    }
    assert planted == {*MEMORY, *THROUGH_A_NETWORK}
    assert len(planted) >= 15
