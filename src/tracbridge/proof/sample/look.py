"""A sample of a customer's records, and what its places most likely are. Pure."""

from collections.abc import Mapping, Sequence
from typing import Any

from msgspec import Struct

from tracbridge.proof.sample.columns import Column, columns_of
from tracbridge.proof.sample.instants import Times, times_in
from tracbridge.proof.sample.keys import KeySeen, key_in
from tracbridge.proof.sample.prose import Prose, Texts, prose_in, texts_of
from tracbridge.proof.sample.roles import Also, Gone, Stamps, gone_in, others_in, stamps_in
from tracbridge.proof.sample.statuses import Spelt, status_in


class Sample(Struct, frozen=True):
    """The records that are tables. ``odd``: how many were something else; ``refs``: the ids by
    which his system knows them, () where it does not say.
    """

    bodies: tuple[Mapping[str, Any], ...]
    columns: Mapping[str, Column]
    times: Mapping[str, Times]
    odd: int = 0
    refs: tuple[str, ...] = ()

    @property
    def size(self) -> int:
        """How many records."""
        return len(self.bodies)


class Roles(Struct, frozen=True):
    """What each part of an order is read from, as far as anything was found."""

    key: KeySeen | None
    stamps: Stamps
    gone: Gone | None
    status: Spelt | None
    texts: Texts
    others: tuple[Also, ...]

    @property
    def moments(self) -> list[Times]:
        """The times of making, of change and of deletion."""
        found = [self.stamps.created, self.stamps.updated, self.gone.at if self.gone else None]
        return [one for one in found if one]

    @property
    def proses(self) -> list[Prose]:
        """Title and description."""
        return [one for one in (self.texts.title, self.texts.description) if one]

    @property
    def paths(self) -> list[str]:
        """All places that are read."""
        found = [self.key.path, self.key.scope] if self.key else []
        found += [path for one in self.moments for path in one.paths]
        found += [one.path for one in self.proses]
        found += self.status.paths if self.status else ()
        found += [self.gone.path] if self.gone else []
        for also in self.others:
            found += also.times.paths if also.times else (also.path,)
        return [path for path in dict.fromkeys(found) if path]


def sampled(bodies: Sequence[Any], refs: Sequence[str] = ()) -> Sample:
    """The sample, looked through."""
    tables = tuple(body for body in bodies if isinstance(body, Mapping))
    columns = columns_of(tables)
    odd = len(bodies) - len(tables)
    return Sample(tables, columns, times_in(columns), odd, () if odd else tuple(refs))


def roles_in(sample: Sample) -> Roles:
    """The most likely meaning of its places; none has two."""
    columns, times = sample.columns, sample.times
    key = key_in(columns, times, sample.refs)
    taken = {*times, *(path for one in times.values() for path in one.paths)}
    taken |= {key.path, key.scope} if key else set()
    gone = gone_in(columns, {path: times[path] for path in times})
    taken |= {gone.path} if gone else set()
    status = status_in(columns, taken)
    taken |= set(status.paths) if status else set()
    texts = texts_of(prose_in(columns, taken))
    taken |= {one.path for one in (texts.title, texts.description) if one}
    stamps = stamps_in(times)
    used = {path for one in (stamps.created, stamps.updated) if one for path in one.paths}
    others = others_in(columns, times, taken - set(times) | used)
    return Roles(key, stamps, gone, status, texts, tuple(others))
