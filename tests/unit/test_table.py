"""Texts for people: short, harmless, and cut where they differ."""

from tracbridge.cli.table import harmless, quoted, told_apart


def test_two_long_texts_are_cut_so_that_their_difference_can_be_seen() -> None:
    start = "Replace contactor in panel P-101, left of the door. " * 3
    one, other = told_apart(f"{start}Pump", f"{start}Valve", 28)
    assert one != other
    assert "Pump" in one
    assert "Valve" in other
    assert one.startswith('"…')


def test_short_texts_stay_whole() -> None:
    assert told_apart("Pump", "Pump, gasket", 28) == ("Pump", '"Pump, gasket"')


def test_values_that_are_no_texts_are_shown_as_they_are() -> None:
    assert told_apart(None, False, 28) == ("-", "no")


def test_nothing_moves_the_cursor_or_paints_the_terminal() -> None:
    assert harmless("a\x1b[31mb\nc\u202ed") == "a\\x1b[31mb\\nc\\u202ed"


def test_a_text_with_spaces_stands_between_quotation_marks() -> None:
    assert (quoted("two words"), quoted("one"), quoted("")) == ('"two words"', "one", '""')
