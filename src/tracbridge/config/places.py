"""Where things are written, and which of them stand in no message."""

from collections.abc import Callable

from tracbridge.config.yamlfile import Way

Where = Callable[[Way], str]
"""``file:line`` of a place in what was given."""


def _shown(_: Way) -> bool:
    return False


class Places:
    """The places of something that was read. ``secret``: what is there, or in it, came by a
    reference.

    Where something is written is no part of what it says: all are equal.
    """

    def __init__(self, where: Where, secret: Callable[[Way], bool] = _shown) -> None:
        self.where, self.secret = where, secret

    def __call__(self, way: Way) -> str:
        """``file:line`` of the place."""
        return self.where(way)

    def called(self, way: Way, name: str) -> str:
        """A file that is named there, as people may be told of it."""
        return f"{self(way)}: the file that is named there" if self.secret(way) else name

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Places)

    def __hash__(self) -> int:
        return 0
