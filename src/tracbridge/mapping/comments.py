"""Comments in the customer's spelling, both ways. Pure."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from msgspec import Struct

from tracbridge.domain.comment import Comment
from tracbridge.domain.errors import RecordError
from tracbridge.mapping.codec import MomentCodec, Source, TextCodec
from tracbridge.mapping.path import MISSING, Place
from tracbridge.mapping.translation import Body

LONGEST_KEY = 120
LONGEST_AUTHOR = 200


class CommentSide(Struct, frozen=True):
    """What a mapping says of comments.

    ``place``: the list of them in his record, None where each comes alone; then ``of`` is the
    order's key in it. ``tracos``: the list in TracOS's document. ``long``: where a text goes on.
    """

    key: Source
    text: TextCodec
    tracos: str
    long: TextCodec | None = None
    author: Source | None = None
    at: MomentCodec | None = None
    place: Place | None = None
    of: Source | None = None

    def within(self, body: Body) -> Sequence[Body]:
        """The comments that his record carries; none where they are read apart."""
        found = self.place.get(body) if self.place else None
        if not isinstance(found, list):
            return ()
        return [one for one in found if isinstance(one, dict)]

    def read(self, body: Body) -> Comment:
        """One of his comments; raises `RecordError` for one that has no key or no text."""
        key, text = self._key(body), self._text(body)
        if not isinstance(text, str) or not text:
            pointer = self.text.source.place.pointer
            raise RecordError("required", "is missing: a comment has a text.", pointer=pointer)
        at = self.at.read(body) if self.at else None
        author = self.author.get(body) if self.author else None
        named = str(author)[:LONGEST_AUTHOR] if isinstance(author, str | int) else ""
        return Comment(text, named, at if isinstance(at, datetime) else None, key=key)

    def _text(self, body: Body) -> Any:
        whole = self.long.read(body) if self.long else None
        return whole if isinstance(whole, str) and whole else self.text.read(body)

    def _key(self, body: Body) -> str:
        key = _short(self.key.get(body))
        if key is None:
            pointer = self.key.place.pointer
            raise RecordError("required", "is no key of a comment.", pointer=pointer)
        return key

    def order(self, body: Body) -> str | None:
        """The key of the order that one of his comments is about; None where it says none."""
        return _short(self.of.get(body)) if self.of else None

    def write(self, comment: Comment) -> dict[str, Any]:
        """A comment as he is given it."""
        body: dict[str, Any] = {}
        self.text.write(comment.text, body, _NOTHING)
        if self.long and self.text.read(body) != comment.text:
            self.long.write(comment.text, body, _NOTHING)
        return body

    def shown(self, comment: Comment) -> str:
        """The text as it will come back from him."""
        body = self.write(comment)
        try:
            return str(self._text(body))
        except RecordError:
            return comment.text


_NOTHING: Mapping[str, Any] = {}


def _short(value: Any) -> str | None:
    if value is MISSING or isinstance(value, bool) or not isinstance(value, str | int):
        return None
    text = str(value).strip()
    return text if 0 < len(text) <= LONGEST_KEY and text.isprintable() else None
