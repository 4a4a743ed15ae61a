"""What of a link can be forgotten without harm to the order's further way. Pure."""

from msgspec.structs import replace

from tracbridge.domain.link import Link
from tracbridge.sync.identity import prints_of
from tracbridge.sync.policy import Ack


def forgotten(link: Link, complete: int, ack: Ack, *, gone: bool = False) -> Link:
    """The link without the customer's own keys, and without values that no system shows any more.

    ``complete``: the last complete pass. ``gone``: TracOS holds the order no more, so nothing is
    agreed on, and whatever the customer sends of it is put before a person. While a version is on
    its way, the earlier values that he may still show are needed: else they would come back as if
    they were new. They stay until then, see `is_moving`.
    """
    bare = replace(link, extra="", said={})
    if gone and not link.out:
        seen = link.seen and replace(link.seen, prints={})
        return replace(bare, base=None, seen=seen, window=None, held={}, repush=False)
    if is_over(link, complete, ack):
        bare = replace(bare, window=None)
    if bare.seen is None or bare.base is None or is_moving(bare):
        return bare
    return replace(bare, seen=replace(bare.seen, prints=prints_of(bare.base)))


def is_over(link: Link, complete: int, ack: Ack) -> bool:
    """The next record closes the window, whatever it shows: it will be claimed late enough."""
    window = link.window
    if window is None or link.out or link.repush or ack is Ack.CONTENT:
        return False
    return window.gone is not None and complete > window.gone


def is_moving(link: Link) -> bool:
    """The link holds more than what both systems show: a version on its way, or a held field."""
    return bool(link.out or link.window or link.held)
