"""What happened to one field: the three-way comparison, inside and outside the window. Pure."""

from enum import StrEnum

from tracbridge.domain.link import Link, Window
from tracbridge.domain.workorder import Fields, Value
from tracbridge.sync.fields import NONE, Rules, print_in


class Verdict(StrEnum):
    """What happened to one field since both sides last agreed."""

    AGREE = "agree"
    """Both show the same value, whoever changed it."""
    HELD = "held"
    """It waits for a person: each side keeps its own value."""
    TRACOS = "tracos"
    """The customer shows what we last gave him; TracOS has changed since, or nobody."""
    CUSTOMER = "customer"
    """TracOS shows what we last gave; the customer has changed."""
    DOUBT = "doubt"
    """The customer shows a value from before our version: perhaps he has not read it."""
    CLASH = "clash"
    """Both changed it, differently."""


def judge(
    name: str,
    tracos: Value,
    customer: Value,
    link: Link | None,
    window: Window | None,
    rules: Rules = NONE,
) -> Verdict:
    """What happened to the field ``name``; ``window`` is None where it is closed."""
    if tracos == customer:
        return Verdict.AGREE
    if link and name in link.held:
        return Verdict.HELD
    given = link.last_given if link else None
    if known(given, name, customer):
        return Verdict.TRACOS
    if window and print_in(rules, name, customer) in window.old.get(name, ()):
        return Verdict.DOUBT
    if known(given, name, tracos) and not (window and name in window.old):
        return Verdict.CUSTOMER
    return Verdict.CLASH


def known(given: Fields | None, name: str, value: Value) -> bool:
    """``value`` is what we last gave (or got and agreed on) in this field."""
    return given is not None and name in given and given[name] == value
