"""Orders that are made up, to try a mapping on. The same for the same seed."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any, Final

from tracbridge.domain.workorder import DELETED, Fields, Status, Value
from tracbridge.mapping.codec import BoolCodec, ListCodec, MomentCodec, NumberCodec, TableCodec
from tracbridge.mapping.declared import Declared
from tracbridge.mapping.lists import listed
from tracbridge.mapping.moments import Kind
from tracbridge.mapping.spec import STATUS
from tracbridge.mapping.states import CasesCodec, DeletedCodec

WORDS: Final = (
    *("Replace", "bearing", "pump", "P-101", "at", "the", "north", "gate", "ASAP", "leak"),
    *("Substituir", "vibração", "9,8 mm/s", "<b>", "&", "修理", "Lager", "größer", "🔧", "e\u0301"),
)
_START: Final = datetime(2026, 1, 1, tzinfo=UTC)


def guessed(mapping: Declared, dice: Random) -> Fields:
    """The fields of one order, as TracOS could show it."""
    codecs = dict([*mapping.fields, *mapping.written])
    return {name: _value(name, codec, dice) for name, codec in codecs.items()}


def _value(name: str, codec: Any, dice: Random) -> Value:
    match codec:
        case DeletedCodec():
            return _instant(dice) if codec.at and dice.random() < _SELDOM else False
        case CasesCodec():
            known = {state.is_ for state in codec.states if state.only != "read"}
            return dice.choice(sorted(known | set(codec.lacks)) or [None])
        case NumberCodec():
            return dice.randint(0, 9) if codec.whole else dice.randint(0, 9999) / 1000
        case BoolCodec():
            return dice.random() < _EVEN
        case _:
            return _words(name, codec, dice)


def _words(name: str, codec: Any, dice: Random) -> Value:
    """What is spelt as a text."""
    match codec:
        case MomentCodec():
            return _moment(codec.spelling.kind, dice)
        case ListCodec() if codec.part is None:
            return listed([_text(dice, 2) for _ in range(dice.randint(1, 3))])
        case TableCodec():
            return dice.choice(sorted(codec.ours) or [None])
    if name == STATUS:
        return dice.choice(list(Status)).value
    return False if name == DELETED else _text(dice, dice.choice([1, 3, 8, 30]))


_SELDOM, _EVEN = 0.2, 0.5


def _text(dice: Random, words: int) -> str:
    return " ".join(_some(dice, WORDS, words))


def _some(dice: Random, words: Sequence[str], count: int) -> list[str]:
    return [dice.choice(words) for _ in range(count)]


def _instant(dice: Random) -> datetime:
    return _START + timedelta(milliseconds=dice.randrange(365 * 86_400_000))


def _moment(kind: Kind, dice: Random) -> Value:
    at = _instant(dice)
    if kind is Kind.INSTANT:
        return at
    local = at.replace(tzinfo=None, microsecond=0)
    return local.date().isoformat() if kind is Kind.DATE else local.isoformat()
