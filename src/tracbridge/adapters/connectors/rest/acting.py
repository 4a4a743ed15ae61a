"""Which calls of its own a write needs, beside what it changes by itself. Pure."""

from collections.abc import Mapping, Sequence
from typing import Any

from msgspec import Struct

from tracbridge.adapters.connectors.rest.sameness import hold
from tracbridge.adapters.connectors.rest.system import Acting, System
from tracbridge.ports.connector import Write


class Needed(Struct, frozen=True):
    """One action that a write needs, by its name."""

    name: str
    action: Acting

    def shown(self, body: Mapping[str, Any]) -> bool:
        """The record shows what the action leads to; where nobody says what that is, never."""
        return bool(self.action.done) and hold(self.action.done, body)


def needed(system: System, write: Write) -> Sequence[Needed]:
    """The action of the state that is wanted, and those of what else the record is to show anew."""
    before, body = write.replaces, write.body or {}
    found = []
    for name, action in system.actions.items():
        one = Needed(name, action)
        also = action.also and before is not None and one.shown(body)
        if name == write.state or (also and not one.shown((before and before.body) or {})):
            found.append(one)
    return found


def keys_of(actions: Sequence[Needed]) -> set[str]:
    """The keys of the record that these actions change."""
    return {key for one in actions for key in one.action.keys}
