"""Changes that a rule holds, let through by a person."""

from collections.abc import Sequence

from tracbridge.bootstrap import Service
from tracbridge.desk.quarantine import every_case, found, refuse_closed
from tracbridge.domain.errors import ConfigError
from tracbridge.ports.approvals import Approval
from tracbridge.ports.state import QuarantineCase


async def approve(
    service: Service, ids: Sequence[str], rule: str, by: str, why: str
) -> list[QuarantineCase]:
    """Put on record that these cases may pass, or all that this rule holds; try them again then.

    Raises `UnknownError`, and `ConfigError` for one that waits for no approval.
    """
    wanted = await found(service, ids) if ids else await held_by(service, rule)
    for case in wanted:
        refuse_closed(case, "open")
        if not case.token:
            raise ConfigError(f"case {case.id} waits for no approval: see quarantine show.")
    now = service.connection.clock.now()
    made = [Approval(c.token, c.ref or "", rule_of(c), now, by, why) for c in wanted]
    await service.state.approvals.put(made)
    return wanted


async def held_by(service: Service, rule: str) -> list[QuarantineCase]:
    """All open cases that this rule holds."""
    return [case for case in await every_case(service) if case.token and rule_of(case) == rule]


def rule_of(case: QuarantineCase) -> str:
    """The rule that holds it."""
    return case.why.value.strip('"')
