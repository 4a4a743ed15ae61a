"""The statuses of a work order in Maximo and what leads to which. Pure."""

from typing import Final

NAMES: Final = {
    "WAPPR": "Waiting on Approval",
    "APPR": "Approved",
    "WSCH": "Waiting to be Scheduled",
    "WMATL": "Waiting on Material",
    "WPCOND": "Waiting on Plant Cond",
    "INPRG": "In Progress",
    "COMP": "Completed",
    "CLOSE": "Closed",
    "CAN": "Canceled",
    "HISTEDIT": "Edited in History",
}

STEPS: Final = {
    "WAPPR": ("APPR", "WSCH", "WMATL", "WPCOND", "CAN"),
    "APPR": ("WSCH", "WMATL", "WPCOND", "INPRG", "COMP", "CAN"),
    "WSCH": ("APPR", "WMATL", "WPCOND", "INPRG", "CAN"),
    "WMATL": ("APPR", "WSCH", "INPRG", "CAN"),
    "WPCOND": ("APPR", "WSCH", "INPRG", "CAN"),
    "INPRG": ("WMATL", "WPCOND", "COMP", "CAN"),
    "COMP": ("INPRG", "CLOSE"),
    "CLOSE": ("HISTEDIT",),
    "CAN": (),
    "HISTEDIT": (),
}

HISTORY: Final = frozenset(("CLOSE", "CAN", "HISTEDIT"))
"""Records in these are read only."""

GOALS: Final = {
    "pending": ("WAPPR", "APPR", "WSCH"),
    "in_progress": ("INPRG",),
    "on_hold": ("WMATL", "WPCOND"),
    "completed": ("COMP",),
    "cancelled": ("CAN",),
}
"""What TracOS calls them; the first is what people go to."""


def way(start: str, word: str) -> list[str]:
    """The shortest way to one of the statuses of that word; [] where it is there or none leads."""
    paths: list[list[str]] = [[start]]
    seen = {start}
    for path in paths:
        if path[-1] in GOALS[word]:
            return path[1:]
        for one in STEPS[path[-1]]:
            if one not in seen:
                seen.add(one)
                paths.append([*path, one])
    return []
