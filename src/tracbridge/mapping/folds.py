"""What comes back of a value from a system that does not keep all of it. Pure."""

from typing import Any

from tracbridge.domain.errors import RecordError
from tracbridge.domain.workorder import Value
from tracbridge.mapping.codec import (
    Codec,
    ListCodec,
    MomentCodec,
    NumberCodec,
    TextCodec,
    is_one_of,
)
from tracbridge.mapping.declared import Fold
from tracbridge.mapping.path import MISSING
from tracbridge.mapping.states import CasesCodec


def fold_of(codec: Codec) -> Fold | None:
    """What is left of a value when it comes back from his system; None where nothing is lost."""
    match codec:
        case TextCodec() if codec.habit.lossy or codec.none is None or any(codec.source.empty):
            return _fold_of_text(codec)
        case CasesCodec():
            return _fold_of_states(codec)
        case NumberCodec() if codec.decimals is not None:
            return _there_and_back(codec)
        case MomentCodec() if codec.spelling.format != "iso":
            return _there_and_back(codec)
        case ListCodec():
            return _there_and_back(codec)
    return None


def _fold_of_text(codec: TextCodec) -> Fold:
    """What his system does to it; what stands for nothing there comes back as nothing."""

    def fold(value: Value) -> Value:
        if not isinstance(value, str):
            return value
        if value == "" and codec.none is None:
            return None
        spelt = codec.habit.write(value)
        return codec.none if is_one_of(spelt, codec.source.empty) else codec.habit.read(spelt)

    return fold


def _fold_of_states(codec: CasesCodec) -> Fold | None:
    """The states that come back as others: those he lacks, and those that only look like others."""
    back = {}
    for value in {*codec.lacks, *(state.is_ for state in codec.states if state.only != "read")}:
        shown = _there_and_back(codec)(value)
        if shown != value:
            back[value] = shown
    return (lambda value: back.get(str(value), value)) if back else None


def _there_and_back(codec: Codec) -> Fold:
    def fold(value: Value) -> Value:
        body: dict[str, Any] = {}
        try:
            codec.write(value, body, {})
            back = codec.read(body)
        except RecordError:  # it is refused when it is written, with its place
            return value
        return value if back is MISSING else back

    return fold
