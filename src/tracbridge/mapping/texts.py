"""Texts as other systems keep them: shortened, padded, in capitals, as HTML. Pure."""

import html
import re
from typing import Any, Final

from msgspec import Struct

from tracbridge.domain.errors import RecordError

_BREAK: Final = re.compile(r"<\s*(?:br\s*/?|/p|/div|/li|/h[1-6]|/tr)\s*>", re.IGNORECASE)
_TAG: Final = re.compile(r"<[^<>]*>")
_BLANKS: Final = re.compile(r"[ \t\xa0]+")
_EDGES: Final = re.compile(r" *\n *")
_MANY: Final = re.compile(r"\n{3,}")


class Habit(Struct, frozen=True):
    """What a system does to a text that it keeps.

    ``limit``: it cuts longer ones there. ``pad``: it fills shorter ones with blanks (0: it may, to
    a length that we need not know). ``case``: ``upper`` or ``lower``. ``html``: it keeps HTML.
    """

    limit: int | None = None
    pad: int | None = None
    case: str | None = None
    html: bool = False

    @property
    def lossy(self) -> bool:
        """Different texts of ours may be one text there."""
        return self != Habit()

    def read(self, text: str) -> str:
        """The text of theirs, in our spelling."""
        if self.html:
            text = text_of(text)
        return text.rstrip(" ") if self.pad is not None else text

    def write(self, text: str) -> str:
        """The text of ours, in theirs."""
        if self.case:
            text = text.upper() if self.case == "upper" else text.lower()
        if self.limit is not None:
            text = cut(text, self.limit)
        if self.html:
            text = html_of(text)
        return text.ljust(self.pad or 0)

    def fold(self, text: str) -> str:
        """What is left of the text when it comes back."""
        return self.read(self.write(text))


def cut(text: str, limit: int) -> str:
    """The first characters; blanks at the cut are dropped, as most systems do."""
    return text if len(text) <= limit else text[:limit].rstrip()


def text_of(markup: str) -> str:
    """What a person reads of an HTML text: line breaks kept, tags and runs of blanks gone."""
    if "<" not in markup and "&" not in markup:
        return markup.strip()
    bare = _TAG.sub("", _BREAK.sub("\n", markup.replace("\r", "").replace("\n", " ")))
    text = _EDGES.sub("\n", _BLANKS.sub(" ", html.unescape(bare)))
    return _MANY.sub("\n\n", text).strip()


def html_of(text: str) -> str:
    """A text as HTML in which everything is text."""
    lines = html.escape(text, quote=False).replace("\r\n", "\n").replace("\r", "\n")
    return f"<p>{'<br>'.join(lines.split(chr(10)))}</p>" if lines else ""


def checked(text: Any, pointer: str, most: int) -> str:
    """The text; raises `RecordError` for what is none, is too long or holds a NUL."""
    if isinstance(text, str) and len(text) <= most and "\0" not in text:
        return text
    raise _refusal(text, pointer, most)


def _refusal(text: Any, pointer: str, limit: int) -> RecordError:
    if text is None:
        hint = "Send a text; it may be empty."
        return RecordError("required", "is missing or null.", pointer=pointer, hint=hint)
    if not isinstance(text, str):
        hint = "Send it in quotes."
        return RecordError("type", "is not a text.", pointer=pointer, value=text, hint=hint)
    if len(text) > limit:
        reason = f"has {len(text)} characters; the limit is {limit}."
        hint = "Shorten it."
        return RecordError("too_long", reason, pointer=pointer, value=text, hint=hint)
    hint = "Remove it; no other system can keep it."
    reason = "has a NUL character."
    return RecordError("nul_character", reason, pointer=pointer, value=text, hint=hint)
