"""What the names of his keys say, in the languages of the systems that we know. Pure."""

import re
import unicodedata
from collections.abc import Collection
from typing import Final

_PIECE: Final = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")
_LONG: Final = 5
"""Letters of a word from which on it is looked for inside of others: ``changedate``."""


def words(text: str) -> frozenset[str]:
    """The words of a list."""
    return frozenset(text.split())


KEY: Final = words("id key no nr num number numero nummer code codigo order wonum name guid uuid")
SCOPE: Final = words(
    "site siteid plant branch company filial org orgid organization empresa werk planta "
    "division unit business tenant unidade mandant sociedad"
)
CREATED: Final = words(
    "created create creation opened reported report reportdate entered requested request origin "
    "inclusao criacao criado abertura cadastro emissao erstellt erstellung angelegt anlage anlegt "
    "erfasst creado creacion apertura alta cree creato creazione aangemaakt"
)
UPDATED: Final = words(
    "updated update modified modification changed change write touched alteracao alterado "
    "atualizacao atualizado modificado modificacao geandert geaendert anderung aenderung "
    "aktualisiert actualizado actualizacion modifie modificato gewijzigd lastmod"
)
OTHER_TIMES: Final = words(
    "due target sched schedule scheduled start started begin end ended finish finished close "
    "closed complete completed completion status delete deleted deletion valid plan planned "
    "actual act real deadline prazo vencimento fallig faellig frist inicio fim termino "
    "ende beginn repair failure falha"
)
DUE: Final = words(
    "due target deadline prazo vencimento fallig faellig frist limite echeance scadenza"
)
TITLE: Final = words(
    "title titel titulo titre titolo name summary subject betreff assunto asunto headline short "
    "kurztext bezeichnung resumo resumen objet oggetto"
)
DESCRIPTION: Final = words(
    "description desc beschreibung descricao descripcion descrizione omschrijving details detail "
    "text long longtext langtext longdescription observacao observation observations obs notes "
    "note memo body remarks comment comments"
)
PEOPLE: Final = words(
    "by user owner author requester technician assignee responsavel usuario benutzer solicitante "
    "person employee contact email phone creator"
)
STATUS: Final = words(
    "status state stage situacao situation situacion estado zustand etat stato fase phase"
)
DELETED: Final = (
    "delet",
    "archiv",
    "excluid",
    "apagad",
    "removed",
    "geloscht",
    "geloescht",
    "eliminad",
)
PRIORITY: Final = words(
    "priority prio prioridade prioridad prioritat prioritaet priorite prioriteit urgency "
    "urgencia wopriority criticality"
)
EQUIPMENT: Final = words(
    "equipment equip equipamento equipo equnr asset assetnum ativo activo machine maquina "
    "anlagennummer maschine bem tag"
)
LOCATION: Final = words(
    "location functionallocation local localizacao ubicacion ort standort platz lieu area"
)
OURS: Final = words("externalrefid externalref externalid externalreference tracos")
BOOKKEEPING: Final = words(
    "href url uri link links self etag rowstamp metadata odata lastupdate lastmodifiedby"
)
LABELS: Final = words("description desc text name label descricao bezeichnung")


def bare(text: str) -> str:
    """In small letters, without accents."""
    parts = unicodedata.normalize("NFKD", text.casefold())
    return "".join(c for c in parts if not unicodedata.combining(c))


def pieces(name: str) -> tuple[str, ...]:
    """The words of a name: ``lastUpdate_date`` has three."""
    plain = "".join(c for c in unicodedata.normalize("NFKD", name) if not unicodedata.combining(c))
    return tuple(bare(piece) for piece in _PIECE.findall(plain))


def hints(path: str, known: Collection[str]) -> bool:
    """The name has one of these words, or a long one of them inside."""
    parts, whole = pieces(path), "".join(pieces(path))
    return any(part in known for part in parts) or any(
        len(word) >= _LONG and word in whole for word in known
    )
