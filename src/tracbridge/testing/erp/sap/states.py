"""The system status of an order in SAP: several codes at once, and what leads to which. Pure."""

from typing import Final

from msgspec import Struct

NOISE: Final = ("PRC", "SETC")
"""Codes that every order has and that mean nothing to us."""

SHOWN: Final = ("CRTD", "REL", "TECO", "CLSD", "CNF", "PCNF", "LKD", "NOEX", "DLFL")

Codes = frozenset[str]


class Step(Struct, frozen=True, kw_only=True):
    """A business transaction: one of ``needs`` must be set, none of ``bars`` may be."""

    words: str
    needs: Codes = frozenset()
    bars: Codes = frozenset()
    sets: Codes = frozenset()
    takes: Codes = frozenset()

    def allowed(self, codes: Codes) -> bool:
        """Whether it may be done now."""
        return bool(not self.needs or self.needs & codes) and not self.bars & codes

    def done(self, codes: Codes) -> Codes:
        """The codes afterwards."""
        return codes - self.takes | self.sets


def _step(words: str, *, needs: str = "", bars: str = "", sets: str = "", takes: str = "") -> Step:
    return Step(
        words=words,
        needs=frozenset(needs.split()),
        bars=frozenset(bars.split()),
        sets=frozenset(sets.split()),
        takes=frozenset(takes.split()),
    )


ENDED = "CLSD NOEX"

RELEASE = _step("Release", needs="CRTD", bars=f"LKD {ENDED}", sets="REL", takes="CRTD")
TECO = _step("Technically complete", needs="REL", bars=f"LKD {ENDED}", sets="TECO", takes="REL")
CANCEL_TECO = _step("Cancel technical completion", needs="TECO", sets="REL", takes="TECO")
LOCK = _step("Lock", needs="CRTD REL", bars=f"LKD {ENDED}", sets="LKD")
UNLOCK = _step("Unlock", needs="LKD", takes="LKD")
NOT_EXECUTE = _step("Do not execute", needs="CRTD REL", bars=f"LKD {ENDED}", sets="NOEX")
FLAG = _step("Set deletion flag", bars="DLFL", sets="DLFL")
UNFLAG = _step("Reset deletion flag", needs="DLFL", takes="DLFL")
CLOSE = _step("Complete (business)", needs="TECO", bars=ENDED, sets="CLSD", takes="TECO")
CONFIRM = _step("Confirm", needs="REL", bars=f"LKD CNF {ENDED}", sets="PCNF")
CONFIRM_ALL = _step("Final confirm", needs="REL", bars=f"LKD {ENDED}", sets="CNF", takes="PCNF")

FUNCTIONS: Final = {
    "ReleaseMaintenanceOrder": RELEASE,
    "TechnicallyCompleteMaintenanceOrder": TECO,
    "CancelTechnicalCompletionOfMaintenanceOrder": CANCEL_TECO,
    "LockMaintenanceOrder": LOCK,
    "UnlockMaintenanceOrder": UNLOCK,
    "SetMaintenanceOrderToNotExecute": NOT_EXECUTE,
    "SetMaintenanceOrderDeletionFlag": FLAG,
    "ResetMaintenanceOrderDeletionFlag": UNFLAG,
}
"""The function imports, by names that are ours: a customer's stand in his ``$metadata``."""

BY_CODE: Final = {
    "REL": (RELEASE, UNLOCK, CANCEL_TECO),
    "TECO": (TECO,),
    "CLSD": (CLOSE,),
    "LKD": (LOCK,),
    "NOEX": (NOT_EXECUTE,),
    "DLFL": (FLAG,),
    "PCNF": (CONFIRM,),
    "CNF": (CONFIRM_ALL,),
}
"""What people do to bring an order to a code; the first that is allowed."""


def text(codes: Codes) -> str:
    """As ``SystemStatusText``: each code filled up to four characters."""
    named = [code for code in SHOWN if code in codes]
    return " ".join(f"{code:4}" for code in (*named, *NOISE)).rstrip()


def way(codes: Codes, word: str) -> list[str]:
    """Codes one after the other that end in what TracOS calls ``word``."""
    free = ["REL"] if "LKD" in codes else []
    again = ["REL"] if "TECO" in codes else []
    released = [*free, *(["REL"] if "CRTD" in codes else again)]
    return {
        "pending": [*free, *again],
        "in_progress": [*released, "PCNF"],
        "on_hold": [*again, "LKD"],
        "completed": [*released, "TECO"],
        "cancelled": [*free, *again, "NOEX"],
    }[word]
