"""An edit of a text that was cut, made in the whole text. Pure."""

LEAST = 8
"""Characters at the end of a shortened text that an edit has to leave alone."""


def spliced(before: str, after: str, whole: str) -> str:
    """``after`` with what lay beyond the cut, where the edit leaves the end of the cut text alone.

    ``before``: the text as it was cut, ``after``: what somebody made of it, ``whole``: the text
    that was cut. Where the edit reaches the end, nobody knows whether the rest still fits, and
    ``after`` is all there is.
    """
    if not whole.startswith(before) or len(whole) <= len(before):
        return after
    if common_end(before, after) < min(LEAST, len(before)):
        return after
    return after + whole[len(before) :]


def common_end(one: str, other: str) -> int:
    """How many last characters both texts share."""
    most = min(len(one), len(other))
    return next((i for i in range(most) if one[-1 - i] != other[-1 - i]), most)
