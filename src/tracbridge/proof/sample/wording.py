"""What a word for a state most likely means, in the languages of the systems that we know. Pure.

A guess is a proposal for a person to look at: nothing of it counts before he has taken it over.
"""

import re
from collections.abc import Mapping
from typing import Any, Final

from tracbridge.domain.workorder import Status
from tracbridge.proof.sample.naming import bare, words

_WORD: Final = re.compile(r"[^\W_]+")

CODES: Final[Mapping[str, Status]] = {
    # IBM Maximo; of several for one status the first is written.
    **dict.fromkeys(("WAPPR", "APPR", "WSCH"), Status.PENDING),
    **dict.fromkeys(("WMATL", "WPCOND"), Status.ON_HOLD),
    "INPRG": Status.IN_PROGRESS,
    **dict.fromkeys(("COMP", "CLOSE", "HISTEDIT"), Status.COMPLETED),
    "CAN": Status.CANCELLED,
    # SAP PM in English and German, in the order in which they count where several are there.
    "NOEX": Status.CANCELLED,
    **dict.fromkeys(("CLSD", "ABGS", "TECO", "TABG"), Status.COMPLETED),
    **dict.fromkeys(("LKD", "GSPE"), Status.ON_HOLD),
    **dict.fromkeys(("CNF", "RUCK", "RUECK"), Status.COMPLETED),
    **dict.fromkeys(("PCNF", "TRUC", "TRUECK"), Status.IN_PROGRESS),
    **dict.fromkeys(("CRTD", "EROF", "EROEF", "REL", "FREI"), Status.PENDING),
    "OSNO": Status.PENDING,
    **dict.fromkeys(("NOPR", "ORAS"), Status.IN_PROGRESS),
    "NOCO": Status.COMPLETED,
}
"""Codes that mean one thing only."""

FINAL: Final = frozenset({"CLOSE", "HISTEDIT", "CLSD", "ABGS", "CNF", "RUCK", "RUECK", "PCNF"})
"""Codes that nobody sets by hand, or that cannot be taken back: they are read, never written."""

GONE: Final = frozenset({"DLFL", "DLT", "LOVM", "LOEVM"})
"""Codes of a deleted order."""

_PENDING = (
    "pending open opened new draft created requested request reported planned scheduled released "
    "approved todo to_do backlog queued submitted assigned unstarted "
    "aberto aberta pendente novo nova solicitado solicitada planejado planejada programado "
    "programada liberado liberada criado "
    "offen neu angelegt erstellt geplant freigegeben gemeldet eroffnet "
    "abierto abierta pendiente nuevo nueva solicitada planificado planificada liberada creado "
    "ouvert ouverte nouveau nouvelle planifie planifiee cree "
    "aperto aperta nuovo nuova pianificato pianificata "
    "nieuw gepland aangemaakt"
)
_IN_PROGRESS = (
    "progress inprogress in_progress started start working active executing execution doing "
    "ongoing underway running wip "
    "andamento execucao iniciado iniciada executando "
    "bearbeitung arbeit begonnen gestartet laufend lauft "
    "proceso curso ejecucion iniciada "
    "cours "
    "corso lavorazione "
    "uitvoering bezig"
)
_ON_HOLD = (
    "hold onhold on_hold waiting awaiting wait paused suspended blocked stopped deferred postponed "
    "locked parts "
    "espera aguardando pausado pausada suspenso suspensa parado parada bloqueado bloqueada "
    "wartet warten wartend angehalten pausiert gesperrt unterbrochen zuruckgestellt "
    "suspendido suspendida detenido detenida "
    "attente suspendu suspendue bloque "
    "attesa sospeso sospesa bloccato "
    "wacht gepauzeerd"
)
_COMPLETED = (
    "completed complete done finished finish resolved repaired fixed closed close ended solved "
    "confirmed "
    "concluido concluida finalizado finalizada encerrado encerrada fechado fechada terminado "
    "terminada executado executada atendido "
    "erledigt abgeschlossen fertig beendet behoben geschlossen ruckgemeldet "
    "completado completada cerrado cerrada realizado realizada "
    "termine terminee cloture cloturee fini finie acheve "
    "completato completata chiuso chiusa finito "
    "voltooid gesloten afgerond gereed"
)
_CANCELLED = (
    "cancelled canceled cancel can rejected void voided aborted discarded scrap scrapped refused "
    "declined withdrawn dropped "
    "cancelado cancelada rejeitado rejeitada anulado anulada recusado "
    "storniert abgebrochen abgelehnt annulliert verworfen "
    "rechazado rechazada "
    "annule annulee rejete "
    "annullato annullata rifiutato "
    "geannuleerd afgewezen"
)
WORDS: Final[Mapping[Status, tuple[str, ...]]] = {
    Status.PENDING: tuple(_PENDING.split()),
    Status.IN_PROGRESS: tuple(_IN_PROGRESS.split()),
    Status.ON_HOLD: tuple(_ON_HOLD.split()),
    Status.COMPLETED: tuple(_COMPLETED.split()),
    Status.CANCELLED: tuple(_CANCELLED.split()),
}
_OF: Final = {word: status for status, several in WORDS.items() for word in several}
_NOT: Final = words("not non no nao nicht noch kein keine sin sem pas niet partially un")
_APPROVAL: Final = words(
    "approval approve aprovacao genehmigung aprobacion approbation release freigabe planning "
    "scheduling programacao"
)
_BEFORE: Final = words("started gestartet begonnen iniciado iniciada")


def guessed(word: Any) -> Status | None:
    """The status that a word, a code or the name of a flag most likely means; None for no idea."""
    if not isinstance(word, str):
        return None
    code = bare(word.strip()).upper()
    return CODES[code] if code in CODES else _by_words(word)


def _by_words(text: str) -> Status | None:
    said = words_of(text)
    if "_".join(said) in _OF:
        return _OF["_".join(said)]
    meant = {_OF[word] for word in said if word in _OF}
    if not _NOT.isdisjoint(said):
        return Status.PENDING if not _BEFORE.isdisjoint(said) else None
    if Status.ON_HOLD in meant and not _APPROVAL.isdisjoint(said):
        return Status.PENDING  # it waits, but for somebody to let it begin
    return meant.pop() if len(meant) == 1 else None


def words_of(text: str) -> list[str]:
    """The words in it, also of ``isOnHold``; the ``is`` of a flag is none."""
    apart = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", " ", text)
    found = [bare(word) for word in _WORD.findall(apart)]
    return found[1:] if found[:1] == ["is"] and len(found) > 1 else found


def rank(word: Any) -> int:
    """Where several words mean one status: the plainest is the one to write."""
    code = bare(str(word).strip()).upper()
    if code in FINAL:
        return 2_000
    if code in CODES:
        return list(CODES).index(code)
    found = [WORDS[_OF[w]].index(w) for w in words_of(str(word)) if w in _OF]
    return 100 + min(found, default=1_000)
