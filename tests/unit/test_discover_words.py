"""What words and formats most likely mean."""

from datetime import UTC, datetime
from typing import Any

import pytest

from tracbridge.mapping.path import MISSING
from tracbridge.proof.sample.columns import Column, columns_of
from tracbridge.proof.sample.instants import times_in
from tracbridge.proof.sample.naming import hints, pieces, words
from tracbridge.proof.sample.prose import limit_of
from tracbridge.proof.sample.wording import FINAL, guessed, rank

AT = datetime(2026, 11, 20, 11, 14, 6, tzinfo=UTC)


@pytest.mark.parametrize(
    ("status", "spellings"),
    [
        ("pending", "Open,new,WAPPR,APPR,aberto,Pendente,offen,Freigegeben,Abierto,Ouvert,To do"),
        (
            "pending",
            "Not started,Waiting for approval,Aguardando aprovação,isPending,Released,isToDo",
        ),
        ("in_progress", "INPRG,In Progress,em andamento,In Bearbeitung,en curso,En cours,isActive"),
        ("in_progress", "IN_PROGRESS,Working,läuft,Em execução,work in progress,in-progress"),
        ("on_hold", "On Hold,WMATL,aguardando peças,wartet auf Teile,Em espera,Suspendu,isOnHold"),
        ("on_hold", "Waiting for parts,Blocked,zurückgestellt,Pausado,on_hold,ON-HOLD"),
        ("completed", "Done,COMP,CLOSE,Concluído,abgeschlossen,Terminado,Fechada,Terminé,TECO"),
        ("completed", "Repaired,work completed,Erledigt,Finalizada,chiuso,isDone, Closed "),
        ("cancelled", "CAN,Cancelled,Cancelado,storniert,Annulé,rejected,Anulada,Scrap,isCanceled"),
    ],
)
def test_words_of_many_languages_are_known(status: str, spellings: str) -> None:
    for word in spellings.split(","):
        assert guessed(word) == status, word


@pytest.mark.parametrize(
    "word",
    [
        *("", "   ", "Xyzzy", "7", 7, None, True, "Not completed", "nicht abgeschlossen"),
        *(
            "Open or closed",
            "partially completed",
            "Waiting for planned work",
            "A",
            "S",
            "priority",
        ),
    ],
)
def test_what_may_mean_several_things_or_none_is_no_guess(word: Any) -> None:
    assert guessed(word) is None


def test_the_plainest_word_is_written_and_what_nobody_sets_comes_last() -> None:
    assert sorted(["CLOSE", "COMP", "HISTEDIT"], key=rank)[0] == "COMP"
    assert sorted(["APPR", "WSCH", "WAPPR"], key=rank) == ["WAPPR", "APPR", "WSCH"]
    assert max(["released", "xyzzy", *FINAL], key=rank) in FINAL


@pytest.mark.parametrize(
    ("name", "parts"),
    [
        ("lastUpdateDate", ("last", "update", "date")),
        ("dt_alteração", ("dt", "alteracao")),
        ("LastChangeDateTime", ("last", "change", "date", "time")),
        ("d.WONum", ("d", "wo", "num")),
        ("x2", ("x", "2")),
        ("", ()),
    ],
)
def test_names_are_taken_apart(name: str, parts: tuple[str, ...]) -> None:
    assert pieces(name) == parts


def test_only_long_words_count_inside_of_others() -> None:
    assert hints("changedate", words("change"))
    assert not hints("validity", words("id"))
    assert hints("order.id", words("id"))


@pytest.mark.parametrize(
    ("value", "wanted", "naive"),
    [
        ("2026-11-20T11:14:06Z", "iso", False),
        ("2026-11-20T08:14:06-03:00", "iso", False),
        ("2026-11-20T11:14:06", "iso", True),
        ("2026-11-20T11:14:06.123", "iso", True),
        ("2026-11-20 11:14:06+00:00", "iso", False),
        ("2026-11-20 11:14:06", "YYYY-MM-DD HH:mm:ss", True),
        ("2026-11-20 11:14:06.000000", "YYYY-MM-DD HH:mm:ss.f", True),
        ("2026-11-20 11:14", "iso", True),
        ("2026-11-20", "YYYY-MM-DD", True),
        ("20261120", "YYYYMMDD", True),
        ("20261120111406", "YYYYMMDDHHmmss", True),
        ("20.11.2026 11:14:06", "DD.MM.YYYY HH:mm:ss", True),
        ("20.11.2026", "DD.MM.YYYY", True),
        ("20/11/2026 11:14", "DD/MM/YYYY HH:mm", True),
        ("11/20/2026", "MM/DD/YYYY", True),
        ("/Date(1795173246000+0000)/", "sap", False),
        ("/Date(1795173246000)/", "sap", True),
        (1_795_173_246, "epoch", False),
        (1_795_173_246.5, "epoch", False),
        (1_795_173_246_000, "epoch_ms", False),
    ],
)
def test_spellings_of_moments_are_recognised(value: Any, wanted: str, naive: bool) -> None:
    columns = columns_of([{"changed": value}, {"changed": None}, {}])
    times = times_in(columns)["changed"]
    assert (times.format, times.naive) == (wanted, naive)
    day = times.read[0]
    assert day is not None
    assert day.date() == AT.date()
    assert times.read[1:] == (None, None)
    assert times.filled == pytest.approx(1 / 3)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("changed", "soon"),
        ("changed", "2026-13-01"),
        ("changed", "9999-12-31T00:00:00Z"),
        ("changed", 7),
        ("changed", True),
        ("count", 1_795_173_246),
        ("changed", ""),
    ],
)
def test_what_is_no_moment_is_none(name: str, value: Any) -> None:
    assert times_in(columns_of([{name: value}])) == {}


def test_a_day_and_its_time_are_one_moment_and_the_time_may_be_empty() -> None:
    records = [
        {"realStartDate": "20261120", "realStartTime": "11:14", "otherTime": "00:00"},
        {"realStartDate": "20261121", "realStartTime": "  ", "otherTime": "00:00"},
    ]
    times = times_in(columns_of(records))["realStartDate"]
    assert times.path == ["realStartDate", "realStartTime"]
    assert times.format == "YYYYMMDD HH:mm"
    assert [at.hour if at else None for at in times.read] == [11, 0]


def test_what_says_among_dates_that_there_is_none_is_nothing() -> None:
    columns = columns_of([{"due": "20261120"}, {"due": "00000000"}])
    assert times_in(columns)["due"].filled == 1 / 2
    assert columns["due"].nothings == ["00000000"]


def test_among_keys_zeros_are_a_key() -> None:
    columns = columns_of([{"no": "00000000"}, {"no": "99999999"}])
    assert times_in(columns) == {}
    assert columns["no"].filled == 1


def test_false_is_nothing_only_beside_other_kinds() -> None:
    columns = columns_of([{"a": False, "b": False}, {"a": "x", "b": True}])
    assert (columns["a"].said, columns["b"].said) == (["x"], [False, True])
    assert columns["a"].nothings == [False]


def test_a_column_knows_where_nothing_stands_and_where_it_is_not() -> None:
    column = Column("a", [MISSING, None, 1], [1])
    assert (column.nothings, column.kind, column.filled) == ([None], "integer", 1 / 3)


def test_keys_that_a_path_cannot_say_are_passed_over() -> None:
    records = [{"a.b": 1, "c[0]": 2, "d=e": 3, "<<": 4, "": 5, "f\n": 6, "g": {"h": 7}, "i": [8]}]
    assert list(columns_of(records)) == ["g.h"]


@pytest.mark.parametrize(
    ("texts", "limit"),
    [
        ([], None),
        (["same length of text!!"] * 9, None),
        ([f"Replace the {'x' * n}" for n in range(30)], None),
        ([*(f"Text {'y' * n}" for n in range(30)), *(f"{n}" + "z" * 39 for n in range(5))], 40),
        (["Replace the bearing bea", "Inspect the big valve be", "Inspect bearing"], None),
        ([f"{n} Replace the pump of the north gate"[:30] + f" {n:09d}" for n in range(9)], None),
        ([*("y" * n for n in range(25, 39)), *(c * n for n in (39, 40) for c in "abc")], None),
        ([*("y" * n for n in range(25, 39)), *(c * 40 for c in "abc")], 40),
        ([*("y" * n for n in range(2, 10)), *(f"{n}" + "z" * 9 for n in range(5))], None),
        ([f"{n} Replace the beari" for n in range(10, 20)] + ["the bearing"], 20),
    ],
)
def test_a_limit_is_where_several_different_texts_end(texts: list[str], limit: int | None) -> None:
    assert limit_of(texts) == limit
