"""What the settings of a connection mean to the engine: its policies, its rules by field."""

from tracbridge.config.settings import FieldRule, Settings
from tracbridge.domain.workorder import Side
from tracbridge.mapping.declared import Declared
from tracbridge.mapping.spec import CORE
from tracbridge.sync.fields import BOTH, Rule, Rules
from tracbridge.sync.guard import Grave, Guards, Limit
from tracbridge.sync.policy import Ack, DeletePolicy, FirstContact, Policies, Policy


def guards(settings: Settings) -> Guards:
    """How much of what one pass does unasked."""
    limits = {
        Grave.REMOVAL: settings.mass_removals,
        Grave.COMPLETION: settings.mass_completions,
        Grave.ACKNOWLEDGEMENT: settings.mass_acknowledgements,
    }
    return {kind: Limit(*limit) for kind, limit in limits.items() if limit}


def policies(settings: Settings, translation: Declared) -> Policies:
    """How this connection decides."""
    return Policies(
        rules=rules_of(settings, translation),
        creators=frozenset(Side(side) for side in settings.create),
        conflict=Policy(settings.conflict_policy),
        delete=DeletePolicy(settings.delete_conflict),
        first_contact=FirstContact(settings.first_contact),
        ack=Ack(settings.ack),
        receipts=settings.acknowledge_inbound,
        words=settings.mapping.digest,
    )


def words_of(settings: Settings) -> dict[str, str]:
    """The words of the mapping and of the rules, by their digests."""
    rules = settings.rules
    found = {settings.mapping.digest: settings.mapping.words}
    return {**found, rules.digest: rules.words} if rules and rules.digest else found


def version_of_words(settings: Settings) -> str:
    """The mapping and the rules by what they say, for the record of each change."""
    rules = settings.rules.digest if settings.rules else ""
    words = settings.mapping.digest
    return f"{words}+{rules}" if rules else words


def rules_of(settings: Settings, translation: Declared) -> Rules:
    """What is particular to single fields, by the connection and by the mapping."""
    names = {*settings.fields, *translation.lossy, *translation.once, *translation.one_way}
    names |= set(CORE)
    made = {name: rule_of(settings.fields.get(name), name, translation) for name in names}
    return {name: rule for name, rule in made.items() if rule != Rule()}


def rule_of(said: FieldRule | None, name: str, translation: Declared) -> Rule:
    """One field's. Who owns it is said by the connection; what can be written, by the mapping."""
    said = said or FieldRule()
    ways = {"inbound": Side.TRACOS, "outbound": Side.CUSTOMER}
    owners = {"customer": Side.TRACOS, "tracos": Side.CUSTOMER}
    way = ways.get(said.direction) or owners.get(said.owner) or translation.one_way.get(name)
    if name not in translation.names:
        way = Side.TRACOS  # he has no place for it
    return Rule(
        into=frozenset({way}) if way else BOTH,
        corrects=said.owner != "both",
        once=name in translation.once,
        fold=translation.lossy.get(name),
        policy=said.conflict,
    )
