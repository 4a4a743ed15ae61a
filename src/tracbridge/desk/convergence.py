"""Whether an order is as both sides agreed: true, false or unknown, with the reason."""

from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Any

from msgspec import Struct

from tracbridge.bootstrap import Service
from tracbridge.desk.texts import moment
from tracbridge.domain.link import Link
from tracbridge.engine.reconcile import Found, Reconciliation
from tracbridge.ports.state import QuarantineCase
from tracbridge.sync.drift import Drift


class Converged(StrEnum):
    """Both sides show what they agreed on; or one does not; or nobody can know just now."""

    TRUE = "true"
    FALSE = "false"
    UNKNOWN = "unknown"


class Convergence(Struct, frozen=True):
    """``reason``: a word for programs; ``why``: a sentence for people."""

    converged: Converged
    reason: str
    why: str

    def json(self) -> dict[str, Any]:
        """For programs."""
        return {"converged": self.converged.value, "reason": self.reason, "why": self.why}


WORDS: Mapping[Drift, str] = {
    Drift.WAITING: "changed since, or to be sent again; not sent yet.",
    Drift.TAMPERED: "changed in TracOS, though marked as synced and its time was not moved.",
    Drift.WRONG_FLAG: "isSynced does not say what the customer was given.",
    Drift.MISSING_FILE: "the version that was published is not there any more.",
    Drift.ALTERED_FILE: "what the customer can see is not what was published.",
    Drift.MISSING_LINK: "marked as synced, but we know nothing of it.",
    Drift.MISSING_DOCUMENT: "gone from TracOS.",
    Drift.DUPLICATE: "several documents of TracOS carry this number.",
    Drift.UNREADABLE: "TracOS's document cannot be translated.",
    Drift.HELD: "waits for a person's decision.",
    Drift.REFUSED: "refused by the customer's system.",
}

AGREES = Convergence(Converged.TRUE, "agrees", "Both sides show what they agreed on.")
NOWHERE = Convergence(Converged.FALSE, "unknown order", "Neither side is known to hold it.")


async def convergence_of(service: Service, refs: Sequence[str]) -> dict[str, Convergence]:
    """Of each of these orders, by a comparison of contents now; writes nothing.

    One look-up at TracOS, in the links and among the open cases for all of them.
    """
    connection = service.connection
    documents, links = await connection.together(
        connection.tracos.fetch(refs), connection.ledger.find(refs)
    )
    compared = Reconciliation(connection, service.numbered)
    found: dict[str, Found] = {}
    shown = {ref: documents.get(ref, ()) for ref in refs}
    for one in await compared.compare(shown, links):
        found.setdefault(one.ref, one)
    cases = await service.listing.open_cases(refs)
    return {
        ref: judged(links.get(ref), found.get(ref), cases.get(ref), there=bool(documents.get(ref)))
        for ref in refs
    }


def judged(
    link: Link | None, found: Found | None, case: QuarantineCase | None, *, there: bool
) -> Convergence:
    """What is known of one order; the most pressing reason counts."""
    if case is not None:
        return Convergence(Converged.FALSE, "quarantined", f"{case.source}: {case.why}")
    if found is not None:
        note = f" {found.note}" if found.note else ""
        fields = f" ({', '.join(found.fields)})" if found.fields else ""
        text = WORDS[found.drift].rstrip(".") + f"{fields}.{note}"
        return Convergence(Converged.FALSE, found.drift.value, text[:1].upper() + text[1:])
    if link is None:
        return _unlinked(there=there)
    return open_end(link) or AGREES


def _unlinked(*, there: bool) -> Convergence:
    if not there:
        return NOWHERE
    text = "TracOS's new orders do not go to this customer (create)."
    return Convergence(Converged.TRUE, "not created", text)


def open_end(link: Link) -> Convergence | None:
    """What nobody can know yet, or what waits although both sides' contents fit."""
    if link.stuck:
        text = f"Cannot be reached in the customer's system: {link.stuck}"
        return Convergence(Converged.FALSE, "unreachable", text)
    if link.unknown:
        names = ", ".join(link.unknown)
        text = f"No table knows the customer's value of {names}."
        return Convergence(Converged.FALSE, "unknown value", text)
    if link.out:
        text = f"Given on {moment(link.out.at)}; not known yet whether it has arrived."
        return Convergence(Converged.UNKNOWN, "on its way", text)
    if link.window and link.window.gone is None:
        text = "Nobody can know yet whether the customer has read the last version."
        return Convergence(Converged.UNKNOWN, "window open", text)
    return None
