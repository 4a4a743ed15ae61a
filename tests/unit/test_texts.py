"""Texts as other systems keep them: what is lost, and what is recognised although it was lost."""

import string
from datetime import UTC, datetime

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.mappings import mapping
from tracbridge.domain.errors import RecordError
from tracbridge.domain.link import Link
from tracbridge.domain.workorder import Value, WorkOrder
from tracbridge.mapping.texts import Habit, checked, cut, html_of, text_of
from tracbridge.sync.fields import Rule, edited, respelt, same

# How fast they run says nothing here, least of all on a busy machine.
UNHURRIED = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
AT = datetime(2026, 11, 20, tzinfo=UTC)
LONG = "Replace the bearing of the pump at the north gate"


# -- cutting -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "limit", "left"),
    [
        ("Pump", 4, "Pump"),
        ("Pumps", 4, "Pump"),
        ("Pump at gate", 5, "Pump"),
        ("Pump    gate", 7, "Pump"),
        ("Pump ", 5, "Pump "),
        ("", 4, ""),
        ("Pump", 0, ""),
        ("vibração", 7, "vibraçã"),
        ("修理ポンプ", 2, "修理"),
        ("🔧🔧🔧", 2, "🔧🔧"),
    ],
)
def test_a_text_is_cut_by_characters_and_blanks_at_the_cut_go(
    text: str, limit: int, left: str
) -> None:
    assert cut(text, limit) == left
    assert Habit(limit=limit).write(text) == left


# -- the habits ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("habit", "ours", "theirs", "back"),
    [
        (Habit(), " As it is\n", " As it is\n", " As it is\n"),
        (Habit(limit=4), "Pumps", "Pump", "Pump"),
        (Habit(case="upper"), "vibração", "VIBRAÇÃO", "VIBRAÇÃO"),
        (Habit(case="lower"), "P-101", "p-101", "p-101"),
        (Habit(case="upper", limit=3), "straße", "STR", "STR"),
        (Habit(case="upper", limit=2), "ßa", "SS", "SS"),
        (Habit(pad=6), "Pump", "Pump  ", "Pump"),
        (Habit(pad=2), "Pump", "Pump", "Pump"),
        (Habit(pad=0), "Pump  ", "Pump  ", "Pump"),
        (Habit(pad=4, limit=4), "Pumps", "Pump", "Pump"),
        (Habit(html=True), "a < b\n& c", "<p>a &lt; b<br>&amp; c</p>", "a < b\n& c"),
        (Habit(html=True, limit=3), "a & b", "<p>a &amp;</p>", "a &"),
        (Habit(html=True), "", "", ""),
    ],
)
def test_a_system_keeps_texts_by_its_habit(habit: Habit, ours: str, theirs: str, back: str) -> None:
    assert habit.write(ours) == theirs
    assert habit.read(theirs) == back
    assert habit.fold(ours) == back


@pytest.mark.parametrize(
    "habit", [Habit(limit=40), Habit(pad=0), Habit(case="upper"), Habit(html=True)]
)
def test_each_habit_may_make_one_text_of_two(habit: Habit) -> None:
    assert habit.lossy
    assert not Habit().lossy


# -- HTML ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("markup", "text"),
    [
        ("plain", "plain"),
        ("  plain  text ", "plain  text"),
        ("<p>one</p><p>two</p>", "one\ntwo"),
        ("one<br>two<BR/>three<br />four", "one\ntwo\nthree\nfour"),
        ("<ul><li>one</li><li>two</li></ul>", "one\ntwo"),
        ("<div>one</div>\r\n<div>two</div>", "one\ntwo"),
        ("<b>bold</b> and <a href='x'>a link</a>", "bold and a link"),
        ("<p>a\nb</p>", "a b"),
        ("a &lt;b&gt; &amp;amp; &quot;c&quot;", 'a <b> &amp; "c"'),
        ("a&nbsp;&nbsp;b <i>c</i>", "a b c"),
        ("<p>one</p><p><br></p><p><br></p><p><br></p><p>two</p>", "one\n\ntwo"),
        ("<p></p>", ""),
        ("<h1>T</h1><table><tr><td>x</td></tr></table>", "T\nx"),
    ],
)
def test_of_html_stays_what_a_person_reads(markup: str, text: str) -> None:
    assert text_of(markup) == text


@pytest.mark.parametrize(
    ("text", "markup"),
    [
        ("", ""),
        ("a\r\nb\rc\nd", "<p>a<br>b<br>c<br>d</p>"),
        ("<script>1</script>", "<p>&lt;script&gt;1&lt;/script&gt;</p>"),
        ('"quoted" it\'s', '<p>"quoted" it\'s</p>'),
    ],
)
def test_in_html_everything_is_text(text: str, markup: str) -> None:
    assert html_of(text) == markup


# -- refusals ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "code", "words"),
    [
        (None, "required", "is missing or null."),
        (7, "type", "is not a text."),
        (["a"], "type", "is not a text."),
        ("abcdef", "too_long", "has 6 characters; the limit is 5."),
        ("a\0b", "nul_character", "has a NUL character."),
    ],
)
def test_what_is_no_text_is_refused_with_its_cure(text: object, code: str, words: str) -> None:
    with pytest.raises(RecordError) as caught:
        checked(text, "/summary", 5)
    why = caught.value.why
    assert (why.code, why.reason, why.pointer) == (code, words, "/summary")
    assert why.hint


@pytest.mark.parametrize("text", ["", "abcde", "🔧🔧🔧🔧🔧"])
def test_a_text_up_to_the_limit_is_taken_as_it_is(text: str) -> None:
    assert checked(text, "/summary", 5) is text


# -- what comes back -----------------------------------------------------------------------------


def rule(**habit: object) -> Rule:
    """The rule of a text that his system keeps by this habit, as the mapping makes it."""
    line = {"path": "text", **habit}
    made = mapping({"mapping": "m", "key": {"path": "no"}, "fields": {"description": line}})
    return Rule(fold=made.lossy["description"])


def shown(text: str, given: str, used: Rule) -> Value:
    """What his record means of which we gave another text before."""
    order = WorkOrder("1", {"description": text}, AT, AT)
    link = Link("L", "test", "1", base={"description": given})
    return respelt(order, link, None, {"description": used}).fields["description"]


@pytest.mark.parametrize(
    ("habit", "theirs"),
    [
        ({"limit": 20}, LONG[:20].rstrip()),
        ({"case": "upper"}, LONG.upper()),
        ({"case": "upper", "limit": 20, "pad": 0}, LONG.upper()[:20].rstrip()),
    ],
)
def test_a_cut_text_comes_back_as_an_echo(habit: dict[str, object], theirs: str) -> None:
    used = rule(**habit)
    assert shown(theirs, LONG, used) == LONG
    assert same({"description": used}, "description", theirs, LONG)


@pytest.mark.parametrize("theirs", ["Replace the gasket", "Replace", "", "REPLACE THE BEARING"])
def test_an_edit_of_the_cut_text_is_a_change(theirs: str) -> None:
    used = rule(limit=20)
    assert shown(theirs, LONG, used) == theirs
    assert not same({"description": used}, "description", theirs, LONG)


def test_an_edit_of_the_cut_text_is_made_in_the_whole_of_it() -> None:
    used = {"description": rule(limit=20)}
    made = edited(used, "description", "Renew the bearing", LONG, LONG)
    assert made == "Renew the bearing of the pump at the north gate"
    gasket = edited(used, "description", "Replace the gasket", LONG, LONG)
    assert gasket == "Replace the gasket"


# -- properties ----------------------------------------------------------------------------------

TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=30)
HABITS = st.builds(
    Habit,
    limit=st.none() | st.integers(0, 12),
    pad=st.none() | st.integers(0, 15),
    case=st.none() | st.sampled_from(["upper", "lower"]),
    html=st.booleans(),
)


@UNHURRIED
@given(HABITS, TEXTS)
def test_what_came_back_once_comes_back_the_same(habit: Habit, text: str) -> None:
    once = habit.fold(text)
    assert habit.fold(once) == once


@UNHURRIED
@given(TEXTS)
def test_without_a_habit_no_text_is_touched(text: str) -> None:
    assert Habit().write(text) == text
    assert Habit().read(text) == text


@UNHURRIED
@given(TEXTS, st.integers(0, 40))
def test_a_cut_text_is_the_beginning_and_within_the_limit(text: str, limit: int) -> None:
    left = cut(text, limit)
    assert text.startswith(left)
    assert len(left) <= limit
    assert not text[len(left) : limit].strip() or left == text
    assert left == text or left == left.rstrip()


@UNHURRIED
@given(TEXTS, st.integers(0, 40))
def test_a_padded_text_is_never_shorter_and_comes_back_without_the_blanks(
    text: str, pad: int
) -> None:
    habit = Habit(pad=pad)
    written = habit.write(text)
    assert len(written) == max(len(text), pad)
    assert habit.read(written) == text.rstrip(" ")


WRITTEN = st.text(string.ascii_letters + "<>&;\"' #1/éß修🔧", max_size=20)


@UNHURRIED
@given(st.lists(WRITTEN.map(lambda line: " ".join(line.split())).filter(bool), max_size=4))
def test_what_looks_like_markup_is_a_text_that_comes_back(lines: list[str]) -> None:
    text = "\n".join(lines)
    assert text_of(html_of(text)) == text


@UNHURRIED
@given(TEXTS)
def test_no_text_of_ours_is_a_tag_of_theirs(text: str) -> None:
    inside = html_of(text).removeprefix("<p>").removesuffix("</p>").replace("<br>", "")
    assert "<" not in inside
    assert ">" not in inside


@UNHURRIED
@given(st.text("<>/pbr &;ltg#x1\n\r\t a", max_size=40))
def test_any_markup_is_read_without_blanks_around_it(markup: str) -> None:
    text = text_of(markup)
    assert text == text.strip()
    assert "\n\n\n" not in text or text == markup.strip()
