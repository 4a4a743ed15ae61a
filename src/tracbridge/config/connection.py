"""From one connection of a file to its settings."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from tracbridge.config import names
from tracbridge.config.hooks import HookIn, HookOut, Hooks
from tracbridge.config.settings import FOLDER, FieldRule, Settings, complete, read
from tracbridge.config.table import TABLE
from tracbridge.config.yamlfile import Way
from tracbridge.mapping.declared import Declared
from tracbridge.mapping.route import Graph
from tracbridge.mapping.spec import CORE
from tracbridge.mapping.tracos import TRACOS_FIELDS

if TYPE_CHECKING:
    from tracbridge.config.hookparts import HooksPart
    from tracbridge.config.model import Connection, Transitions
    from tracbridge.config.rules import RuleSource


def strangers(settings: Settings, mapped: Declared, where: Callable[[Way], str]) -> Iterator[str]:
    """What the connection and its rules say of fields that its mapping does not have, or fix for
    TracOS.
    """
    known = {*CORE, *mapped.names}
    for name in settings.fields.keys() - known:
        near = names.nearest(name, known)
        yield f"{where(('fields', name))}: fields.{name}: is no field here. The nearest is {near}."
    taken = {*TRACOS_FIELDS, *(path.partition(".")[0] for path in mapped.tracos.names)}
    for name in settings.tracos_filter.keys() & taken:
        yield (
            f"{where(('tracos', 'filter', name))}: tracos.filter.{name}: changes with the order; "
            "name a field that says whose it is."
        )
    if settings.comments and mapped.comments is None:
        yield f"{where(('comments',))}: comments: the mapping does not say how he spells them."
    if settings.rules:
        yield from _set_strangers(settings.rules, known)
    yield from _hook_strangers(settings, where)


def _hook_strangers(settings: Settings, where: Callable[[Way], str]) -> Iterator[str]:
    hook = settings.hooks.incoming
    writable = settings.connector == FOLDER and settings.inbound_mode != "keep"
    if hook and hook.takes == "records" and not writable:
        yield (
            f"{where(('hooks', 'in', 'takes'))}: hooks.in.takes: records can only be laid into an "
            "inbound folder that we may write (connector folder, mode archive or delete)."
        )


def _set_strangers(rules: RuleSource, known: Collection[str]) -> Iterator[str]:
    for index, rule in enumerate(rules.rules):
        for name in rule.then.set:
            if name not in known:
                place = rules.places((index, "then", "set", name))
                near = names.nearest(name, known)
                yield (
                    f"{place}: rule {rule.name!r}: set.{name}: is no field of the mapping. "
                    f"The nearest is {near}."
                )


def settings_of(name: str, one: Connection, shared: Mapping[str, Any], **read: Any) -> Settings:
    """One connection of a file, over what the environment says for all; ``read``: what it names."""
    tracos = one.tracos
    said = {
        "mongo_uri": tracos.uri,
        "mongo_database": tracos.database,
        "mongo_collection": tracos.collection,
        "mongo_max_retries": one.retries.max,
        "mongo_retry_delay": one.retries.delay,
        "state_database": one.state_database,
    }
    values = {
        **shared,
        **{field: value for field, value in said.items() if value is not None},
        **folders(one.customer),
        "zone": one.zone,
        "conflict_policy": one.conflicts.policy,
        "delete_conflict": one.conflicts.delete,
        "first_contact": one.conflicts.first_contact,
        "acknowledge_inbound": one.acknowledge.receipts,
        "ack": one.acknowledge.by,
        "mass_removals": one.guards.removals,
        "mass_completions": one.guards.completions,
        "mass_acknowledgements": one.guards.acknowledgements,
        "archive_retention_days": one.retention.archive_days,
        "history_retention_days": one.retention.history_days,
    }
    from tracbridge.config.when import blackouts_of, cron_of  # noqa: PLC0415 (pydantic is there)

    rules = {
        field: FieldRule(owner=r.owner, direction=r.direction, conflict=r.conflict)
        for field, r in one.fields.items()
    }
    return Settings(
        name=name,
        tenant=one.tenant,
        in_file=True,
        tracos_filter=one.tracos.filter,
        create=frozenset(one.create),
        comments=one.comments,
        hooks=hooks(one.hooks),
        fields=rules,
        every=one.every,
        cron=cron_of(one.schedule, one.zone),
        blackouts=blackouts_of(one.blackouts, one.zone),
        connector=one.customer.connector,
        system=None if one.customer.connector == FOLDER else one.customer,
        legal=legal(tracos.transitions),
        expect=getattr(one.customer, "expect", {}),
        **complete(values),
        **read,
    )


def folders(customer: Any) -> dict[str, Any]:
    """The folders of a customer who has some; else those that no setting names, and nobody uses."""
    if customer.connector != FOLDER:
        usual, _ = read(FOLDERS, {}, {}, "")
        return usual
    return {
        "inbound_dir": customer.inbound,
        "outbound_dir": customer.outbound,
        "archive_dir": customer.archive,
        "quarantine_dir": customer.quarantine,
        "inbound_mode": customer.mode,
        "settle_seconds": customer.settle_seconds,
        "max_file_mb": customer.max_file_mb,
        "file_mode": customer.file_mode,
    }


FOLDERS = [row for row in TABLE if row.key.startswith("customer.")]


def hooks(given: HooksPart) -> Hooks:
    """The webhooks, as the file says them."""
    came = given.incoming
    incoming = None
    if came:
        incoming = HookIn(
            secret=came.secret.get_secret_value(),
            previous=came.previous.get_secret_value() if came.previous else "",
            kind=came.kind,
            takes=came.takes,
        )
    return Hooks(
        incoming=incoming,
        out=tuple(
            HookOut(
                url=one.url,
                secret=one.secret.get_secret_value(),
                events=frozenset(one.events),
                networks=one.allowed_networks,
                ca=one.ca,
            )
            for one in given.out
        ),
    )


def legal(given: Transitions | None) -> Graph | None:
    """TracOS's own transitions, as the file says them."""
    if given is None:
        return None
    steps: dict[str, list[str]] = {start: list(ends) for start, ends in given.steps.items()}
    return Graph(steps, frozenset(given.irreversible), frozenset(given.allow))
