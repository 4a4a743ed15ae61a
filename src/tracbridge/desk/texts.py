"""Values and times in words, and texts from outside made harmless; for all faces."""

from datetime import UTC, datetime, timedelta


def harmless(text: str) -> str:
    """On one line, without anything that moves a cursor, changes colours or turns text around."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else _escaped(c) for c in text)


def _escaped(character: str) -> str:
    return character.encode("unicode_escape", "replace").decode("ascii")


def moment(at: datetime | None) -> str:
    """A time, to the minute, in UTC."""
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%MZ}" if at else ""


def lasting(span: timedelta) -> str:
    """How long, in its largest unit."""
    seconds = max(span.total_seconds(), 0)
    for unit, size in (("days", 86_400), ("h", 3_600), ("min", 60)):
        if seconds >= 2 * size or (seconds >= size and unit != "days"):
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds:.0f} s"


def counted(number: int, what: str, plural: str = "") -> str:
    """``1 order``, ``2 orders``."""
    return f"{number:,} {what if number == 1 else plural or what + 's'}"


def both(ref: str, key: str) -> str:
    """An order by the customer's own key and TracOS's number; by that alone where it is his too."""
    return f"{key} ({ref})" if key else ref
