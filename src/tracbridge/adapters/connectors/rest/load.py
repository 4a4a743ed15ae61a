"""From the words of an interface file to a `System`. Pure.

What a file gets wrong is told all at once, with its place and the way to mend it.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import tzinfo
from typing import Any, get_type_hints

import msgspec

from tracbridge.adapters.connectors.rest.answers import Reading, Spot, spot
from tracbridge.adapters.connectors.rest.requests import Forms, overlaid
from tracbridge.adapters.connectors.rest.spec import (
    Action,
    Answer,
    Changed,
    Comments,
    Create,
    First,
    Header,
    Interface,
    Keyset,
    Offset,
    One,
    Paging,
    Several,
    Step,
    Token,
    Update,
)
from tracbridge.adapters.connectors.rest.system import (
    Acting,
    Condition,
    Listing,
    Many,
    Search,
    System,
    Talk,
    Times,
    Told,
    Writing,
)
from tracbridge.adapters.connectors.rest.template import Template
from tracbridge.config.mappings import told, zone_named
from tracbridge.config.names import nearest
from tracbridge.config.places import Places
from tracbridge.domain.errors import SettingError
from tracbridge.mapping.moments import Kind, Spelling, known_format

READ = frozenset({"since", "limit", "offset", "page", "last", "token"})
ONE = frozenset({"ref", "version", "record"})
FIND = frozenset({"number"})
CREATE = frozenset({"number", "key", "record"})
UPDATE = frozenset({"ref", "version", "key", "number", "changes", "record"})
ACTION = frozenset({"ref", "version", "key", "number", "state", "record"})


def load(value: Any, places: Places, zone: tzinfo | None = None) -> System:
    """The interface that a table says; ``zone``: of the connection.

    Raises `SettingError` with a line for each thing that is wrong.
    """
    if not isinstance(value, dict):
        raise SettingError(f"{places(())}: an interface is a table of keys and values.")
    try:
        spec = msgspec.convert(value, Interface)
    except msgspec.ValidationError:
        raise SettingError("\n".join(_each(value, places))) from None
    return _Loader(spec, zone).system(places)


def _each(value: dict[Any, Any], places: Places) -> Iterator[str]:
    """What is wrong, part by part."""
    hints = get_type_hints(Interface, include_extras=True)
    for key, part in value.items():
        if key not in hints:
            yield f"{places((key,))}: {key}: is no key here. The nearest is {_near(key, hints)}."
            continue
        try:
            msgspec.convert(part, hints[key])
        except msgspec.ValidationError as error:
            yield told(str(error), hints[key], (key,), places)
    for key in ("interface", "ref", "read", "one"):
        if key not in value:
            yield f"{places(())}: {key}: is missing."


def _near(name: Any, known: Mapping[str, Any]) -> str:
    return nearest(str(name), known)


class _Loader:
    def __init__(self, spec: Interface, zone: tzinfo | None) -> None:
        self.spec, self.zone = spec, zone
        self.forms = Forms(spec.headers)
        self.wrong = self.forms.wrong

    def system(self, places: Places) -> System:
        """All of it."""
        spec, read = self.spec, self.spec.read
        self._parts()
        ref = self.forms.text(spec.ref, None, "ref")
        found = System(
            spec=spec,
            ref=ref,
            label=self.forms.text(spec.label, None, "label") if spec.label else ref,
            version=self._version(spec.record_version, "record_version"),
            records=self._spot(read.records, "read", "records"),
            changes=self._listing(None),
            whole=self._listing(read.first),
            times=self._times(read.changed) if read.changed else None,
            gone=self._gone(),
            one=(
                self.forms.form(spec.one.request, ONE, "one", "request"),
                self._spot(spec.one.record, "one", "record"),
            ),
            many=self._many(spec.one.several, "ref", "one"),
            check=self.forms.form(spec.check, {"limit"}, "check") if spec.check else None,
            find=self._find(),
            create=self._writing(spec.create, CREATE, "create"),
            also=self.forms.tree(spec.create.also if spec.create else {}, CREATE, "create", "also"),
            update=self._writing(spec.update, UPDATE, "update"),
            delete=self.forms.form(spec.delete.request, ACTION, "delete", "request")
            if spec.delete
            else None,
            actions={name: self._acting(one, name) for name, one in spec.actions.items()},
            errors=self._errors(),
            comments=self._talk(spec.comments, places) if spec.comments else None,
        )
        self._first(found)
        if self.wrong:
            lines = [
                f"{places(way)}: {'.'.join(map(str, way))}: {what}." for way, what in self.wrong
            ]
            raise SettingError("\n".join(lines))
        return found

    def _talk(self, given: Comments, places: Places) -> Talk:
        """Comments are read as records are, by a small interface of their own."""
        spec, here = self.spec, "comments"
        own = Interface(
            interface=f"{spec.interface} comments",
            ref=given.ref,
            read=given.read,
            one=One(request=given.of),
            headers=spec.headers,
            errors=spec.errors,
            error=spec.error,
        )
        inner = _Loader(own, self.zone).system(Places(lambda way: places((here, *way))))
        return Talk(
            inner,
            self.forms.form(given.of, ONE, here, "of"),
            self._spot(given.records, here, "records"),
            self.forms.form(given.add, UPDATE - {"changes"}, here, "add"),
            self._told(given.answer, here, "answer"),
        )

    def _spot(self, text: str | None, *way: str | int) -> Spot:
        return self._tried(spot, text or "", *way) or Spot(None)

    def _tried(self, make: Callable[[str], Any], text: str, *way: str | int) -> Any:
        try:
            return make(text)
        except ValueError as error:
            self.wrong.append((way, str(error)))
            return None

    def _maybe(self, text: str | None, *way: str | int) -> Spot | None:
        return None if text is None else self._spot(text, *way)

    def _version(self, given: str | Header | None, *way: str | int) -> Spot | Header | None:
        return self._maybe(given, *way) if isinstance(given, str) else given

    def _parts(self) -> None:
        """What one part needs of another one."""
        spec = self.spec
        if spec.create and not spec.find:
            what = "is missing: what became of a new order is found out by it"
            self.wrong.append((("find",), what))
        lock = spec.lock
        if lock and [bool(lock.header), bool(lock.body), lock.compare].count(True) != 1:
            what = "says one of header, body and compare"
            self.wrong.append((("lock",), what))
        if lock and not spec.record_version:
            what = "is missing: the lock sends it"
            self.wrong.append((("record_version",), what))
        for n, rule in enumerate(spec.errors):
            if rule.status is None and rule.code is None:
                self.wrong.append((("errors", n), "says a status, a code, or both"))
        if spec.read.sweep and not spec.read.first:
            what = "is missing: a sweep reads the whole list"
            self.wrong.append((("read", "first"), what))

    # -- reading -------------------------------------------------------------------------------

    def _listing(self, first: First | None) -> Listing:
        read = self.spec.read
        request = overlaid(read.request, first) if first else read.request
        paging = (first.paging if first else None) or read.paging
        way = ("read", "first") if first else ("read",)
        here = (*way, "paging") if first is None or first.paging else ("read", "paging")
        by_time = _by_time(paging)
        if by_time and read.changed is None:
            what = "is missing: pages begin at the time of change of the one before"
            self.wrong.append((("read", "changed"), what))
        if by_time and not _by_time(read.paging):
            what = "is by key, as pages of changes are not by time"
            self.wrong.append(((*here, "by"), what))
        form = self.forms.form(request, READ, *way, "request")
        return Listing(
            form=form,
            paging=paging,
            counted="offset" in form.needs and (by_time or isinstance(paging, Offset)),
            ordered=by_time or (read.sorted and paging is read.paging),
            by=self._maybe(getattr(paging, "by", None), *here, "by"),
            next=self._maybe(_next(paging), *here, "next"),
            more=self._maybe(getattr(paging, "more", None), *here, "more"),
            token=self._spot(paging.path, *here, "path") if isinstance(paging, Token) else None,
        )

    def _first(self, system: System) -> None:
        """Nothing is known yet at the first reading."""
        for name in sorted({"since", "token"} & system.whole.form.needs):
            what = f"is without {{{name}}}, for the time when there is none yet: replace its key"
            self.wrong.append((("read", "first"), what))
        if "since" in system.changes.form.needs and system.times is None:
            what = "is missing: {since} is the last time of change"
            self.wrong.append((("read", "changed"), what))

    def _times(self, changed: Changed) -> Times:
        paths = [changed.path] if isinstance(changed.path, str) else changed.path
        zone = self._zone(changed.zone, "zone") if changed.zone else self.zone
        for key, text in (("format", changed.format), ("send", changed.send)):
            if text is not None and not known_format(text):
                what = f"{text!r} is no format: write iso, epoch, epoch_ms, sap or letters"
                self.wrong.append((("read", "changed", key), what))
        if zone is None and "YYYY" in changed.format:
            what = "is missing: times without an offset are of some zone; the connection's, or here"
            self.wrong.append((("read", "changed", "zone"), what))
        if len(paths) > 1 and _by_time(self.spec.read.paging):
            what = "is one: pages begin by it"
            self.wrong.append((("read", "changed", "path"), what))
        read = Spelling(Kind.INSTANT, changed.format, zone)
        send_zone = self._zone(changed.send_zone, "send_zone")
        sent = Spelling(Kind.INSTANT, changed.send, send_zone) if changed.send else read
        spots = tuple(self._spot(path, "read", "changed", "path") for path in paths)
        return Times(spots, read, sent, changed.overlap)

    def _zone(self, name: str, key: str) -> tzinfo | None:
        found: tzinfo | None = self._tried(zone_named, name, "read", "changed", key)
        return found

    def _gone(self) -> tuple[Spot, Template] | None:
        gone = self.spec.read.deleted
        if gone is None:
            return None
        where = self._spot(gone.path, "read", "deleted", "path")
        return where, self.forms.text(gone.ref or self.spec.ref, None, "read", "deleted", "ref")

    # -- writing -------------------------------------------------------------------------------

    def _find(self) -> Search | None:
        find = self.spec.find
        if find is None:
            return None
        return Search(
            self.forms.form(find.request, FIND, "find", "request"),
            self._spot(find.records, "find", "records"),
            self._spot(find.shows, "find", "shows"),
            self._many(find.several, "number", "find"),
        )

    def _many(self, several: Several | None, name: str, *way: str) -> Many | None:
        if several is None:
            return None
        here = (*way, "several")
        each = several.each
        return Many(
            self.forms.form(several.request, {f"{name}s", "each"}, *here, "request"),
            self._spot(several.records, *here, "records"),
            several.size,
            name,
            self.forms.text(each, {name}, *here, "each") if each is not None else None,
            several.join,
        )

    def _writing(
        self, given: Create | Update | Action | Step | None, names: frozenset[str], *way: str | int
    ) -> Writing | None:
        if given is None or given.request is None:
            return None
        return Writing(
            self.forms.form(given.request, names, *way, "request"),
            self._told(given.answer, *way, "answer"),
            self._conditions(given.when, *way, "when") if isinstance(given, Step) else (),
        )

    def _acting(self, action: Action, name: str) -> Acting:
        way = ("actions", name)
        if (action.request is None) is not bool(action.calls):
            self.wrong.append((way, "says either request or calls"))
        calls = [self._writing(action, ACTION, *way)]
        for n, step in enumerate(action.calls):
            calls.append(self._writing(step, ACTION, *way, "calls", n))
        found = tuple(call for call in calls if call is not None)
        if action.also and not action.done:
            self.wrong.append((way, "says also, and not what the record shows when it is done"))
        done = self._conditions(action.done, *way, "done")
        return Acting(found, tuple(action.keys), done, action.also)

    def _conditions(self, given: Mapping[str, Any], *way: str | int) -> tuple[Condition, ...]:
        return tuple(self._condition(path, value, *way, path) for path, value in given.items())

    def _condition(self, path: str, value: Any, *way: str | int) -> Condition:
        where = self._spot(path, *way)
        if not isinstance(value, dict):
            return Condition(where, value)
        codes = {key: value.get(key) for key in ("has", "hasnt")}
        if value.keys() - codes.keys() or not all(isinstance(v, str) for v in value.values()):
            self.wrong.append((way, "is a value, or {has: CODE, hasnt: CODE}"))
            return Condition(where, None)
        return Condition(where, None, codes["has"], codes["hasnt"])

    def _told(self, answer: Answer, *way: str | int) -> Told:
        return Told(
            self._answered(answer.ref, *way, "ref"),
            self._maybe(answer.record, *way, "record"),
            self._version(answer.version, *way, "version"),
            answer.reread,
        )

    def _answered(self, ref: str | None, *way: str | int) -> Template | None:
        """The id in an answer, which may be a list: its places are named below ``$``."""
        if ref is None:
            return None
        listed = re.sub(r"\{(?=\[)", "{$", ref)
        return self.forms.text(listed, None, *way)

    def _errors(self) -> Reading:
        error = self.spec.error
        return Reading(
            tuple(self.spec.errors),
            self._spots(error.code, "code"),
            self._spots(error.message, "message"),
            self._maybe(error.present, "error", "present"),
        )

    def _spots(self, paths: Sequence[str], key: str) -> tuple[Spot, ...]:
        return tuple(self._spot(path, "error", key, n) for n, path in enumerate(paths))


def _by_time(paging: Paging) -> bool:
    """Pages begin at the time of change of the last one."""
    return isinstance(paging, Keyset) and paging.by is None


def _next(paging: Paging) -> str | None:
    """Where the link to the next page is; None where it is in a header, or nowhere."""
    return paging.next if isinstance(paging, Token) else getattr(paging, "path", None)
